"""slowhttptest: many clients that are slow on purpose, and a probe that must get in."""

import re
import subprocess
import time

import pytest

from tests.faults.table import within
from tests.judges.programs import find
from tests.site import Site

# Header, body, and reading; 150 connections, which send something every second.
ATTACKS = {
    "header": ["-H", "-i", "1"],
    "body": ["-B", "-i", "1", "-s", "60000"],
    "reading": ["-X", "-w", "1", "-y", "10", "-n", "1", "-z", "5", "-k", "3"],
}
SECONDS = 12


def status_of(site: Site) -> int:
    """What our own probe is answered; 0: that there are too many."""
    try:
        return site.request("GET", "/api/nothing")[0]
    except ValueError:  # It is told so in a line of text.
        time.sleep(0.2)
        return 0


@pytest.mark.long
@pytest.mark.parametrize("attack", ATTACKS)
def test_RL_4_F15_site_is_there_for_others(site: Site, attack: str) -> None:
    """From the same address: its newest connection always gets in."""
    program = find("slowhttptest")
    assert site.request("GET", "/api/nothing")[0] == 404
    judge = subprocess.Popen(
        [
            *(program, *ATTACKS[attack], "-c", "150", "-r", "150"),
            *(
                "-l",
                str(SECONDS),
                "-p",
                "1",
                "-t",
                "GET" if attack != "body" else "POST",
            ),
            *("-u", f"http://127.0.0.1:{site.port}/about"),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    statuses, took = [], []
    try:
        while judge.poll() is None:
            # One that is overtaken by fifty others between its connection and its
            # request, or meets fifty who are just being answered, must come again.
            for _ in range(5):
                begun = time.monotonic()
                status = status_of(site)
                if status:
                    break
            statuses.append(status)
            took.append(time.monotonic() - begun)
            time.sleep(0.2)
    finally:
        judge.kill()
        said, _ = judge.communicate()
    assert set(statuses) == {404}
    assert max(took) < within(1)
    plain = re.sub(r"\x1b\[[\d;]*[A-Za-z]", "", said)
    assert set(re.findall(r"service available:\s*(\w+)", plain)) == {"YES"}, plain
    assert "Traceback" not in site.log.read_text()
