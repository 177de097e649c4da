"""Search by parts of texts and names, newest or oldest first.

Of what is sought, a search looks up some grams in the `segments`, reads the microposts
that have all of them, and looks for the parts themselves there; so it does in those
that are not indexed yet.

People are found by one gram, window by window. Which is the rarest nobody counts: each
window asks for the one that has met the fewest so far. Common ones are asked for once,
in a small window, and dropped.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from heapq import heappop, heappush, merge

from microblog import text as grammar
from microblog.store import (
    Database,
    Document,
    grams,
    pieces,
    postings,
    segments,
    users,
)
from microblog.store.shapes import present, shown
from microblog.store.walks import Frontier, Start, in_order, next_span

MOST_CANDIDATES = 2_000  # microposts read before a search pauses
MOST_GRAMS = 10  # that a micropost is found by
PIECE = 25  # microposts asked for at once
AT_ONCE = 8  # segments read at once
NOTHING = bytes(8)  # the posting lists of a bucket that has none
CANDIDATES = 50  # users wanted from a window
FIRST_STEPS = 2  # the width of the first window


@dataclass(frozen=True)
class Pause:
    """In a walk: enough was read for one request, the search goes on beyond `id`."""

    id: int


@dataclass
class _Gram:
    """A gram of what is sought, and how common it has been so far."""

    text: str
    span: int  # of the next window
    covered: int = 0
    met: int = 0

    @property
    def density(self) -> float:
        return self.met / self.covered if self.covered else 0.0

    def learn(self, span: int, met: int) -> None:
        self.covered += span
        self.met += met
        self.span = next_span(span, met, CANDIDATES)


def walk(
    database: Database, text: str, username: str, start: Start
) -> Iterator[Document | Pause]:
    """The microposts that have `text` in their text and `username` in their author's
    name, without regard to case. `text`: at least three characters, folded here."""
    part, name = grammar.fold(text), username.lower()
    parts = [*grams.of_text(part), *grams.of_author(name)]
    gone, last = users.gone(database), None
    found = merge(
        _waiting(database, start),
        _indexed(database, _some(parts), start),
        key=lambda one: one.id if isinstance(one, Pause) else one["_id"],
        reverse=start.descending,
    )
    for one in found:
        if isinstance(one, Pause):
            yield one
            return
        fits = part in grammar.fold(one["text"]) and name in one["author"]
        # An edited one is met twice, until what waits is indexed.
        if fits and one["_id"] != last and one["author"] not in gone:
            last = one["_id"]
            yield shown(one)


def _some(parts: list[str]) -> list[int]:
    """The hashes of a few of the grams, from all over the parts."""
    keys = sorted(postings.hashes(parts))
    return keys[:: -(-len(keys) // MOST_GRAMS)]


def _waiting(database: Database, start: Start) -> Iterator[Document | Pause]:
    """The documents that are not indexed yet."""
    last = 0
    for read, document in enumerate(segments.waiting(database, start)):
        if read > MOST_CANDIDATES:
            yield Pause(last)
            return
        last = document["_id"]
        yield document


def _indexed(
    database: Database, keys: list[int], start: Start
) -> Iterator[Document | Pause]:
    """The documents that have all of these grams, by their hashes."""
    read, last, size = 0, 0, min(start.wanted, PIECE)
    for piece in pieces(_candidates(database, keys, start), size):
        if read > MOST_CANDIDATES:
            yield Pause(last)
            return
        found = database.microposts.find({"_id": {"$in": piece}})
        yield from in_order(present(found), start, "_id")
        read, last = read + len(piece), piece[-1]


def _candidates(database: Database, keys: list[int], start: Start) -> Iterator[int]:
    """The ids, in the order of the walk, which all these grams have by the index.

    A segment is read when the walk comes to its first id: of something common, only the
    newest ones are.
    """
    # What is smallest comes first.
    sign = -1 if start.descending else 1
    ahead = [
        (-one.newest if start.descending else one.oldest, one)
        for one in segments.live(database)
        if start.includes(one.oldest if start.descending else one.newest)
    ]
    ahead.sort(reverse=True)
    heads: list[tuple[int, int, Iterator[int]]] = []
    asked, last = 1, None
    while ahead or heads:
        if ahead and (not heads or heads[0][0] >= ahead[-1][0]):
            next_ones = [ahead.pop()[1] for _ in ahead[:asked]]
            for one, lists in _lists(database, next_ones, keys):
                _push(heads, one.number, (sign * id for id in _common(lists, start)))
            asked = min(2 * asked, AT_ONCE)
        elif heads:
            place, number, matching = heappop(heads)
            if place != last:
                last = place
                yield sign * place
            _push(heads, number, matching)


def _push(
    heads: list[tuple[int, int, Iterator[int]]], number: int, matching: Iterator[int]
) -> None:
    """Put a segment's matches among the others, by the first that is left."""
    for place in matching:
        heappush(heads, (place, number, matching))
        return


def _lists(
    database: Database, wanted: list[segments.Segment], keys: list[int]
) -> Iterator[tuple[segments.Segment, list["memoryview[int]"]]]:
    """The posting lists of these grams in each segment."""
    places = {
        (one.number, key): postings.name(one.number, key % one.buckets)
        for one in wanted
        for key in keys
    }
    packed = dict(postings.read(database, sorted(set(places.values()))))
    for one in wanted:
        held = [packed.get(places[one.number, key], NOTHING) for key in keys]
        yield (
            one,
            [
                postings.of_gram(inside, key)
                for inside, key in zip(held, keys, strict=True)
            ],
        )


def _common(lists: list["memoryview[int]"], start: Start) -> Iterator[int]:
    """The ids ahead that stand in all of the lists."""
    shortest, *others = sorted(lists, key=len)
    if start.descending:
        end = len(shortest) if start.id is None else bisect_left(shortest, start.id)
        places = range(end - 1, -1, -1)
    else:
        begin = 0 if start.id is None else bisect_right(shortest, start.id)
        places = range(begin, len(shortest))
    for place in places:
        id = shortest[place]
        if all(_has(other, id) for other in others):
            yield id


def _has(ids: "memoryview[int]", id: int) -> bool:
    place = bisect_left(ids, id)
    return place < len(ids) and ids[place] == id


def walk_users(database: Database, part: str, start: Start) -> Iterator[Document]:
    """The documents of the users who are seen and whose username or name has `part` in
    it, without regard to case, by when they joined (`joined`). One or two characters
    must begin the username or a word of the name; of nothing, nobody is found."""

    def read(gram: str, after: int, before: int) -> list[Document]:
        query = {"grams": gram, "joined": {"$gt": after, "$lt": before}}
        return in_order(list(database.names.find(query)), start, "joined")

    sought = [_Gram(one, FIRST_STEPS) for one in grams.of_user_part(part)]
    if sought:
        for found in _windows(sought, users.frontier(database, start), read):
            fit = [
                one["_id"]
                for one in found
                if grams.is_in_user(part, one["_id"], one["name"])
            ]
            here = users.find_many(database, fit, users.LISTED)
            met = (here[name] for name in fit if name in here)
            yield from filter(users.is_seen, met)


def _windows(
    sought: list[_Gram],
    frontier: Frontier,
    read: Callable[[str, int, int], list[Document]],
) -> Iterator[list[Document]]:
    """What `read(gram, after, before)` returns for each window, by its rarest gram."""
    while frontier.is_open:
        gram = min(sought, key=lambda gram: gram.density)
        span = gram.span
        found = read(gram.text, *frontier.advance(span))
        gram.learn(span, len(found))
        yield found
