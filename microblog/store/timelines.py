"""Timelines: references to the newest microposts of those whom a user follows.

A document: `_id` (reader), `authors` (all whom the reader follows), `pulled` (those of
them with so many followers that nobody is sent their microposts), `references` (the
newest 100 microposts of the others, newest first), `newest` (the latest of those ever
sent), `sent` (a mark of who sent it), `floor`, `read` (the day of the last reading) and
`building`.

`references` has everything from `floor` on; without `floor` the timeline is to be built
anew, as after every follow and unfollow. While it is built it has `building`, and what
is sent in the meantime is added to it.
"""

import secrets
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from pymongo import IndexModel
from pymongo.errors import DuplicateKeyError

from microblog.store import Database, Document, ids, pieces

MOST = 100  # references
PIECE = 25  # timelines written at once
DAY_SECONDS = 86_400
# Whoever has begun to build one so long ago was killed, or it was forgotten meanwhile.
BUILDING = timedelta(seconds=30)

INDEXES = [IndexModel("read")]


def today() -> int:
    """This day (UTC), counted from 1970."""
    return int(datetime.now(UTC).timestamp()) // DAY_SECONDS


def forget(database: Database, reader: str) -> None:
    """Have the reader's timeline built anew when it is read: whom the reader follows is
    about to change, or has changed."""
    stale = {"$unset": {"floor": "", "building": ""}}
    database.timelines.update_one({"_id": reader}, stale)


def new_building() -> str:
    """A name for what builds a timeline, that tells when it began."""
    return f"{ids.now()} {secrets.token_hex(8)}"


def is_being_built(document: Document) -> bool:
    """Whether somebody is just building the timeline."""
    begun = ids.parse(document.get("building", "").partition(" ")[0])
    return begun is not None and abs(datetime.now(UTC) - ids.moment(begun)) < BUILDING


def begin(database: Database, reader: str, building: str) -> None:
    """Replace a timeline by an empty one that receives what is sent."""
    begun: Document = {
        "authors": [],
        "pulled": [],
        "references": [],
        "newest": "",
        "read": today(),
        "building": building,
    }
    try:
        database.timelines.replace_one({"_id": reader}, begun, upsert=True)
    except DuplicateKeyError:  # Another process made it at the same time.
        database.timelines.replace_one({"_id": reader}, begun)


def complete(database: Database, reader: str, building: str, built: Document) -> None:
    """Add what a timeline is built of (`authors`, `pulled`, `references`, `floor`) to
    what it has received meanwhile, unless it was forgotten or begun again."""
    newest = built["references"][:1] or [""]
    push = {"$each": built["references"], "$sort": -1, "$slice": MOST}
    database.timelines.update_one(
        {"_id": reader, "building": building},
        {
            "$set": {"authors": built["authors"], "floor": built["floor"]},
            # Meanwhile it may have been told of one more who is pulled from now on.
            "$addToSet": {"pulled": {"$each": built["pulled"]}},
            "$push": {"references": push},
            "$max": {"newest": newest[0]},
            "$unset": {"building": ""},
        },
    )


def note_reading(database: Database, reader: str) -> None:
    """The timeline is read on this day."""
    read = {"$set": {"read": today()}}
    database.timelines.update_one({"_id": reader}, read)


def send(database: Database, sent: list[str], readers: Iterable[str]) -> None:
    """Add references, oldest first, to the timelines of `readers` that there are. One
    that is sent again can stand there twice: whoever reads takes it for one."""
    each = {"$each": sent[::-1], "$slice": MOST}
    mark = secrets.token_hex(8)
    for piece in pieces(readers, PIECE):
        there = {"_id": {"$in": piece}}
        # Nearly always they are newer than all that is there, which needs no sorting.
        newer = database.timelines.update_many(
            {**there, "newest": {"$lt": sent[0]}},
            {
                "$push": {"references": {**each, "$position": 0}},
                "$set": {"newest": sent[-1], "sent": mark},
            },
        )
        if newer.matched_count < len(piece):
            database.timelines.update_many(
                {**there, "sent": {"$ne": mark}},
                {
                    "$push": {"references": {**each, "$sort": -1}},
                    "$max": {"newest": sent[-1]},
                    "$set": {"sent": mark},
                },
            )


def tell(database: Database, author: str, readers: Iterable[str]) -> None:
    """Note in the timelines of `readers` that the author is pulled from now on."""
    for piece in pieces(readers, PIECE):
        database.timelines.update_many(
            {"_id": {"$in": piece}}, {"$addToSet": {"pulled": author}}
        )


def drop_unread(database: Database, days: int, limit: int) -> int:
    """Drop timelines that nobody has read for so many days; how many. They are built
    when their readers come back."""
    unread = {"read": {"$gt": 0, "$lt": today() - days}}
    found = [one["_id"] for one in database.timelines.find(unread).limit(limit)]
    for piece in pieces(found, PIECE):
        database.timelines.delete_many({"_id": {"$in": piece}, **unread})
    return len(found)


def drop_all(database: Database) -> None:
    """Drop every timeline: as after an import, which sends nothing."""
    found = [one["_id"] for one in database.timelines.find()]
    for piece in pieces(found, PIECE):
        database.timelines.delete_many({"_id": {"$in": piece}})
