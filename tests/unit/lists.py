"""The lists that have pages, and one reader's way through one of them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from microblog.paging import Cursor
from microblog.store import Database, Document, collection, follows, reading, search
from microblog.store.walks import Start

KINDS = ("collection", "timeline", "following", "followers", "search", "part")


@dataclass
class Reading:
    """One reader's way through a list."""

    kind: str
    order: str
    size: int
    original: set[int]  # what was there when it began
    lost: set[int] = field(default_factory=set)  # what left the list since
    seen: list[int] = field(default_factory=list)
    cursor: Cursor | None = None
    backward: bool = False
    done: bool = False


def walk(
    database: Database, kind: str, user: Document, word: str, start: Start
) -> Iterator[Any]:
    """The walk over a list of the user's, or over what a search for `word` finds."""
    if kind == "collection":
        return collection.walk(database, user, start)
    if kind == "timeline":
        return reading.walk(database, user, start)
    if kind == "following":
        return follows.walk_following(database, user, start)
    if kind == "followers":
        return follows.walk_followers(database, user, start)
    if kind == "search":
        return search.walk(database, word.upper(), "", start)
    return search.walk(database, f"{word} BETA", "a_", start)
