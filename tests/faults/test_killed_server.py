"""Web servers and document servers are killed while people post."""

import os
import random
import re
import signal
from collections.abc import Callable
from typing import Any

import pytest

from tests.faults.ledger import Ledger
from tests.faults.rig import WebServer
from tests.site import Site

POSTS = 50  # at most, that are acknowledged between two kills


def kill_while_posting(
    sites: list[Any], times: int, kill: Callable[[], Any], record: Callable[..., None]
) -> None:
    """What was acknowledged is there, what was not at most once; and the rest can be
    mended."""
    site = sites[0]
    ledger = Ledger(site.register("alice"), pause=0)
    with ledger.posting(sites):
        for _ in range(times):
            ledger.wait_for(random.randrange(1, POSTS))
            kill()
        ledger.wait_for(1)
    assert ledger.unknown
    status, said = site.command("check")
    found = re.findall(r"(\d+) found", said)
    assert (status == 0) == (found == ["0"]), said
    site.command("check", "--repair")
    assert site.command("check") == (0, "0 found\n")
    ledger.check(site)
    record("lost", 0)
    record("acknowledged", len(ledger.acknowledged))
    record("unknown", len(ledger.unknown))
    record("mended", found[0])


@pytest.mark.parametrize("times", [3, pytest.param(20, marks=pytest.mark.long)])
def test_F7_DI_1_database_is_killed(
    site: Site, times: int, record_property: Any
) -> None:
    def kill() -> None:
        os.kill(site.database_pid(), signal.SIGKILL)

    kill_while_posting([site], times, kill, record_property)


@pytest.mark.long
def test_F7_DI_1_web_server_is_killed(
    twins: list[WebServer], record_property: Any
) -> None:
    def kill() -> None:
        victim = random.choice(twins)
        victim.assert_calm()
        victim.kill()
        victim.start()

    kill_while_posting(twins, 20, kill, record_property)
    for web in twins:
        web.assert_calm()
