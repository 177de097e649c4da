"""What has changed: a table of numbers that the processes of a machine share.

Whoever writes a document sets its number to BEING_WRITTEN, writes, and sets it to one
that never was there before. What a process remembers of a document is good as long as
the number is the one from before it was read. A writer that is killed in between
leaves BEING_WRITTEN: then the document is read anew each time, until somebody writes
it again.

Several documents can share a number: then more is read than need be, never less. Every
write through `Collection` takes part; there is no other way to write.
"""

import mmap
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zlib import crc32

from pymongo.collection import Collection as _Collection
from pymongo.errors import OperationFailure

NUMBERS = 1 << 16
BEING_WRITTEN = 1
ALL = None  # the key for all documents of a collection

Document = dict[str, Any]


class Changes:
    """The table, in a file for all processes of a machine, or of this process alone."""

    def __init__(self, path: Path | None = None):
        self.is_shared = path is not None
        if path is None:
            table = mmap.mmap(-1, NUMBERS * 8)
        else:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                # Not sparse: written to on a full disk, that would end the process.
                os.posix_fallocate(descriptor, 0, NUMBERS * 8)
                table = mmap.mmap(descriptor, NUMBERS * 8)
            finally:
                os.close(descriptor)
        # Eight bytes at a multiple of eight are written and read as a whole.
        self.numbers = memoryview(table).cast("Q")

    @staticmethod
    def place(collection: str, key: object) -> int:
        """Where the number of a document stands."""
        return crc32(f"{collection} {key}".encode("utf-8", "replace")) % NUMBERS

    def seen(self, collection: str, keys: Iterable[object]) -> list[tuple[int, int]]:
        """Places and numbers of documents that are about to be read."""
        places = [self.place(collection, key) for key in keys]
        return [(place, self.numbers[place]) for place in places]

    def are_as(self, seen: list[tuple[int, int]]) -> bool:
        """Whether none of the documents has changed since they were `seen`."""
        numbers = self.numbers
        return all(numbers[place] == number != BEING_WRITTEN for place, number in seen)

    @contextmanager
    def changing(self, collection: str, keys: Iterable[object]) -> Iterator[None]:
        """Around a write. If the server does not answer, nobody knows what it has done:
        the numbers stay at BEING_WRITTEN."""
        places = [self.place(collection, key) for key in keys]
        for place in places:
            self.numbers[place] = BEING_WRITTEN
        try:
            yield
        except OperationFailure:
            self._settle(places)
            raise
        self._settle(places)

    def release(self, collection: str) -> None:
        """Let the documents of a collection be remembered again, after a write to all
        of them whose outcome nobody learned: it was long ago."""
        place = self.place(collection, ALL)
        if self.numbers[place] == BEING_WRITTEN:
            self._settle([place])

    def _settle(self, places: list[int]) -> None:
        for place in places:
            # Drawn, not counted up: two writers would count to the same number.
            self.numbers[place] = secrets.randbits(63) | 2


class Collection(_Collection[Document]):
    """A collection whose writes are seen by whoever remembers what they change."""

    def __init__(self, database: Any, name: str, changes: Changes):
        super().__init__(database, name)
        self._changes = changes

    def _changing(self, query: Any) -> Any:
        return self._changes.changing(self.name, _keys(query))

    def insert_one(self, document: Any, *args: Any, **kwargs: Any) -> Any:
        with self._changing(document):
            return super().insert_one(document, *args, **kwargs)

    def insert_many(self, documents: Any, *args: Any, **kwargs: Any) -> Any:
        keys = [document.get("_id") for document in documents]
        with self._changes.changing(self.name, keys):
            return super().insert_many(documents, *args, **kwargs)

    def replace_one(self, filter: Any, *args: Any, **kwargs: Any) -> Any:
        with self._changing(filter):
            return super().replace_one(filter, *args, **kwargs)

    def update_one(self, filter: Any, *args: Any, **kwargs: Any) -> Any:
        with self._changing(filter):
            return super().update_one(filter, *args, **kwargs)

    def update_many(self, filter: Any, *args: Any, **kwargs: Any) -> Any:
        with self._changing(filter):
            return super().update_many(filter, *args, **kwargs)

    def delete_one(self, filter: Any, *args: Any, **kwargs: Any) -> Any:
        with self._changing(filter):
            return super().delete_one(filter, *args, **kwargs)

    def delete_many(self, filter: Any, *args: Any, **kwargs: Any) -> Any:
        with self._changing(filter):
            return super().delete_many(filter, *args, **kwargs)

    def bulk_write(self, requests: Any, *args: Any, **kwargs: Any) -> Any:
        keys = [key for one in requests for key in _keys(getattr(one, "_filter", {}))]
        with self._changes.changing(self.name, keys):
            return super().bulk_write(requests, *args, **kwargs)


def _keys(query: Document) -> list[object]:
    """The `_id`s that a query can meet; [ALL]: it does not say."""
    id = query.get("_id")
    if isinstance(id, dict):
        return list(id.get("$in", [ALL]))
    return [id]
