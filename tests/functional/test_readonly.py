"""AV-5: a site that can only be read."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pyramid.config import not_

import microblog
from microblog.rest import API
from microblog.settings import Settings
from microblog.store import Database, sessions
from tests.browsing import Browser
from tests.factories import PASSWORD, Api, Factory
from tests.functional.answers import assert_problem
from tests.functional.command import Run

UNSAFE = ("POST", "PUT", "PATCH", "DELETE")


@pytest.fixture(scope="module")
def readonly(application: Any, settings: Settings) -> Iterator[Any]:
    """The application, on the same store, where nothing can be changed."""
    made = microblog.application(settings.model_copy(update={"site_readonly": True}))
    made.registry["connection"].wait()
    yield made
    made.registry["connection"].close()


def dump(database: Database) -> dict[str, list[Any]]:
    """All that is stored."""
    return {
        name: sorted(database[name].find(), key=str)
        for name in database.list_collection_names()
    }


def test_AV_5_everything_can_be_read(readonly: Any, make: Factory) -> None:
    id = make.micropost("alice", "still here")["id"]
    make.follow("bob", "alice")
    browser, api = Browser(readonly), Api(Browser(readonly).app, make.token("bob"))
    for path in ("/", "/users", "/users/alice", f"/users/alice/microposts/{id}"):
        assert browser.get(path).status_code == 200
    assert "still here" in browser.get("/search?text=still").text
    assert api.get("/users/alice/collection").json["result"][0]["text"] == "still here"
    assert api.get("/users/bob/timeline").json["result"][0]["text"] == "still here"
    assert browser.get("/__heartbeat__").status_code == 200


def test_AV_5_nothing_can_be_changed(
    readonly: Any, make: Factory, database: Database
) -> None:
    """By whatever view there is, at whatever address: 503 before anything is done."""
    make.micropost("alice", "still here")
    client = Api(Browser(readonly).app, make.token("alice"))
    before, asked = dump(database), 0
    for view in readonly.registry.introspector.get_category("views"):
        known = view["introspectable"]
        given = known["request_methods"] or ()
        if isinstance(given, not_):  # Of static files.
            given = UNSAFE
        methods = {given} if isinstance(given, str) else set(given)
        for method in sorted(methods & set(UNSAFE)):
            path = f"/users/alice/{known['name']}"
            for address in (path, API + path):
                answer = client.app.request(
                    address, method=method, headers=client.headers, expect_errors=True
                )
                assert answer.status_code == 503, (method, address)
            asked += 1
    assert asked > 30
    assert dump(database) == before


def test_AV_5_it_is_said_why_and_until_when(readonly: Any, make: Factory) -> None:
    browser = Browser(readonly)
    problem = Api(browser.app).post("/users", {"username": "x", "password": PASSWORD})
    assert "only be read" in assert_problem(problem, 503)["detail"]
    page = browser.log_in("alice")
    assert page.status_code == 503
    assert "only be read" in page.text
    for answer in (problem, page):
        assert int(answer.headers["Retry-After"]) >= 60


def test_AV_5_pages_say_so(readonly: Any, browser: Browser, make: Factory) -> None:
    make.user("alice")
    for path in ("/", "/users/alice", "/login"):
        assert "can only be read" in Browser(readonly).get(path).text
        assert "can only be read" not in browser.get(path).text


def test_AV_5_sessions_go_on_and_are_left_alone(
    readonly: Any, application: Any, reader: Browser, database: Database
) -> None:
    """They are not used, as far as the store knows; else, reading is use."""
    assert reader.cookie
    id = sessions.digest(reader.cookie)
    long_ago = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    database.sessions.update_one({"_id": id}, {"$set": {"used": long_ago}})
    for made, is_used in ((readonly, False), (application, True)):
        answer = Browser(made).get("/settings", Cookie=f"session={reader.cookie}")
        assert answer.status_code == 200
        session = database.sessions.find_one({"_id": id})
        assert session
        assert (session["used"] > long_ago) is is_used


def test_AV_5_tokens_go_on_and_are_left_alone(
    readonly: Any, make: Factory, database: Database
) -> None:
    token = make.token("alice")
    long_ago = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    database.tokens.update_many({"user": "alice"}, {"$set": {"used": long_ago}})
    answer = Api(Browser(readonly).app, token).get("/users/alice")
    assert answer.status_code == 200
    assert [one["used"] for one in database.tokens.find()] == [long_ago]


def test_AV_5_there_is_no_worker(run: Run, ini: Path) -> None:
    ini.write_text(ini.read_text() + "site.readonly = true\n")
    done = run("worker")
    assert done.status == 1
    assert "site.readonly is true" in done.errors
