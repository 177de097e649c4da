"""Answers that are kept, for visitors and for apps: never older than what they show."""

from collections.abc import Callable
from typing import Any

import pytest
from webob import Request

import microblog
from microblog import kept
from microblog.database.breaker import Breaker
from microblog.errors import Unavailable
from microblog.store import (
    Database,
    accounts,
    collection,
    follows,
    microposts,
    tokens,
    users,
)
from microblog.store.changes import BEING_WRITTEN
from microblog.store.walks import Start
from tests.browsing import Browser
from tests.factories import Api, Factory

PATHS = ["/", "/users/bob", "/tags/word"]


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths of the pages that were made, not taken from those that are kept."""
    paths: list[str] = []
    keep = kept.keep

    def noted(request: Any, *only_for: str, **more: Any) -> None:
        paths.append(request.path_info)
        keep(request, *only_for, **more)

    monkeypatch.setattr(kept, "keep", noted)
    return paths


@pytest.fixture(autouse=True)
def populated(make: Factory, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page is good for long: what makes it anew here is a change."""
    monkeypatch.setattr(kept, "SECONDS", 60.0)
    monkeypatch.setattr(kept, "UNTOLD_SECONDS", 60.0)
    make.user("bob", name="Bob")
    make.micropost("bob", "first #word")
    make.micropost("carol", "by carol #word")


@pytest.mark.parametrize("path", PATHS)
def test_the_second_visitor_gets_the_page_of_the_first(
    application: Any, made: list[str], path: str
) -> None:
    first, second = Browser(application).get(path), Browser(application).get(path)
    assert made == [path]
    assert first.body == second.body
    assert dict(first.headers) == dict(second.headers)
    assert "first" in second.text
    again = Browser(application).get(path, If_None_Match=first.headers["ETag"])
    assert (again.status_code, again.body) == (304, b"")


def post(make: Factory) -> None:
    make.micropost("bob", "second #word")


def edit(make: Factory) -> None:
    microposts.change(make.database, _newest(make.database), {"text": "edited #word"})


def delete(make: Factory) -> None:
    microposts.delete(make.database, _newest(make.database))


def leave(make: Factory) -> None:
    accounts.delete(make.database, "bob")


def _newest(database: Database) -> Any:
    bob = users.find(database, "bob")
    assert bob is not None
    return next(iter(collection.walk(database, bob, Start())))


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("change", "shown", "hidden"),
    [
        (post, "second", "nothing of this"),
        (edit, "edited", "first"),
        (delete, "", "first"),
        (leave, "", "first"),
    ],
)
def test_every_change_is_seen_by_the_next_visitor(
    application: Any,
    make: Factory,
    path: str,
    change: Callable[[Factory], None],
    shown: str,
    hidden: str,
) -> None:
    visitor = Browser(application)
    assert "first" in visitor.get(path).text
    change(make)
    page = visitor.get(path)
    assert shown in page.text
    assert hidden not in page.text
    assert page.status_code == (404 if (change, path) == (leave, PATHS[1]) else 200)


def test_a_new_name_is_seen(application: Any, make: Factory) -> None:
    visitor = Browser(application)
    assert "Bob" in visitor.get("/users/bob").text
    users.change(make.database, "bob", {"name": "Robert"})
    assert "Robert" in visitor.get("/users/bob").text


@pytest.mark.parametrize("path", PATHS)
def test_PR_4_each_gets_their_own(
    application: Any, make: Factory, made: list[str], path: str
) -> None:
    """By language and encoding; and who is logged in gets nothing that is kept."""
    make.user("alice")
    reader = Browser(application)
    assert reader.log_in("alice").status_code == 303
    made.clear()
    visitor = Browser(application)
    assert 'lang="en"' in visitor.get(path).text
    assert 'lang="de"' in visitor.get(path, Accept_Language="de").text
    packed = Request.blank(path, headers={"Accept-Encoding": "gzip"})
    assert packed.get_response(application).content_encoding == "gzip"
    assert "Content-Encoding" not in visitor.get(path).headers
    for _ in range(2):
        page = reader.get(path)
        assert page.html.find("a", href="/users/alice")
        assert page.headers["Cache-Control"] == "private, no-store"
    assert not visitor.get(path).html.find("a", href="/users/alice")
    assert made == [path] * 5
    visitor.get(f"{path}?size=1")
    assert made == [path] * 6


@pytest.fixture
def reader(alice: Api, make: Factory) -> Api:
    """Alice's app, who follows bob."""
    make.follow("alice", "bob")
    return alice


BOTH = ["/users/bob/collection", "/users/alice/timeline"]


@pytest.mark.parametrize("path", BOTH)
def test_an_app_that_asks_again_gets_the_answer_of_before(
    reader: Api, make: Factory, made: list[str], path: str
) -> None:
    make.micropost("bob", "once more")
    make.deliver()
    assert "first" in reader.get(path).text  # builds the timeline, which is a change
    users.change(make.database, "bob", {"name": "Robert"})
    made.clear()
    first, second = reader.get(path), reader.get(path)
    assert made == [f"/api{path}"]
    assert first.body == second.body
    assert _kept_of(first.headers) == _kept_of(second.headers)
    assert len(first.json["result"]) == 2
    assert len(reader.get(f"{path}?size=1").json["result"]) == 1


