"""Dead letters: tasks that were given up, for a person to look at and to queue again.

A document: `_id` (name and arguments), `name`, `arguments`, `error`, `tries`, `at` and
`expires`. The name `mail` stands for a mail that was given up, not for a task.
"""

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo import IndexModel

from microblog.store import Database, Document, pieces

PIECE = 25
KEPT = timedelta(days=90)

INDEXES = [IndexModel("arguments"), IndexModel("expires", expireAfterSeconds=0)]


def key(name: str, arguments: Iterable[Any]) -> str:
    """The `_id` of a task's dead letter; of one task there is one."""
    return f"{name} {json.dumps(list(arguments), separators=(',', ':'))}"


def add(
    database: Database, name: str, arguments: list[Any], error: str, tries: int
) -> None:
    """Keep a task that failed so many times, at last with `error`."""
    letter = {
        "name": name,
        "arguments": arguments,
        "error": error[:1000],
        "tries": tries,
        "at": datetime.now(UTC),
        "expires": datetime.now(UTC) + KEPT,
    }
    query = {"_id": key(name, arguments)}
    database.dead_letters.update_one(query, {"$set": letter}, upsert=True)


def newest(database: Database, limit: int) -> list[Document]:
    """The last `limit` of them, the last first."""
    found = database.dead_letters.find()
    return sorted(found, key=lambda letter: letter["at"], reverse=True)[:limit]


def among(database: Database, keys: Iterable[str]) -> set[str]:
    """Those of `keys` that are dead letters."""
    return {
        letter["_id"]
        for piece in pieces(keys, PIECE)
        for letter in database.dead_letters.find({"_id": {"$in": piece}})
    }


def find(database: Database, id: str) -> Document | None:
    """The one with this id, or None."""
    return database.dead_letters.find_one({"_id": id})


def remove(database: Database, id: str) -> None:
    """Remove one whose task is queued again."""
    database.dead_letters.delete_one({"_id": id})
