"""Erasures: what is to leave the index of microposts, as their text is gone.

A document: `at`, `micropost` (its id) and `hashes` of the grams that it had. Noted
before a micropost is deleted or edited; `drain`, a task, takes out of the posting lists
what the micropost, if it is still there, does not have any more. Not at once: before
the text is gone it would find nothing to take out.
"""

from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

import pymongo
from pymongo import IndexModel

from microblog.store import Database, Document, pieces, postings, segments, shapes

INDEXES = [IndexModel("at")]
MOST = 500  # at once: of so many, most buckets of a segment lose something
SECONDS = 60  # that a look for them may take, when an account of many is purged
PIECE = 25
EPOCH = datetime.fromtimestamp(0, UTC)

# Of each bucket, by segment and number: a hash, and the id that its list is to lose.
Wanted = dict[tuple[int, int], list[tuple[int, int]]]


def note(database: Database, documents: Iterable[Document]) -> None:
    """Note what is about to be edited or deleted, with `author` and the present
    `text`. `documents`: microposts with their `_id`."""
    notes: list[Document] = [
        {
            "at": datetime.now(UTC),
            "micropost": one["_id"],
            "hashes": array("I", sorted(postings.of_micropost(one))).tobytes(),
        }
        for one in documents
    ]
    if notes:
        database.erasures.insert_many(notes)


def drain(
    database: Database,
    pause: timedelta = segments.PAUSE,
    is_stopping: Callable[[], bool] = lambda: False,
) -> None:
    """Take out what was noted `pause` ago and before."""
    while not is_stopping() and _drain_some(database, datetime.now(UTC) - pause):
        pass


def _drain_some(database: Database, until: datetime) -> bool:
    """Whether there was anything, and it was taken out."""
    query = {"at": {"$gt": EPOCH, "$lte": until}}
    with pymongo.timeout(SECONDS):
        notes = list(database.erasures.find(query).limit(MOST))
    # A segment that is being made may have what is to be taken out. One that is entered
    # after this has nothing of it: a text that was gone by then.
    if not notes or segments.is_making(database):
        return False
    live = segments.read_live(database)
    if not _take_out(database, _wanted(database, notes, live)):
        return False
    done = [one["_id"] for one in notes]
    for piece in pieces(done, PIECE):
        database.erasures.delete_many({"_id": {"$in": piece}})
    return True


def _wanted(
    database: Database, notes: list[Document], live: list[segments.Segment]
) -> Wanted:
    present: dict[int, set[int]] = {}
    for piece in pieces({one["micropost"] for one in notes}, PIECE):
        found = database.microposts.find({"_id": {"$in": piece}})
        for one in shapes.present(found):
            present[one["_id"]] = postings.of_micropost(one)
    wanted: Wanted = defaultdict(list)
    for note in notes:
        id = note["micropost"]
        gone = set(array("I", note["hashes"])) - present.get(id, set())
        for segment in live:
            if segment.oldest <= id <= segment.newest:
                for key in gone:
                    place = segment.number, key % segment.buckets
                    wanted[place].append((key, id))
    return wanted


def _take_out(database: Database, wanted: Wanted) -> bool:
    """False: another process has written a bucket meanwhile."""
    by_name = {postings.name(*place): place for place in wanted}
    for name, packed in postings.read(database, by_name):
        lists = {key: set(held) for key, held in postings.unpacked(packed).items()}
        found = [
            (key, id) for key, id in wanted[by_name[name]] if id in lists.get(key, ())
        ]
        for key, id in found:
            lists[key].discard(id)
        if not found:
            continue
        left = {key: sorted(held) for key, held in lists.items() if held}
        changed = postings.document(*by_name[name], left)
        query = {"_id": name, "lists": packed}
        if not database.postings.replace_one(query, changed).matched_count:
            return False
    return True
