"""Segments: the index of microposts by what stands in them.

A micropost that is new or edited has `undone.search`, and a search looks into its text.
`tend`, a task, indexes those that wait: it writes a segment, the posting lists of some
microposts (`postings`), which never changes but by `erasures`. Eight segments of about
a size are merged into one, so that there are few of them at any size of the site.

The document 0 of this collection is the catalogue: `rev`, and the `segments` that are
read. Each other document announces one that is being made: `_id` its number, `at`,
`buckets`, `sealed` (id and `rev` of each micropost that it is the first to index) and
`retired` (number and buckets of those that it takes the place of). It stays for a while
after the catalogue has changed, for those who search by the catalogue of before. Then
`undone.search` is taken out and what is retired removed; or, if it was never entered
into the catalogue because its maker was killed, the segment itself is.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import NamedTuple

from pymongo.errors import DuplicateKeyError

from microblog.store import Database, Document, ids, marks, pieces, postings
from microblog.store.shapes import SEARCH
from microblog.store.walks import MINUTE, Frontier, Start, windows

CATALOGUE = 0
LEAST = 64  # microposts that wait before a segment is made of them
MOST = 4096  # of which one is made at once
MERGED = 8
LARGEST = 1 << 20  # microposts in a segment: a list of them all stays below 16 MB
PAUSE = timedelta(seconds=10)  # longer than any search, and any process remembers
LOST = timedelta(minutes=10)  # a maker that has not been heard of for so long is dead

Pairs = Sequence[tuple[int, int]]


class Segment(NamedTuple):
    """A segment that is read."""

    number: int
    buckets: int
    microposts: int  # how many
    oldest: int  # id of a micropost
    newest: int

    @property
    def level(self) -> int:
        """Segments of one level are of about a size."""
        return max(0, (self.microposts // LEAST).bit_length() - 1) // 3


def live(database: Database) -> list[Segment]:
    """The segments that are read, as this process remembers them."""
    found: list[Segment] = database.memory.segments.get(
        CATALOGUE, lambda: read_live(database)
    )
    return found


def read_live(database: Database) -> list[Segment]:
    """The segments that are read now."""
    return _catalogue(database)[1]


def waiting(database: Database, start: Start) -> Iterator[Document]:
    """The documents of microposts ahead of `start` that are not indexed yet."""
    known = marks.microposts(database) or {"oldest": 0, "newest": 0}

    def read(after: int, before: int) -> list[Document]:
        query = {f"undone.{SEARCH}": {"$gt": after, "$lt": before}}
        return list(database.microposts.find(query))

    # The clock of another process may be ahead, and the mark may lag behind.
    latest = max(ids.now(), known["newest"]) + MINUTE
    frontier = Frontier(start, known["oldest"], latest)
    if start.descending:
        # Few lie there, as most are indexed: wide windows.
        span = MINUTE + max(marks.span(known), latest - known["newest"])
        return windows(start, frontier, span, read, growth=MERGED)
    return windows(start, frontier, MINUTE, read)


def tend(
    database: Database,
    *,
    least: int = LEAST,
    pause: timedelta = PAUSE,
    is_stopping: Callable[[], bool] = lambda: False,
) -> None:
    """Index what waits, if it is at least so much, merge segments, and clear up."""
    settle(database, pause)
    while not is_stopping():
        if not (_merge(database, is_stopping) or _seal(database, least)):
            return
        settle(database, pause)


def add(database: Database, documents: Iterable[Document], sealed: Pairs = ()) -> bool:
    """Make a segment of microposts; whether that was done: not if another process was
    faster. `sealed`: id and `rev` of those that wait for it."""
    held = sorted(documents, key=lambda one: int(one["_id"]))
    lists: dict[int, list[int]] = defaultdict(list)
    for one in held:
        for key in postings.of_micropost(one):
            lists[key].append(one["_id"])
    number = sum(map(len, lists.values()))
    making = _announce(database, postings.buckets(number), sealed)
    if making is None:
        return False
    postings.write(database, _spread(making, lists))
    return _enter(database, making, len(held), held[0]["_id"], held[-1]["_id"])


def add_all(database: Database, documents: Iterable[Document]) -> Iterator[Document]:
    """Make segments of many microposts that do not wait; the last of each, when it is
    there."""
    for piece in pieces(documents, MOST):
        while not add(database, piece):
            pass  # Another process has announced one at the same time.
        tend(database, pause=timedelta(0))
        yield piece[-1]


def note(database: Database, id: int) -> None:
    """Have a micropost indexed, again."""
    update = {"$set": {f"undone.{SEARCH}": id}}
    database.microposts.update_one({"_id": id, "text": {"$exists": True}}, update)


def settle(database: Database, pause: timedelta = PAUSE) -> None:
    """Clear up after segments that were entered `pause` ago, and after those whose
    maker is dead."""
    made = _announced(database)
    entered = {one.number for one in _catalogue(database)[1]}
    now = datetime.now(UTC)
    for one in made:
        query = {"_id": one["_id"], "at": one["at"]}
        if one["_id"] in entered and one["at"] <= now - pause:
            _let_go(database, one["sealed"])
            for number, buckets in one["retired"]:
                postings.remove(database, number, buckets)
            database.segments.delete_one(query)
        is_lost = one["_id"] not in entered and one["at"] <= now - LOST
        if is_lost and database.segments.delete_one(query).deleted_count:
            postings.remove(database, one["_id"], one["buckets"])


def is_making(database: Database) -> bool:
    """Whether a segment is being made that is not entered yet."""
    entered = {one.number for one in _catalogue(database)[1]}
    return any(one["_id"] not in entered for one in _announced(database))


def _seal(database: Database, least: int) -> bool:
    sealed = {id for one in _announced(database) for id, _rev in one["sealed"]}
    upward = Start(descending=False, wanted=MOST // 2)
    fresh = (one for one in waiting(database, upward) if one["_id"] not in sealed)
    found = list(islice(fresh, MOST))
    if len(found) < least or not found:
        return False
    return add(database, found, [(one["_id"], one["rev"]) for one in found])


def _merge(database: Database, is_stopping: Callable[[], bool]) -> bool:
    """Merge the oldest eight of a level, if there are so many."""
    made = _announced(database)
    busy = {one["_id"] for one in made}
    busy |= {number for one in made for number, _buckets in one["retired"]}
    levels: dict[int, list[Segment]] = defaultdict(list)
    for one in sorted(_catalogue(database)[1]):
        if one.number in busy:
            continue
        same = levels[one.level]
        if sum(other.microposts for other in same) + one.microposts <= LARGEST:
            same.append(one)
        if len(same) == MERGED:
            return _merge_all(database, same, is_stopping)
    return False


def _merge_all(
    database: Database, old: list[Segment], is_stopping: Callable[[], bool]
) -> bool:
    total = sum(one.buckets for one in old)
    buckets = 1 << (total - 1).bit_length()
    retired = [(one.number, one.buckets) for one in old]
    making = _announce(database, buckets, (), retired)
    if making is None:
        return False
    least = min(one.buckets for one in old)
    for first in range(least):
        if is_stopping():
            return False
        lists: dict[int, set[int]] = defaultdict(set)
        names = [
            postings.name(one.number, bucket)
            for one in old
            for bucket in range(first, one.buckets, least)
        ]
        for _name, packed in postings.read(database, names):
            for key, found in postings.unpacked(packed).items():
                lists[key].update(found)
        ordered = {key: sorted(found) for key, found in lists.items()}
        postings.write(database, _spread(making, ordered))
        if not _refresh(database, making):
            return False
    return _enter(
        database,
        making,
        sum(one.microposts for one in old),
        min(one.oldest for one in old),
        max(one.newest for one in old),
    )


def _spread(making: Document, lists: postings.Lists) -> Iterator[Document]:
    """The lists in their buckets."""
    spread: dict[int, dict[int, Iterable[int]]] = defaultdict(dict)
    for key, found in lists.items():
        spread[key % making["buckets"]][key] = found
    for bucket, inside in spread.items():
        yield postings.document(making["_id"], bucket, inside)


def _catalogue(database: Database) -> tuple[int, list[Segment]]:
    """The `rev` of the catalogue (0: there is none) and its segments."""
    found = database.segments.find_one({"_id": CATALOGUE}) or {"rev": 0, "segments": []}
    return found["rev"], [Segment(*one) for one in found["segments"]]


def _announced(database: Database) -> list[Document]:
    return list(database.segments.find({"_id": {"$ne": CATALOGUE}}))


def _announce(
    database: Database,
    buckets: int,
    sealed: Pairs = (),
    retired: Pairs = (),
) -> Document | None:
    """Announce a new segment; None: another process has just announced one, or has
    done the same."""
    made, live = _announced(database), {one.number for one in _catalogue(database)[1]}
    for field, pairs in (("sealed", sealed), ("retired", retired)):
        taken = {one for other in made for one, _ in other[field]}
        if taken & {one for one, _ in pairs}:
            return None
    if not {number for number, _buckets in retired} <= live:
        return None
    number = 1 + max([*live, *(one["_id"] for one in made)], default=CATALOGUE)
    making = {"_id": number, "at": datetime.now(UTC), "buckets": buckets}
    making |= {"sealed": list(sealed), "retired": list(retired)}
    try:
        database.segments.insert_one(making)
    except DuplicateKeyError:
        return None
    return making


def _refresh(database: Database, making: Document) -> bool:
    """Say that its maker lives; False: nobody thought so any more."""
    query = {"_id": making["_id"]}
    told = database.segments.update_one(query, {"$set": {"at": datetime.now(UTC)}})
    return bool(told.matched_count)


def _enter(
    database: Database, making: Document, count: int, oldest: int, newest: int
) -> bool:
    """Have a segment read from now on, in place of those that are retired."""
    retired = {number for number, _buckets in making["retired"]}
    entry = Segment(making["_id"], making["buckets"], count, oldest, newest)
    while _refresh(database, making):
        rev, found = _catalogue(database)
        kept = [list(one) for one in found if one.number not in retired]
        changed = {"rev": rev + 1, "segments": [*kept, list(entry)]}
        query = {"_id": CATALOGUE, "rev": rev}
        try:
            # The first has nothing to replace.
            done = database.segments.replace_one(query, changed, upsert=not rev)
        except DuplicateKeyError:
            continue
        if done.matched_count or done.upserted_id is not None:
            return True
    return False


def _let_go(database: Database, sealed: Iterable[tuple[int, int]]) -> None:
    """Microposts wait no longer, but for those that were edited meanwhile."""
    same: dict[int, list[int]] = defaultdict(list)
    for id, rev in sealed:
        same[rev].append(id)
    for rev, held in same.items():
        for piece in pieces(held, postings.PIECE):
            query = {"_id": {"$in": piece}, "rev": rev}
            update = {"$unset": {f"undone.{SEARCH}": ""}}
            database.microposts.update_many(query, update)
