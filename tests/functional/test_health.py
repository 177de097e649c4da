"""What machines that watch the site are told (OP-1)."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import microblog
from microblog import settings as settings_module
from microblog.database import heartbeat
from microblog.server import draining
from microblog.store import Database
from microblog.version import VERSION
from tests.browsing import Browser
from tests.factories import Api
from tests.faults.document_server import free_port
from tests.functional.answers import assert_problem

ALL = ("/__lbheartbeat__", "/__heartbeat__", "/__version__")


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Any]:
    """An application that has no document server."""
    uri = f"mongodb://127.0.0.1:{free_port()}/?directConnection=true"
    values = {"data_dir": str(tmp_path), "mongodb.uri": uri}
    made = microblog.application(settings_module.read(values, environment={}))
    yield made
    made.registry["connection"].close()


@pytest.mark.parametrize("path", ALL)
def test_OP_1_what_is_asked_is_answered(browser: Browser, path: str) -> None:
    answer = browser.get(path)
    assert answer.status_code == 200
    assert answer.content_type == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    head = browser.app.head(path)
    assert (head.status_code, head.body) == (200, b"")
    assert browser.app.post(path, expect_errors=True).status_code in {403, 405}


def test_OP_1_strangers_learn_no_more_than_that(browser: Browser) -> None:
    assert browser.get("/__lbheartbeat__").json == {"process": "ok"}
    assert browser.get("/__heartbeat__").json == {"database": "ok"}
    version = browser.get("/__version__").json
    assert version.keys() == {"version", "source"}
    assert version["version"] == VERSION
    assert len(version["source"]) == 64


def test_OP_1_load_balancers_may_ask_by_any_name(browser: Browser) -> None:
    for path in ALL[:2]:
        assert browser.get(path, Host="10.0.0.7:6543").status_code == 200


def test_OP_1_nobody_is_asked_who_asks(alone: Any) -> None:
    """With a cookie, which only the database could tell anything of."""
    for path in ("/__lbheartbeat__", "/__version__"):
        answer = Browser(alone).get(path, Cookie="session=whoever")
        assert answer.status_code == 200


def test_OP_1_heartbeat_writes_and_reads(browser: Browser, database: Database) -> None:
    """Once a second at most, whoever asks, however often."""
    time.sleep(heartbeat.FRESH_SECONDS)
    assert browser.get("/__heartbeat__").status_code == 200
    (written,) = database.heartbeats.find()
    began, asked = time.monotonic(), 0
    while time.monotonic() < began + heartbeat.FRESH_SECONDS / 2:
        assert browser.get("/__heartbeat__").status_code == 200
        asked += 1
    (same,) = database.heartbeats.find()
    assert asked > 1
    # A machine that stood still in between may have asked the database once more.
    assert same == written or time.monotonic() > began + heartbeat.FRESH_SECONDS
    time.sleep(heartbeat.FRESH_SECONDS)
    assert browser.get("/__heartbeat__").status_code == 200
    (later,) = database.heartbeats.find()
    assert later["at"] > written["at"]


def test_AV_1_OP_1_without_a_database(alone: Any) -> None:
    browser, api = Browser(alone), Api(Browser(alone).app, "mb_token")
    assert browser.get("/__lbheartbeat__").status_code == 200
    answer = browser.get("/__heartbeat__")
    assert (answer.status_code, answer.json) == (503, {"database": "unavailable"})
    page = browser.get("/")
    assert (page.status_code, page.headers["Retry-After"]) == (503, "2")
    assert page.content_type == "text/html"
    problem = api.get("/users/alice")
    assert_problem(problem, 503)
    assert problem.headers["Retry-After"] == "2"


def test_AV_4_OP_1_process_that_ends_takes_no_more_requests(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draining, "_begun", True)
    answer = browser.get("/__lbheartbeat__")
    assert (answer.status_code, answer.json) == (503, {"process": "draining"})
    assert browser.get("/__heartbeat__").status_code == 200
