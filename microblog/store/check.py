"""Finding what a crash has left half written, and mending it.

The truth is in `microposts` and `follows`; counts, embedded references and grams are
computed from them. A second run after a repair finds nothing.
"""

import heapq
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from microblog.store import (
    Database,
    Document,
    accounts,
    follows,
    ids,
    marks,
    microposts,
    names,
    pieces,
    references,
    shapes,
    timelines,
    users,
)
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
    for piece in pieces(database.microposts.find(), 500):
        authors = {document["author"] for document in piece}
        strangers = authors - users.existing(database, authors)
        for document in piece:
            id = document["_id"]
            oldest = min(oldest, id)
            if document["author"] in strangers:
                what = f"there is no user {document['author']}; left alone"
                yield Finding(what, f"micropost {id}", None)
            elif outdated := shapes.outdated(document):
                mend = partial(microposts.set_computed, database, id, outdated)
                what = f"{', '.join(outdated)} do not match its text"
                yield Finding(what, f"micropost {id}", mend)
        found = [*latest, *(document["_id"] for document in piece)]
        latest = heapq.nlargest(marks.LATEST, found)
    if latest:
        yield from _check_marks(database, oldest, latest)


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
