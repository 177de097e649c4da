"""Marks: where ids begin and end and how they crowd, and which are the newest.

The document "microposts" has about the `oldest` and the `newest` id of all microposts:
a search begins there and not in years without one. Its `latest`, newest first, are the
ids and authors of the newest 100: what everybody's timeline shows.

The document "users" has `steps`: of every 32nd user or so, when they joined. Between
two steps lie few users, whether they joined in ten years or in the second of an import.
"""

from collections.abc import Iterable
from zlib import crc32

from pymongo.errors import DuplicateKeyError

from microblog.store import Database, Document

MICROPOSTS = "microposts"
USERS = "users"
LATEST = 100  # microposts in `latest`
STEP = 32  # users from one step to the next, on average


def note(
    database: Database,
    oldest: int,
    newest: int | None = None,
    latest: Iterable[Document] = (),
) -> None:
    """Widen the marks by ids that were just stored, and put `latest` (`id`, `author`)
    among the newest 100."""
    newest, pushed = oldest if newest is None else newest, list(latest)
    update: Document = {"$max": {"newest": newest}, "$min": {"oldest": oldest}}
    if pushed:
        push = {"$each": pushed, "$sort": {"id": -1}, "$slice": LATEST}
        update["$push"] = {"latest": push}
    _write(database, MICROPOSTS, update)


def microposts(database: Database) -> Document | None:
    """The marks: `oldest`, `newest` and `latest`, or None before the first
    micropost."""
    return database.marks.find_one({"_id": MICROPOSTS})


def forget_latest(database: Database, gone: Iterable[int]) -> None:
    """Take microposts that are gone out of the newest 100."""
    if ids := list(gone):
        pull = {"$pull": {"latest": {"id": {"$in": ids}}}}
        database.marks.update_one({"_id": MICROPOSTS}, pull)


def missing_latest(database: Database, newest: list[Document]) -> list[Document]:
    """Those of the `newest` (`id`, `author`) of all microposts that `latest` lacks.
    Deleted ones may stand in it, in the place of older ones."""
    latest = (microposts(database) or {}).get("latest", [])
    held = {one["id"] for one in latest}
    reach = min(held) if len(latest) >= LATEST else 0
    return [one for one in newest if one["id"] > reach and one["id"] not in held]


def note_joined(database: Database, joined: Iterable[int]) -> None:
    """Note those of the users who have just joined that make a step."""
    if steps := list(filter(is_step, joined)):
        _write(database, USERS, {"$push": {"steps": {"$each": steps}}})


def is_step(joined: int) -> bool:
    """Whether whoever joined then makes a step: one in 32 does, by a hash, because
    times of import come at regular distances."""
    return crc32(str(joined).encode()) % STEP == 0


def steps(database: Database) -> list[int]:
    """The steps of all users, in no order."""
    document = database.marks.find_one({"_id": USERS})
    return document["steps"] if document else []


def _write(database: Database, id: str, update: Document) -> None:
    try:
        database.marks.update_one({"_id": id}, update, upsert=True)
    except DuplicateKeyError:  # Another process made it at the same time.
        database.marks.update_one({"_id": id}, update)
