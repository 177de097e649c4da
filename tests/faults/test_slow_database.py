"""F4: the document server answers late, and too late."""

import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from tests.faults.document_server import DocumentServer
from tests.faults.ledger import Ledger
from tests.faults.probe import Probe, get
from tests.faults.proxy import Proxy
from tests.faults.table import within
from tests.serving import wait_until
from tests.site import Site

DELAY = 0.3  # seconds, for each command
TOO_LATE = 5.0
GREEN = 3  # what is promised: seconds until all is well
PAGE = "/users/alice"


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[Proxy]:
    """A proxy before a running document server."""
    server = DocumentServer(tmp_path / "elsewhere")
    server.start()
    with Proxy(server.port) as proxy:
        yield proxy
    server.stop()


@pytest.fixture
def behind(tmp_path: Path, proxy: Proxy) -> Iterator[Site]:
    """A running site that reaches its document server through the proxy."""
    uri = f"mongodb://127.0.0.1:{proxy.port}/?directConnection=true&retryWrites=false"
    site = Site(tmp_path, f"mongodb.uri = {uri}")
    site.start()
    wait_until(lambda: get(site, "/__heartbeat__") == 200)
    yield site
    proxy.delay = 0
    site.stop()


@pytest.mark.long
def test_F4_AV_3_slow_document_server(
    proxy: Proxy, behind: Site, record_property: Any
) -> None:
    """Late: pages are as late, and none fails. Too late: they say so. Then all is as
    before."""
    ledger = Ledger(behind.register("alice"))
    with (
        Probe(behind, PAGE) as page,
        Probe(behind, "/__lbheartbeat__") as alive,
        ledger.posting([behind]),
    ):
        ledger.wait_for(50)
        began = time.monotonic()
        fast = median(one.seconds for one in page.since(0))
        proxy.delay = DELAY
        ledger.wait_for(16)
        wait_until(lambda: len(page.since(began)) > 5)
        late = time.monotonic()
        assert ledger.told(began).keys() == {201}
        slow = [one for one in page.since(began) if one.at < late]
        assert {one.status for one in slow} == {200}
        # One command a page or two, beside those of eight people who post; in between
        # it is given out as it was kept, for a second.
        assert DELAY < max(one.seconds for one in slow) < within(20 * DELAY)
        proxy.delay = TOO_LATE
        page.wait_for(503)
        refused = time.monotonic() + 1
        time.sleep(TOO_LATE)
        proxy.delay = 0
        healed = time.monotonic()
        took = page.wait_for(200)
        ledger.wait_for(50)
    failed = [one for one in page.since(refused) if one.at < healed]
    assert {one.status for one in failed} == {503}
    assert median(one.seconds for one in failed) < 0.25
    assert {one.status for one in alive.answers} == {200}
    quick = sorted(one.seconds for one in alive.answers)
    assert quick[len(quick) * 98 // 100] < 1
    assert took < within(GREEN)
    ledger.check(behind)
    assert "Traceback" not in behind.log.read_text()
    record_property("page s", f"{fast:.3f}")
    record_property("late s", f"{max(one.seconds for one in slow):.3f}")
    record_property("green after s", f"{took:.1f}")
