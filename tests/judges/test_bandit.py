"""bandit: nothing in the program that is known to be dangerous, but for what is listed
here with its reason."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

# By file and rule: how often, and why it is right.
ACCEPTED = {
    # Programs of ours, named by lists of our own words, without a shell.
    ("microblog/commands/run.py", "B404"): 1,
    ("microblog/commands/run.py", "B603"): 1,
    ("microblog/database/embedded.py", "B404"): 1,
    ("microblog/database/embedded.py", "B603"): 1,
    ("microblog/database/launcher.py", "B606"): 1,
    # Names of permissions, "get token" and "end token".
    ("microblog/security.py", "B105"): 2,
    # A client without a token.
    ("microblog/client/__init__.py", "B107"): 1,
    # An id by which the operator finds a request in the log, and no secret.
    ("microblog/request_log.py", "B311"): 1,
    # The name of what is done, "set password".
    ("microblog/store/audit.py", "B105"): 1,
    # "bearer", the type of a token; and examples, of no account and no token.
    ("microblog/views/tokens.py", "B105"): 2,
    ("microblog/views/answers.py", "B105"): 2,
    ("microblog/views/own_data.py", "B105"): 1,
    ("microblog/views/users.py", "B105"): 2,
}


def findings(path: Path) -> dict[tuple[str, str], int]:
    """What bandit has against the files below a path."""
    done = subprocess.run(
        [sys.executable, "-m", "bandit", "-q", "-f", "json", "-r", str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    report = json.loads(done.stdout)
    assert not report["errors"]
    assert report["metrics"]["_totals"]["loc"] > 0
    # Nothing is hidden from it.
    assert report["metrics"]["_totals"]["nosec"] == 0
    found: dict[tuple[str, str], int] = {}
    for one in report["results"]:
        key = one["filename"], one["test_id"]
        found[key] = found.get(key, 0) + 1
    return found


def test_OP_6_program_is_as_its_authors_say() -> None:
    assert findings(Path("microblog")) == ACCEPTED


def test_bandit_finds_what_is_there_to_find(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text("import pickle\npickle.loads(b'')\neval('1')\n")
    assert {rule for _file, rule in findings(tmp_path)} == {"B301", "B307", "B403"}
