"""Microposts by tag, newest or oldest first."""

from collections.abc import Iterator

from microblog import text as grammar
from microblog.store import Database, Document, marks
from microblog.store.microposts import shown
from microblog.store.walks import MINUTE, Frontier, Start, windows

GROWTH = 8  # how much wider the next window is at most: few reads for a rare tag


def walk(database: Database, tag: str, start: Start) -> Iterator[Document]:
    """The microposts with `tag` (without #, folded here) ahead of `start`."""
    known = marks.microposts(database)
    if known is None:
        return
    folded = grammar.fold(tag)

    def read(after: int, before: int) -> list[Document]:
        query = {"tags": folded, "_id": {"$gt": after, "$lt": before}}
        return list(database.microposts.find(query))

    frontier = Frontier(start, known["oldest"], known["newest"])
    yield from map(
        shown, windows(start, frontier, _first_span(known), read, growth=GROWTH)
    )


def _first_span(known: Document) -> int:
    """The time of the newest 100 microposts, or a minute if that is more."""
    latest = [one["id"] for one in known.get("latest", [])]
    return max(MINUTE, max(latest, default=0) - min(latest, default=0))
