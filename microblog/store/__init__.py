"""Every query of the program, one module a collection.

Functions take a database and plain values, return documents, and know no HTTP.
"""

import importlib
import pkgutil
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar

import pymongo
from pymongo import MongoClient
from pymongo.database import Database as _Database

from microblog.store.changes import Changes, Collection
from microblog.store.changes import Document as Document
from microblog.store.memory import Memory
from microblog.store.together import Together

INDEX_SECONDS = 3600  # an index of a large collection takes its time

Item = TypeVar("Item")


class Database(_Database[Document]):
    """A database, and what this process remembers of it."""

    def __init__(
        self, client: MongoClient[Document], name: str, changes: Changes | None = None
    ):
        """`changes`: the table that every writer shares; without one, the process has
        its own."""
        super().__init__(client, name)
        self.changes = changes or Changes()
        self.memory = Memory(self.changes)
        # Several who post at once take from their limits by two commands, and store
        # what they post by three.
        self.taking: Together[Any, Any] = Together()
        self.posting: Together[Any, bool] = Together()

    def __getitem__(self, name: str) -> Collection:
        # Making one takes the driver longer than looking one up.
        collection = self.__dict__.get(name)
        if not isinstance(collection, Collection):
            collection = self.__dict__[name] = Collection(self, name, self.changes)
        return collection

    def __getattr__(self, name: str) -> Collection:
        if name.startswith("_"):
            raise AttributeError(name)
        return self[name]


def ensure_indexes(database: Database, *, migrating: bool = False) -> list[str]:
    """Make the indexes that the modules of this package ask for; their names.

    A module asks by `INDEXES`: a list of IndexModel for the collection of its name.
    `migrating`, ConfigurationError: as in `version.adopt`.
    """
    # It imports this module.
    from microblog.store import version

    version.adopt(database, migrating=migrating)
    made = []
    for module in pkgutil.iter_modules(__path__):
        indexes = getattr(
            importlib.import_module(f"{__name__}.{module.name}"), "INDEXES", []
        )
        if indexes:
            with pymongo.timeout(INDEX_SECONDS):
                names = database[module.name].create_indexes(indexes)
            made += [f"{module.name}.{name}" for name in names]
    return made


def pieces(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """`items` in lists of at most `size`: what is asked for at once stays bounded."""
    iterator = iter(items)
    while piece := list(islice(iterator, size)):
        yield piece
