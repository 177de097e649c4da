"""The drill of docs/operations.md, run as it is printed."""

import re
import subprocess
import sys
from pathlib import Path

from tests.functional.test_readme import normal

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "operations.md"


def test_OP_4_drill_prints_what_the_document_says(tmp_path: Path) -> None:
    """Backed up, lost, restored, and compared."""
    (block,) = re.findall(r"```console\n(\$ .*?)```", DOCUMENT.read_text(), re.S)
    commands = [one.partition("\n") for one in re.split(r"^\$ ", block, flags=re.M)[1:]]
    assert len(commands) == 8
    script = "".join(f"{one[0]}\necho '=== end of output'\n" for one in commands)
    script = re.sub(r"/\w+/drill", str(tmp_path), script)
    script = script.replace(".venv/bin/", f"{Path(sys.executable).parent}/")
    done = subprocess.run(
        ["bash", "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    printed = done.stdout.split("=== end of output\n")
    for (command, _, expected), actual in zip(commands, printed, strict=False):
        assert normal(actual) == normal(expected), (command, done.stderr)
