"""Invitations: links with which somebody may register where that needs one.

A document: `_id` (SHA-256 of the secret in the link, hexadecimal), `by` (a username or
the command line), `made`, `expires`, `uses` and `left` of them. The secret itself is
not kept.
"""

import secrets
from datetime import UTC, datetime, timedelta

from pymongo import IndexModel

from microblog.errors import Conflict
from microblog.i18n import _
from microblog.store import Database, Document
from microblog.store.credentials import digest

MOST_DAYS = 365
MOST_USES = 1000
MOST = 20  # that are good at once, of who is no moderator

INDEXES = [IndexModel("by"), IndexModel("expires", expireAfterSeconds=0)]


def check(database: Database, by: str, most: int | None) -> None:
    """Conflict: `most` by the same are good already."""
    if most is not None and len(of(database, by)) >= most:
        raise Conflict(
            _("no more than ${most} invitations at once", mapping={"most": most})
        )


def create(database: Database, by: str, *, uses: int, days: int) -> str:
    """The secret of a new invitation for so many, within so many days."""
    secret, now = secrets.token_urlsafe(16), datetime.now(UTC)
    invitation = {
        "_id": digest(secret),
        "by": by,
        "made": now,
        "expires": now + timedelta(days=days),
        "uses": uses,
        "left": uses,
    }
    database.invitations.insert_one(invitation)
    return secret


def is_good(database: Database, secret: str) -> bool:
    """Whether somebody may register with it."""
    found = database.invitations.find_one({"_id": digest(secret)})
    return found is not None and _is_good(found)


def use(database: Database, secret: str) -> bool:
    """Use it once, if it is good; whether it was."""
    good = {
        "_id": digest(secret),
        "left": {"$gt": 0},
        "expires": {"$gt": datetime.now(UTC)},
    }
    used = database.invitations.update_one(good, {"$inc": {"left": -1}})
    return bool(used.matched_count)


def give_back(database: Database, secret: str) -> None:
    """Nobody has registered with it after all."""
    given = {"_id": digest(secret)}
    database.invitations.update_one(given, {"$inc": {"left": 1}})


def all(database: Database) -> list[Document]:
    """Those that are good, the latest first."""
    now = datetime.now(UTC)
    ahead = {"$gt": now, "$lt": now + timedelta(days=MOST_DAYS + 1)}
    return _good(list(database.invitations.find({"expires": ahead})))


def of(database: Database, by: str) -> list[Document]:
    """Those of one user that are good, the latest first."""
    return _good(list(database.invitations.find({"by": by})))


def is_there(database: Database, id: str, by: str | None) -> bool:
    """Whether there is an invitation with this id, of this user (None: of anybody)."""
    found = database.invitations.find_one({"_id": id})
    return found is not None and by in {None, found["by"]}


def revoke(database: Database, id: str) -> None:
    """Let nobody register with an invitation any more."""
    database.invitations.delete_one({"_id": id})


def _good(found: list[Document]) -> list[Document]:
    good = filter(_is_good, found)
    return sorted(good, key=lambda one: one["made"], reverse=True)


def _is_good(invitation: Document) -> bool:
    return bool(invitation["left"] > 0 and invitation["expires"] > datetime.now(UTC))
