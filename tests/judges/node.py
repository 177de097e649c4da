"""Programs of Node, from packages that are pinned in package-lock.json."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
MODULES = HERE / "node_modules"
MISSING = "no Node: install node and npm (on Debian: apt-get install nodejs npm)"


def prepare() -> None:
    """Install the packages if they are not, or others are. Without Node the tests are
    skipped, but where CI is set they fail."""
    if not (shutil.which("node") and shutil.which("npm")):
        if os.environ.get("CI"):
            pytest.fail(MISSING, pytrace=False)
        pytest.skip(MISSING)
    installed = MODULES / ".package-lock.json"
    wanted = HERE / "package-lock.json"
    if installed.exists() and installed.stat().st_mtime >= wanted.stat().st_mtime:
        return
    done = subprocess.run(
        ["npm", "ci"], cwd=HERE, capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.fail(f"npm ci: {done.stderr}", pytrace=False)


def run(program: str, given: Any) -> Any:
    """What a program of this directory makes of some JSON."""
    done = subprocess.run(
        ["node", str(HERE / program)],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
