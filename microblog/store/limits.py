"""Counters of how often something was done: exact, over all threads and processes.

Time is cut into windows, as long as the limit's span. What counts is the present window
and, of the one before, the share that still lies within the span: so the end of a
window frees nothing at once. A clock that jumps lands in windows of which nothing is
counted, or what was counted there before: nobody waits longer than two spans.

A document: `_id` (limit, whom it counts, window; hashed by a key of the site, so that
it names nobody), `count`, `expires`.
"""

import hmac
import time
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import compress

from pymongo import IndexModel, UpdateOne

from microblog.errors import Throttled
from microblog.store import Database, Document, bulk, keys

INDEXES = [IndexModel("expires", expireAfterSeconds=0)]


@dataclass(frozen=True)
class Limit:
    """`who` may do something `most` times in `seconds`."""

    name: str
    who: str
    most: int
    seconds: int


@dataclass(frozen=True)
class Window:
    """The present window of a limit, as it was read: what was counted in the one before
    and in this one, and how much of it is over (milliseconds)."""

    limit: Limit
    id: str
    expires: datetime
    over: int
    before: int
    count: int

    @property
    def room(self) -> int:
        """What may be counted in this window."""
        span = self.limit.seconds * 1000
        # Rounded up: what counts of the window before.
        return self.limit.most + self.before * (self.over - span) // span

    @property
    def left(self) -> int:
        """How often it may be done now."""
        return max(0, self.room - self.count)

    @property
    def reset(self) -> int:
        """Seconds until this window ends; if nothing is left, until something is."""
        span, free = self.limit.seconds * 1000, self.limit.most - 1 - self.count
        if self.left:
            moment = span
        elif free >= 0:
            moment = _moment(span, self.before, free)
        else:
            moment = span + _moment(span, self.count, self.limit.most - 1)
        return max(1, -((self.over - moment) // 1000))


@dataclass(frozen=True)
class Wanted:
    """The present window of a limit, by the ids of the one before and of this one."""

    limit: Limit
    before: str
    id: str
    expires: datetime
    over: int

    def window(self, counts: dict[str, int]) -> Window:
        """The window, as it is by what was counted in all of these."""
        before, count = counts.get(self.before, 0), counts.get(self.id, 0)
        return Window(self.limit, self.id, self.expires, self.over, before, count)


def take(database: Database, limits: list[Limit]) -> list[Window]:
    """Count one use by each limit, or by none; the windows as they were before.

    Throttled: one of them is used up.
    """
    wanted = _wanted(database, limits)
    windows: list[Window]
    windows, counted = database.taking.do(wanted, lambda all: _take(database, all))
    if full := [window for window in windows if not window.left]:
        raise _throttled(max(full, key=lambda window: window.reset))
    taken = [
        window
        for window, is_counted in zip(windows, counted, strict=True)
        if is_counted or _count(database, window)
    ]
    if full := [window for window in windows if window not in taken]:
        give_back(database, taken)
        raise _throttled(replace(full[0], count=full[0].room))
    return windows


def give_back(database: Database, taken: list[Window]) -> None:
    """Count one use less in these windows."""
    if not taken:
        return
    ids = [window.id for window in taken]
    database.limits.update_many({"_id": {"$in": ids}}, {"$inc": {"count": -1}})


def _wanted(database: Database, limits: list[Limit]) -> list[Wanted]:
    now, key, found = int(time.time() * 1000), keys.find(database, "limits"), []
    for limit in limits:
        number, over = divmod(now, limit.seconds * 1000)
        before, id = (_id(key, limit, one) for one in (number - 1, number))
        # The next window looks back on this one.
        expires = datetime.fromtimestamp((number + 2) * limit.seconds, UTC)
        found.append(Wanted(limit, before, id, expires, over))
    return found


def _id(key: bytes, limit: Limit, number: int) -> str:
    said = f"{limit.name} {number} {limit.who}".encode("utf-8", "surrogatepass")
    return hmac.digest(key, said, "sha256").hex()


def _take(
    database: Database, wanted: list[list[Wanted]]
) -> list[tuple[list[Window], list[bool]]]:
    """Of each of those who want some: the windows as they were, and which were counted.
    Where one is full, none is. The others that were not are full by now, or somebody
    was the first in them at the same time."""
    ids = {id for some in wanted for one in some for id in (one.before, one.id)}
    stored = database.limits.find({"_id": {"$in": list(ids)}})
    counts = {document["_id"]: document["count"] for document in stored}
    windows = [[one.window(counts) for one in some] for some in wanted]
    free = [all(window.left for window in some) for some in windows]
    asking = [one for some in compress(windows, free) for one in some]
    times = _count_many(database, asking) if asking else Counter()

    def is_counted(window: Window) -> bool:
        times[window.id] -= 1
        return times[window.id] >= 0

    return [
        (some, [are_free and is_counted(one) for one in some])
        for some, are_free in zip(windows, free, strict=True)
    ]


def _count_many(database: Database, asking: list[Window]) -> Counter[str]:
    """How often each window was counted, of as often as it is asked for: in one update
    of each, up to what the least roomy of those asking sees left."""
    least = {one.id: one for one in sorted(asking, key=lambda one: -one.room)}
    times = Counter(one.id for one in asking) & Counter(
        {id: one.left for id, one in least.items()}
    )
    more = [_more(one, times[id]) for id, one in least.items()]
    met = bulk.upsert(database, "limits", more)
    for place, id in enumerate(least):
        if place in met:
            times[id] = 0
    return times


def _more(window: Window, times: int) -> UpdateOne:
    """If there is room. One update asks and counts: nobody comes in between."""
    change = {"$inc": {"count": times}, "$setOnInsert": {"expires": window.expires}}
    return UpdateOne(_with_room(window, times), change, upsert=True)


def _with_room(window: Window, times: int) -> Document:
    return {"_id": window.id, "count": {"$lte": window.room - times}}


def _count(database: Database, window: Window) -> bool:
    """Whether there was room in a window that is there."""
    done = database.limits.update_one(_with_room(window, 1), {"$inc": {"count": 1}})
    return bool(done.matched_count)


def _throttled(window: Window) -> Throttled:
    return Throttled(window.limit.name, window.reset)


def _moment(span: int, before: int, free: int) -> int:
    """When, in a window of `span`, at most `free` of what the one before has counted
    still counts."""
    return span - free * span // before
