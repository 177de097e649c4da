"""While others post and delete, paging neither skips nor repeats an older item."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from microblog.paging import Cursor, PageQuery, cut
from microblog.store import Database, Document, follows, microposts, search, timelines
from microblog.store import users as store_users
from tests.factories import Api, Factory

AUTHORS = ("alice", "bob")
SIZES = st.sampled_from([1, 3, 20, 45])


class Reading(RuleBasedStateMachine):
    """A reader goes through pages, forth and back, while two authors write."""

    factory: Factory

    @initialize(
        counts=st.tuples(st.integers(0, 60), st.integers(0, 5)),
        kind=st.sampled_from(["collection", "timeline", "search"]),
        order=st.sampled_from(["newest", "oldest"]),
        size=SIZES,
    )
    def begin(self, counts: tuple[int, int], kind: str, order: str, size: int) -> None:
        """An empty store, so many microposts, and a reader before the first page."""
        self.database: Database = self.factory.database
        for name in self.database.list_collection_names():
            self.database[name].delete_many({})
        self.factory.follow("alice", "bob")
        self.kind, self.size, self.order = kind, size, order
        self.present: dict[int, str] = {}
        for author, count in zip(AUTHORS, counts, strict=True):
            for _ in range(count):
                self.post(author)
        self.original = set(self.expected())
        self.deleted: set[int] = set()
        self.read: list[int] = []
        self.cursor: Cursor | None = None
        self.done = False

    def walk(self, start: Any) -> Iterator[Any]:
        """The walk that is read."""
        alice = store_users.find(self.database, "alice")
        assert alice is not None
        if self.kind == "collection":
            return microposts.walk(self.database, alice, start)
        if self.kind == "timeline":
            return timelines.walk(self.database, alice, start)
        return search.walk(self.database, "text", "", start)

    def expected(self) -> list[int]:
        """What a plain model shows now, in order."""
        authors = {"alice"} if self.kind == "collection" else set(AUTHORS)
        ids = [id for id, author in self.present.items() if author in authors]
        return sorted(ids, reverse=self.order == "newest")

    @rule(author=st.sampled_from(AUTHORS))
    def post(self, author: str) -> None:
        """Somebody posts."""
        document = store_users.find(self.database, author)
        assert document is not None
        made = microposts.create(self.database, document, "some text")
        self.present[made["id"]] = author

    @precondition(lambda self: self.present)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        """Somebody deletes a micropost."""
        id = data.draw(st.sampled_from(sorted(self.present)))
        document = {"id": id, "author": self.present.pop(id)}
        microposts.delete(self.database, document)
        self.deleted.add(id)

    @precondition(lambda self: self.present)
    @rule(data=st.data())
    def edit(self, data: st.DataObject) -> None:
        """Somebody edits a micropost; it stays where it is."""
        id = data.draw(st.sampled_from(sorted(self.present)))
        document = {"id": id, "author": self.present[id]}
        microposts.change(self.database, document, {"text": "other text"})

    @precondition(lambda self: not self.done)
    @rule()
    def next_page(self) -> None:
        """The reader reads on."""
        given: Document = {"size": str(self.size), "order": self.order}
        if self.cursor:
            given["cursor"] = str(self.cursor)
        piece = cut(PageQuery.model_validate(given), self.walk)
        assert len(piece.items) <= self.size
        self.read += [item["id"] for item in piece.items]
        self.cursor, self.done = piece.next, piece.next is None

    @precondition(lambda self: self.read)
    @rule()
    def first_page_again(self) -> None:
        """At any time the first page shows the first of what is there, and the page
        before its next one is itself."""
        given: Document = {"size": str(self.size), "order": self.order}
        first = cut(PageQuery.model_validate(given), self.walk)
        assert [one["id"] for one in first.items] == self.expected()[: self.size]
        if first.next:
            given["cursor"] = str(first.next)
            second = cut(PageQuery.model_validate(given), self.walk)
            given["cursor"] = str(second.previous)
            back = cut(PageQuery.model_validate(given), self.walk)
            assert back.items == first.items

    @invariant()
    def nothing_twice(self) -> None:
        """No item is seen twice, and all are in order."""
        if hasattr(self, "read"):
            assert self.read == sorted(set(self.read), reverse=self.order == "newest")

    @invariant()
    def nothing_skipped(self) -> None:
        """Whoever has read all has seen what was there from beginning to end."""
        if getattr(self, "done", False):
            assert self.original - self.deleted <= set(self.read)


def test_paging_while_others_write(make: Factory) -> None:
    Reading.factory = make
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Reading,
        settings=settings(
            max_examples=40,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


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
