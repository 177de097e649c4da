"""Exports: what users have asked to be told of all that is held about them.

A document, one a user: `_id` username, `asked`, `expires` (then it and its file are
removed), `file` (see `files`) once it is made, and until then `undone.make` (an id:
since when), `run` and `leased` (see `leases`).
"""

from datetime import UTC, datetime, timedelta

from pymongo import IndexModel
from pymongo.errors import DuplicateKeyError

from microblog.store import Database, Document, dead_letters, files, ids, leases

MAKE = "make"  # what can be undone
TASK = "export"  # the name of the task that makes it
KEPT = timedelta(hours=48)

INDEXES = [
    IndexModel("undone.make", sparse=True),
    IndexModel("expires", expireAfterSeconds=0),
]


def find(database: Database, username: str) -> Document | None:
    """What the user has asked for, unless it has expired."""
    document = database.exports.find_one({"_id": username})
    if document is None or document["expires"] <= datetime.now(UTC):
        return None
    return document


def is_given_up(database: Database, export: Document) -> bool:
    """Whether the task has failed for good."""
    key = dead_letters.key(TASK, [export["_id"]])
    return "file" not in export and dead_letters.find(database, key) is not None


def ask(database: Database, username: str) -> Document:
    """A new export in place of the user's last, or the one that is just being made."""
    last = find(database, username)
    if last and "file" not in last and not is_given_up(database, last):
        return last
    now = datetime.now(UTC)
    document: Document = {
        "_id": username,
        "asked": now,
        "expires": now + KEPT,
        "leased": leases.NOT_YET,
        "undone": {MAKE: ids.now()},
    }
    try:
        database.exports.replace_one({"_id": username}, document, upsert=True)
    except DuplicateKeyError:  # Asked twice at the same time.
        database.exports.replace_one({"_id": username}, document)
    dead_letters.remove(database, dead_letters.key(TASK, [username]))
    if last and "file" in last:
        files.delete(database, last["file"])
    return document
