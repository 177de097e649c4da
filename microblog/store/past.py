"""Microposts of another time, which come from elsewhere, each exactly once: the id is
computed from author, text and time, so that a second import meets it again."""

from datetime import datetime
from zlib import crc32

from microblog.store import (
    Database,
    Document,
    bulk,
    follows,
    ids,
    marks,
    references,
    shapes,
    timelines,
    users,
)
from microblog.store.walks import Start

FOLLOWERS = 500  # asked for at once, about


def document(
    author: str,
    text: str,
    moment: datetime,
    referenced: str | None = None,
    edited: datetime | None = None,
) -> Document:
    """The document of a micropost with a checked text."""
    key = f"{author}\n{text}".encode()
    id = ids.at(moment, low=crc32(key) & 0xFFFF)
    return {**shapes.new_document(id, author, text, referenced), "edited": edited}


def add(database: Database, author: str, documents: list[Document]) -> bulk.Inserted:
    """Store those microposts of an author that are not there yet."""
    done = bulk.insert(database, "microposts", documents)
    if done.new:
        held = [shapes.reference(one) for one in done.new]
        references.add_many(database, author, held)
        found = sorted((one["id"] for one in held), reverse=True)
        latest = found[: marks.LATEST]
        marks.note(database, found[-1], found[0], pushed=latest)
    return done


def tell(database: Database, author: str) -> None:
    """Have timelines built anew that the author's microposts are sent to: what was
    added belongs among what they have."""
    user = users.find(database, author)
    if user and "pulled" not in user:
        for link in follows.walk_followers(database, user, Start(wanted=FOLLOWERS)):
            timelines.forget(database, link["follower"])
