"""F3: the document server is frozen, for half a minute, while people read and post."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from tests.faults.ledger import Ledger
from tests.faults.probe import Probe
from tests.faults.table import within
from tests.site import Site

FROZEN_SECONDS = 30
# As long as an operation may take; then nobody waits any more.
FIRST_SECONDS = 4
# What is promised: who asks is told so in three seconds, and later at once; the health
# of the database is told in two; all is well three seconds after its return.
TOLD, LATER, HEALTH, GREEN = 3, 0.1, 2, 3
PAGE, FILE = "/users/alice", "/static/style.css"
ASIDE = ("/__lbheartbeat__", "/__version__", FILE)


@pytest.fixture
def busy(tmp_path: Path) -> Iterator[Site]:
    """A running site."""
    site = Site(tmp_path)
    site.start()
    yield site
    site.stop()


def descriptors(site: Site) -> int:
    """How many files and connections the web server has open."""
    assert site.process is not None
    return len(os.listdir(f"/proc/{site.process.pid}/fd"))


@pytest.mark.long
def test_F3_AV_3_OP_1_frozen_document_server(busy: Site, record_property: Any) -> None:
    """Nobody waits for it but the first; what needs no database is answered all the
    time; and when it goes on, so does the site."""
    ledger = Ledger(busy.register("alice"))
    with ExitStack() as opened:
        probes = {
            path: opened.enter_context(Probe(busy, path))
            for path in (*ASIDE, PAGE, "/__heartbeat__")
        }
        with ledger.posting([busy]):
            ledger.wait_for(50)
            before = descriptors(busy)
            frozen = time.monotonic()
            os.kill(busy.database_pid(), signal.SIGSTOP)
            try:
                time.sleep(FROZEN_SECONDS)
                # One that asks for it, not one for each who would like to know.
                assert descriptors(busy) < before + 20
            finally:
                thawed = time.monotonic()
                os.kill(busy.database_pid(), signal.SIGCONT)
            took = probes[PAGE].wait_for(200), probes["/__heartbeat__"].wait_for(200)
            ledger.wait_for(50)
    during = {
        path: [one for one in probe.since(frozen) if one.at < thawed]
        for path, probe in probes.items()
    }
    for path in ASIDE:
        assert {one.status for one in during[path]} == {200}
        assert _slowest_but_few(one.seconds for one in during[path]) < 1, path
        # Also while every thread of the others waits, from the first moment on.
        at_first = [one for one in during[path] if one.at < frozen + 2]
        assert len(at_first) >= 5, path
    posts = [one for one in ledger.answers if frozen < one.at < thawed]
    failed = [one for one in during[PAGE] + posts if one.status != 200]
    assert {one.status for one in failed} <= {201, 503}
    late = [one for one in failed if one.at > frozen + FIRST_SECONDS]
    assert {one.status for one in late} == {503}
    # Without a breaker, each would wait as long as an operation may take.
    later = median(one.seconds for one in late)
    assert later < within(LATER)
    first = max(one.seconds for one in failed)
    assert first < within(TOLD)
    red = [o for o in during["/__heartbeat__"] if o.at > frozen + FIRST_SECONDS]
    assert {one.status for one in red} == {503}
    assert max(one.seconds for one in during["/__heartbeat__"]) < within(HEALTH)
    # Without a probe, nothing would come back before half a minute.
    assert max(took) < within(GREEN)
    ledger.check(busy)
    assert "Traceback" not in busy.log.read_text()
    aside = max(one.seconds for path in ASIDE for one in during[path])
    record_property("longest without an answer s", f"{first:.1f}")
    record_property("later ms", f"{1000 * later:.0f}")
    record_property("longest of what needs no database s", f"{aside:.2f}")
    record_property("green after s", f"{max(took):.1f}")


def _slowest_but_few(seconds: Iterator[float]) -> float:
    """The 98th percentile: a busy machine has its own pauses."""
    every = sorted(seconds)
    return every[len(every) * 98 // 100]
