"""The steps that bring the data of earlier versions to that of this program.

A step may be killed anywhere and is then run again, from its beginning, so it leaves
alone what it has done already. It runs while the site does, whose processes write as
this version does; but for one that `version.SERVED` demands.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from pymongo.errors import DuplicateKeyError

from microblog.errors import Conflict
from microblog.store import (
    Database,
    Document,
    backup,
    deliveries,
    hidden,
    pieces,
    runs,
    segments,
    users,
    version,
)
from microblog.store.check import check
from microblog.store.shapes import SEARCH

PIECE = 25  # documents written at once
INDEXING = "migrate index"  # its position in `runs`

# What is worked on, with its name and its length if that is known: shown on the way.
Progress = Callable[[str, Iterable[Any], int | None], Iterator[Any]]


class Step(NamedTuple):
    """What brings the data to the version `number` from the one before."""

    number: int
    name: str
    run: Callable[[Database, Progress], None]


def _mend(database: Database, progress: Progress) -> None:
    """What `check --repair` does; what only the operator can decide is left alone."""
    for finding in progress("mending", check(database), None):
        if finding.mend is not None and finding.mend() is False:
            raise Conflict(f"{finding.subject} was written all the time: run it again")


def _index(database: Database, progress: Progress) -> None:
    """Index microposts by segments, in place of an index of grams in each document."""
    name = "grams_1__id_-1"
    if name in database.microposts.index_information():
        database.microposts.drop_index(name)
    reached = runs.position(database, INDEXING) or 0
    kept = _without_grams(database, backup.all_microposts(database, reached))
    for last in segments.add_all(database, progress("indexing", kept, None)):
        runs.set_position(database, INDEXING, last["_id"])
    runs.set_position(database, INDEXING, None)


def _without_grams(
    database: Database, documents: Iterable[Document]
) -> Iterator[Document]:
    for piece in pieces(documents, PIECE):
        query = {"_id": {"$in": [one["_id"] for one in piece]}}
        database.microposts.update_many(query, {"$unset": {"grams": ""}})
        # Those that this version has written wait for the task that indexes.
        yield from (one for one in piece if SEARCH not in one.get("undone", ()))


def _put_away(database: Database, progress: Progress) -> None:
    """Hide microposts within their documents, in place of a collection of them."""
    for one in progress("hiding", database.hidden.find(), None):
        id, about = one["_id"], one["hidden"]
        try:
            # Not of an account that was deleted: the purge may be over.
            if users.find(database, one["author"]) is not None:
                database.microposts.insert_one(hidden.of_kept(one))
        except DuplicateKeyError:  # It was just being hidden, or shown.
            hidden.hide(database, id, about["by"], about["why"])
        database.hidden.delete_one({"_id": id})


def _hand_over(database: Database, progress: Progress) -> None:
    """Note in the users' documents what the collection `deliveries` has to deliver."""
    known = database.deliveries.find()
    for one in progress("noting deliveries", known, None):
        if new := [int(reference) for reference in one["references"]]:
            query = {"_id": one["_id"], "counts": {"$exists": True}}
            database.users.update_one(query, deliveries.noted({}, new))
    database.drop_collection("deliveries")


STEPS = [
    Step(1, "mend what is computed", _mend),
    Step(2, "index microposts by segments", _index),
    Step(3, "hide microposts within their documents", _put_away),
    Step(4, "note deliveries with their authors", _hand_over),
]


def pending(database: Database) -> list[Step]:
    """The steps that the data still needs, in order."""
    mended = version.mended(database)
    return [step for step in STEPS if step.number > mended]


def run(database: Database, step: Step, progress: Progress) -> None:
    """Do a step, and note that it is done."""
    step.run(database, progress)
    version.note_mended(database, step.number)
