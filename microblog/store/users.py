"""Users: who they are, and references to the newest microposts of each.

A document: `_id` username, `folded` (unique), `name`, `bio`, `email`, `password` (hash
or None), `created`, `joined` (an id: when, the order of the directory), `confirmed`
(whether mails reach the user at `email`), `role` (MODERATOR, ADMINISTRATOR or "";
before there was one, `admin` was true of administrators),
`disabled` (whether the user may not log in), `suspended` (`by`, `why`: moderators have
disabled the user),
`mails` (AT_ONCE, DAILY or NEVER), `theme`, `language`, `rev` (goes up with every
change), `pulled` (TELLING or TOLD: readers pull the user's microposts, see
`timelines`), `times` (when the last 21 began to follow or to be followed: a page of
links begins to look there), `counts` of microposts, following and followers, `first`
(id of the oldest micropost), and `microposts`: extended references to the newest 40,
newest first.
MongoDB's manual calls the last the subset pattern. A deleted user keeps `_id`, `folded`
and `deleted`, so that nobody takes the name, and `undone.purge` (an id: since when)
while something of it is left to purge; of a suspended user, that is UNSEEN.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from pymongo import IndexModel
from pymongo.errors import DuplicateKeyError

from microblog import usernames
from microblog.errors import Conflict, NotFound, Stale
from microblog.i18n import _
from microblog.store import Database, Document, ids, marks, names, pieces
from microblog.store.changes import ALL
from microblog.store.memory import slim
from microblog.store.walks import Ladder, Start, windows

PIECE = 20  # users asked for at once
# What a list shows of a user: without the microposts a tenth of the document.
LISTED = ("name", "bio", "created", "joined", "counts", "suspended")
TIMES = 21  # of links; a page and the one beyond it
# When a user who is named in a micropost wants a mail.
AT_ONCE, DAILY, NEVER = "at once", "daily", "never"
# Whether the followers know by now that they pull a user's microposts.
TELLING, TOLD = "telling", "told"
PURGE = "purge"  # what can be undone of a deleted user
DELIVER = "deliver"  # and of an author
# In its place: there is nothing to purge, but nobody sees what the user has written. So
# one index, and one read, tells of whom that is true.
UNSEEN = -1
MODERATOR, ADMINISTRATOR = "moderator", "administrator"
PROFILE = (
    "name",
    "bio",
    "email",
    "confirmed",
    "password",
    "mails",
    "theme",
    "language",
)

INDEXES = [
    IndexModel("folded", unique=True),
    IndexModel("joined"),
    IndexModel("email", partialFilterExpression={"email": {"$gt": ""}}),
    IndexModel("undone.purge", sparse=True),
    IndexModel("undone.deliver", sparse=True),
    IndexModel("deleted", sparse=True),
]


def new_document(
    username: str,
    *,
    name: str = "",
    bio: str = "",
    email: str = "",
    password: str | None = None,
) -> Document:
    """A user without microposts. `password`: its hash; None: cannot log in."""
    return {
        "_id": username,
        "folded": usernames.fold(username),
        "name": name,
        "bio": bio,
        "email": email,
        "password": password,
        "confirmed": False,
        "role": "",
        "mails": AT_ONCE,
        "theme": "",
        "language": "",
        "created": datetime.now(UTC).replace(microsecond=0),
        "joined": ids.new(),
        "rev": 1,
        "counts": {"microposts": 0, "following": 0, "followers": 0},
        "microposts": [],
        "newest": 0,
    }


def create(database: Database, username: str, **profile: Any) -> Document:
    """The new user's document. Conflict: the name, or one that looks like it, is
    taken."""
    document = new_document(username, **profile)
    try:
        database.users.insert_one(document)
    except DuplicateKeyError:
        raise Conflict(_("the username is taken, or looks like one that is")) from None
    names.add(database, [document])
    return document


def find(database: Database, username: str) -> Document | None:
    """The document of a user who is here, or None."""
    document = database.users.find_one({"_id": username})
    return None if document is None or "deleted" in document else document


def seen(database: Database, username: str) -> Document | None:
    """As `find`, for reading: what this process remembers, as long as it is right. Not
    to be changed."""
    user: Document | None = database.memory.users.get(
        username, lambda: slim(find(database, username))
    )
    return user


def pulled(database: Database, names: Iterable[str]) -> list[Document]:
    """The documents of those of `names` who are here, a second old at most."""
    found = database.memory.pulled.get_many(
        names, lambda names: slim(find_many(database, names))
    )
    return [user for user in found.values() if user is not None]


def find_many(
    database: Database, names: Iterable[str], fields: Iterable[str] | None = None
) -> dict[str, Document]:
    """The documents of those of `names` who are here, by username; `fields`: with these
    alone."""
    shown = None if fields is None else [*fields, "deleted"]
    found = {}
    for piece in pieces(names, PIECE):
        for document in database.users.find({"_id": {"$in": piece}}, shown):
            if "deleted" not in document:
                found[document["_id"]] = document
    return found


def by_email(database: Database, address: str) -> list[Document]:
    """The documents of the users with exactly this address."""
    return list(database.users.find({"email": address}))


def walk(database: Database, start: Start) -> Iterator[Document]:
    """The documents of all users who are here, by when they joined (`joined`)."""

    def read(after: int, before: int) -> list[Document]:
        return list(database.users.find({"joined": {"$gt": after, "$lt": before}}))

    return windows(start, frontier(database, start), 1, read, key="joined")


def frontier(database: Database, start: Start) -> Ladder:
    """All users ahead of `start`, in steps of a few."""
    # The clock that somebody joined by may have been ahead.
    return Ladder(start, 0, ids.MAXIMUM - 1, marks.steps(database))


def existing(database: Database, names: Iterable[str]) -> set[str]:
    """Those of `names` that are taken, by users who are here or by deleted ones."""
    return {
        document["_id"]
        for piece in pieces(names, PIECE)
        for document in database.users.find({"_id": {"$in": piece}})
    }


def gone(database: Database) -> frozenset[str]:
    """Of whom nobody sees anything: suspended users, and deleted ones of whom something
    may still be there."""

    def read() -> frozenset[str]:
        unseen = {f"undone.{PURGE}": {"$gt": UNSEEN - 1, "$lt": ids.MAXIMUM}}
        return frozenset(one["_id"] for one in database.users.find(unseen, {"_id": 1}))

    found: frozenset[str] = database.memory.gone.get(ALL, read)
    return found


def change(
    database: Database, username: str, profile: Document, rev: int | None = None
) -> Document:
    """The document after `profile` was set. Stale: it is no longer at `rev`."""
    query: Document = {"_id": username, "deleted": {"$exists": False}}
    if rev is not None:
        query["rev"] = rev
    result = database.users.update_one(query, {"$set": profile, "$inc": {"rev": 1}})
    document = find(database, username)
    if document is None:
        raise NotFound("there is no such user")
    if not result.matched_count:
        raise Stale(_("the user has changed in the meantime"))
    if "name" in profile:
        names.add(database, [document])
    return document


def role(user: Document) -> str:
    """What the user may do beside what everybody may: MODERATOR, ADMINISTRATOR, ""."""
    before = ADMINISTRATOR if user.get("admin") else ""
    return "" if user.get("disabled") else str(user.get("role", before))


def is_seen(user: Document) -> bool:
    """Whether anybody sees more of the user than that there is one."""
    return "suspended" not in user


def suspend(database: Database, username: str, suspended: Document) -> None:
    """Note that the user is suspended: `by` and `why`."""
    told = {"disabled": True, "suspended": suspended, f"undone.{PURGE}": UNSEEN}
    _change_for_all(database, username, {"$set": told})


def restore(database: Database, username: str) -> None:
    """Note that the user is neither disabled nor suspended."""
    told = {"suspended": "", f"undone.{PURGE}": ""}
    update = {"$set": {"disabled": False}, "$unset": told}
    _change_for_all(database, username, update)


def _change_for_all(database: Database, username: str, update: Document) -> None:
    """Write what decides whether the user's microposts are seen. NotFound."""
    query = {"_id": username, "deleted": {"$exists": False}}
    # Who is gone is remembered as one thing.
    with database.changes.changing("users", [ALL]):
        result = database.users.update_one(query, {**update, "$inc": {"rev": 1}})
    if not result.matched_count:
        raise NotFound("there is no such user")


