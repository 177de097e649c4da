"""What of the data a backup holds, and how it is read while people go on writing.

A micropost is read before who wrote it, and who was deleted is read last. So the author
of each micropost and both ends of each link are among the users or the deleted: a
backup that is taken while people write is consistent, once `restore` has left out what
deleted users had and computed what is computed.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from pymongo.errors import AutoReconnect, ExecutionTimeout

from microblog.store import (
    Database,
    Document,
    archive,
    hidden,
    ids,
    marks,
    users,
    version,
)
from microblog.store.walks import MINUTE, Frontier, Start, next_span, windows
from microblog.version import VERSION as PROGRAM

Progress = Callable[[str, Iterable[Document], int | None], Iterator[Document]]

PIECE = 500  # documents asked for at once, about
HOUR = 3600
LONGEST = 2000  # milliseconds that reading a window may take
EPOCH = datetime.fromtimestamp(0, UTC)
DELETED = "deleted"  # of `users`, those who are no more
HIDDEN_SINCE = "hidden_since"


class Fate(StrEnum):
    """What becomes of a collection in a backup."""

    KEPT = "kept"
    WITH_LOGINS = "kept when logins are asked for"
    COMPUTED = "computed anew by a restore"
    LEFT_OUT = "left out"


class Kept(NamedTuple):
    """A collection's fate, why, and how it is read."""

    fate: Fate
    why: str
    read: Callable[[Database], Iterable[Document]] = lambda database: ()


def all_microposts(database: Database, first: int = 0) -> Iterator[Document]:
    """The documents of all microposts, or of those from the id `first` on, and perhaps
    some before it."""
    known = marks.microposts(database) or {"oldest": ids.now()}
    first = max(first, known["oldest"])
    return _by_day(database, "microposts", "_id", first)


def _microposts(database: Database) -> Iterator[Document]:
    for one in all_microposts(database):
        kept = ("_id", "author", "text", "referenced", "edited", "rev")
        yield {field: one[field] for field in kept}


def _follows(database: Database) -> Iterator[Document]:
    first = min(marks.steps(database), default=ids.now())
    return _by_day(database, "follows", "at", first)


