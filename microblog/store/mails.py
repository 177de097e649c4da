"""Mails: which are to be sent, and which were.

A document: `_id` (says what it is, so that nothing is mailed twice), `kind` (MENTION,
DIGEST, CONFIRMATION, RESET), `to` (username; None for a RESET), `address` (where a
CONFIRMATION or RESET goes, until it is sent), `microposts` (ids, of a MENTION or
DIGEST), `state`, `next` (when it is to be tried, or given up by whoever sends it),
`tries`, `claim` (drawn by whoever sends it), `created`, `day` (when it was sent,
counted from 1970), `error` and `expires` (when the server forgets it).

WAITING becomes SENDING, by one who claims it; HANDED when the mail server has
everything but the last dot; then SENT, WAITING again if it was refused for now, FAILED
or DROPPED (there is nothing to say any more). A crash leaves SENDING, which is tried
again, or HANDED: then the server has probably taken it, and only a person can know.
"""

import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import count
from typing import Any

from pymongo import IndexModel
from pymongo.errors import DuplicateKeyError

from microblog.store import Database, Document, ids

KEPT = timedelta(days=90)
DROPPED_KEPT = timedelta(days=1)
TURN = timedelta(seconds=60)  # until a mail server has everything, or it is anew
REPLY = timedelta(minutes=10)  # until it has answered; longer than mail.timeout

INDEXES = [
    IndexModel([("state", 1), ("next", 1)]),
    IndexModel("day", sparse=True),
    IndexModel("to"),
    IndexModel("expires", expireAfterSeconds=0),
]


class Kind(StrEnum):
    """What a mail is about."""

    MENTION = "mention"
    DIGEST = "digest"
    CONFIRMATION = "confirmation"
    RESET = "reset"


class State(StrEnum):
    """How far a mail has come."""

    WAITING = "waiting"
    SENDING = "sending"
    HANDED = "handed"
    SENT = "sent"
    FAILED = "failed"
    DROPPED = "dropped"


def add(
    database: Database, id: str, kind: Kind, *, due: datetime | None = None, **more: Any
) -> bool:
    """Have a mail sent, `due` or now; False: it is known by its id, whatever became of
    it. `more`: `to`, `address`, `microposts`."""
    try:
        database.mails.insert_one({"_id": id, **_new(kind, due), **more})
    except DuplicateKeyError:
        return False
    return True


def add_to_digest(
    database: Database, reader: str, slot: str, micropost: int, due: datetime
) -> None:
    """Put a micropost into the reader's digest of that slot of time, once; into a
    further one when that was ever claimed. A digest that waits again stays closed: else
    a second try finds it open, and the micropost is in two."""
    for number in count():
        id = f"digest {reader} {slot} {number}"
        new = {"to": reader, **_new(Kind.DIGEST, due)}
        del new["state"]
        try:
            database.mails.update_one(
                {"_id": id, "state": State.WAITING, "claim": {"$exists": False}},
                {"$addToSet": {"microposts": micropost}, "$setOnInsert": new},
                upsert=True,
            )
            return
        except DuplicateKeyError:
            known = database.mails.find_one({"_id": id})
        if known and micropost in known["microposts"]:
            return
        if known and known["state"] == State.WAITING and "claim" not in known:
            # Another process made it at the same time.
            add_to_digest(database, reader, slot, micropost, due)
            return


def _new(kind: Kind, due: datetime | None) -> Document:
    now = datetime.now(UTC)
    return {
        "kind": kind,
        "state": State.WAITING,
        "next": due or now,
        "tries": 0,
        "created": now,
        "expires": max(now, due or now) + KEPT,
    }


def due(database: Database, limit: int) -> list[str]:
    """The ids of mails that are to be sent now, at most `limit`, longest due first."""
    past = {"$gt": datetime.fromtimestamp(0, UTC), "$lte": datetime.now(UTC)}
    found = database.mails.find({"state": State.WAITING, "next": past})
    first = sorted(found, key=lambda mail: mail["next"])[:limit]
    return [mail["_id"] for mail in first]


def claim(database: Database, id: str) -> Document | None:
    """The mail, for the caller alone to send within TURN; None: it does not wait."""
    claim = secrets.token_hex(8)
    mine = {"state": State.SENDING, "claim": claim, "next": datetime.now(UTC) + TURN}
    query = {"_id": id, "state": State.WAITING}
    if not database.mails.update_one(query, {"$set": mine}).matched_count:
        return None
    mail = database.mails.find_one({"_id": id})
    return mail if mail and mail.get("claim") == claim else None


def hand(database: Database, mail: Document) -> bool:
    """Note that the mail server is about to take a mail over; False: the turn was
    over, and it must not."""
    until = datetime.now(UTC) + REPLY
    return _set(database, mail, State.SENDING, State.HANDED, next=until)


def release(database: Database, mail: Document) -> None:
    """Let a mail be sent by another, now: whoever was to send it has left it. One that
    was handed over meanwhile stays so."""
    more = {"next": datetime.now(UTC), "tries": mail["tries"] + 1}
    _set(database, mail, State.SENDING, State.WAITING, **more)


def settle(database: Database, mail: Document) -> None:
    """Note that the mail server has taken it."""
    day = ids.day(ids.now())
    _set(database, mail, State.HANDED, State.SENT, day=day, address="")


def put_off(database: Database, mail: Document, until: datetime, error: str) -> None:
    """Try again later: it was not sent, because of `error`."""
    tries = mail["tries"] + 1
    more = {"next": until, "tries": tries, "error": error}
    for state in (State.SENDING, State.HANDED):
        _set(database, mail, state, State.WAITING, **more)


def fail(database: Database, mail: Document, error: str) -> None:
    """Give it up, because of `error`."""
    for state in (State.SENDING, State.HANDED):
        _set(database, mail, state, State.FAILED, error=error)


def drop(database: Database, mail: Document) -> None:
    """There is nothing to say any more, or nobody to say it to."""
    expires = datetime.now(UTC) + DROPPED_KEPT
    _set(database, mail, State.SENDING, State.DROPPED, address="", expires=expires)


def retry(database: Database, id: str) -> None:
    """Let a mail that was given up be sent."""
    again = {"state": State.WAITING, "next": datetime.now(UTC), "tries": 0}
    query = {"_id": id, "state": State.FAILED}
    database.mails.update_one(query, {"$set": again})


def lost(database: Database, state: State) -> Iterator[Document]:
    """Mails that whoever was sending them has left in `state`."""
    past = {"$gt": datetime.fromtimestamp(0, UTC), "$lt": datetime.now(UTC)}
    yield from database.mails.find({"state": state, "next": past})


def sent_on(database: Database, day: int) -> int:
    """How many mails were sent on a day."""
    return database.mails.count_documents({"day": day})


def _set(
    database: Database, mail: Document, old: State, new: State, **more: Any
) -> bool:
    query = {"_id": mail["_id"], "state": old, "claim": mail["claim"]}
    update = {"$set": {"state": new, **more}}
    return bool(database.mails.update_one(query, update).matched_count)
