"""The timeline over REST: whose microposts, in which order, page by page."""

import pytest

from microblog.store import Database, users
from tests.factories import PASSWORD, Api, Factory
from tests.functional.answers import (
    assert_problem,
    assert_unauthorized,
    joined,
    last,
    page,
    walk,
)

PATH = "/users/alice/timeline"


def texts(items: list[dict[str, str]]) -> list[str]:
    """The texts of a page of microposts."""
    return [item["text"] for item in items]


@pytest.fixture
def posted(make: Factory) -> list[str]:
    """The texts, oldest first, of what alice and two whom she follows have posted, more
    than a user's document embeds."""
    make.follow("alice", "bob")
    make.follow("alice", "carol")
    made = []
    for n in range(60):
        author = ("alice", "bob", "carol")[n % 3]
        made.append(make.micropost(author, f"{author} {n}")["text"])
        if n % 10 == 0:
            make.micropost("stranger", "not for alice")
    for n in range(60, 85):
        made.append(make.micropost("bob", f"bob {n}")["text"])
    return made


def test_timeline_has_ones_own_and_the_followees_microposts(
    alice: Api, make: Factory
) -> None:
    make.follow("alice", "bob")
    make.follow("carol", "alice")
    for author in ("bob", "alice", "carol", "bob"):
        make.micropost(author, f"from {author}")
    found = page(alice.get(PATH))
    assert texts(found) == ["from bob", "from alice", "from bob"]
    assert found == [alice.get(one["href"]).json for one in found]
    assert texts(page(alice.get(f"{PATH}?order=oldest"))) == texts(found)[::-1]


def test_empty_timeline(alice: Api) -> None:
    answer = alice.get(PATH)
    assert answer.json == {"next": None, "previous": None, "result": []}
    assert "Link" not in answer.headers


def test_timeline_is_its_readers_alone(alice: Api, bob: Api, anonymous: Api) -> None:
    assert_problem(bob.get(PATH), 403)
    assert_unauthorized(anonymous.get(PATH))
    assert_problem(alice.get("/users/nobody/timeline"), 404)
    assert_problem(alice.post(PATH, {"text": "x"}), 405)


def test_following_brings_what_was_posted_before(
    alice: Api, bob: Api, make: Factory
) -> None:
    make.micropost("bob", "before")
    assert page(alice.get(PATH)) == []
    alice.post("/users/alice/following", {"username": "bob"})
    assert texts(page(alice.get(PATH))) == ["before"]
    bob.post("/users/bob/collection", {"text": "after"})
    make.deliver()
    assert texts(page(alice.get(PATH))) == ["after", "before"]
    alice.delete("/users/alice/following/bob")
    assert page(alice.get(PATH)) == []


def test_edits_and_deletions_show_at_once(alice: Api, bob: Api, make: Factory) -> None:
    make.follow("alice", "bob")
    kept, gone = (make.micropost("bob", text) for text in ("kept", "gone"))
    bob.patch(f"/users/bob/collection/{kept['id']}", {"text": "changed"})
    bob.delete(f"/users/bob/collection/{gone['id']}")
    assert texts(page(alice.get(PATH))) == ["changed"]


def test_deleted_followee_is_gone(
    alice: Api, bob: Api, make: Factory, database: Database
) -> None:
    """Also before the purge."""
    for name in ("bob", "carol"):
        make.follow("alice", name)
        make.micropost(name)
    bob.delete("/users/bob", {"password": PASSWORD})
    users.mark_deleted(database, "carol")
    assert page(alice.get(PATH)) == []


@pytest.mark.parametrize("order", ["newest", "oldest"])
def test_walk_there_and_back(alice: Api, posted: list[str], order: str) -> None:
    expected = posted if order == "oldest" else posted[::-1]
    first = f"{PATH}?size=40&order={order}"
    pages = [texts(found) for found in walk(alice, first)]
    assert joined(pages) == expected
    assert [len(found) for found in pages] == [40, 40, 5]
    back = [texts(found) for found in walk(alice, last(alice, first), "previous")]
    assert joined(back[::-1]) == expected


def test_numbered_pages(alice: Api, posted: list[str]) -> None:
    newest = posted[::-1]
    assert texts(page(alice.get(PATH))) == newest[:20]
    assert texts(page(alice.get(f"{PATH}?page=1&size=70"))) == newest[:70]
    assert texts(page(alice.get(f"{PATH}?page=3&size=10"))) == newest[20:30]
    beyond = alice.get(f"{PATH}?page=5")
    assert texts(page(beyond)) == newest[80:]
    assert beyond.json["next"] is None
    before = alice.get(beyond.json["previous"])
    assert texts(page(before)) == newest[60:80]
    assert page(alice.get(f"{PATH}?page=50")) == []


@pytest.mark.parametrize(
    "query",
    [
        "size=0",
        "size=101",
        "size=-1",
        "size=ten",
        "size=",
        "size=1.0",
        "size=%D9%A1",
        "page=0",
        "page=51",
        "page=x",
        "order=random",
        "order=",
        "cursor=x",
        "cursor=",
        "cursor=AAAA",
        "size=1&size=2",
    ],
)
def test_refused_parameters(alice: Api, query: str) -> None:
    name = query.partition("=")[0]
    for path in ("collection", "timeline", "followers", "following"):
        answer = alice.get(f"/users/alice/{path}?{query}")
        problem = assert_problem(answer, 400, name)
        assert problem["errors"][0]["location"] == "querystring"


def test_page_and_cursor_exclude_each_other(alice: Api, posted: list[str]) -> None:
    address = alice.get(PATH).json["next"]
    assert_problem(alice.get(f"{address}&page=2"), 400)
    assert texts(page(alice.get(address))) == posted[::-1][20:40]


def test_unknown_parameters_are_ignored(alice: Api, posted: list[str]) -> None:
    answer = alice.get(f"{PATH}?utm_source=x&size=5")
    assert texts(page(answer)) == posted[::-1][:5]
    assert "utm_source" not in answer.json["next"]


def test_DI_7_walk_while_others_post_and_delete(
    alice: Api, bob: Api, posted: list[str], make: Factory
) -> None:
    answer = alice.get(f"{PATH}?size=30")
    seen = page(answer)
    walked = texts(seen)
    while address := answer.json["next"]:
        make.micropost("bob", "newer")
        if seen[-1]["username"] == "bob":
            assert bob.delete(seen[-1]["href"]).status_code == 204
        answer = alice.get(address)
        seen = page(answer)
        walked += texts(seen)
    assert walked == posted[::-1]
