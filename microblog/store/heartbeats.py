"""Proofs that the store can be written and read: where a disk is full, a server can go
on to answer whoever asks whether it lives.

A document: `_id` (who has asked), `at` (when).
"""

from datetime import UTC, datetime

from pymongo import IndexModel

from microblog.store import Database

INDEXES = [IndexModel("at", expireAfterSeconds=3600)]


def beat(database: Database, who: str) -> bool:
    """Write, and read what was written; whether it was there."""
    now = datetime.now(UTC)
    database.heartbeats.update_one({"_id": who}, {"$set": {"at": now}}, upsert=True)
    found = database.heartbeats.find_one({"_id": who})
    # Kept in milliseconds.
    return found is not None and abs((found["at"] - now).total_seconds()) < 0.01


def look(database: Database) -> None:
    """Read, by primary key, whatever there is."""
    database.heartbeats.find_one({"_id": ""})
