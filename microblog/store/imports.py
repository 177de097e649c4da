"""Imports: archives of elsewhere that users have brought, and what became of them.

A document, one a user: `_id` username, `asked`, `name` (of the file, as the browser
has it), `upload` (see `files`), `expires`. Until it is read: `undone.read` (an id:
since when), `run` and `leased` (see `leases`). Then `counts` (`new`, `known`, `left`),
the `first` few that were left out or changed, all of them in the file `left` (but for
as many as `unlisted` says, which had no room), and `refused`: why the archive cannot be
read (to its end).
"""

from datetime import UTC, datetime, timedelta

from pymongo import IndexModel
from pymongo.errors import DuplicateKeyError

from microblog.store import Database, Document, dead_letters, files, ids, leases

READ = "read"  # what can be undone
TASK = "import"  # the name of the task that does it
KEPT = timedelta(days=30)
LONGEST_NAME = 100  # characters

INDEXES = [
    IndexModel("undone.read", sparse=True),
    IndexModel("expires", expireAfterSeconds=0),
]


def find(database: Database, username: str) -> Document | None:
    """The user's last import, unless it has expired."""
    document = database.imports.find_one({"_id": username})
    if document is None or document["expires"] <= datetime.now(UTC):
        return None
    return document


def is_given_up(database: Database, one: Document) -> bool:
    """Whether the task has failed for good."""
    key = dead_letters.key(TASK, [one["_id"]])
    return "undone" in one and dead_letters.find(database, key) is not None


def is_waiting(database: Database, username: str) -> bool:
    """Whether the user's last import is still to be done."""
    last = find(database, username)
    return bool(last and last.get("undone")) and not is_given_up(database, last or {})


def ask(database: Database, username: str, name: str, upload: Document) -> None:
    """Have a stored file imported, in place of the user's last import."""
    now, last = datetime.now(UTC), find(database, username)
    document: Document = {
        "_id": username,
        "asked": now,
        "name": name[:LONGEST_NAME],
        "upload": upload,
        "expires": now + KEPT,
        "leased": leases.NOT_YET,
        "undone": {READ: ids.now()},
    }
    try:
        database.imports.replace_one({"_id": username}, document, upsert=True)
    except DuplicateKeyError:  # Asked twice at the same time.
        database.imports.replace_one({"_id": username}, document)
    dead_letters.remove(database, dead_letters.key(TASK, [username]))
    for file in ("upload", "left"):
        if last and file in last:
            files.delete(database, last[file])
