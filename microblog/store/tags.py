"""Microposts by tag, newest or oldest first."""

from collections.abc import Iterator
from itertools import islice

from microblog import text as grammar
from microblog.store import Database, Document, marks, microposts, users
from microblog.store.changes import ALL
from microblog.store.shapes import shown
from microblog.store.walks import MINUTE, Frontier, Start, topped, windows

GROWTH = 8  # how much wider the next window is at most: few reads for a rare tag
TOP = 41  # the newest of a tag that a process remembers: two pages and one beyond


def places(tag: str) -> list[tuple[str, object]]:
    """What the first page of a tag is made of."""
    return [("tags", grammar.fold(tag)), microposts.EDITED, ("users", ALL)]


def walk(database: Database, tag: str, start: Start) -> Iterator[Document]:
    """The microposts with `tag` (without #, folded here) ahead of `start`."""
    known = marks.microposts(database)
    if known is None:
        return iter(())
    folded = grammar.fold(tag)
    top: list[int] = database.memory.tags.get(folded, lambda: _newest(database, folded))
    return topped(
        start,
        top,
        top[-1] if len(top) >= TOP else 0,
        lambda wanted: microposts.seen(database, wanted),
        lambda start: _pull(database, folded, known, start),
    )


def _newest(database: Database, folded: str) -> list[int]:
    known = marks.microposts(database)
    if known is None:
        return []
    found = _find(database, folded, known, Start(wanted=TOP))
    return [document["_id"] for document in islice(found, TOP)]


def _pull(
    database: Database, folded: str, known: Document, start: Start
) -> Iterator[Document]:
    gone = users.gone(database)
    for document in _find(database, folded, known, start):
        if document["author"] not in gone:
            yield shown(document)


def _find(
    database: Database, folded: str, known: Document, start: Start
) -> Iterator[Document]:
    def read(after: int, before: int) -> list[Document]:
        query = {"tags": folded, "_id": {"$gt": after, "$lt": before}}
        return list(database.microposts.find(query))

    frontier = Frontier(start, known["oldest"], known["newest"])
    # At first the time of the newest 100 microposts, or a minute if that is more.
    span = max(MINUTE, marks.span(known))
    return windows(start, frontier, span, read, growth=GROWTH)
