"""Notices: that a reader was named in a micropost. Each is noted once, and decides by
its place among those of the same hour whether it is mailed at once.

A document: `_id` "reader hour" (the hour of the microposts, counted from 1970),
`reader`, `notices` (`micropost`, and `how`: what the reader wanted when it was noted)
in the order in which they came, and `expires`. There are at most MOST in an hour.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

from pymongo import IndexModel
from pymongo.errors import DuplicateKeyError

from microblog.store import Database, Document, ids, pieces, shapes

MOST = 100
HOUR = 3_600_000  # milliseconds
# Microposts older than that are mailed to nobody, so that none is mailed twice.
MAILED = timedelta(days=30)
KEPT = MAILED + timedelta(days=10)
PIECE = 20  # documents asked for at once

INDEXES = [IndexModel("reader"), IndexModel("expires", expireAfterSeconds=0)]


def hour(micropost: int) -> int:
    """The hour of an id, counted from 1970."""
    return (micropost >> ids.BITS) // HOUR


def untold(database: Database, micropost: int) -> Document | None:
    """The document of a micropost of which somebody is still to be told."""
    document = database.microposts.find_one({"_id": micropost})
    is_untold = document and shapes.MAILS in document.get("undone", ())
    return document if is_untold else None


def told(database: Database, micropost: Document) -> bool:
    """Note that everybody whom the document names is told; False: it has changed since
    it was read, and may name others."""
    query = {"_id": micropost["_id"], "rev": micropost["rev"]}
    update = {"$unset": {f"undone.{shapes.MAILS}": ""}}
    return bool(database.microposts.update_one(query, update).matched_count)


def naming(
    database: Database, reader: str, wanted: Iterable[int]
) -> Iterator[Document]:
    """Those of `wanted` that are there and name the reader, oldest first."""
    for piece in pieces(sorted(wanted), PIECE):
        found = database.microposts.find({"_id": {"$in": piece}})
        for document in sorted(shapes.present(found), key=lambda one: one["_id"]):
            if reader in shapes.named(document):
                yield document


def overflowed(database: Database, reader: str, hours: Iterable[int]) -> bool:
    """Whether the reader may have been named more than MOST times in one of the
    hours."""
    for piece in pieces((f"{reader} {hour}" for hour in set(hours)), PIECE):
        for document in database.notices.find({"_id": {"$in": piece}}):
            if len(document["notices"]) >= MOST:
                return True
    return False


def note(
    database: Database, reader: str, micropost: int, how: str
) -> tuple[str, int] | None:
    """How the reader is to be told of the micropost, and its place among those of the
    hour, from 0. The same whenever it is asked; None: there were too many."""
    id = f"{reader} {hour(micropost)}"
    notice = {"micropost": micropost, "how": how}
    query = {
        "_id": id,
        "notices.micropost": {"$ne": micropost},
        f"notices.{MOST - 1}": {"$exists": False},
    }
    expires = datetime.now(UTC) + KEPT
    update = {
        "$push": {"notices": notice},
        "$set": {"reader": reader, "expires": expires},
    }
    try:
        database.notices.update_one(query, update, upsert=True)
    except DuplicateKeyError:
        # It was noted before, or there are too many; or another process made the
        # document at the same time, and it is there now.
        database.notices.update_one(query, update)
    return _place(database.notices.find_one({"_id": id}), micropost)


def _place(document: Document | None, micropost: int) -> tuple[str, int] | None:
    for place, notice in enumerate(document["notices"] if document else ()):
        if notice["micropost"] == micropost:
            return notice["how"], place
    return None
