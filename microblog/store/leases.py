"""Long work on a document, which one worker does at a time: `run` says which, until
`leased`. A worker that dies holds it up for LEASE at most."""

import secrets
from datetime import UTC, datetime, timedelta

from microblog.errors import Conflict
from microblog.store import Database, Document

LEASE = timedelta(minutes=2)  # longer than an operation of the worker may take
NOT_YET = datetime.fromtimestamp(0, UTC)


def claim(database: Database, collection: str, id: str, work: str) -> Document | None:
    """The document with its `run`, if its work is undone and nobody does it."""
    run, now = secrets.token_hex(8), datetime.now(UTC)
    query = {"_id": id, f"undone.{work}": {"$gt": 0}, "leased": {"$lt": now}}
    update = {"$set": {"run": run, "leased": now + LEASE}}
    database[collection].update_one(query, update)
    return database[collection].find_one({"_id": id, "run": run})


def hold(database: Database, collection: str, claimed: Document) -> None:
    """Go on with the work. Conflict: the document is gone, or another worker's."""
    query = {"_id": claimed["_id"], "run": claimed["run"]}
    update = {"$set": {"leased": datetime.now(UTC) + LEASE}}
    if not database[collection].update_one(query, update).matched_count:
        raise Conflict("it is another's by now")


def release(database: Database, collection: str, claimed: Document) -> None:
    """Leave the work to another."""
    query = {"_id": claimed["_id"], "run": claimed["run"]}
    update = {"$set": {"leased": NOT_YET}, "$unset": {"run": ""}}
    database[collection].update_one(query, update)


def finish(
    database: Database, collection: str, claimed: Document, result: Document
) -> bool:
    """Note that the work is done, and what came of it; whether it still was this
    worker's."""
    query = {"_id": claimed["_id"], "run": claimed["run"]}
    update = {"$set": result, "$unset": {"undone": "", "run": "", "leased": ""}}
    return bool(database[collection].update_one(query, update).matched_count)
