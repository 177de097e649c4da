"""What is still to be done for a document stands in the document: `undone` and the
name of the work, with an id that tells since when. Whoever has done it takes it out."""

from typing import Any

from microblog.store import Database, ids


def find(database: Database, collection: str, work: str, *, before: int) -> list[Any]:
    """The `_id`s of documents whose work has been undone since before an id, the
    longest first."""
    field = f"undone.{work}"
    found = database[collection].find({field: {"$gt": 0, "$lt": before}})
    first = sorted(found, key=lambda document: document["undone"][work])
    return [document["_id"] for document in first]


def note(database: Database, collection: str, id: Any, work: str) -> None:
    """The work is to be done, from now on."""
    update = {"$set": {f"undone.{work}": ids.now()}}
    database[collection].update_one({"_id": id}, update)


def done(database: Database, collection: str, id: Any, work: str) -> None:
    """The work is done."""
    update = {"$unset": {f"undone.{work}": ""}}
    database[collection].update_one({"_id": id}, update)
