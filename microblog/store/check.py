"""Finding what a crash has left half written, and mending it.

The truth is in `microposts` and `follows`; counts, embedded references and posting
lists are computed from them. A second run after a repair finds nothing.
"""

import heapq
import time
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from microblog.store import (
    Database,
    Document,
    accounts,
    deliveries,
    follows,
    ids,
    marks,
    microposts,
    names,
    pieces,
    postings,
    references,
    segments,
    shapes,
    timelines,
    users,
)
from microblog.store.shapes import SEARCH
from microblog.store.walks import MINUTE

SETTLE_SECONDS = 0.2  # a write in progress is done after that
TRIES = 5

Lack = TypeVar("Lack", set[int], list[int], bool)


@dataclass(frozen=True)
class Finding:
    """Something that does not fit: what, where, and how to mend it (None:
    only its operator can)."""

    what: str
    subject: str
    mend: Callable[[], Any] | None  # what it calls answers False if it could not

    def __str__(self) -> str:
        return f"{self.subject}: {self.what}"


def check(database: Database) -> Iterator[Finding]:
    """Everything that does not fit, as it is found."""
    yield from _check_users(database)
    yield from _check_microposts(database)
    yield from _check_follows(database)


def _check_users(database: Database) -> Iterator[Finding]:
    steps = []
    for document in database.users.find():
        if "deleted" not in document:
            yield from of_user(database, document)
            steps += list(filter(marks.is_step, [document["joined"]]))
        elif accounts.has_leftovers(database, document["_id"]):
            purge = partial(accounts.purge, database, document["_id"])
            yield Finding("deleted, but not purged", f"user {document['_id']}", purge)
    lacking = _lasting(lambda: set(steps) - set(marks.steps(database)))
    if lacking:
        mend = partial(marks.note_joined, database, lacking)
        yield Finding("lack steps between users", "marks", mend)


def of_user(database: Database, document: Document) -> Iterator[Finding]:
    """Everything that does not fit in what is computed of a user."""
    name = document["_id"]
    if what := _wrong_with_user(database, document):
        yield Finding(what, f"user {name}", partial(mend_user, database, name))
    if _lasting(lambda: _is_misnamed(database, name)):
        mend = partial(_mend_name, database, name)
        yield Finding("is not found by the present name", f"user {name}", mend)
    if _lasting(lambda: _is_misread(database, name)):
        mend = partial(timelines.forget, database, name)
        yield Finding("has a timeline of others than it follows", f"user {name}", mend)


def _is_misread(database: Database, username: str) -> bool:
    """Whether the user's timeline is of others than those whom the user follows."""
    timeline = database.timelines.find_one({"_id": username})
    if timeline is None or "floor" not in timeline:
        return False
    return set(timeline["authors"]) != set(follows.followees(database, username))


def _is_misnamed(database: Database, username: str) -> bool:
    user = users.find(database, username)
    return user is not None and names.is_outdated(database, user)


def _mend_name(database: Database, username: str) -> None:
    if user := users.find(database, username):
        names.add(database, [user])


def _lasting(look: Callable[[], Lack]) -> Lack:
    """What `look` finds lacking, if it still does when writes in progress are done."""
    if lacking := look():
        time.sleep(SETTLE_SECONDS)
        lacking = look()
    return lacking


def derived(database: Database, username: str) -> Document:
    """`counts`, `first` and the newest `microposts` of a user, from the truth."""
    newest: list[Document] = []
    count, first = 0, None
    for document in database.microposts.find({"author": username}):
        count += 1
        first = document["_id"] if first is None else min(first, document["_id"])
        newest.append(shapes.reference(document))
        if len(newest) >= 2 * references.EMBEDDED:
            newest = _newest(newest)
    counts = {
        "microposts": count,
        "following": database.follows.count_documents({"follower": username}),
        "followers": database.follows.count_documents({"followee": username}),
    }
    return {"counts": counts, "first": first, "microposts": _newest(newest)}


def mend_user(database: Database, username: str) -> bool:
    """Set all that is computed of a user; False: writes kept coming in between.

    A write in progress is given time to reach the user's document, whose new `rev`
    then makes this begin again.
    """
    for _ in range(TRIES):
        user = users.find(database, username)
        if user is None:
            return True
        right = derived(database, username)
        time.sleep(SETTLE_SECONDS)
        if references.set_derived(
            database,
            username,
            user["rev"],
            counts=right["counts"],
            first=right["first"],
            references=right["microposts"],
            # Whoever was killed before it was embedded has not noted that either.
            delivered=deliveries.lacking(user, right["microposts"]),
        ):
            return True
    return False


def _newest(held: list[Document]) -> list[Document]:
    held.sort(key=lambda reference: reference["id"], reverse=True)
    return held[: references.EMBEDDED]


