"""Mending what a crash has left half written, a bounded piece a run.

`check` looks at everything; these look at what was written lately, and at a few more
users each time, until all have had their turn.
"""

from collections.abc import Iterator
from itertools import islice

from microblog.store import (
    Database,
    Document,
    accounts,
    check,
    ids,
    marks,
    pieces,
    public,
    references,
    runs,
    shapes,
    users,
)
from microblog.store.walks import MINUTE, Frontier, Start, windows

RECENT = 500  # microposts looked at in a run
USERS = 20  # users looked at in a run
LARGE = 20_000  # microposts and follows of one user: `microblog check` looks at more
PIECE = 25


def recent(database: Database) -> int:
    """Mend references and marks of the microposts of the last time, older than a
    minute; how many findings. Goes on from where it stopped."""
    until = ids.now() - MINUTE
    since = runs.position(database, "recent") or until - 60 * MINUTE
    found = list(islice(_between(database, since, until), RECENT))
    authors = users.find_many(database, {one["author"] for one in found})
    wrong = {one["author"] for one in found if _lacks_reference(authors, one)}
    for author in wrong:
        check.mend_user(database, author)
    # Posted while the account was deleted: what is purged has come back.
    for author in {one["author"] for one in found} - authors.keys():
        accounts.purge(database, author, RECENT)
    newest = [one["_id"] for one in found if one["author"] in authors]
    lacking = marks.missing_latest(database, newest)
    if lacking:
        marks.note(database, min(lacking), found[-1]["_id"], pushed=lacking)
    reached = found[-1]["_id"] if len(found) == RECENT else until
    runs.set_position(database, "recent", reached)
    return len(wrong) + len(lacking)


def _between(database: Database, since: int, until: int) -> Iterator[Document]:
    """All microposts between two ids, oldest first."""
    start = Start(since, descending=False, wanted=RECENT // 2)
    frontier = Frontier(start, since, until)
    return windows(start, frontier, 10 * MINUTE, public.between(database))


def _lacks_reference(authors: dict[str, Document], micropost: Document) -> bool:
    author = authors.get(micropost["author"])
    if author is None:
        return False
    embedded = [one["id"] for one in author["microposts"]]
    if micropost["_id"] in embedded:
        return False
    # Behind 40 newer ones it has no place.
    return len(embedded) < references.EMBEDDED or micropost["_id"] > embedded[-1]


def some_users(database: Database) -> int:
    """Look at the next few users as `check` does, and mend; how many findings."""
    mended = 0
    for user in _next_users(database, "repair", USERS):
        if sum(user["counts"].values()) > LARGE:
            continue
        for finding in check.of_user(database, user):
            mended += finding.mend is not None and finding.mend() is not False
    return mended


def prune(database: Database) -> int:
    """Remove references to microposts that are gone, from the public timeline and from
    the next few users; how many were found."""
    known = marks.microposts(database)
    latest = marks.latest(known) if known else []
    gone = set(latest) - _existing(database, latest)
    marks.forget_latest(database, gone)
    wrong = 0
    for user in _next_users(database, "prune", USERS):
        embedded = [one["id"] for one in user["microposts"]]
        if set(embedded) - _existing(database, embedded):
            check.mend_user(database, user["_id"])
            wrong += 1
    for collection in ("users", "tokens", "sessions"):
        database.changes.release(collection)
    return len(gone) + wrong


def _existing(database: Database, wanted: list[int]) -> set[int]:
    return {
        one["_id"]
        for piece in pieces(wanted, PIECE)
        for one in shapes.present(database.microposts.find({"_id": {"$in": piece}}))
    }


def _next_users(database: Database, name: str, limit: int) -> list[Document]:
    """The next users in the order in which they joined, from the first again after the
    last."""
    start = Start(runs.position(database, name), descending=False, wanted=limit)
    found = list(islice(users.walk(database, start), limit))
    reached = found[-1]["joined"] if len(found) == limit else None
    runs.set_position(database, name, reached)
    return found
