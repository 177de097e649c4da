"""The audit log: what moderators, administrators and operators did. Nothing is changed
in it; the server removes what is old.

A document: `_id` (an id: when), `log` (LOG), `who` (a username or COMMAND_LINE),
`what`, `whom` (a username; "": nobody), `micropost` (its id or None), `why`, `expires`.
It holds no text of a micropost, and no address.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from pymongo import IndexModel

from microblog.store import Database, Document, ids, records
from microblog.store.walks import Start

COMMAND_LINE = "command line"  # No username: it has a space.
LOG = "site"

INDEXES = [
    IndexModel([("log", 1), ("_id", -1)]),
    IndexModel("expires", expireAfterSeconds=0),
]


class What(StrEnum):
    """What is done."""

    ADD = "add user"
    PASSWORD = "set password"
    ROLE = "set role"
    DISABLE = "disable"
    ENABLE = "enable"
    SUSPEND = "suspend"
    RESTORE = "restore"
    HIDE = "hide"
    SHOW = "show"
    DISMISS = "dismiss reports"
    APPROVE = "approve"
    REJECT = "reject"
    INVITE = "invite"
    REVOKE = "revoke invitation"


def note(
    database: Database,
    who: str,
    what: What,
    whom: str = "",
    *,
    micropost: int | None = None,
    why: str = "",
    days: int,
) -> None:
    """Note what is about to be done, for so many days."""
    database.audit.insert_one(
        {
            "_id": ids.new(),
            "log": LOG,
            "who": who,
            "what": what.value,
            "whom": whom,
            "micropost": micropost,
            "why": why,
            "expires": datetime.now(UTC) + timedelta(days=days),
        }
    )


def walk(database: Database, start: Start) -> Iterator[Document]:
    """What was done, ahead of `start`."""
    return records.walk(database, "audit", {"log": LOG}, "_id", start)