def _wrong_with_user(database: Database, user: Document) -> str | None:
    """What is wrong in the user's document, if it is so while nobody writes it."""
    for _ in range(TRIES):
        what = _difference(user, derived(database, user["_id"]))
        if what is None:
            return None
        time.sleep(SETTLE_SECONDS)
        again = users.find(database, user["_id"])
        if again is None:
            return None
        if again["rev"] == user["rev"]:
            return what
        user = again
    return None


def _difference(user: Document, right: Document) -> str | None:
    wrong = [
        f"{name} is {user['counts'].get(name)}, not {number}"
        for name, number in right["counts"].items()
        if user["counts"].get(name) != number
    ]
    embedded = user["microposts"]
    shortest = min(references.PAGE, len(right["microposts"]))
    if embedded != right["microposts"][: len(embedded)] or len(embedded) < shortest:
        wrong.append("references do not match the microposts")
    first = right["first"]
    if first is not None and user.get("first", ids.MAXIMUM) > first:
        wrong.append("first is not the oldest micropost")
    return ", ".join(wrong) or None


def _check_microposts(database: Database) -> Iterator[Finding]:
    oldest = ids.MAXIMUM
    latest: list[int] = []
    index = _Index(database)
    for whole in pieces(database.microposts.find(), 500):
        piece = shapes.present(whole)
        authors = {document["author"] for document in piece}
        strangers = authors - users.existing(database, authors)
        for document in piece:
            id = document["_id"]
            oldest = min(oldest, id)
            if document["author"] in strangers:
                what = f"there is no user {document['author']}; left alone"
                yield Finding(what, f"micropost {id}", None)
                continue
            if not index.has(document):
                mend: Callable[[], Any] = partial(segments.note, database, id)
                yield Finding("is not found by search", f"micropost {id}", mend)
            if outdated := shapes.outdated(document):
                mend = partial(microposts.set_computed, database, id, outdated)
                what = f"{', '.join(outdated)} do not match its text"
                yield Finding(what, f"micropost {id}", mend)
        found = [*latest, *(document["_id"] for document in piece)]
        latest = heapq.nlargest(marks.LATEST, found)
    if latest:
        yield from _check_marks(database, oldest, latest)


class _Index:
    """What the posting lists have of each micropost: a sum of its grams' hashes."""

    def __init__(self, database: Database):
        self.database = database
        self._read: list[segments.Segment] = []
        self._sums: list[tuple[array[int], array[int]]] = []

    def has(self, document: Document) -> bool:
        """Whether the micropost is found by each gram of its text; or will be, as it
        waits for that."""
        waits = SEARCH in document.get("undone", ())
        return waits or self._holds(document) or self._is_new(document)

    def _holds(self, document: Document) -> bool:
        wanted = sum(postings.of_micropost(document))
        for held, sums in self._sums:
            place = bisect_left(held, document["_id"])
            is_there = [document["_id"]] == list(held[place : place + 1])
            if is_there and sums[place] == wanted:
                return True
        return False

    def _is_new(self, document: Document) -> bool:
        """Whether it is there by now, for what has been indexed or edited since."""
        live = segments.live(self.database)
        if live != self._read:
            self._read = live
            self._sums = [_sums(self.database, one) for one in live]
            if self._holds(document):
                return True
        now = self.database.microposts.find_one({"_id": document["_id"]})
        return now is None or now["rev"] != document["rev"]


def _sums(
    database: Database, segment: segments.Segment
) -> tuple["array[int]", "array[int]"]:
    """The ids of a segment, and the sum of the hashes of the lists that have each."""
    sums: Counter[int] = Counter()
    names = (postings.name(segment.number, one) for one in range(segment.buckets))
    for _name, packed in postings.read(database, names):
        for key, held in postings.unpacked(packed).items():
            for id in held:
                sums[id] += key
    ordered = sorted(sums)
    return array("Q", ordered), array("Q", (sums[id] for id in ordered))


def _check_marks(
    database: Database, oldest: int, latest: list[int]
) -> Iterator[Finding]:
    """`latest`: the newest of all microposts, newest first."""
    newest = latest[0]
    known = marks.microposts(database) or {"oldest": ids.MAXIMUM, "newest": 0}
    if known["oldest"] > oldest or known["newest"] < newest - MINUTE:
        mend = partial(marks.note, database, oldest, newest)
        yield Finding("do not enclose all microposts", "marks", mend)
    if lacking := _lasting(lambda: marks.missing_latest(database, latest)):
        mend = partial(marks.note, database, oldest, newest, pushed=lacking)
        yield Finding(f"lack {len(lacking)} of the newest microposts", "marks", mend)


def _check_follows(database: Database) -> Iterator[Finding]:
    for piece in pieces(database.follows.find(), 500):
        names = {link[side] for link in piece for side in ("follower", "followee")}
        strangers = names - users.existing(database, names)
        for link in piece:
            if {link["follower"], link["followee"]} & strangers:
                ends = link["follower"], link["followee"]
                mend = partial(follows.delete, database, *ends)
                what = "one of the two does not exist"
                yield Finding(what, f"follow {link['_id']}", mend)
