"""wapiti: a scanner that follows every link and attacks every form, as a visitor and as
alice."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.world import World, people

# Those that need nothing from the internet, and look for what could be here. Its module
# `csrf` takes two refusals for two successes: tests/functional/test_forms.py asks that.
MODULES = (
    "backup,cookieflags,crlf,csp,exec,file,htaccess,http_headers,permanentxss,"
    "redirect,sql,xss"
)
# `frame-ancestors 'none'` says it in all browsers of today, and stands in every answer.
ACCEPTED = {("Clickjacking Protection", "X-Frame-Options is not set")}
# Where alice would log out, leave, or end the session that is attacked with.
SPARED = ("logout", "settings/delete", "settings/sessions", "settings/password")
# Debian 12 has one that fails on its own Python.
MISSING = "no wapiti of 2024 or later: pipx install wapiti3"


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A site of its own, for what is left of it."""
    world = World(tmp_path_factory.mktemp("attacked"))
    world.start()
    world.load(people())
    # Before the scanner has used up all tries.
    world.session("alice")
    yield world
    world.stop()


@pytest.mark.long
@pytest.mark.parametrize("who", ["", "alice"])
def test_OU_1_OU_4_scanner_finds_nothing(
    attacked: World, tmp_path: Path, who: str
) -> None:
    program, report = shutil.which("wapiti"), tmp_path / "report.json"
    if program is None:
        pytest.skip(MISSING)
    given = ["-H", f"Cookie: {attacked.session(who)}"] if who else []
    for path in SPARED:
        given += ["-x", f"{attacked.url}/{path}"]
    done = subprocess.run(
        [
            *(program, "-u", f"{attacked.url}/", "--scope", "folder", "-m", MODULES),
            *("--max-scan-time", "80", "--max-attack-time", "20"),
            *("--flush-session", "--store-session", str(tmp_path), "--no-bugreport"),
            *("-f", "json", "-o", str(report), *given),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert report.exists(), f"{MISSING}\n{done.stdout}{done.stderr}"
    said = json.loads(report.read_text())
    assert said["infos"]["crawled_pages_nbr"] > 50
    found = [
        (kind, one["info"], one["method"], one["path"])
        for part in ("vulnerabilities", "anomalies")
        for kind, those in said[part].items()
        for one in those
        if (kind, one["info"]) not in ACCEPTED
    ]
    assert not found
    if who:
        # It was logged in to the end.
        cookie = attacked.session(who)
        assert attacked.fetch("/settings", cookie).status == 200
    assert "Traceback" not in attacked.log.read_text()
