"""Sessions: what a browser shows, in a cookie, once its user has logged in.

A document: `_id` (SHA-256 of the secret, hexadecimal), `user`, `created`, `used`,
`expires` (the earlier of its idle and its absolute end), `ends` (the absolute one),
`agent` (what the browser calls itself), and the user's `theme`, `language` and `role`,
copied so that a page need not read the user to be shown; what the user may do is asked
of the user's document. The secret itself is not kept.
"""

import secrets
from datetime import UTC, datetime, timedelta

from microblog.store import Database, Document, credentials, users
from microblog.store.credentials import digest as digest

MOST = credentials.MOST
USED_EVERY = credentials.USED_EVERY
AGENT = 200  # characters kept

INDEXES = credentials.INDEXED


def create(
    database: Database, user: Document, *, idle: int, lifetime: int, agent: str
) -> str:
    """The secret, of 256 random bits, of a new session of `user` (the document). It
    ends after `idle` seconds without use, and after `lifetime` seconds in any case; the
    oldest beyond the allowed number end now."""
    secret, now = secrets.token_urlsafe(32), datetime.now(UTC)
    document = {
        "_id": digest(secret),
        "user": user["_id"],
        "created": now,
        "used": now,
        "expires": now + timedelta(seconds=min(idle, lifetime)),
        "ends": now + timedelta(seconds=lifetime),
        "agent": agent[:AGENT],
        "theme": user.get("theme", ""),
        "language": user.get("language", ""),
        "role": users.role(user),
    }
    credentials.keep(database.sessions, document)
    return secret


def find(database: Database, secret: str, idle: int | None) -> Document | None:
    """The document of a session that is valid now, or None. Being found is use: it
    lives for another `idle` seconds, within its lifetime; None: it is left alone."""
    document = credentials.find(database.sessions, secret, database.memory.sessions)
    if document is None or idle is None:
        return document
    now, pause = datetime.now(UTC), timedelta(seconds=idle)
    # Written at most every ten minutes, but in time where `idle` is short.
    if now - document["used"] > min(USED_EVERY, pause / 2):
        use = {"used": now, "expires": min(document["ends"], now + pause)}
        database.sessions.update_one({"_id": document["_id"]}, {"$set": use})
        document = {**document, **use}
    return document


def of_user(database: Database, username: str) -> list[Document]:
    """The user's sessions that are valid now, the last used first."""
    return credentials.of_user(database.sessions, username)


def set_preferences(
    database: Database, username: str, theme: str, language: str
) -> None:
    """Copy what the user has chosen into every session of theirs."""
    chosen = {"theme": theme, "language": language}
    database.sessions.update_many({"user": username}, {"$set": chosen})


def delete(database: Database, id: str) -> None:
    """End the session with this id."""
    database.sessions.delete_one({"_id": id})


def delete_of(database: Database, username: str, id: str) -> bool:
    """End the session with this id, if it is the user's; whether it was."""
    return credentials.delete_of(database.sessions, username, id)


def delete_all(database: Database, username: str) -> None:
    """End every session of a user."""
    database.sessions.delete_many({"user": username})
