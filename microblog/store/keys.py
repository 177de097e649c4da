"""Secret keys that the processes of a site share: drawn on first use, and anew by
`rotate`. What was signed by the key before the present one still counts.

A document: `_id` (what it is for), `key` (32 random bytes), `before` (the key before).
"""

import hmac
import secrets
from contextlib import suppress

from pymongo.errors import DuplicateKeyError

from microblog.store import Database, Document

LENGTH = 32  # bytes


def find(database: Database, name: str) -> bytes:
    """The key of this name, to sign with."""
    return pair(database, name)[-1]


def pair(database: Database, name: str) -> list[bytes]:
    """The keys whose signatures count: the one before, if there was one, and the
    present one. Other machines learn of new ones within a minute."""
    document = database.memory.keys.get(name, lambda: _stored(database, name))
    if document is None:
        _draw(database, name)
        return pair(database, name)
    return [bytes(document[one]) for one in ("before", "key") if one in document]


def sign(pair: list[bytes], said: str) -> str:
    """A MAC by the last of the keys (HMAC-SHA-256, in hexadecimal digits)."""
    return hmac.digest(pair[-1], said.encode("utf-8", "surrogatepass"), "sha256").hex()


def fits(pair: list[bytes], said: str, mac: str) -> bool:
    """Whether a MAC is by one of the keys; in a time that tells nothing."""
    given = mac.encode("utf-8", "replace")
    return any(hmac.compare_digest(given, sign([key], said).encode()) for key in pair)


def rotate(database: Database) -> list[str]:
    """Draw all keys anew, and keep each present one as the one before; their names.
    Done twice, it ends all that was signed before."""
    names = []
    for document in database["keys"].find():
        change = {"key": secrets.token_bytes(LENGTH), "before": document["key"]}
        query = {"_id": document["_id"], "key": document["key"]}
        if database["keys"].update_one(query, {"$set": change}).matched_count:
            names.append(document["_id"])
    return names


def _stored(database: Database, name: str) -> Document | None:
    return database["keys"].find_one({"_id": name})


def _draw(database: Database, name: str) -> None:
    # Another process may have drawn one at the same time.
    with suppress(DuplicateKeyError):
        key = secrets.token_bytes(LENGTH)
        database["keys"].insert_one({"_id": name, "key": key})
