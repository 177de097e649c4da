"""The public timeline: the microposts of everybody.

The newest 100 stand in the marks; those beyond are found by the index on days.
"""

from collections.abc import Callable, Iterable, Iterator

from microblog.store import Database, Document, ids, marks, microposts, users
from microblog.store.changes import ALL
from microblog.store.shapes import shown
from microblog.store.walks import MINUTE, Frontier, Start, topped, windows

# So many are asked for one by one, by `day` and `_id`; years without a micropost, which
# hold no more of them, at once.
DAYS = 7

# What the first page of everybody is made of: the marks, whatever is edited or deleted,
# and who is here.
PLACES: list[tuple[str, object]] = [
    ("marks", marks.MICROPOSTS),
    microposts.EDITED,
    ("users", ALL),
]


def walk(database: Database, start: Start) -> Iterator[Document]:
    """The microposts of everybody ahead of `start`."""
    known = marks.microposts(database)
    if known is None:
        return iter(())
    latest = marks.latest(known)
    oldest = min(latest, default=known["newest"] + 1)
    return topped(
        start,
        latest,
        oldest if known["oldest"] < oldest else 0,
        lambda wanted: microposts.seen(database, wanted),
        lambda start: _older(database, known, start),
    )


def between(database: Database) -> Callable[[int, int], list[Document]]:
    """Reads all microposts between two ids, both excluded."""

    def read(after: int, before: int) -> list[Document]:
        first, last = ids.day(after), ids.day(before)
        days: Iterable[int | Document] = range(first, last + 1)
        if last - first > DAYS:
            days = [{"$gte": first, "$lte": last}]
        return [
            one
            for day in days
            for one in database.microposts.find(
                {"day": day, "_id": {"$gt": after, "$lt": before}}
            )
        ]

    return read


def _older(database: Database, known: Document, start: Start) -> Iterator[Document]:
    """All microposts ahead of `start`, by the index {day, _id}."""
    frontier = Frontier(start, known["oldest"], known["newest"])
    gone = users.gone(database)
    span = max(MINUTE, marks.span(known))
    for document in windows(start, frontier, span, between(database)):
        if document["author"] not in gone:
            yield shown(document)
