"""Pages that are kept for visitors: never older than what they show."""

from collections.abc import Callable
from typing import Any

import pytest
from webob import Request

from microblog import visitors
from microblog.store import Database, accounts, collection, microposts, users
from microblog.store.walks import Start
from tests.browsing import Browser
from tests.factories import Factory

PATHS = ["/", "/users/bob", "/tags/word"]


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths of the pages that were made, not taken from those that are kept."""
    paths: list[str] = []
    keep = visitors.keep

    def noted(request: Any) -> None:
        paths.append(request.path_info)
        keep(request)

    monkeypatch.setattr(visitors, "keep", noted)
    return paths


@pytest.fixture(autouse=True)
def populated(make: Factory, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page is good for long: what makes it anew here is a change."""
    monkeypatch.setattr(visitors, "SECONDS", 60.0)
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


def test_it_is_kept_for_a_moment_only(
    application: Any, made: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visitors, "SECONDS", 0.0)
    for _ in range(3):
        Browser(application).get("/users/bob")
    assert made == ["/users/bob"] * 3


def test_not_more_are_kept_than_there_is_room_for(
    application: Any, made: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visitors, "MOST", 1)
    for path in ["/", "/users/bob", "/users/bob", "/"]:
        Browser(application).get(path)
    assert made == ["/", "/users/bob", "/"]
