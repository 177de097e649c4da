"""Pages: by number and by cursor, there and back."""

import pytest

from microblog.store import Database, follows
from microblog.store import users as store_users
from tests.factories import Api, Factory


@pytest.mark.parametrize("order", ["newest", "oldest"])
@pytest.mark.parametrize("size", [1, 7, 20, 39, 40, 41, 100])
def test_pages_by_number_are_those_by_cursor(
    alice: Api, make: Factory, order: str, size: int
) -> None:
    made = [str(one["id"]) for one in make.microposts(45)]
    path = f"/users/alice/collection?size={size}&order={order}"
    cursor: str | None = path
    found: list[str] = []
    number = 0
    while cursor:
        number += 1
        page = alice.get(cursor).json
        if number <= 50:
            assert alice.get(f"{path}&page={number}").json["result"] == page["result"]
        found += [one["id"] for one in page["result"]]
        cursor = page["next"]
    assert found == (made[::-1] if order == "newest" else made)
    assert number == -(-45 // size)


@pytest.mark.parametrize("order", ["newest", "oldest"])
@pytest.mark.parametrize("side", ["following", "followers"])
def test_pages_of_users(alice: Api, make: Factory, side: str, order: str) -> None:
    names = [f"n{letter * 2}" for letter in "abcdefghjkm"]
    for name in names:
        make.follow(*(("alice", name) if side == "following" else (name, "alice")))
    path: str | None = f"/users/alice/{side}?size=4&order={order}"
    found = []
    pages = []
    while path:
        page = alice.get(path).json
        pages.append(page)
        found += [user["username"] for user in page["result"]]
        path = page["next"]
    assert found == (names[::-1] if order == "newest" else names)
    back = alice.get(pages[2]["previous"]).json
    assert back["result"] == pages[1]["result"]


def test_way_back_from_an_empty_page(alice: Api, make: Factory) -> None:
    """A reader whose place was emptied finds the way to what is left."""
    make.microposts(3)
    page = alice.get("/users/alice/collection?size=2").json
    alice.delete(page["result"][1]["href"])
    last = alice.get("/users/alice/collection?order=oldest&size=1").json["result"][0]
    alice.delete(last["href"])
    empty = alice.get(page["next"]).json
    assert (empty["result"], empty["next"]) == ([], None)
    back = alice.get(empty["previous"]).json
    assert back["result"] == page["result"][:1]


def test_links_across_followees_when_one_is_deleted(
    database: Database, make: Factory, alice: Api
) -> None:
    make.follow("alice", "bob")
    make.follow("alice", "carol")
    store_users.mark_deleted(database, "carol")
    shown = alice.get("/users/alice/following").json["result"]
    assert [user["username"] for user in shown] == ["bob"]
    assert follows.exists(database, "alice", "carol")