def _kept_of(headers: Any) -> dict[str, str]:
    return {**headers, "X-Request-Id": "one of its own"}


@pytest.mark.parametrize("path", BOTH)
@pytest.mark.parametrize(
    ("change", "shown", "hidden"),
    [
        (post, "second", "nothing of this"),
        (edit, "edited", "first"),
        (delete, "", "first"),
        (leave, "", "first"),
    ],
)
def test_every_change_is_seen_by_the_next_request_of_an_app(
    reader: Api,
    make: Factory,
    path: str,
    change: Callable[[Factory], None],
    shown: str,
    hidden: str,
) -> None:
    assert "first" in reader.get(path).text
    change(make)
    make.deliver()
    answer = reader.get(path)
    assert shown in answer.text
    assert hidden not in answer.text
    assert answer.status_code == (404 if (change, path) == (leave, BOTH[0]) else 200)


def test_timeline_that_is_kept_knows_whom_its_reader_follows(
    reader: Api, make: Factory
) -> None:
    path = BOTH[1]
    assert "by carol" not in reader.get(path).text
    make.follow("alice", "carol")
    assert "by carol" in reader.get(path).text
    follows.delete(make.database, "alice", "carol")
    assert "by carol" not in reader.get(path).text
    make.micropost("alice", "my own")
    assert "my own" in reader.get(path).text


def test_timeline_that_is_kept_has_what_was_pulled(reader: Api, make: Factory) -> None:
    """Of an author with many followers nothing is sent to timelines."""
    make.database.users.update_one({"_id": "bob"}, {"$set": {"pulled": "told"}})
    make.database.timelines.delete_many({})
    path = BOTH[1]
    assert "first" in reader.get(path).text
    post(make)
    assert "second" in reader.get(path).text


def test_timeline_is_kept_while_its_top_fills_the_page(
    reader: Api, made: list[str], make: Factory
) -> None:
    """Then whoever wrote it is suspended, and older microposts fill it."""
    make.follow("alice", "zoe")
    make.microposts(45, "zoe")
    make.deliver()
    path = BOTH[1]
    for _ in range(3):
        assert "first" not in reader.get(path).text
    assert len(made) == 2  # the first built it, which is a change
    made.clear()
    users.suspend(make.database, "zoe", {"by": "mona", "why": "a reason"})
    for _ in range(2):
        assert "first" in reader.get(path).text
    assert made == []
    edit(make)
    assert "edited" in reader.get(path).text
    delete(make)
    assert "edited" not in reader.get(path).text


def test_without_a_table_of_changes_apps_get_nothing_that_is_kept(
    reader: Api, made: list[str], make: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It might lack what they have just written, by another process."""
    monkeypatch.setattr(make.database.changes, "is_shared", False)
    for path in BOTH:
        reader.get(path)
        reader.get(path)
    assert made == []


def test_what_is_kept_is_for_who_may_read_it(
    reader: Api, bob: Api, anonymous: Api, made: list[str], make: Factory
) -> None:
    for path in BOTH:
        reader.get(path)
    made.clear()
    assert bob.get(BOTH[0]).status_code == 200
    assert made == []  # the same for all
    assert bob.get(BOTH[1]).status_code == 403
    assert reader.token is not None
    for path in BOTH:
        assert reader.get(path).status_code == 200
        assert anonymous.get(path).status_code == 401
        assert reader.get(path, Accept="text/html").status_code == 406
    tokens.delete(make.database, tokens.digest(reader.token))
    for path in BOTH:
        assert reader.get(path).status_code == 401


def test_while_the_database_is_away_no_app_gets_what_is_kept(
    reader: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody can tell whether its token still counts."""
    for path in BOTH:
        assert reader.get(path).status_code == 200
        assert reader.get(path).status_code == 200

    def away(breaker: Breaker) -> None:
        raise Unavailable("away")

    monkeypatch.setattr(Breaker, "check", away)
    assert [reader.get(path).status_code for path in BOTH] == [503, 503]


def test_nothing_is_kept_of_a_page_that_must_be_made_anew(
    reader: Api, make: Factory
) -> None:
    """A writer who was killed in the middle of it: nobody knows."""
    path, numbers = BOTH[0], make.database.changes.numbers
    assert "first" in reader.get(path).text
    numbers[make.database.changes.place("users", "bob")] = BEING_WRITTEN
    make.database.users.update_one(
        {"_id": "bob"}, {"$set": {"microposts.0.text": "other"}}
    )
    numbers[make.database.changes.place("users", "bob")] = BEING_WRITTEN
    assert "other" in reader.get(path).text


def test_it_is_kept_for_a_moment_only(
    application: Any, made: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "SECONDS", 0.0)
    for _ in range(3):
        Browser(application).get("/users/bob")
    assert made == ["/users/bob"] * 3


def test_not_more_are_kept_than_there_is_room_for(
    application: Any, made: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "ROOM", 1)
    new = microblog.application(application.registry["settings"])
    try:
        new.registry["connection"].wait()
        for path in ["/", "/users/bob", "/users/bob", "/"]:
            assert Browser(new).get(path).status_code == 200
    finally:
        new.registry["connection"].close()
    assert made == ["/", "/users/bob", "/users/bob", "/"]
