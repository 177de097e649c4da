"""F1, F2: there is no document server, at the start or later."""

import http.client
import os
import signal
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.factories import PASSWORD
from tests.faults.document_server import DocumentServer
from tests.faults.ledger import Ledger
from tests.faults.probe import Probe, get
from tests.faults.table import within
from tests.serving import wait_until
from tests.site import Site

PAGE = "/users/alice"
# What is promised: who asks is told so, and all is well after the server's return.
TOLD, GREEN = 3, 3  # seconds
USER = {"username": "alice", "password": PASSWORD}


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[DocumentServer]:
    """A document server that nobody has started yet."""
    server = DocumentServer(tmp_path / "elsewhere")
    yield server
    server.stop()


@pytest.fixture
def away(tmp_path: Path, elsewhere: DocumentServer) -> Iterator[Site]:
    """A running site whose document server does not run."""
    site = Site(tmp_path, f"mongodb.uri = {elsewhere.uri()}")
    site.start()
    yield site
    site.stop()


def answer(site: Site, path: str) -> http.client.HTTPResponse:
    """The answer to a GET, without its body."""
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=60)
    with closing(connection):
        connection.request("GET", path)
        with connection.getresponse() as answer:
            answer.read()
            return answer


def test_F1_AV_1_OP_1_site_that_starts_before_its_document_server(
    away: Site, elsewhere: DocumentServer, record_property: Any
) -> None:
    """It is up, says that it cannot, and can as soon as the server is there, with its
    indexes."""
    assert get(away, "/__lbheartbeat__") == get(away, "/static/style.css") == 200
    assert get(away, "/__heartbeat__") == 503
    for path in ("/", PAGE, "/api/users/alice", "/users"):
        said = answer(away, path)
        # Whoever shows no token is told so first, by a process that knows no tokens.
        expected = 401 if path.startswith("/api") else 503
        assert said.status == expected, path
        if expected == 503:
            assert int(said.headers["Retry-After"]) > 0
            assert "text/html" in said.headers["Content-Type"]
    status, problem = away.request("POST", "/api/users", USER)
    assert (status, problem["status"]) == (503, 503)
    elsewhere.start()
    began = time.monotonic()
    wait_until(lambda: away.request("POST", "/api/users", USER)[0] == 201)
    took = time.monotonic() - began
    assert get(away, "/__heartbeat__") == 200
    assert away.request("POST", "/api/users", USER)[0] == 409
    with elsewhere.client() as client:
        assert "folded_1" in client.microblog.users.index_information()
    record_property("green after s", f"{took:.1f}")


def test_F2_AV_2_document_server_that_dies_and_comes_back(
    away: Site, elsewhere: DocumentServer, record_property: Any
) -> None:
    """Under load; nothing is started again but the document server."""
    elsewhere.start()
    wait_until(lambda: get(away, "/__heartbeat__") == 200)
    ledger = Ledger(away.register("alice"))
    with Probe(away, PAGE) as page, ledger.posting([away]):
        ledger.wait_for(50)
        killed = time.monotonic()
        elsewhere.kill()
        page.wait_for(503)
        time.sleep(5)
        ended = time.monotonic()
        elsewhere.start()
        took = page.wait_for(200)
        ledger.wait_for(50)
    # A visitor's page is kept for a second.
    failed = [one for one in page.since(killed + 2) if one.at < ended]
    assert {one.status for one in failed} == {503}
    told = [one for one in ledger.answers if killed < one.at < ended]
    assert {one.status for one in told} <= {201, 503}
    slowest = max(one.seconds for one in failed + told)
    assert slowest < within(TOLD)
    # Nearly all are answered at once.
    late = [one.seconds for one in failed + told if one.at > killed + 4]
    assert sorted(late)[len(late) // 2] < 0.25
    assert took < within(GREEN)
    ledger.check(away)
    assert "Traceback" not in away.log.read_text()
    record_property("slowest answer s", f"{slowest:.1f}")
    record_property("green after s", f"{took:.1f}")


@pytest.mark.long
def test_F2_AV_2_DI_1_killed_embedded_server_is_started_again(
    tmp_path: Path, record_property: Any
) -> None:
    """The web server itself sees to it."""
    site = Site(tmp_path)
    site.start()
    ledger = Ledger(site.register("alice"))
    with Probe(site, PAGE) as page, ledger.posting([site]):
        ledger.wait_for(50)
        killed, pid = time.monotonic(), site.database_pid()
        os.kill(pid, signal.SIGKILL)
        page.wait_for(503)
        wait_until(lambda: site.database_pid() != pid)
        took = page.wait_for(200)
        ledger.wait_for(50)
    assert ledger.told(killed).keys() <= {201, 503}
    slowest = max(one.seconds for one in page.since(killed))
    assert slowest < within(TOLD)
    assert took < within(GREEN)
    record_property("slowest answer s", f"{slowest:.1f}")
    record_property("green after s", f"{took:.1f}")
    ledger.check(site)
    assert site.command("check", "--repair")[0] == 0
    assert site.command("check") == (0, "0 found\n")
    assert "Traceback" not in site.log.read_text()
    assert site.stop() == 0
