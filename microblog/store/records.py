"""What is noted one after the other, and read from the latest: reports, applications,
what moderators did. Each has an index of an equality and an id."""

from collections.abc import Iterator
from datetime import UTC, datetime

from microblog.store import Database, Document, ids
from microblog.store.walks import MINUTE, Frontier, Start, windows

# Nothing of the kind was noted before.
EARLIEST = ids.at(datetime(2026, 1, 1, tzinfo=UTC))
FIRST_SPAN = 60 * MINUTE
GROWTH = 8  # how much wider the next window is at most: mostly there are few


def walk(
    database: Database, collection: str, query: Document, key: str, start: Start
) -> Iterator[Document]:
    """The documents that `query`, an indexed equality, meets, by the id `key`."""

    def read(after: int, before: int) -> list[Document]:
        ahead = {**query, key: {"$gt": after, "$lt": before}}
        return list(database[collection].find(ahead))

    # The clock of another process may be ahead.
    frontier = Frontier(start, EARLIEST, ids.now() + MINUTE)
    return windows(start, frontier, FIRST_SPAN, read, key=key, growth=GROWTH)