def replace_password(
    database: Database, username: str, old: str | None, new: str
) -> bool:
    """Store another hash, if the old one is still the user's; whether it was. So it
    undoes no new password."""
    query = {"_id": username, "password": old, "deleted": {"$exists": False}}
    update = {"$set": {"password": new}}
    return bool(database.users.update_one(query, update).matched_count)


def confirm(database: Database, username: str, address: str) -> bool:
    """Note that the user reads mails at the address, if it still is the user's; whether
    it was."""
    update = {"$set": {"confirmed": True}, "$inc": {"rev": 1}}
    query = {"_id": username, "email": address}
    return bool(database.users.update_one(query, update).matched_count)


def set_pulled(database: Database, username: str, pulled: str) -> None:
    """Note that readers pull the user's microposts, and whether they know (TELLING,
    TOLD)."""
    query = {"_id": username, "deleted": {"$exists": False}}
    database.users.update_one(query, {"$set": {"pulled": pulled}, "$inc": {"rev": 1}})


def mark_deleted(database: Database, username: str) -> None:
    """Make the user absent at once: what remains says only that the name is taken."""
    gone = {
        "_id": username,
        "folded": usernames.fold(username),
        "deleted": datetime.now(UTC),
        "undone": {PURGE: ids.now()},
    }
    # Who is gone is remembered as one thing.
    with database.changes.changing("users", [ALL]):
        database.users.replace_one({"_id": username}, gone)
    names.remove(database, username)


def add_counts(database: Database, username: str, **counts: int) -> None:
    """Add to the counts `following` and `followers`."""
    increments = {f"counts.{name}": number for name, number in counts.items()}
    database.users.update_one(
        {"_id": username, "counts": {"$exists": True}},
        {"$inc": {**increments, "rev": 1}},
    )


def add_links(
    database: Database, username: str, count: str, times: Sequence[int]
) -> None:
    """Count links that were just stored (`following` or `followers`), and note when:
    ids, in order."""
    noted = [ids.spell(at) for at in times[-TIMES:]]
    push = {f"times.{count}": {"$each": noted, "$sort": 1, "$slice": -TIMES}}
    database.users.update_one(
        {"_id": username, "counts": {"$exists": True}},
        {"$inc": {f"counts.{count}": len(times), "rev": 1}, "$push": push},
    )
