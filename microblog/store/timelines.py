"""Timelines: the microposts of those whom a user follows, and the user's own."""

from collections.abc import Iterator
from heapq import merge

from microblog.store import Database, Document, follows, microposts, users
from microblog.store.walks import Start


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
