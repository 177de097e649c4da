"""Marks: about where the ids of all microposts begin and end.

One document, `_id` "microposts", with `oldest` and `newest`. A search begins there and
not in years without a micropost. A process writes it at most once a minute.
"""

from pymongo.errors import DuplicateKeyError

from microblog.store import Database, Document, ids

MICROPOSTS = "microposts"
EVERY = 60_000 << ids.BITS

_noted: dict[str, int] = {}  # by name of the database, what this process wrote last


def note(
    database: Database, oldest: int, newest: int | None = None, always: bool = False
) -> None:
    """Widen the marks by ids that were just stored; `newest` may lag by a minute."""
    newest = oldest if newest is None else newest
    if not always and 0 <= newest - _noted.get(database.name, -EVERY) < EVERY:
        return
    widening = {"$max": {"newest": newest}, "$min": {"oldest": oldest}}
    try:
        database.marks.update_one({"_id": MICROPOSTS}, widening, upsert=True)
    except DuplicateKeyError:  # Another process made it at the same time.
        database.marks.update_one({"_id": MICROPOSTS}, widening)
    _noted[database.name] = newest


def microposts(database: Database) -> Document | None:
    """The marks: `oldest` and `newest`, or None before the first micropost."""
    return database.marks.find_one({"_id": MICROPOSTS})
