"""Reading page by page while others write, against a plain model.

Every list that has pages is read: collection, timeline, following, followers, search;
in both orders, forth and back, in many sizes. What was there from the beginning of a
reading to its end is seen once, in order.
"""

from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from typing import Any

import pymongo
import pytest
from hypothesis import HealthCheck, assume, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)

from microblog.paging import Cursor, PageQuery, Piece, cut
from microblog.store import (
    Database,
    Document,
    bulk,
    deliveries,
    follows,
    ids,
    marks,
    microposts,
    pieces,
    references,
    segments,
    shapes,
    timelines,
    users,
)
from microblog.store.check import derived
from microblog.store.walks import Start
from tests.factories import Factory
from tests.unit.lists import KINDS, Reading, walk

pytestmark = pytest.mark.usefixtures("untraced")

CROWD = [f"crowd_{letter}{other}" for letter in "abcdef" for other in "abcde"]
SIZES = st.sampled_from([1, 2, 3, 7, 19, 20, 21, 40, 41, 100])
ORDERS = st.sampled_from(["newest", "oldest"])

_numbers = count()


class World(RuleBasedStateMachine):
    """A reader, two authors whom the reader follows, a crowd that only follows."""

    make: Factory
    readings: Bundle[Reading] = Bundle("readings")

    @initialize(sizes=st.tuples(*[st.sampled_from([0, 30, 75, 90])] * 3))
    def begin(self, sizes: tuple[int, int, int]) -> None:
        """Everything is this run's own, by its names and a word in every text."""
        self.database = self.make.database
        number = next(_numbers)
        self.word = f"q{number}q"
        # Nobody else has written there.
        self.first = (1 << 50) + 1000 * number
        self.reader, *others = self.authors = [
            f"{n}_{number}q" for n in ("r", "a", "b")
        ]
        self.texts: dict[int, tuple[str, str]] = {}
        self.links: dict[str, dict[int, str]] = {"following": {}, "followers": {}}
        self.open: list[Reading] = []
        for name in self.authors:
            users.create(self.database, name)
        for name in others:
            self._follow("following", name)
        for author, size in zip(self.authors, sizes, strict=True):
            self._import(author, [ids.new() for _ in range(size)])

    def post(self, author: str, word: str) -> None:
        """A new micropost."""
        document = users.find(self.database, author)
        assert document is not None
        made = microposts.create(self.database, document, f"{self.word} {word}")
        # At once, by the worker.
        deliveries.deliver(self.database, author, push_below=100)
        self.texts[made["id"]] = (author, made["text"])

    @rule()
    def all_is_indexed(self) -> None:
        """At once, by the worker."""
        segments.tend(self.database, least=1, pause=timedelta(0))

    def _follow(self, side: str, name: str) -> None:
        pair = (self.reader, name) if side == "following" else (name, self.reader)
        if follows.create(self.database, *pair):
            link = self.database.follows.find_one({"_id": " ".join(pair)})
            assert link is not None
            self.links[side][link["at"]] = name

    @rule(number=st.integers(0, 2))
    def most_are_deleted_and_one_is_imported(self, number: int) -> None:
        """The embedded references are then fewer than forty, and not all there are."""
        self.somebody_deletes(number, 0, 30)
        self.old_ones_are_imported(number, [0])

    @rule(number=st.integers(0, 2), times=st.sampled_from([1, 1, 3, 12]))
    def somebody_posts(self, number: int, times: int) -> None:
        for _ in range(times):
            self.post(self.authors[number], "alpha")

    @rule(number=st.integers(0, 2), places=st.lists(st.integers(0, 10**6), max_size=4))
    def old_ones_are_imported(self, number: int, places: list[int]) -> None:
        """Before, between and after what is there."""
        author = self.authors[number]
        known = sorted(self.texts) or [self.first]
        new = {known[place % len(known)] + place % 7 - 3 for place in places}
        new -= set(self.texts)
        assume(new)
        self._import(author, sorted(new))

    def _import(self, author: str, new: list[int]) -> None:
        if not new:
            return
        documents = [
            shapes.new_document(id, author, f"{self.word} alpha") for id in new
        ]
        assert len(bulk.insert(self.database, "microposts", documents).new) == len(new)
        held = [shapes.reference(one) for one in documents]
        references.add_many(self.database, author, held)
        marks.note(self.database, min(new), max(new))
        timelines.drop_all(self.database)
        self.texts |= {one["_id"]: (author, one["text"]) for one in documents}

    @rule(place=st.integers(0, 10**6), word=st.sampled_from(["alpha", "beta"]))
    def somebody_edits(self, place: int, word: str) -> None:
        assume(self.texts)
        id = sorted(self.texts)[place % len(self.texts)]
        author, _ = self.texts[id]
        text = f"{self.word} {word} {place}"
        stored = self.database.microposts.find_one({"_id": id}) or {}
        changes = {"text": text}
        microposts.change(self.database, shapes.shown(stored), changes)
        self.texts[id] = (author, text)
        self._note_losses()

    @rule(
        number=st.integers(0, 2),
        place=st.integers(0, 10**6),
        times=st.sampled_from([1, 5, 30]),
    )
    def somebody_deletes(self, number: int, place: int, times: int) -> None:
        """Thirty of the newest are more than is embedded beyond a page."""
        author = self.authors[number]
        newest_first = sorted(
            (id for id, (name, _) in self.texts.items() if name == author), reverse=True
        )
        assume(newest_first)
        begin = 0 if times == 30 else place % len(newest_first)
        for id in newest_first[begin : begin + times]:
            gone = {"id": id, "author": author, "text": self.texts.pop(id)[1]}
            microposts.delete(self.database, gone)
        self._note_losses()

    @rule(
        side=st.sampled_from(["following", "followers"]),
        place=st.integers(0, len(CROWD) - 1),
        times=st.sampled_from([1, 9]),
    )
    def links_begin(self, side: str, place: int, times: int) -> None:
        for name in CROWD[place : place + times]:
            self._follow(side, name)

    @rule(side=st.sampled_from(["following", "followers"]), place=st.integers(0, 99))
    def a_link_ends(self, side: str, place: int) -> None:
        links = {at: name for at, name in self.links[side].items() if name in CROWD}
        assume(links)
        at = sorted(links)[place % len(links)]
        name = self.links[side].pop(at)
        pair = (self.reader, name) if side == "following" else (name, self.reader)
        follows.delete(self.database, *pair)
        self._note_losses()

    @rule(target=readings, kind=st.sampled_from(KINDS), order=ORDERS, size=SIZES)
    def a_reading_begins(self, kind: str, order: str, size: int) -> Reading:
        reading = Reading(kind, order, size, set(self._model(kind, order)))
        self.open.append(reading)
        return reading

    @rule(reading=readings, pages=st.sampled_from([1, 3, 30]))
    def it_goes_on(self, reading: Reading, pages: int) -> None:
        """A few pages, or to its end; and from there back to the beginning."""
        for _ in range(pages):
            if reading.done:
                return
            self._next(reading)

    @rule(kind=st.sampled_from(KINDS), order=ORDERS, size=st.sampled_from([13, 20, 41]))
    def nobody_writes(self, kind: str, order: str, size: int) -> None:
        """Then pages by number, by cursor and backwards are the model, in pieces."""
        expected = list(pieces(self._model(kind, order), size)) or [[]]
        cursor: Cursor | None = None
        before: Piece | None = None
        for number, part in enumerate(expected, 1):
            piece = self._page(kind, order, size, cursor)
            assert self._ids(kind, piece) == part
            assert piece.items == self._page(kind, order, size, page=number).items
            assert (piece.previous is None) == (before is None)
            if before:
                back = self._page(kind, order, size, piece.previous)
                assert back.items == before.items
                assert self._ids(kind, self._page(kind, order, size, back.next)) == part
            before, cursor = piece, piece.next
        assert cursor is None

    def teardown(self) -> None:
        """In the end the users' documents are what they would be if made anew."""
        for name in self.authors:
            user = users.find(self.database, name)
            assert user is not None
            right = derived(self.database, name)
            held = len(user["microposts"])
            assert user["counts"] == right["counts"]
            assert user["microposts"] == right["microposts"][:held]
            assert held >= min(references.PAGE, len(right["microposts"]))
        # Whatever waits to be indexed is looked through by each search of the next run.
        # The hundreds of documents that are left can take longer to delete than one
        # operation may take by itself.
        with pymongo.timeout(60):
            self.database.microposts.delete_many({"author": {"$in": self.authors}})

    def _model(self, kind: str, order: str) -> list[int]:
        """The ids of a list as they should be, in order."""
        if kind in self.links:
            found: Iterator[int] = iter(self.links[kind])
        else:
            found = (
                id
                for id, (author, text) in self.texts.items()
                if (kind != "collection" or author == self.authors[2])
                and (kind != "part" or ("beta" in text and "a_" in author))
            )
        return sorted(found, reverse=order == "newest")

    def _walk(self, kind: str, start: Start) -> Iterator[Any]:
        name = self.authors[2] if kind == "collection" else self.reader
        user = users.find(self.database, name)
        assert user is not None
        return walk(self.database, kind, user, self.word, start)

    def _page(
        self,
        kind: str,
        order: str,
        size: int,
        cursor: Cursor | None = None,
        page: int = 0,
    ) -> Piece:
        given: Document = {"size": str(size), "order": order}
        if page:
            given["page"] = str(page)
        if cursor:
            given["cursor"] = str(cursor)
        key = "at" if kind in self.links else "id"
        query = PageQuery.model_validate(given)
        return cut(query, lambda start: self._walk(kind, start), key)

    def _ids(self, kind: str, piece: Piece) -> list[int]:
        return [one["at" if kind in self.links else "id"] for one in piece.items]

    def _next(self, reading: Reading) -> None:
        piece = self._page(reading.kind, reading.order, reading.size, reading.cursor)
        found = self._ids(reading.kind, piece)
        assert len(found) <= reading.size
        present = self._model(reading.kind, reading.order)
        assert found == [id for id in present if id in set(found)]
        for item in piece.items:
            if "text" in item:
                assert (item["author"], item["text"]) == self.texts[item["id"]]
        reading.seen += found[::-1] if reading.backward else found
        reading.cursor = piece.previous if reading.backward else piece.next
        if reading.cursor is None or not found:
            self._at_an_end(reading, piece.previous)

    def _at_an_end(self, reading: Reading, previous: Cursor | None) -> None:
        """Everything was seen; what lies before the last page is read backwards."""
        newest_first = (reading.order == "newest") != reading.backward
        assert reading.seen == sorted(set(reading.seen), reverse=newest_first)
        assert reading.original - reading.lost <= set(reading.seen)
        reading.done = reading.backward or previous is None
        reading.cursor, reading.backward, reading.seen = previous, True, []
        if previous:
            back = Start(previous.id, reading.order != "newest")
            present = self._model(reading.kind, reading.order)
            reading.original = set(filter(back.includes, present))
            reading.lost = set()

    def _note_losses(self) -> None:
        for reading in self.open:
            present = set(self._model(reading.kind, reading.order))
            reading.lost |= reading.original - present


def test_reading_while_others_write(make: Factory, database: Database) -> None:
    for name in CROWD:
        users.create(database, name)
    World.make = make
    try:
        run_state_machine_as_test(  # type: ignore[no-untyped-call]
            World,
            settings=settings(
                max_examples=10,
                stateful_step_count=40,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
    finally:
        # So can these thousands.
        with pymongo.timeout(60):
            for name in database.list_collection_names():
                database[name].delete_many({})
