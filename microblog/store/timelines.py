"""Timelines: the microposts of those whom a user follows, and the user's own; and the
public one, of everybody."""

from collections.abc import Iterator
from heapq import merge

from microblog.store import (
    Database,
    Document,
    follows,
    marks,
    microposts,
    pieces,
    users,
)
from microblog.store.walks import Start

PIECE = 25  # microposts asked for at once; a page and the one beyond it


def walk(database: Database, reader: Document, start: Start) -> Iterator[Document]:
    """The microposts of a reader's timeline ahead of `start`.

    Pulled: every followee's document brings the newest microposts with it; only a
    walk beyond those reads on, author by author.
    """
    names = follows.followees(database, reader["_id"])
    authors = [*users.find_many(database, names).values(), reader]
    return merge(
        *(microposts.walk(database, author, start) for author in authors),
        key=lambda micropost: micropost["id"],
        reverse=start.descending,
    )


def walk_public(database: Database, start: Start) -> Iterator[Document]:
    """The newest 100 microposts of everybody, as far as they lie ahead of `start` and
    are not deleted."""
    latest = (marks.microposts(database) or {}).get("latest", [])
    ahead = {one["id"] for one in latest if start.includes(one["id"])}
    for piece in pieces(sorted(ahead, reverse=start.descending), PIECE):
        found = database.microposts.find({"_id": {"$in": piece}})
        by_id = {document["_id"]: document for document in found}
        yield from (microposts.shown(by_id[id]) for id in piece if id in by_id)
