"""The README's transcript, run as it is printed."""

import re
import subprocess
from pathlib import Path

from tests.site import Site

README = Path(__file__).parents[2] / "README.md"


def transcript() -> list[tuple[str, str]]:
    """Each command of the README, and what it prints."""
    blocks = re.findall(r"```console\n(\$ .*?)```", README.read_text(), re.S)
    parts = re.split(r"^\$ ", "".join(blocks), flags=re.M)[1:]
    return [(part.partition("\n")[0], part.partition("\n")[2]) for part in parts]


def normal(text: str) -> str:
    """Without what differs from run to run: ids, times, ports."""
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+(Z|\+00:00)", "TIME", text)
    return re.sub(r"\b\d{17,19}\b", "ID", text)


def test_transcript_prints_what_the_readme_says(site: Site) -> None:
    commands = transcript()
    assert len(commands) > 10
    script = ""
    for command, _ in commands:
        script += command.replace("localhost:6543", f"127.0.0.1:{site.port}") + "\n"
        script += "echo '=== end of output'\n"
    script = re.sub(r"\S+/headers", str(site.directory / "headers"), script)
    # The site does not know its port, so its links name the one of the settings.
    follow = f"s|http://localhost:0|http://127.0.0.1:{site.port}|"
    script = script.replace("sed -n '", f"sed -n '{follow};")
    done = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, check=True
    )
    printed = done.stdout.split("=== end of output\n")
    for (command, expected), actual in zip(commands, printed, strict=False):
        said = actual.replace("localhost:0", "localhost:6543")
        assert normal(said) == normal(expected), command
