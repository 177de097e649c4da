"""Inserting many documents at once, of which some may be there already."""

from dataclasses import dataclass, field

from pymongo import UpdateOne
from pymongo.errors import BulkWriteError

from microblog.store import Database, Document, pieces, shapes

DUPLICATE = 11000


@dataclass
class Inserted:
    """What became of a batch: stored now, found stored, refused by a unique index."""

    new: list[Document] = field(default_factory=list)
    known: list[Document] = field(default_factory=list)
    refused: list[Document] = field(default_factory=list)


def insert(database: Database, collection: str, documents: list[Document]) -> Inserted:
    """Insert those documents whose `_id` is not taken.

    A micropost that meets another one under its id goes on to the next free id.
    """
    duplicates = insert_free(database, collection, documents)
    result = Inserted(
        new=[one for i, one in enumerate(documents) if i not in duplicates]
    )
    met = [documents[i] for i in sorted(duplicates)]
    stored = _stored(database, collection, met)
    moved = []
    for document in met:
        other = stored.get(document["_id"])
        if other is None:
            result.refused.append(document)
        elif collection != "microposts" or shapes.is_same(other, document):
            result.known.append(document)
        else:
            shapes.set_id(document, document["_id"] + 1)
            moved.append(document)
    if moved:
        further = insert(database, collection, moved)
        result.new += further.new
        result.known += further.known
    return result


def insert_free(
    database: Database, collection: str, documents: list[Document]
) -> set[int]:
    """Insert those that meet no duplicate; the positions of the others."""
    try:
        database[collection].insert_many(documents, ordered=False)
    except BulkWriteError as error:
        return _met(error)
    return set()


def upsert(database: Database, collection: str, updates: list[UpdateOne]) -> set[int]:
    """Make those updates that meet no duplicate; the positions of the others."""
    try:
        database[collection].bulk_write(updates, ordered=False)
    except BulkWriteError as error:
        return _met(error)
    return set()


def _met(error: BulkWriteError) -> set[int]:
    """The positions of what met a duplicate. BulkWriteError: there is more, or what
    was written can be lost."""
    errors = error.details["writeErrors"]
    is_unsure = error.details["writeConcernErrors"]
    if is_unsure or any(one["code"] != DUPLICATE for one in errors):
        raise error
    return {one["index"] for one in errors}


def _stored(
    database: Database, collection: str, documents: list[Document]
) -> dict[object, Document]:
    return {
        found["_id"]: found
        for piece in pieces((document["_id"] for document in documents), 50)
        for found in database[collection].find({"_id": {"$in": piece}})
    }
