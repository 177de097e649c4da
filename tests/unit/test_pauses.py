"""A search that has read enough for one request pauses, and goes on with the next."""

from collections.abc import Iterator
from typing import Any

import pymongo
import pytest

from microblog.paging import PageQuery, Piece, cut
from microblog.store import Database, bulk, ids, marks, search, shapes
from microblog.store.search import Pause
from microblog.store.walks import MINUTE, Start
from tests.factories import Factory

MOST = 150  # candidates of one request
MANY = 2 * MOST + 150


@pytest.fixture
def many(
    make: Factory, database: Database, monkeypatch: pytest.MonkeyPatch
) -> list[int]:
    """Ids of three microposts by carol, oldest, in the middle, newest; about them lie
    so many with the same words, by others."""
    monkeypatch.setattr(search, "MOST_CANDIDATES", MOST)
    for name in ("alice", "carol"):
        make.user(name)
    newest = ids.new()
    drawn = [newest - (MANY - number) * MINUTE // 20 for number in range(MANY)]
    carols = [drawn[0], drawn[MANY // 2], drawn[-1]]
    documents = [
        shapes.new_document(id, "carol" if id in carols else "alice", "same words")
        for id in drawn
    ]
    # Two letters of a name have no gram: every one of these has to be looked at.
    with pymongo.timeout(60):
        bulk.insert(database, "microposts", documents)
    marks.note(database, drawn[0], drawn[-1])
    return carols


def page(database: Database, **given: Any) -> Piece:
    """A page of the search for what carol has written."""
    query = PageQuery.model_validate({key: str(value) for key, value in given.items()})

    def walk(start: Start) -> Iterator[Any]:
        return search.walk(database, "same words", "ro", start)

    return cut(query, walk)


@pytest.mark.parametrize("descending", [True, False])
def test_pauses_lead_to_the_end(
    database: Database, many: list[int], descending: bool
) -> None:
    found: list[int] = []
    pauses = 0
    beyond: int | None = None
    while True:
        start = Start(beyond, descending)
        items = list(search.walk(database, "same words", "ro", start))
        found += [item["id"] for item in items if not isinstance(item, Pause)]
        if not items or not isinstance(items[-1], Pause):
            break
        pauses += 1
        beyond = items[-1].id
    assert found == sorted(many, reverse=descending)
    assert pauses == 2


@pytest.mark.parametrize("order", ["newest", "oldest"])
@pytest.mark.parametrize("size", [1, 20])
def test_pages_over_pauses_there_and_back(
    database: Database, many: list[int], order: str, size: int
) -> None:
    found: list[int] = []
    piece = page(database, order=order, size=size)
    while True:
        found += [item["id"] for item in piece.items]
        if piece.next is None:
            break
        piece = page(database, order=order, size=size, cursor=piece.next)
    assert found == sorted(many, reverse=order == "newest")
    back = [item["id"] for item in piece.items]
    while back[:1] != found[:1]:
        assert piece.previous is not None
        piece = page(database, order=order, size=size, cursor=piece.previous)
        back = [item["id"] for item in piece.items] + back
    assert back == found


def test_page_by_number_behind_a_pause_says_where_it_goes_on(
    database: Database, many: list[int]
) -> None:
    piece = page(database, size=2, page=2)
    assert piece.items == []
    assert piece.next is not None
    piece = page(database, size=2, cursor=piece.next)
    assert many[1] in [item["id"] for item in piece.items]
