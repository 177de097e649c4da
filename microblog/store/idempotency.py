"""Idempotency keys: one answer to a request that a client sends again.

A document: `_id` "username key", `user`, `request` (SHA-256 of the body), `micropost`
(the id drawn for it), `created`, and `answer` once there is one. It is written before
the micropost. A second request with the key gets the answer; without one it completes
what the first may have left half done, under the same id: wherever the first one died,
and even while it still runs, one micropost comes of it (the IETF draft
`idempotency-key-header` allows a 409 then; this answers with the micropost).
"""

import hashlib
from datetime import UTC, datetime, timedelta

from pymongo import IndexModel
from pymongo.errors import DuplicateKeyError

from microblog.errors import KeyReused
from microblog.store import Database, Document, ids

HOURS = 24

INDEXES = [
    IndexModel("created", expireAfterSeconds=HOURS * 3600),
    IndexModel("user"),
]


def claim(database: Database, username: str, key: str, request: bytes) -> Document:
    """The document of the key, made now or by an earlier request.

    KeyReused: the key came before with another request.
    """
    now = datetime.now(UTC)
    oldest = now - timedelta(hours=HOURS)
    document = {
        "_id": f"{username} {key}",
        "user": username,
        "request": hashlib.sha256(request).hexdigest(),
        "micropost": ids.new(),
        "created": now,
    }
    try:
        database.idempotency.insert_one(document)
    except DuplicateKeyError:
        earlier = database.idempotency.find_one({"_id": document["_id"]})
        if earlier is None or earlier["created"] < oldest:
            # The server removes what is over once a minute, and perhaps just now.
            over = {"_id": document["_id"], "created": {"$lt": oldest}}
            database.idempotency.delete_one(over)
            return claim(database, username, key, request)
        if earlier["request"] != document["request"]:
            raise KeyReused("this Idempotency-Key came with another request") from None
        return earlier
    return document


def settle(database: Database, claimed: Document, answer: Document) -> None:
    """Keep the answer for requests that come again."""
    database.idempotency.update_one(
        {"_id": claimed["_id"]}, {"$set": {"answer": answer}}
    )


def release(database: Database, claimed: Document) -> None:
    """Forget a key whose request was refused before anything was stored."""
    unsettled = {"_id": claimed["_id"], "answer": {"$exists": False}}
    database.idempotency.delete_one(unsettled)
