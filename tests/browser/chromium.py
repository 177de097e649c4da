"""The browser: found, installed where that can be done, and launched."""

import os
import shutil
import subprocess

from playwright.sync_api import Browser, Playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
ADVICE = (
    "no Chromium: install it (on Debian: apt-get install chromium), or name one by "
    "CHROMIUM=PATH, or leave out what needs one: "
    'make test PYTEST="--ignore=tests/browser --ignore=tests/judges"'
)


def find() -> str | None:
    """The path of a Chromium; Debian's is installed where none is and that can be
    done."""
    if named := os.environ.get("CHROMIUM"):
        return shutil.which(named)
    return _on_path() or _install()


def launch(playwright: Playwright, path: str) -> Browser:
    """A browser without a screen that talks to nobody of its own accord."""
    return playwright.chromium.launch(
        executable_path=path,
        # Chromium refuses to sandbox pages when it is started by root.
        args=[*FLAGS, *(["--no-sandbox"] if os.geteuid() == 0 else [])],
    )


def _on_path() -> str | None:
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def _install() -> str | None:
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return None
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (
        ["apt-get", "update", "-qq"],
        ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"],
    ):
        subprocess.run(command, env=environment, capture_output=True, check=False)
    return _on_path()
