"""The end of an account: gone at once for everybody, purged piece by piece."""

from collections.abc import Iterator
from contextlib import contextmanager

from microblog.store import (
    Database,
    Document,
    erasures,
    follows,
    pieces,
    sessions,
    shapes,
    tokens,
    undone,
    users,
)

PIECE = 50  # documents removed at once
# What a user leaves behind, and the field that says whose it is. Tokens and sessions,
# which are ended as well, are not among them.
LEFT = (
    ("microposts", "author"),
    ("follows", "follower"),
    ("follows", "followee"),
    ("idempotency", "user"),
    ("names", "_id"),
    ("timelines", "_id"),
    ("mails", "to"),
    ("notices", "reader"),
    ("dead_letters", "arguments"),
    ("microposts", "hidden.author"),
    ("hidden", "author"),  # of data that is not migrated
    ("reports", "about"),
    ("reports", "reporter"),
    ("invitations", "by"),
    ("exports", "_id"),
    ("imports", "_id"),
    ("files", "user"),
)
# Of files, which may be large, no more is read than that they are there.
READ = {"files": ["_id"]}


def delete(database: Database, username: str, limit: int = 100) -> bool:
    """Delete the account, and purge at most about `limit` documents of it now; whether
    that was all. The rest of a larger one is a task's."""
    # Before and, by `purge`, after: a crash in between leaves no token or session that
    # works, and none drawn in between stays.
    end_logins(database, username)
    users.mark_deleted(database, username)
    return purge(database, username, limit)


def purge(database: Database, username: str, limit: int | None = None) -> bool:
    """Remove what a deleted user has left, at most about `limit` documents; whether
    that was all. Can be stopped and run again anywhere."""
    end_logins(database, username)
    removed = 0
    for collection, field in LEFT:
        found = database[collection].find(
            {field: username}, READ.get(collection), limit=limit or 0
        )
        for piece in pieces(list(found), PIECE):
            if limit is not None and removed >= limit:
                return False
            removed += _remove(database, collection, piece)
    # One that was written while this ran is found by the look, or by `check`.
    if has_leftovers(database, username):
        return False
    undone.done(database, "users", username, users.PURGE)
    return True


def has_leftovers(database: Database, username: str) -> bool:
    """Whether anything of a deleted user is still to be purged."""
    return any(
        database[collection].find_one({field: username}) is not None
        for collection, field in (*LEFT, ("tokens", "user"), ("sessions", "user"))
    )


def disable(database: Database, username: str) -> None:
    """Let the user log in no more; what the user has written stays."""
    with _logged_out(database, username):
        users.change(database, username, {"disabled": True})


def enable(database: Database, username: str) -> None:
    """Let a disabled or suspended user log in again."""
    users.restore(database, username)


def suspend(database: Database, username: str, by: str, why: str) -> None:
    """Let the user log in no more, and nobody see what the user has written."""
    with _logged_out(database, username):
        users.suspend(database, username, {"by": by, "why": why})


def set_role(database: Database, username: str, role: str) -> None:
    """Give the user a role, or none (""). What the user may do from then on, no session
    or token of before may."""
    with _logged_out(database, username):
        users.change(database, username, {"role": role})


@contextmanager
def _logged_out(database: Database, username: str) -> Iterator[None]:
    """Every login ends, before and after: a crash in between leaves none that works,
    and nobody who is just logging in stays."""
    end_logins(database, username)
    yield
    end_logins(database, username)


def end_logins(database: Database, username: str) -> None:
    """End every token and every session of a user."""
    tokens.delete_all(database, username)
    sessions.delete_all(database, username)


def _remove(database: Database, collection: str, documents: list[Document]) -> int:
    ids = [document["_id"] for document in documents]
    if collection == "microposts":
        erasures.note(database, shapes.present(documents))
    if collection == "follows":
        # One by one: each takes the other user's count with it.
        for link in ids:
            follows.delete(database, *str(link).split(" "))
    else:
        database[collection].delete_many({"_id": {"$in": ids}})
    return len(ids)
