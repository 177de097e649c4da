"""Statistics: figures of each day in UTC, computed from what that day has left.

A document: `_id` the day as "2026-11-24", `day` (the same, counted from 1970), the
figures that FIGURES names, `computed` (when). `microposts`, `follows` and `mails` are
what there is of that day when it is computed, `users` who joined then, `active` how
many have posted or followed. A search leaves nothing behind: the collection `searches`
counts them as they are made, `_id` the day, `count`.

The embedded server answers nobody else while it reads a range of an index: so a day on
which an import has brought many users and follows is read in pieces.
"""

import logging
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from itertools import pairwise

from pymongo import IndexModel
from pymongo.errors import DuplicateKeyError, PyMongoError

from microblog.store import Database, Document, ids, mails, marks, users
from microblog.store.walks import MINUTE, Start

FIGURES = ("microposts", "users", "active", "follows", "searches", "mails")
STEPS = 64  # of users, to a piece of a day
SETTLING = 10 * MINUTE  # after midnight: what was posted before it is stored by then

INDEXES = [IndexModel("day")]

_EPOCH = date(1970, 1, 1).toordinal()

log = logging.getLogger(__name__)


def number(day: date) -> int:
    """The day, counted from 1970."""
    return day.toordinal() - _EPOCH


def compute(database: Database, day: date) -> Document:
    """The figures of a day as the data has them now."""
    since_1970 = number(day)
    of_day: Document = {"day": since_1970}
    posted = _by(database, "microposts", "author", of_day)
    followed = Counter[str]()
    for piece in _pieces(since_1970, marks.steps(database, marks.FOLLOWS)):
        followed.update(_by(database, "follows", "follower", {**of_day, "at": piece}))
    joined = sorted(marks.steps(database))[::STEPS]
    searches = database.searches.find_one({"_id": str(day)}) or {"count": 0}
    return {
        "_id": str(day),
        "day": since_1970,
        "microposts": posted.total(),
        "users": sum(
            database.users.count_documents({"joined": piece})
            for piece in _pieces(since_1970, joined)
        ),
        "active": len(posted.keys() | followed.keys()),
        "follows": followed.total(),
        "searches": searches["count"],
        "mails": mails.sent_on(database, since_1970),
        "computed": datetime.now(UTC),
    }


def keep(database: Database, day: date) -> Document:
    """Compute a day and store it, in place of what was stored of it."""
    figures = compute(database, day)
    # A mail that was sent stays so, but its document expires.
    update = {"$max": {"mails": figures.pop("mails")}, "$set": figures}
    id = figures.pop("_id")
    _upsert(database, "statistics", id, update)
    return database.statistics.find_one({"_id": id}) or {}


def catch_up(
    database: Database, *, limit: int, since: date | None = None
) -> list[Document]:
    """Compute and store the newest `limit` finished days that are not stored."""
    return [keep(database, day) for day in missing(database, since)[:limit]]


def missing(database: Database, since: date | None = None) -> list[date]:
    """The finished days that are not stored, the newest first."""
    finished_days = finished(database, since)
    if not finished_days:
        return []
    stored = {one["day"] for one in days(database, finished_days[-1], last_finished())}
    return [day for day in finished_days if number(day) not in stored]


def finished(database: Database, since: date | None = None) -> list[date]:
    """The days from the first that has data to the last that is over, the newest
    first."""
    first, last = _first(database), number(last_finished())
    if first is None:
        return []
    low = first if since is None else max(first, number(since))
    return [_date(day) for day in range(last, low - 1, -1)]


def last_finished() -> date:
    """The last day whose figures are final."""
    return _date(ids.day(ids.now() - SETTLING) - 1)


def unfinished(database: Database) -> list[Document]:
    """The figures so far of the days that are not finished: of today, and for a moment
    after midnight of yesterday."""
    over, today = number(last_finished()), ids.day(ids.now())
    return [compute(database, _date(day)) for day in range(over + 1, today + 1)]


def days(database: Database, since: date, until: date) -> list[Document]:
    """The stored days from `since` to `until`, both included, in order. What is not
    stored is left out: nobody knows yet whether anything was on that day."""
    between = {"$gte": number(since), "$lte": number(until)}
    found = database.statistics.find({"day": between})
    return sorted(found, key=lambda one: int(one["day"]))


def count_search(database: Database) -> None:
    """Count a search that is made now, unless that fails: then the search goes on.

    The only thing that a GET changes beside the times of logins: a search leaves no
    data by which it could be counted later, and says nothing here of who sought what.
    """
    today = str(_date(ids.day(ids.now())))
    try:
        _upsert(database, "searches", today, {"$inc": {"count": 1}})
    except PyMongoError as error:
        log.warning("a search is not counted: %s", type(error).__name__)


def _upsert(database: Database, collection: str, id: str, update: Document) -> None:
    try:
        database[collection].update_one({"_id": id}, update, upsert=True)
    except DuplicateKeyError:  # Another process made it at the same time.
        database[collection].update_one({"_id": id}, update)


def _by(database: Database, collection: str, who: str, query: Document) -> Counter[str]:
    """How many of these documents each user has made."""
    group = {"$group": {"_id": f"${who}", "count": {"$sum": 1}}}
    found = database[collection].aggregate([{"$match": query}, group])
    return Counter({one["_id"]: one["count"] for one in found})


def _pieces(day: int, steps: Iterable[int]) -> Iterator[Document]:
    """The ids of a day, in ranges from each of these steps to the next."""
    first, end = ids.of_day(day), ids.of_day(day + 1)
    cuts = sorted({first, end, *(step for step in steps if first < step < end)})
    return ({"$gte": low, "$lt": high} for low, high in pairwise(cuts))


def _first(database: Database) -> int | None:
    """The first day on which there was a micropost, or a user who could have followed,
    or be mailed; None: there is neither."""
    known = marks.microposts(database)
    first_user = next(users.walk(database, Start(descending=False)), None)
    begun = [known["oldest"]] if known else []
    if first_user:
        begun.append(first_user["joined"])
    return ids.day(min(begun)) if begun else None


def _date(number: int) -> date:
    return date.fromordinal(number + _EPOCH)
