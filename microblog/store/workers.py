"""Workers: each says every few seconds that it lives and what it does.

A document: `_id` (host and process id), `at`, `started`, `running` (a list of `name`,
`id` and `since`), `waiting` (tasks in the queue; None: the broker cannot tell) and
`expires`: a worker that is silent is forgotten.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo import IndexModel

from microblog.store import Database, Document

EVERY_SECONDS = 10
SILENT = timedelta(minutes=2)

INDEXES = [IndexModel("expires", expireAfterSeconds=0)]


def note(database: Database, id: str, **state: Any) -> None:
    """Note what a worker does now."""
    now = datetime.now(UTC)
    update = {"$set": {**state, "at": now, "expires": now + SILENT}}
    database.workers.update_one({"_id": id}, update, upsert=True)


def remove(database: Database, id: str) -> None:
    """A worker has ended."""
    database.workers.delete_one({"_id": id})


def alive(database: Database) -> list[Document]:
    """The workers that were heard of lately."""
    found = database.workers.find()
    now = datetime.now(UTC)
    return [worker for worker in found if worker["expires"] > now]
