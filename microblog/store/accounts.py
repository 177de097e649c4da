"""The end of an account: gone at once for everybody, purged piece by piece."""

from microblog.store import (
    Database,
    follows,
    pieces,
    sessions,
    tokens,
    undone,
    users,
)

PIECE = 50  # documents removed at once


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
    for collection, query in (
        ("microposts", {"author": username}),
        ("follows", {"follower": username}),
        ("follows", {"followee": username}),
        ("idempotency", {"user": username}),
        ("names", {"_id": username}),
        ("timelines", {"_id": username}),
        ("deliveries", {"_id": username}),
    ):
        found = database[collection].find(query, limit=limit or 0)
        left = [document["_id"] for document in found]
        for piece in pieces(left, PIECE):
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
        for collection, field in (
            ("microposts", "author"),
            ("follows", "follower"),
            ("follows", "followee"),
            ("tokens", "user"),
            ("sessions", "user"),
            ("idempotency", "user"),
            ("names", "_id"),
            ("timelines", "_id"),
            ("deliveries", "_id"),
        )
    )


def end_logins(database: Database, username: str) -> None:
    """End every token and every session of a user."""
    tokens.delete_all(database, username)
    sessions.delete_all(database, username)


def _remove(database: Database, collection: str, ids: list[object]) -> int:
    if collection == "follows":
        # One by one: each takes the other user's count with it.
        for link in ids:
            follows.delete(database, *str(link).split(" "))
    else:
        database[collection].delete_many({"_id": {"$in": ids}})
    return len(ids)
