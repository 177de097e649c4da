"""What a process remembers of the store, so that it need not read it again.

With a table of changes that every writer shares (`changes`), what is remembered is what
is stored: a change is seen by the next request, in whatever process. Where others write
too (a MongoDB that several machines use), nobody tells: then contents are remembered
for a second at most, and what decides who may do what is not remembered at all.
"""

import sys
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple
from weakref import WeakValueDictionary

from microblog.store.changes import ALL, BEING_WRITTEN, Changes
from microblog.store.together import Together

TOLD_SECONDS = 60.0  # at most, even with the table
CONTENT_SECONDS = 1.0  # at most, without it


def slim(value: Any) -> Any:
    """A document with the names of its fields from one place: the driver makes new
    strings of them for each, which are a third of a user's document."""
    if isinstance(value, dict):
        return {sys.intern(name): slim(held) for name, held in value.items()}
    if isinstance(value, list):
        return list(map(slim, value))
    return value


class _Entry(NamedTuple):
    value: Any
    until: float
    place: int
    number: int
    all: int  # the number of the whole collection


class Kept:
    """Values by key, each computed from the document of that key in a collection."""

    def __init__(
        self, changes: Changes, collection: str, most: int, seconds: float
    ) -> None:
        """`most`: how many are kept; `seconds`: how long each, 0: not at all."""
        self.changes = changes
        self.collection = collection
        self.most = most
        self.seconds = seconds
        self._all = changes.place(collection, ALL)
        self._entries: dict[Any, _Entry] = {}
        # Threads may lose one now and then: it is for figures alone.
        self.hits = self.misses = 0
        self._lock = threading.Lock()
        # By key, as long as anybody reads it, or waits for that.
        self._alone: WeakValueDictionary[Any, Together[None, Any]]
        self._alone = WeakValueDictionary()

    def get(self, key: Any, read: Callable[[], Any]) -> Any:
        """The value of a key, by `read` if it must be. None is never kept."""
        entry = self._entries.get(key)
        if entry is not None and self._is_good(entry):
            self.hits += 1
            return entry.value
        self.misses += 1
        seen = self._seen(key)
        value = read()
        if value is not None:
            self._keep(key, value, seen)
        return value

    def get_alone(self, key: Any, read: Callable[[], Any]) -> Any:
        """As `get`, of what is dear to read: of those who want it at once one reads it,
        the others wait for that and find it; or hear, too, that the database does not
        answer."""
        entry = self._entries.get(key)
        if entry is not None and self._is_good(entry):
            self.hits += 1
            return entry.value
        with self._lock:
            alone = self._alone.setdefault(key, Together())
        return alone.do(None, lambda those: [self.get(key, read)] * len(those))

    def get_many(
        self, keys: Iterable[Any], read: Callable[[list[Any]], dict[Any, Any]]
    ) -> dict[Any, Any]:
        """The values of keys, by one `read` of those that are not known. That there is
        none is kept, too, and told as None."""
        found, unknown = {}, []
        for key in keys:
            entry = self._entries.get(key)
            if entry is not None and self._is_good(entry):
                found[key] = entry.value
            else:
                unknown.append((key, self._seen(key)))
        self.hits += len(found)
        self.misses += len(unknown)
        if unknown:
            fresh = read([key for key, _seen in unknown])
            for key, seen in unknown:
                found[key] = fresh.get(key)
                self._keep(key, found[key], seen)
        return found

    def forget(self, key: Any) -> None:
        """Have the value of a key computed again."""
        with self._lock:
            self._entries.pop(key, None)

    def _is_good(self, entry: _Entry) -> bool:
        numbers = self.changes.numbers
        return (
            numbers[entry.place] == entry.number
            and numbers[self._all] == entry.all
            and entry.until > time.monotonic()
        )

    def _seen(self, key: Any) -> tuple[int, int, int]:
        """Place and numbers of a key, taken before it is read."""
        place = self.changes.place(self.collection, key)
        return place, self.changes.numbers[place], self.changes.numbers[self._all]

    def _keep(self, key: Any, value: Any, seen: tuple[int, int, int]) -> None:
        if not self.seconds or BEING_WRITTEN in seen[1:]:
            return
        until = time.monotonic() + self.seconds
        with self._lock:
            self._entries.pop(key, None)
            # The oldest goes: what is asked for all the time soon comes again.
            if len(self._entries) >= self.most:
                del self._entries[next(iter(self._entries))]
            self._entries[key] = _Entry(value, until, *seen)


class Memory:
    """What a process remembers of a database."""

    def __init__(self, changes: Changes):
        told = TOLD_SECONDS if changes.is_shared else 0.0
        content = told or CONTENT_SECONDS

        def kept(collection: str, most: int, seconds: float) -> Kept:
            return Kept(changes, collection, most, seconds)

        # An entry of `users` takes about 20 KB, one of `microposts` 2 KB.
        self.users = kept("users", 1000, told)
        self.pulled = self.users if told else kept("users", 1000, content)
        self.microposts = kept("microposts", 10_000, content)
        self.marks = kept("marks", 10, content)
        self.segments = kept("segments", 1, content)
        self.tags = kept("tags", 100, CONTENT_SECONDS)
        self.keys = kept("keys", 10, TOLD_SECONDS)
        self.tokens = kept("tokens", 2000, told)
        self.sessions = kept("sessions", 2000, told)
        self.gone = kept("users", 1, told)
        self.follows = kept("follows", 5000, told)
        self.tops = kept("timelines", 1000, told)

    def kept(self) -> dict[str, Kept]:
        """All of it, by name."""
        # Two names of one: the first.
        found = {kept: name for name, kept in reversed(vars(self).items())}
        return {name: kept for kept, name in found.items()}
