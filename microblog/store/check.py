"""Finding what a crash has left half written, and mending it.

The truth is in `microposts` and `follows`; counts, embedded references and grams are
computed from them. A second run after a repair finds nothing.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from microblog.store import (
    Database,
    Document,
    accounts,
    follows,
    ids,
    marks,
    microposts,
    pieces,
    users,
)

SETTLE_SECONDS = 0.2  # a write in progress is done after that
TRIES = 5


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
    for document in database.users.find():
        name = document["_id"]
        if "deleted" in document:
            if accounts.has_leftovers(database, name):
                purge = partial(accounts.purge, database, name)
                yield Finding("deleted, but not purged", f"user {name}", purge)
        elif what := _wrong_with_user(database, document):
            yield Finding(what, f"user {name}", partial(mend_user, database, name))
    yield from _check_microposts(database)
    yield from _check_follows(database)


def derived(database: Database, username: str) -> Document:
    """`counts`, `first` and the newest `microposts` of a user, from the truth."""
    newest: list[Document] = []
    count, first = 0, None
    for document in database.microposts.find({"author": username}):
        count += 1
        first = document["_id"] if first is None else min(first, document["_id"])
        newest.append(microposts.reference(document))
        if len(newest) >= 2 * users.EMBEDDED:
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
        if users.set_derived(
            database,
            username,
            user["rev"],
            counts=right["counts"],
            first=right["first"],
            references=right["microposts"],
        ):
            return True
    return False


def _newest(references: list[Document]) -> list[Document]:
    references.sort(key=lambda reference: reference["id"], reverse=True)
    return references[: users.EMBEDDED]


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
    shortest = min(microposts.PAGE, len(right["microposts"]))
    if embedded != right["microposts"][: len(embedded)] or len(embedded) < shortest:
        wrong.append("references do not match the microposts")
    first = right["first"]
    if first is not None and user.get("first", ids.MAXIMUM) > first:
        wrong.append("first is not the oldest micropost")
    return ", ".join(wrong) or None


def _check_microposts(database: Database) -> Iterator[Finding]:
    oldest, newest = ids.MAXIMUM, 0
    for piece in pieces(database.microposts.find(), 500):
        authors = {document["author"] for document in piece}
        strangers = authors - users.existing(database, authors)
        for document in piece:
            id = document["_id"]
            oldest, newest = min(oldest, id), max(newest, id)
            if document["author"] in strangers:
                what = f"there is no user {document['author']}; left alone"
                yield Finding(what, f"micropost {id}", None)
            elif outdated := microposts.outdated(document):
                mend = partial(microposts.set_computed, database, id, outdated)
                what = f"{', '.join(outdated)} do not match its text"
                yield Finding(what, f"micropost {id}", mend)
    known = marks.microposts(database) or {"oldest": ids.MAXIMUM, "newest": 0}
    if newest and (
        known["oldest"] > oldest or known["newest"] < newest - 2 * marks.EVERY
    ):
        mend = partial(marks.note, database, oldest, newest, always=True)
        yield Finding("do not enclose all microposts", "marks", mend)


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
