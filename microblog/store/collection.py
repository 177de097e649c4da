"""A collection: the microposts of one user, from the newest to the oldest."""

from collections.abc import Iterator

from microblog.store import Database, Document, ids
from microblog.store.shapes import shown
from microblog.store.walks import Frontier, Start, first_span, windows


def walk(database: Database, author: Document, start: Start) -> Iterator[Document]:
    """The author's microposts ahead of `start`: embedded ones without a read. Of who is
    suspended nobody sees any."""
    if "suspended" in author:
        return
    name, embedded = author["_id"], author["microposts"]
    held = (
        {**one, "author": name}
        for one in (embedded if start.descending else reversed(embedded))
        if start.includes(one["id"])
    )
    if len(embedded) >= author["counts"]["microposts"]:
        yield from held
        return
    oldest = embedded[-1]["id"] if embedded else ids.MAXIMUM
    if start.descending:
        yield from held
        position = oldest if start.id is None else min(oldest, start.id)
        older = Start(position, True, start.wanted)
        yield from map(shown, from_index(database, author, older))
    else:
        if start.id is None or start.id < oldest - 1:
            upward = from_index(database, author, start, oldest - 1)
            yield from map(shown, upward)
        yield from held


def from_index(
    database: Database, author: Document, start: Start, high: int | None = None
) -> Iterator[Document]:
    """The author's documents ahead of `start`, by the index {author, _id}."""
    name, count = author["_id"], author["counts"]["microposts"]
    embedded = [one["id"] for one in author["microposts"]]
    newest = max(embedded, default=ids.now())
    low = min(author.get("first", 0), newest)
    # Whichever is denser, all of the author's time or the last of it: a window too
    # small costs another read, one too large can cost thousands of documents.
    oldest_embedded = min(embedded, default=low)
    span = min(
        first_span(count, newest - low, start.wanted),
        first_span(len(embedded), newest - oldest_embedded, start.wanted),
    )

    def read(after: int, before: int) -> list[Document]:
        query = {"author": name, "_id": {"$gt": after, "$lt": before}}
        return list(database.microposts.find(query))

    frontier = Frontier(start, low, newest if high is None else high)
    return windows(start, frontier, span, read)
