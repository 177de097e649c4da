"""The end of an account: gone at once for everybody, purged piece by piece."""

from microblog.store import Database, follows, pieces, sessions, tokens, users

PIECE = 50  # documents removed at once


def delete(database: Database, username: str, limit: int = 500) -> None:
    """Delete the account; purge at most about `limit` documents of it now. `check
    --repair` purges the rest of a larger one."""
    # Before and, by `purge`, after: a crash in between leaves no token or session that
    # works, and none drawn in between stays.
    end_logins(database, username)
    users.mark_deleted(database, username)
    purge(database, username, limit)


def purge(database: Database, username: str, limit: int | None = None) -> int:
    """Remove what a deleted user has left; how many documents. Can be stopped and run
    again anywhere."""
    end_logins(database, username)
    removed = 0
    for collection, query in (
        ("microposts", {"author": username}),
        ("follows", {"follower": username}),
        ("follows", {"followee": username}),
        ("idempotency", {"user": username}),
        ("names", {"_id": username}),
    ):
        found = database[collection].find(query, limit=limit or 0)
        left = [document["_id"] for document in found]
        for piece in pieces(left, PIECE):
            if limit is not None and removed >= limit:
                return removed
            removed += _remove(database, collection, piece)
    return removed


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
