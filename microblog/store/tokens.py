"""Bearer tokens: what an app shows instead of a password.

A document: `_id` (SHA-256 of the token, hexadecimal), `user`, `created`, `used`,
`expires`, and `scope`: `read` if it only reads. The token itself is not kept.
"""

import secrets
from datetime import UTC, datetime, timedelta

from microblog.store import Database, Document, credentials
from microblog.store.credentials import digest as digest

PREFIX = "mb_"
READ, READ_WRITE = "read", "read write"  # scopes
MOST = credentials.MOST
USED_EVERY = credentials.USED_EVERY

INDEXES = credentials.INDEXED


def create(
    database: Database, user: str, lifetime: int, scope: str = READ_WRITE
) -> str:
    """A new token of 256 random bits for `lifetime` seconds; the oldest beyond the
    allowed number end."""
    token, now = PREFIX + secrets.token_urlsafe(32), datetime.now(UTC)
    document = {
        "_id": digest(token),
        "user": user,
        "created": now,
        "used": now,
        "expires": now + timedelta(seconds=lifetime),
        "scope": scope,
    }
    credentials.keep(database.tokens, document)
    return token


def find(database: Database, token: str, touched: bool = True) -> Document | None:
    """The document of a token that is valid now, or None. `touched`: being found is
    use, which is noted."""
    document, now = (
        credentials.find(database.tokens, token, database.memory.tokens),
        datetime.now(UTC),
    )
    if touched and document and now - document["used"] > USED_EVERY:
        database.tokens.update_one({"_id": document["_id"]}, {"$set": {"used": now}})
    return document


def of_user(database: Database, username: str) -> list[Document]:
    """The user's tokens that are valid now, the last used first."""
    return credentials.of_user(database.tokens, username)


def delete(database: Database, id: str) -> None:
    """End the token with this id."""
    database.tokens.delete_one({"_id": id})


def delete_of(database: Database, username: str, id: str) -> bool:
    """End the token with this id, if it is the user's; whether it was."""
    return credentials.delete_of(database.tokens, username, id)


def delete_all(database: Database, user: str) -> None:
    """End every token of a user."""
    database.tokens.delete_many({"user": user})
