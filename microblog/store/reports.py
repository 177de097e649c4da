"""Reports: what users tell moderators about microposts and about each other.

A document: `_id` "reporter-about-micropost" (of one thing, one report by one user),
`at` (an id: when), `state` (OPEN, or how it ended), `about` (a username), `micropost`
(an id; None: it is about the user), `reason`, `reporter`, and once it has ended `by`
and `expires`.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from pymongo import IndexModel
from pymongo.errors import DuplicateKeyError

from microblog.store import Database, Document, ids, records
from microblog.store.walks import Start

OPEN = "open"
KEPT = timedelta(days=90)  # after its end

INDEXES = [
    IndexModel([("state", 1), ("at", -1)]),
    IndexModel("about"),
    IndexModel("reporter"),
    IndexModel("expires", expireAfterSeconds=0),
]


def create(
    database: Database, reporter: str, about: str, micropost: int | None, reason: str
) -> bool:
    """Report a user, or one of the user's microposts; whether that is new: not while an
    earlier report by the same user is open."""
    report = {
        "at": ids.new(),
        "state": OPEN,
        "about": about,
        "micropost": micropost,
        "reason": reason,
        "reporter": reporter,
    }
    id = f"{reporter}-{about}-{micropost or 0}"
    try:
        database.reports.insert_one({"_id": id, **report})
    except DuplicateKeyError:
        again = {"$set": report, "$unset": {"by": "", "expires": ""}}
        ended = {"_id": id, "state": {"$ne": OPEN}}
        return bool(database.reports.update_one(ended, again).matched_count)
    return True


def find(database: Database, id: str) -> Document | None:
    """The report with this id, or None."""
    return database.reports.find_one({"_id": id})


def walk(database: Database, start: Start) -> Iterator[Document]:
    """The open reports ahead of `start`, by `at`."""
    return records.walk(database, "reports", {"state": OPEN}, "at", start)


def close(
    database: Database, about: str, micropost: int | None, state: str, by: str
) -> None:
    """End every open report about one thing."""
    for report in database.reports.find({"about": about}):
        if report["micropost"] == micropost:
            _end(database, report, state, by)


def close_all(database: Database, about: str, state: str, by: str) -> None:
    """End every open report about a user and the user's microposts."""
    for report in database.reports.find({"about": about}):
        _end(database, report, state, by)


def _end(database: Database, report: Document, state: str, by: str) -> None:
    end = {"state": state, "by": by, "expires": datetime.now(UTC) + KEPT}
    still_open = {"_id": report["_id"], "state": OPEN}
    database.reports.update_one(still_open, {"$set": end})
