"""Which version of the program has written the data.

The document "data": `version`, of the newest program that has worked on it, and
`mended`, the version to which `microblog check --repair` has brought all of it. Whoever
changes the meaning of what is stored raises VERSION.
"""

import logging

from pymongo.errors import DuplicateKeyError

from microblog.errors import ConfigurationError
from microblog.store import Database

log = logging.getLogger(__name__)

VERSION = 1
DATA = "data"
RESTORE = "restore"  # the document of a restore that has not ended (see there)


def adopt(database: Database) -> None:
    """Mark the data as this program's, before anything is written. Data of an earlier
    one can be worked on and is mended by `check --repair`, as the log says until then.

    ConfigurationError: a newer program has written to it, which this one could undo.
    """
    found = database.version.find_one({"_id": DATA}) or {"version": 0, "mended": 0}
    if found["version"] > VERSION:
        raise ConfigurationError(
            f"the data is of version {found['version']}, written by a newer microblog; "
            f"this one knows version {VERSION}"
        )
    if found["version"] < VERSION:
        is_new = database.users.find_one({}) is None
        found["mended"] = VERSION if is_new else found["mended"]
        _set(database, version=VERSION, mended=found["mended"])
    if found["mended"] < VERSION:
        log.warning("the data is of an earlier version: run microblog check --repair")
    if database.version.find_one({"_id": RESTORE}):
        log.warning("a restore was not finished: run it again")


def mended(database: Database) -> int:
    """The version to which all of the data has been brought."""
    found = database.version.find_one({"_id": DATA})
    return int(found["mended"]) if found else VERSION


def note_restored(database: Database, mended: int) -> None:
    """What was in a backup was brought to that version."""
    database.version.update_one({"_id": DATA}, {"$set": {"mended": mended}})


def note_mended(database: Database) -> None:
    """All of the data is as this version writes it."""
    _set(database, version=VERSION, mended=VERSION)


def _set(database: Database, **versions: int) -> None:
    raised = {"$max": versions}
    try:
        database.version.update_one({"_id": DATA}, raised, upsert=True)
    except DuplicateKeyError:  # Another process made it at the same time.
        database.version.update_one({"_id": DATA}, raised)
