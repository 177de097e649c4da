"""Reading a timeline: what was sent to it, merged with what is pulled.

The newest microposts come from the reader's timeline document, from the documents of
the followees with many followers, and from the reader's own; what lies beyond them is
pulled from every followee.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from heapq import merge, nlargest

from microblog.store import (
    Database,
    Document,
    collection,
    follows,
    ids,
    microposts,
    pieces,
    references,
    timelines,
    users,
)
from microblog.store.changes import ALL
from microblog.store.walks import Start, topped

PIECE = 25  # followees asked for at once


@dataclass(frozen=True)
class Top:
    """The newest microposts of those whom a reader follows: all from `floor` on."""

    authors: frozenset[str]
    ids: list[int]
    floor: int
    seen: list[tuple[int, int]]  # of those that are pulled (see `changes`)


def walk(database: Database, reader: Document, start: Start) -> Iterator[Document]:
    """The microposts of a reader's timeline ahead of `start`. `reader`: the user's
    document."""
    name = reader["_id"]
    top = _newest_of(database, name)
    own = (one["id"] for one in reader["microposts"])

    def show(wanted: list[int]) -> Iterator[Document]:
        # What was on its way when the reader unfollowed somebody may have come later.
        for one in microposts.seen(database, wanted):
            if one["author"] in top.authors or one["author"] == name:
                yield one

    return topped(
        start,
        {*top.ids, *own},
        max(top.floor, references.floor(reader)),
        show,
        lambda start: _pull(database, reader, top, start),
    )


def seen(database: Database, reader: Document) -> tuple[list[tuple[int, int]], int]:
    """The numbers (see `changes`) of what the top of a timeline is made of beside the
    document of its reader, as they are before it is read; and its floor: what lies
    below is pulled from any followee."""
    name, seen = reader["_id"], database.changes.seen
    own = [one["id"] for one in reader["microposts"]]
    timeline, (edited, key) = seen("timelines", [name, ALL]), microposts.EDITED
    # Whether another page follows can depend on what lies below.
    below = seen(edited, [key])
    top = _newest_of(database, name)
    shown = seen("microposts", [*top.ids, *own, ALL])
    floor = max(top.floor, references.floor(reader))
    return [*timeline, *top.seen, *shown, *(below if floor else [])], floor


def _pull(
    database: Database, reader: Document, top: Top, start: Start
) -> Iterator[Document]:
    """The microposts of all followees ahead of `start`, author by author."""
    authors = [*users.find_many(database, top.authors).values(), reader]
    return merge(
        *(collection.walk(database, author, start) for author in authors),
        key=lambda micropost: micropost["id"],
        reverse=start.descending,
    )


def _newest_of(database: Database, reader: str) -> Top:
    """The top, as this process remembers it, if the pulled have written nothing."""
    tops = database.memory.tops
    top: Top = tops.get_alone(reader, lambda: _top(database, reader))
    if not database.changes.are_as(top.seen):
        tops.forget(reader)
        top = tops.get_alone(reader, lambda: _top(database, reader))
    return top


def _top(database: Database, reader: str) -> Top:
    document = _find(database, reader)
    seen = database.changes.seen("users", [*document["pulled"], ALL])
    sent = [int(reference) for reference in document["references"]]
    floor = document["floor"]
    if len(sent) >= timelines.MOST:
        floor = max(floor, sent[-1])
    pulled = users.pulled(database, document["pulled"])
    floor = max([floor, *map(references.floor, pulled)])
    held = {one["id"] for user in pulled for one in user["microposts"]}
    newest = _newest({*sent, *held}, floor)
    if len(newest) == timelines.MOST:
        floor = newest[-1]
    return Top(frozenset(document["authors"]), newest, floor, seen)


def _newest(held: Iterable[int], floor: int) -> list[int]:
    return nlargest(timelines.MOST, (id for id in held if id >= floor))


def _find(database: Database, reader: str) -> Document:
    """The document of a reader's timeline, built if it must be."""
    document = database.timelines.find_one({"_id": reader})
    if document is None or "floor" not in document:
        if document and timelines.is_being_built(document):
            # Begun again, it would be of no use to whoever is just building it.
            return computed(database, reader)
        return build(database, reader)
    if document["read"] != timelines.today():
        timelines.note_reading(database, reader)
    return document


def build(database: Database, reader: str) -> Document:
    """Build a timeline from the documents of those who are followed; what it has.

    What is sent meanwhile is not lost: the timeline receives from the beginning on. If
    it is forgotten again meanwhile, the next reading builds it.
    """
    building = timelines.new_building()
    timelines.begin(database, reader, building)
    built = computed(database, reader)
    if built["floor"] != ids.MAXIMUM:
        timelines.complete(database, reader, building, built)
    return built


def computed(database: Database, reader: str) -> Document:
    """What a timeline is built of, from the truth: `authors`, `pulled`, `references`
    and `floor`."""
    authors = follows.followees(database, reader)
    pulled, held, floor = [], set(), 0
    # Never all of them at once: a thousand documents are 30 MB.
    for piece in pieces(authors, PIECE):
        for name, user in users.find_many(database, piece).items():
            if "pulled" in user:
                pulled.append(name)
            else:
                held |= {one["id"] for one in user["microposts"]}
                floor = max(floor, references.floor(user))
        held = set(_newest(held, floor))
    return {
        "authors": authors,
        "pulled": sorted(pulled),
        "references": [ids.spell(id) for id in _newest(held, floor)],
        "floor": floor,
    }
