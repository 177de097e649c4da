"""Secret keys that the processes of a site share. They are drawn on first use and
never change.

A document: `_id` (what it is for), `key` (32 random bytes).
"""

import secrets

from pymongo.errors import DuplicateKeyError

from microblog.store import Database

LENGTH = 32  # bytes

_known: dict[tuple[str, str], bytes] = {}  # by names of database and key


def find(database: Database, name: str) -> bytes:
    """The key of this name, 32 bytes; read once a process."""
    place = database.name, name
    if place not in _known:
        _known[place] = _stored(database, name) or _drawn(database, name)
    return _known[place]


def _stored(database: Database, name: str) -> bytes | None:
    document = database["keys"].find_one({"_id": name})
    return None if document is None else bytes(document["key"])


def _drawn(database: Database, name: str) -> bytes:
    key = secrets.token_bytes(LENGTH)
    try:
        database["keys"].insert_one({"_id": name, "key": key})
    except DuplicateKeyError:  # Another process drew one at the same time.
        return _stored(database, name) or key
    return key
