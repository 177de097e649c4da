"""Applications: who has registered where moderators approve of each new account.

They are no users until then: nobody finds them, and they cannot log in. A document:
`_id` (the folded username: of two that look alike there is one), `username`, `profile`
(`name`, `email`, `password`: its hash), `list` (LIST), `at` (an id: when), `expires`.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from pymongo import IndexModel
from pymongo.errors import DuplicateKeyError

from microblog import usernames
from microblog.errors import Conflict
from microblog.i18n import _
from microblog.store import Database, Document, ids, records, users
from microblog.store.walks import Start

KEPT = timedelta(days=90)
LIST = "awaiting"

INDEXES = [
    IndexModel([("list", 1), ("at", -1)]),
    IndexModel("expires", expireAfterSeconds=0),
]


def create(database: Database, username: str, **profile: str) -> None:
    """Ask for an account. Conflict: the name, or one that looks like it, is taken."""
    folded = usernames.fold(username)
    application = {
        "_id": folded,
        "username": username,
        "profile": profile,
        "list": LIST,
        "at": ids.new(),
        "expires": datetime.now(UTC) + KEPT,
    }
    try:
        if database.users.find_one({"folded": folded}) is None:
            database.applications.insert_one(application)
            return
    except DuplicateKeyError:
        pass
    raise Conflict(_("the username is taken, or looks like one that is"))


def find(database: Database, username: str) -> Document | None:
    """The application of exactly this name, or None."""
    found = database.applications.find_one({"_id": usernames.fold(username)})
    return found if found and found["username"] == username else None


def walk(database: Database, start: Start) -> Iterator[Document]:
    """The applications ahead of `start`, by `at`."""
    return records.walk(database, "applications", {"list": LIST}, "at", start)


def approve(database: Database, username: str) -> Document | None:
    """The user's document, who is one from now on; None: there is no application.
    Conflict: the name was taken meanwhile."""
    application = find(database, username)
    if application is None:
        return None
    user = users.create(database, username, **application["profile"])
    database.applications.delete_one({"_id": application["_id"]})
    return user


def reject(database: Database, username: str) -> bool:
    """Remove an application: the name is free again; whether there was one."""
    found = {"_id": usernames.fold(username), "username": username}
    return bool(database.applications.delete_one(found).deleted_count)
