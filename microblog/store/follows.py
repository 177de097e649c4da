"""Follows: who reads whom.

A document: `_id` "follower followee", `follower`, `followee`, `at` (an id: when),
`day` (of `at`, counted from 1970). Both names are indexed with `at`, so that the newest
links come first in either direction.
"""

from collections.abc import Iterator

from pymongo import IndexModel
from pymongo.errors import DuplicateKeyError

from microblog.errors import Conflict
from microblog.i18n import _
from microblog.store import Database, Document, ids, timelines, users
from microblog.store.walks import MINUTE, Frontier, Start, first_span, in_order, windows

PIECE = 20  # links asked for at once
# Whom a user may follow: the timeline's document names many of them.
MOST = 100_000

INDEXES = [
    IndexModel([("follower", 1), ("at", -1)]),
    IndexModel([("followee", 1), ("at", -1)]),
    IndexModel([("day", 1), ("at", -1)]),
]


def new_document(follower: str, followee: str, after: int = 0) -> Document:
    """The link from one user to another, made now, and later than `after`."""
    at = ids.new(after)
    return {
        "_id": f"{follower} {followee}",
        "follower": follower,
        "followee": followee,
        "at": at,
        "day": ids.day(at),
    }


def create(database: Database, follower: str, followee: str) -> bool:
    """Follow; whether that is new. The `_id` is the guard against doing it twice.

    Conflict: the user follows MOST already.
    """
    user, followed = (users.seen(database, name) for name in (follower, followee))
    if user and user["counts"]["following"] >= MOST:
        raise Conflict(
            _("nobody can follow more than ${most} users", mapping={"most": MOST})
        )
    # Before and after: a crash in between leaves no timeline that lacks the change, and
    # one that was built in between is built again.
    timelines.forget(database, follower)
    # No sooner than they came, even when the clock has gone back: nobody looks there.
    came = max((one["joined"] for one in (user, followed) if one), default=0)
    link = new_document(follower, followee, after=came)
    try:
        database.follows.insert_one(link)
    except DuplicateKeyError:
        return False
    timelines.forget(database, follower)
    users.add_links(database, follower, "following", [link["at"]])
    users.add_links(database, followee, "followers", [link["at"]])
    return True


def delete(database: Database, follower: str, followee: str) -> bool:
    """Unfollow; whether there was anything to undo."""
    # With the followee: by it links are spread over shards (docs/scaling.md).
    link = {"_id": f"{follower} {followee}", "followee": followee}
    timelines.forget(database, follower)
    if not database.follows.delete_one(link).deleted_count:
        return False
    timelines.forget(database, follower)
    users.add_counts(database, follower, following=-1)
    users.add_counts(database, followee, followers=-1)
    return True


def exists(database: Database, follower: str, followee: str) -> bool:
    """Whether the one follows the other."""
    link = f"{follower} {followee}"
    query = {"_id": link, "followee": followee}
    found: bool = database.memory.follows.get(
        link, lambda: database.follows.find_one(query) is not None
    )
    return found


def followees(database: Database, follower: str) -> list[str]:
    """The names of all whom a user follows, in no order."""
    found = database.follows.find({"follower": follower})
    return [document["followee"] for document in found]


def walk_following(
    database: Database, user: Document, start: Start
) -> Iterator[Document]:
    """The links to whom the user follows, ahead of `start`."""
    return _walk(database, user, "follower", "following", start)


def walk_followers(
    database: Database, user: Document, start: Start
) -> Iterator[Document]:
    """The links from the user's followers, ahead of `start`."""
    return _walk(database, user, "followee", "followers", start)


def _walk(
    database: Database, user: Document, side: str, count: str, start: Start
) -> Iterator[Document]:
    times = sorted(map(int, user.get("times", {}).get(count, ())))
    # The clock of another process may be ahead, and one may have been.
    low, high = ids.at(user["created"]), max([ids.now(), *times[-1:]]) + MINUTE

    def read(after: int, before: int) -> list[Document]:
        query = {side: user["_id"], "at": {"$gt": after, "$lt": before}}
        return list(database.follows.find(query))

    span = first_span(user["counts"][count], high - low, start.wanted)
    if len(times) > 1:
        # Links crowd: many come within the seconds of an import.
        span = min(span, first_span(len(times), times[-1] - times[0], start.wanted))
        if start.descending and (start.id is None or start.id > times[0]):
            # However long ago they came, these are the last.
            latest = read(times[0] - 1, high if start.id is None else start.id)
            yield from in_order(latest, start, "at")
            start = Start(times[0], True, start.wanted)
    yield from windows(start, Frontier(start, low, high), span, read, key="at")
