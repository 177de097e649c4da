"""Which version of the program has written the data.

The document "data": `version`, of the newest program that has worked on it, and
`mended`, the version to which `microblog migrate` has brought all of it. Whoever
changes the meaning of what is stored raises VERSION and adds a step to `migrations`.
"""

import logging

from pymongo.errors import DuplicateKeyError

from microblog.errors import ConfigurationError
from microblog.store import Database

log = logging.getLogger(__name__)

VERSION = 4
# Of data that was brought to no later one, this program can do nothing but migrate it:
# raised with VERSION where a step must be done before anybody is served.
SERVED = 0
DATA = "data"
RESTORE = "restore"  # the document of a restore that has not ended (see there)


def adopt(database: Database, *, migrating: bool = False) -> None:
    """Mark the data as this program's, before anything is written. Data of an earlier
    one is brought to this version by `microblog migrate`, as the log says until then.

    `migrating`: that is what it is opened for. ConfigurationError: a newer program has
    written to it, which this one could undo; or it must be migrated first.
    """
    found = database.version.find_one({"_id": DATA}) or {"version": 0, "mended": 0}
    if found["version"] > VERSION:
        raise ConfigurationError(
            f"the data is of version {found['version']}, written by a newer microblog; "
            f"this one knows version {VERSION}"
        )
    mended = found["mended"]
    if found["version"] < VERSION and database.users.find_one({}) is None:
        mended = VERSION
    if mended < SERVED and not migrating:
        # Nothing is marked: the program that has written it can go on until then.
        raise ConfigurationError(
            f"the data is of version {mended}, which this microblog cannot serve: stop "
            "the site, make a backup, and run microblog migrate"
        )
    if found["version"] < VERSION:
        _set(database, version=VERSION, mended=mended)
    if mended < VERSION and not migrating:
        log.warning("the data is of an earlier version: run microblog migrate")
    if database.version.find_one({"_id": RESTORE}):
        log.warning("a restore was not finished: run it again")


def mended(database: Database) -> int:
    """The version to which all of the data has been brought."""
    found = database.version.find_one({"_id": DATA})
    return int(found["mended"]) if found else VERSION


def note_restored(database: Database, mended: int) -> None:
    """What was in a backup was brought to that version."""
    database.version.update_one({"_id": DATA}, {"$set": {"mended": mended}})


def note_mended(database: Database, number: int) -> None:
    """All of the data was brought to that version."""
    _set(database, mended=number)


def _set(database: Database, **versions: int) -> None:
    raised = {"$max": versions}
    try:
        database.version.update_one({"_id": DATA}, raised, upsert=True)
    except DuplicateKeyError:  # Another process made it at the same time.
        database.version.update_one({"_id": DATA}, raised)
