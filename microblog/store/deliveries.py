"""Deliveries: microposts whose references are still to reach their readers.

A document: `_id` (author), `references` (the newest 100 of what is to be delivered,
the latest last), and `since` (the oldest id) while there are any. A post writes it
before the micropost itself, so that no crash comes in between; one that is never stored
is dropped by whoever reads it.
"""

from collections.abc import Iterator

from pymongo import IndexModel
from pymongo.errors import DuplicateKeyError

from microblog.store import (
    Database,
    Document,
    follows,
    ids,
    references,
    timelines,
    users,
)
from microblog.store.walks import Start

FOLLOWERS = 250  # asked for at once

INDEXES = [IndexModel("since", sparse=True)]


def note(database: Database, author: str, id: int) -> None:
    """A micropost with this id is about to be stored."""
    spelled = ids.spell(id)
    push = {"$each": [spelled], "$sort": 1, "$slice": -timelines.MOST}
    update = {"$push": {"references": push}, "$min": {"since": id}}
    lacking = {"_id": author, "references": {"$ne": spelled}}
    try:
        database.deliveries.update_one(lacking, update, upsert=True)
    except DuplicateKeyError:  # Noted before, or another process made the document.
        database.deliveries.update_one(lacking, update)


def deliver(database: Database, author: str, push_below: int) -> None:
    """Send what an author has posted to the timelines of the followers, if these are
    fewer than `push_below`; else they pull it, from now on."""
    document = database.deliveries.find_one({"_id": author})
    if document is None or "since" not in document:
        return
    sent = sorted(document["references"])
    user = users.find(database, author)
    if user and sent and _is_pushed(database, user, push_below):
        timelines.send(database, sent, _followers(database, user))
    # While an author's document lacks one, a timeline that is built lacks it too.
    being_posted = _being_posted(database, user, sent) if user else set()
    _done(database, author, [one for one in sent if one not in being_posted])


def _being_posted(database: Database, user: Document, sent: list[str]) -> set[str]:
    """Those of the references that the author's document lacks, but for what is deleted
    or was never stored."""
    name, floor = user["_id"], references.floor(user)
    held = {one["id"] for one in user["microposts"]}
    lacking = {int(one) for one in sent} - held
    old = ids.now() - references.BEING_POSTED
    return {
        ids.spell(id)
        for id in lacking
        if id >= floor
        and (id > old or database.microposts.find_one({"_id": id, "author": name}))
    }


def _is_pushed(database: Database, user: Document, push_below: int) -> bool:
    if "pulled" not in user and user["counts"]["followers"] < push_below:
        return True
    if user.get("pulled") != users.TOLD:
        # Whoever builds a timeline from here on pulls; those that are there are told.
        users.set_pulled(database, user["_id"], users.TELLING)
        timelines.tell(database, user["_id"], _followers(database, user))
        users.set_pulled(database, user["_id"], users.TOLD)
    return False


def _followers(database: Database, user: Document) -> Iterator[str]:
    links = follows.walk_followers(database, user, Start(wanted=FOLLOWERS))
    return (link["follower"] for link in links)


def _done(database: Database, author: str, delivered: list[str]) -> None:
    """All of these have reached their readers."""
    left = {"_id": author}
    database.deliveries.update_one(left, {"$pull": {"references": {"$in": delivered}}})
    database.deliveries.update_one(
        {**left, "references": []}, {"$unset": {"since": ""}}
    )


def waiting(database: Database, before: int) -> list[str]:
    """The authors with something to deliver since before an id, the longest first."""
    found = database.deliveries.find({"since": {"$gt": 0, "$lt": before}})
    return [one["_id"] for one in sorted(found, key=lambda one: one["since"])]
