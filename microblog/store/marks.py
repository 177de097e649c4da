"""Marks: where ids begin and end and how they crowd, and which are the newest.

The document "microposts" has about the `oldest` and the `newest` id of all microposts:
a search begins there and not in years without one. Its `references`, newest first, are
those to the newest 100: what everybody's timeline shows.

The document "users" has `steps`: of every 32nd user or so, when they joined. Between
two steps lie few users, whether they joined in ten years or in the second of an import.

The document "follows" has `steps` of the links that came in bulk, by an import or a
restore: when every 4096th or so was made. Whoever reads all links of a day reads them
in pieces; steps that a killed import has not noted make these longer, and no more.
"""

from collections.abc import Iterable
from zlib import crc32

from pymongo.errors import DuplicateKeyError

from microblog.store import Database, Document, ids

MICROPOSTS = "microposts"
USERS = "users"
FOLLOWS = "follows"
LATEST = 100  # references
STEP = 32  # users from one step to the next, on average
LINKS_STEP = 4096  # links, likewise: of 1.5 billion, steps of 6 MB


def note(
    database: Database,
    oldest: int,
    newest: int | None = None,
    pushed: Iterable[int] = (),
) -> None:
    """Widen the marks by ids that were just stored, and put `pushed` among the newest
    100."""
    newest = oldest if newest is None else newest
    sent = sorted(map(ids.spell, pushed), reverse=True)
    update: Document = {"$max": {"newest": newest}, "$min": {"oldest": oldest}}
    # Nearly always all is newer than what is there, which needs no sorting.
    place: Document = {"$position": 0}
    push = {"references": {"$each": sent, **place, "$slice": LATEST}}
    query = {"_id": MICROPOSTS, "newest": {"$lt": oldest}}
    if database.marks.update_one(query, {**update, "$push": push}).matched_count:
        return
    known = database.marks.find_one({"_id": MICROPOSTS})
    if known and (held := latest(known)) and known["oldest"] < held[-1]:
        # Those that are older than all of these stand among others that do not.
        sent = [one for one in sent if int(one) > held[-1]]
    push = {"references": {"$each": sent, "$sort": -1, "$slice": LATEST}}
    _write(database, MICROPOSTS, {**update, "$push": push})


def microposts(database: Database) -> Document | None:
    """The marks: `oldest`, `newest` and `references`, or None before the first
    micropost."""
    known: Document | None = database.memory.marks.get(
        MICROPOSTS, lambda: database.marks.find_one({"_id": MICROPOSTS})
    )
    return known


def latest(known: Document) -> list[int]:
    """The ids of the newest 100, newest first."""
    return [int(reference) for reference in known.get("references", ())]


def span(known: Document) -> int:
    """The time over which the newest 100 lie."""
    held = latest(known)
    return held[0] - held[-1] if held else 0


def forget_latest(database: Database, gone: Iterable[int]) -> None:
    """Take microposts that are gone out of the newest 100."""
    if spelled := [ids.spell(id) for id in gone]:
        pull = {"$pull": {"references": {"$in": spelled}}}
        database.marks.update_one({"_id": MICROPOSTS}, pull)


def missing_latest(database: Database, newest: list[int]) -> list[int]:
    """Those of the `newest` of all microposts that the marks lack. Deleted ones may
    stand there, in the place of older ones."""
    known = microposts(database)
    held = latest(known) if known else []
    reach = min(held, default=0)
    if known and known["oldest"] >= reach:
        reach = 0  # All there are stand there.
    return [id for id in newest if id > reach and id not in held]


def note_joined(database: Database, joined: Iterable[int]) -> None:
    """Note those of the users who have just joined that make a step."""
    _note_steps(database, USERS, filter(is_step, joined))


def note_followed(database: Database, times: Iterable[int]) -> None:
    """Note when those of the links made a step that have just come in bulk."""
    _note_steps(database, FOLLOWS, (at for at in times if is_step(at, LINKS_STEP)))


def is_step(id: int, distance: int = STEP) -> bool:
    """Whether whoever joined then makes a step: one in 32 does, by a hash, because
    times of import come at regular distances."""
    return crc32(str(id).encode()) % distance == 0


def steps(database: Database, kind: str = USERS) -> list[int]:
    """The steps of all users, or of links, in no order."""
    document = database.memory.marks.get(
        kind, lambda: database.marks.find_one({"_id": kind})
    )
    return document["steps"] if document else []


def _note_steps(database: Database, kind: str, steps: Iterable[int]) -> None:
    if found := list(steps):
        _write(database, kind, {"$push": {"steps": {"$each": found}}})


def _write(database: Database, id: str, update: Document) -> None:
    try:
        database.marks.update_one({"_id": id}, update, upsert=True)
    except DuplicateKeyError:  # Another process made it at the same time.
        database.marks.update_one({"_id": id}, update)
