"""Every query of the program, one module a collection.

Functions take a database and plain values, return documents, and know no HTTP.
"""

import importlib
import pkgutil
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar

import pymongo
from pymongo.database import Database as _Database

INDEX_SECONDS = 3600  # an index of a large collection takes its time

Item = TypeVar("Item")
Document = dict[str, Any]
Database = _Database[Document]


def ensure_indexes(database: Database) -> list[str]:
    """Make the indexes that the modules of this package ask for; their names.

    A module asks by `INDEXES`: a list of IndexModel for the collection of its name.
    """
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
