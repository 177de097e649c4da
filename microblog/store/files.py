"""Files in pieces, so that every machine of the site reaches them.

A document: `_id` "name number", `user` whose it is, `content` (at most PIECE bytes) and
`expires`, when the server removes it. A file is told by its `name`, of 128 random bits,
how many `pieces` and how many `bytes` it has.
"""

import secrets
from collections.abc import Callable, Iterator
from datetime import datetime

from pymongo import IndexModel

from microblog.errors import NotFound
from microblog.store import Database, Document, pieces

PIECE = 255 * 1024  # bytes; MongoDB's GridFS has the same
DELETED = 50  # pieces at once

INDEXES = [IndexModel("user"), IndexModel("expires", expireAfterSeconds=0)]


class Writer:
    """A new file of a user, written from its beginning to its end."""

    def __init__(
        self,
        database: Database,
        user: str,
        expires: datetime,
        before: Callable[[], None] = lambda: None,
    ):
        """`before`: called before each piece is stored."""
        self.database, self.user, self.expires = database, user, expires
        self.name = secrets.token_hex(16)
        self.size = self.count = 0
        self._before = before
        self._has_failed = False
        self._waiting = bytearray()

    def write(self, content: bytes) -> int:
        """Add to the file; once something of it could not be stored, nothing: who
        closes what wraps it does not fail again."""
        if self._has_failed:
            return len(content)
        self._waiting += content
        self.size += len(content)
        while len(self._waiting) >= PIECE:
            self._store()
        return len(content)

    def flush(self) -> None:
        """Nothing: `zipfile` asks for it, and pieces stay as large as they can be."""

    def end(self) -> Document:
        """The file, once all of it is stored."""
        if self._waiting:
            self._store()
        return {"name": self.name, "pieces": self.count, "bytes": self.size}

    def discard(self) -> None:
        """Remove what was stored of it."""
        delete(self.database, {"name": self.name, "pieces": self.count})

    def _store(self) -> None:
        self._has_failed = True
        self._before()
        self.database.files.insert_one(
            {
                "_id": _id(self.name, self.count),
                "user": self.user,
                "content": bytes(self._waiting[:PIECE]),
                "expires": self.expires,
            }
        )
        del self._waiting[:PIECE]
        self.count += 1
        self._has_failed = False


def read(database: Database, file: Document) -> Iterator[bytes]:
    """The pieces of a file. NotFound: it is gone."""
    for number in range(file["pieces"]):
        piece = database.files.find_one({"_id": _id(file["name"], number)})
        if piece is None:
            raise NotFound("the file is gone")
        yield piece["content"]


def delete(database: Database, file: Document) -> None:
    """Remove a file."""
    names = (_id(file["name"], number) for number in range(file["pieces"]))
    for piece in pieces(names, DELETED):
        database.files.delete_many({"_id": {"$in": piece}})


def _id(name: str, number: int) -> str:
    return f"{name} {number}"
