"""Where the web process spends its time: flame graphs by py-spy, under load."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.bench import loads
from tests.bench.jobs import JOBS, POSTING, World
from tests.bench.stores import FOLDER

HOT = ("user_json", "user_html", "timeline_100", "micropost_json", "front_html")
RATE = 250  # samples a second
SECONDS = 5


def take(world: World, folder: Path) -> list[str]:
    """Write a flame graph of each hot path; the names of their jobs."""
    program = _program()
    if program is None:
        print("py-spy is not installed: no profiles", file=sys.stderr)
        return []
    folder.mkdir(parents=True, exist_ok=True)
    taken: list[str] = []
    for job in [*(one for one in JOBS if one.name in HOT), POSTING]:
        load = loads.start(world.web.url, job.targets(world), SECONDS + 2, FOLDER)
        output = folder / f"{job.name}.svg"
        command = [program, "record", "--pid", str(world.web.pid), "--function"]
        # Who holds the interpreter; else threads that wait fill the picture.
        command += ["--gil", "--rate", str(RATE), "--duration", str(SECONDS)]
        done = subprocess.run(
            [*command, "--output", str(output)],
            capture_output=True,
            text=True,
            check=False,
        )
        loads.finish(load)
        if done.returncode:
            print(f"py-spy: {done.stderr.strip()[-300:]}", file=sys.stderr)
            return taken
        # Its title is the command, with paths of this machine.
        drawn = re.sub(
            r">[^<>]*py-spy record[^<>]*<", f">{job.title}<", output.read_text()
        )
        output.write_text(drawn)
        taken.append(job.name)
    return taken


def _program() -> str | None:
    beside = Path(sys.executable).parent / "py-spy"
    return str(beside) if beside.exists() else shutil.which("py-spy")