def _users(database: Database) -> Iterator[Document]:
    for one in users.walk(database, Start(descending=False, wanted=PIECE // 4)):
        computed = ("counts", "microposts", "first", "newest", "undelivered")
        yield {field: one[field] for field in one if field not in computed}


def _deleted(database: Database) -> Iterator[Document]:
    query = {"deleted": {"$gt": EPOCH, "$lt": datetime.now(UTC) + timedelta(days=1)}}
    for one in _in_order("_id", database.users.find(query)):
        yield {field: one[field] for field in ("_id", "folded", "deleted")}


def _all(name: str) -> Callable[[Database], list[Document]]:
    """Reads a small collection."""
    return lambda database: _in_order("_id", database[name].find())


def _aging(name: str, field: str) -> Callable[[Database], Iterator[Document]]:
    """Reads what the server removes when it is old, by the index for that."""

    def read(database: Database) -> Iterator[Document]:
        def between(after: int, before: int) -> list[Document]:
            low, high = (EPOCH + timedelta(seconds=one) for one in (after, before))
            # Bounds are whole seconds, and each moment lies in one window.
            query = {field: {"$gte": low + timedelta(seconds=1), "$lt": high}}
            return list(database[name].find(query))

        now = int(datetime.now(UTC).timestamp())
        frontier = Frontier(FORWARD, now - 48 * HOUR, now + 10 * 366 * 24 * HOUR)
        return windows(FORWARD, frontier, HOUR, between, key=field)

    return read


FORWARD = Start(descending=False, wanted=PIECE // 2)  # a window brings twice as many

# In the order in which they are read.
COLLECTIONS = {
    # Before and after microposts: what is hidden or shown meanwhile is in one of them.
    "hidden": Kept(Fate.KEPT, "of microposts", hidden.kept),
    "microposts": Kept(Fate.KEPT, "but for what is computed of a text", _microposts),
    HIDDEN_SINCE: Kept(Fate.KEPT, "of microposts", hidden.kept),
    "follows": Kept(Fate.KEPT, "", _follows),
    "idempotency": Kept(
        Fate.KEPT,
        "who repeats a post must not post twice",
        _aging("idempotency", "created"),
    ),
    "notices": Kept(Fate.KEPT, "nobody is told twice", _aging("notices", "expires")),
    "mails": Kept(Fate.KEPT, "nothing is mailed twice", _aging("mails", "expires")),
    "dead_letters": Kept(
        Fate.KEPT, "a person is to look at them", _aging("dead_letters", "expires")
    ),
    "statistics": Kept(
        Fate.KEPT, "what was deleted is counted there", _all("statistics")
    ),
    "searches": Kept(Fate.KEPT, "searches leave nothing else", _all("searches")),
    "reports": Kept(Fate.KEPT, "moderators are to look at them", _all("reports")),
    "applications": Kept(Fate.KEPT, "they await approval", _all("applications")),
    "invitations": Kept(Fate.KEPT, "they are good", _all("invitations")),
    "audit": Kept(Fate.KEPT, "it tells who did what", _aging("audit", "expires")),
    "tokens": Kept(
        Fate.WITH_LOGINS, "whoever has them is logged in", _aging("tokens", "expires")
    ),
    "sessions": Kept(
        Fate.WITH_LOGINS, "whoever has them is logged in", _aging("sessions", "expires")
    ),
    "keys": Kept(Fate.WITH_LOGINS, "they sign links that set passwords", _all("keys")),
    "users": Kept(Fate.KEPT, "but for counts and references", _users),
    DELETED: Kept(Fate.KEPT, "they stay deleted, their names taken", _deleted),
    "names": Kept(Fate.COMPUTED, "from users"),
    "marks": Kept(Fate.COMPUTED, "from microposts, users and follows"),
    "segments": Kept(Fate.COMPUTED, "from microposts, and so are the postings"),
    "postings": Kept(Fate.COMPUTED, "from microposts"),
    "timelines": Kept(Fate.COMPUTED, "each when its reader comes"),
    "erasures": Kept(Fate.LEFT_OUT, "the postings that they are for are left out"),
    "exports": Kept(Fate.LEFT_OUT, "they can be asked for again"),
    "imports": Kept(Fate.LEFT_OUT, "what came of them is in the backup"),
    "files": Kept(Fate.LEFT_OUT, "of exports and imports"),
    "limits": Kept(Fate.LEFT_OUT, "what was done too often is over soon"),
    "runs": Kept(Fate.LEFT_OUT, "periodic tasks begin again"),
    "workers": Kept(Fate.LEFT_OUT, "who works now"),
    "heartbeats": Kept(Fate.LEFT_OUT, "who asks now"),
    "version": Kept(Fate.LEFT_OUT, "it stands in the manifest"),
    "messages": Kept(Fate.LEFT_OUT, "the queue, which may be lost"),
    "messages.broadcast": Kept(Fate.LEFT_OUT, "the queue, which may be lost"),
    "messages.routing": Kept(Fate.LEFT_OUT, "the queue, which may be lost"),
}


def take(
    database: Database,
    directory: Path,
    progress: Progress,
    *,
    with_logins: bool = False,
    only_deletions: bool = False,
) -> Document:
    """Back the data up into a new directory; the manifest. BadBackup: why it cannot
    be."""
    wanted = {Fate.KEPT, Fate.WITH_LOGINS} if with_logins else {Fate.KEPT}
    began = datetime.now(UTC)
    written = {}
    with archive.new(directory) as folder:
        for name, kept in COLLECTIONS.items():
            if name == DELETED if only_deletions else kept.fate in wanted:
                documents = progress(name, kept.read(database), None)
                written[name] = archive.write(folder, name, documents)
        manifest = {
            "program": PROGRAM,
            "data_version": version.mended(database),
            "began": began.isoformat(timespec="seconds"),
            "ended": datetime.now(UTC).isoformat(timespec="seconds"),
            "collections": written,
        }
        archive.write_manifest(folder, manifest)
    return manifest


def _by_day(
    database: Database, name: str, field: str, first: int
) -> Iterator[Document]:
    """All documents by an id, about the oldest of which is `first`, in windows on the
    index of `day` and it."""
    collection = database[name]

    def between(after: int, upper: int) -> list[Document]:
        return [
            one
            for day in range(ids.day(after), ids.day(upper) + 1)
            for one in collection.find(
                {"day": day, field: {"$gt": after, "$lte": upper}}
            ).max_time_ms(LONGEST)
        ]

    low, high = ids.day(first), ids.day(ids.now()) + 1
    yield from _in_order(field, collection.find({"day": {"$gte": 0, "$lt": low}}))
    position, end, span = ids.of_day(low) - 1, ids.of_day(high + 1) - 1, MINUTE
    while position < end:
        upper = min(position + span, end)
        try:
            found = between(position, upper)
        except (ExecutionTimeout, AutoReconnect):
            # After few there were very many.
            if span == 1:
                raise
            span = max(1, span // 32)
            continue
        yield from _in_order(field, found)
        position = upper
        # Not wider than a day: many may follow on few.
        span = min(next_span(span, len(found), FORWARD.wanted), ids.DAY << ids.BITS)
    # Written by a clock that was ahead.
    later = {"day": {"$gt": high, "$lt": ids.day(ids.MAXIMUM) + 1}}
    yield from _in_order(field, collection.find(later))


def _in_order(field: str, found: Iterable[Document]) -> list[Document]:
    return sorted(found, key=lambda one: one[field])
