"""Hidden microposts: taken out of `microposts`, and kept here until they are shown
again or deleted.

So nothing that reads microposts can show one: no page, timeline, tag, search, feed or
count, whatever it looks into or remembers. To all of them it is deleted.

A document: `_id`, `author`, `text`, `referenced`, `edited`, `rev`, `hidden` (`by`,
`why`, `at`), and `showing` (since when somebody is putting it back).
"""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

from pymongo import IndexModel
from pymongo.errors import DuplicateKeyError

from microblog.errors import NotFound, Stale
from microblog.i18n import _
from microblog.store import (
    Database,
    Document,
    deliveries,
    marks,
    microposts,
    references,
    shapes,
    users,
)

SHOWN = 40  # of an author
# Whoever has begun to hide or to show one, and was not done by then, has crashed.
CRASHED = timedelta(minutes=1)

INDEXES = [IndexModel([("author", 1), ("_id", -1)])]


def hide(database: Database, id: int, by: str, why: str) -> None:
    """Let nobody see a micropost. Begun before by somebody who crashed, it is done.
    NotFound: there is none, or its author is just deleting it."""
    while document := database.microposts.find_one({"_id": id}):
        hidden = {"by": by, "why": why, "at": datetime.now(UTC)}
        kept = {"_id": id, **_kept(document), "hidden": hidden}
        try:
            database.hidden.insert_one(kept)
        except DuplicateKeyError:
            held = database.hidden.find_one({"_id": id})
            if held and not _has_crashed(held["hidden"]["at"]):
                return  # Somebody else is just hiding it.
            database.hidden.replace_one({"_id": id}, kept)
        with suppress(Stale):  # Edited meanwhile: once more, as it is now.
            if microposts.delete(database, shapes.shown(document), document["rev"]):
                return
        database.hidden.delete_one({"_id": id})
    raise _missing()


def show(database: Database, id: int) -> None:
    """Let everybody see a micropost again. NotFound: it is not hidden."""
    held, now = database.hidden.find_one({"_id": id}), datetime.now(UTC)
    author = held and users.find(database, held["author"])
    if held is None or author is None:
        raise _missing()
    begun = held.get("showing")
    mine = {"_id": id, "showing": begun or {"$exists": False}}
    if begun and not _has_crashed(begun):
        return  # Somebody else is just showing it.
    if not database.hidden.update_one(mine, {"$set": {"showing": now}}).matched_count:
        return
    put_back(database, author, held)
    if not database.hidden.delete_one({"_id": id}).deleted_count:
        # Its author has deleted it meanwhile.
        microposts.delete(database, held | {"id": id})


def put_back(database: Database, author: Document, held: Document) -> None:
    """Store what was hidden, and do for it what is done for a new micropost, but for
    mails."""
    document = shapes.new_document(
        held["_id"], author["_id"], held["text"], held["referenced"]
    )
    document |= {"edited": held["edited"], "rev": held["rev"] + 1}
    id, (collection, key) = held["_id"], microposts.EDITED
    if author.get("pulled") != users.TOLD:
        deliveries.note(database, author["_id"], id)
    with (
        database.changes.changing("tags", document["tags"]),
        database.changes.changing(collection, [key]),
    ):
        with suppress(DuplicateKeyError):
            database.microposts.insert_one(document)
        references.add_many(database, author["_id"], [shapes.reference(document)])
        marks.note(database, id, pushed=marks.missing_latest(database, [id]))


def find(database: Database, id: int) -> Document | None:
    """The outward form of a hidden micropost, with `hidden`, or None."""
    held = database.hidden.find_one({"_id": id})
    return held and _shown(held)


def of_author(database: Database, author: str) -> list[Document]:
    """The author's newest hidden microposts, in their outward form."""
    held = database.hidden.find({"author": author}).limit(SHOWN)
    found = sorted(held, key=lambda one: int(one["_id"]), reverse=True)
    return [_shown(one) for one in found]


def delete(database: Database, micropost: Document, rev: int | None = None) -> None:
    """Delete a micropost, hidden or not, as in `microposts.delete`."""
    if "hidden" not in micropost:
        microposts.delete(database, micropost, rev)
    # Always: somebody may just be hiding it.
    database.hidden.delete_one({"_id": micropost["id"]})


def finish(database: Database) -> int:
    """Do what somebody who crashed has begun; how many."""
    done = 0
    for held in database.hidden.find():
        is_showing = "showing" in held
        begun = held["showing"] if is_showing else held["hidden"]["at"]
        if not _has_crashed(begun):
            continue
        there = database.microposts.find_one({"_id": held["_id"]}) is not None
        if is_showing or there:
            hidden = held["hidden"]
            with suppress(NotFound):
                if is_showing:
                    show(database, held["_id"])
                else:
                    hide(database, held["_id"], hidden["by"], hidden["why"])
                done += 1
    return done


def _kept(document: Document) -> Document:
    kept = {name: document[name] for name in ("author", "text", "referenced", "edited")}
    # What everybody has seen of it, and what is seen from now on, differ.
    return {**kept, "rev": document["rev"] + 1}


def _shown(held: Document) -> Document:
    return {**shapes.shown(held), "hidden": held["hidden"]}


def _has_crashed(begun: datetime) -> bool:
    return datetime.now(UTC) - begun > CRASHED


def _missing() -> NotFound:
    return NotFound(_("there is no such micropost"))
