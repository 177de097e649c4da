"""Lazy walks over documents in the order of an id, the ground of every page.

A walk starts beyond an id and goes on until nobody asks for more; a page is the first
few of it. Ids order a walk, so that nothing older is skipped or met twice while others
write.

The embedded server reads a whole index range before it sorts or limits. So every read
is bounded on both sides, by a window of ids that widens until it brings enough.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from microblog.store import Document, ids

MINUTE = 60_000 << ids.BITS
GROWTH = 2


@dataclass(frozen=True)
class Start:
    """Where a walk begins (beyond this id; None: at its end), which way it goes, and
    how many items its reader will probably take."""

    id: int | None = None
    descending: bool = True
    wanted: int = 21

    def includes(self, id: int) -> bool:
        """Whether `id` lies ahead."""
        if self.id is None:
            return True
        return id < self.id if self.descending else id > self.id


class Frontier:
    """What of the ids from `low` to `high`, both included, is still ahead of a walk."""

    def __init__(self, start: Start, low: int, high: int):
        self.descending = start.descending
        self.after, self.before = low - 1, high + 1
        if start.id is not None and start.descending:
            self.before = min(self.before, start.id)
        elif start.id is not None:
            self.after = max(self.after, start.id)

    @property
    def is_open(self) -> bool:
        return self.before - self.after > 1

    @property
    def position(self) -> int:
        """The id beyond which everything is ahead."""
        return self.before if self.descending else self.after

    def advance(self, span: int) -> tuple[int, int]:
        """The next window of `span` ids: the two ids between which it lies."""
        if self.descending:
            window = max(self.after, self.before - span - 1), self.before
            self.before = window[0] + 1
        else:
            window = self.after, min(self.before, self.after + span + 1)
            self.after = window[1] - 1
        return window


class Ladder(Frontier):
    """A frontier whose windows are so many steps wide, not so many ids: ids between
    which about equally many documents lie, however they crowd in time."""

    def __init__(self, start: Start, low: int, high: int, steps: list[int]):
        super().__init__(start, low, high)
        self.steps = sorted(steps)

    def advance(self, span: int) -> tuple[int, int]:
        """The next window of `span` steps."""
        if self.descending:
            index = bisect_left(self.steps, self.before) - span
            reached = self.steps[index] if index >= 0 else 0
            return super().advance(self.before - reached)
        index = bisect_right(self.steps, self.after) + span - 1
        reached = self.steps[index] if index < len(self.steps) else self.before
        return super().advance(reached - self.after)


def topped(
    start: Start,
    held: Iterable[int],
    floor: int,
    show: Callable[[list[int]], Iterator[Document]],
    pull: Callable[[Start], Iterator[Document]],
) -> Iterator[Document]:
    """A walk of which the newest ids are `held`: all from `floor` on (0: all there
    are). `show` turns ids into documents, `pull` walks what lies beyond."""
    ordered = sorted(set(held))
    first = bisect_left(ordered, floor)
    if start.descending:
        end = len(ordered) if start.id is None else bisect_left(ordered, start.id)
        yield from show(ordered[first:end][::-1])
        if floor:
            beyond = floor if start.id is None else min(floor, start.id)
            yield from pull(Start(beyond, True, start.wanted))
    elif not floor or (start.id is not None and start.id >= floor - 1):
        begin = 0 if start.id is None else bisect_right(ordered, start.id)
        yield from show(ordered[max(first, begin) :])
    else:
        yield from pull(start)


def windows(
    start: Start,
    frontier: Frontier,
    span: int,
    read: Callable[[int, int], list[Document]],
    key: str = "_id",
    growth: int = GROWTH,
) -> Iterator[Document]:
    """The documents at the frontier, in order of `key`.

    `read(after, before)` returns those between two ids, both excluded, in any order;
    `span` is the width of the first window, the next is at most `growth` times as wide.
    """
    while frontier.is_open:
        found = read(*frontier.advance(span))
        yield from in_order(found, start, key)
        span = next_span(span, len(found), start.wanted, growth)


def in_order(documents: list[Document], start: Start, key: str) -> list[Document]:
    """The documents in the order of a walk."""
    return sorted(
        documents, key=lambda document: document[key], reverse=start.descending
    )


def first_span(count: int, over: int, wanted: int) -> int:
    """The width in which twice `wanted` lie, if `count` lie evenly over `over` ids."""
    return max(1, 2 * wanted * over // max(count, 1))


def next_span(span: int, found: int, wanted: int, growth: int = GROWTH) -> int:
    """The width for twice `wanted` at the density just found, at most `growth` times
    the last."""
    return max(1, min(span * growth, span * 2 * wanted // max(found, 1)))
