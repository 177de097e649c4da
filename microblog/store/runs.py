"""Runs: when each periodic task ran last, how that went, and how far it has come.

A document: `_id` (the task's name), `at`, `seconds`, `outcome`, and `position` (an id)
of a task that goes on where it stopped.
"""

from datetime import UTC, datetime

from microblog.store import Database, Document


def note(database: Database, name: str, seconds: float, outcome: str) -> None:
    """Note a run that has just ended."""
    run = {"at": datetime.now(UTC), "seconds": seconds, "outcome": outcome}
    database.runs.update_one({"_id": name}, {"$set": run}, upsert=True)


def all(database: Database) -> list[Document]:
    """The last run of each task, by name."""
    return sorted(database.runs.find(), key=lambda run: run["_id"])


def position(database: Database, name: str) -> int | None:
    """How far a task has come; None: it is at the beginning."""
    run = database.runs.find_one({"_id": name})
    return run.get("position") if run else None


def set_position(database: Database, name: str, position: int | None) -> None:
    """Note how far a task has come."""
    update = {"$set": {"position": position}}
    database.runs.update_one({"_id": name}, update, upsert=True)
