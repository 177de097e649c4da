"""Bearer tokens: what an app shows instead of a password.

A document: `_id` (SHA-256 of the token, hexadecimal), `user`, `created`, `used`,
`expires`. The token itself is not kept. The server removes expired documents, late; the
code does not wait for it.
"""

import hashlib
import secrets
from datetime import UTC, datetime, timedelta

from pymongo import DESCENDING, IndexModel

from microblog.store import Database, Document

PREFIX = "mb_"
MOST = 20  # live tokens of a user
USED_EVERY = timedelta(minutes=10)

INDEXES = [IndexModel("user"), IndexModel("expires", expireAfterSeconds=0)]


def digest(token: str) -> str:
    """The id under which a token is known."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def create(database: Database, user: str, lifetime: int) -> str:
    """A new token of 256 random bits for `lifetime` seconds; the oldest beyond the
    allowed number end."""
    token, now = PREFIX + secrets.token_urlsafe(32), datetime.now(UTC)
    database.tokens.insert_one(
        {
            "_id": digest(token),
            "user": user,
            "created": now,
            "used": now,
            "expires": now + timedelta(seconds=lifetime),
        }
    )
    held = database.tokens.find({"user": user}).sort("created", DESCENDING)
    for document in list(held)[MOST:]:
        delete(database, document["_id"])
    return token


def find(database: Database, token: str) -> Document | None:
    """The document of a token that is valid now, or None."""
    document = database.tokens.find_one({"_id": digest(token)})
    now = datetime.now(UTC)
    if document is None or document["expires"] <= now:
        return None
    if now - document["used"] > USED_EVERY:
        database.tokens.update_one({"_id": document["_id"]}, {"$set": {"used": now}})
    return document


def delete(database: Database, id: str) -> None:
    """End the token with this id."""
    database.tokens.delete_one({"_id": id})


def delete_all(database: Database, user: str) -> None:
    """End every token of a user."""
    database.tokens.delete_many({"user": user})
