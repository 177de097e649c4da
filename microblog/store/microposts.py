"""Microposts: the truth about each (its shape: `shapes`)."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, NamedTuple

from pymongo import IndexModel

from microblog import text as grammar
from microblog.errors import NotFound, Stale
from microblog.i18n import _
from microblog.store import (
    Database,
    Document,
    bulk,
    deliveries,
    erasures,
    ids,
    marks,
    pieces,
    references,
    shapes,
    users,
)
from microblog.store.shapes import MAILS, MODERATED, SEARCH, reference, shown

# In the table of changes: one for all that is edited or deleted.
EDITED = ("contents", "edited")
PIECE = 25  # asked for at once; a page and the one beyond it

INDEXES = [
    IndexModel([("author", 1), ("_id", -1)]),
    IndexModel([("tags", 1), ("_id", -1)]),
    IndexModel([("day", 1), ("_id", -1)]),
    IndexModel("undone.mails", sparse=True),
    IndexModel("undone.search", sparse=True),
    IndexModel("undone.moderated", sparse=True),
    IndexModel("hidden.author", sparse=True),
]


class New(NamedTuple):
    """A micropost that is posted: `is_newest` of its author's, and to be delivered."""

    document: Document
    is_newest: bool
    is_pushed: bool

    @property
    def reference(self) -> references.New:
        """What its author's document will hold of it."""
        author = self.document["author"]
        return references.New(author, reference(self.document), self.is_pushed)


def create(
    database: Database,
    author: Document,
    text: str,
    referenced: str | None = None,
    id: int | None = None,
) -> Document:
    """The new micropost. `author`: the user's document. `id`: one drawn before, so
    that a second try stores nothing twice."""
    newest = max((old["id"] for old in author["microposts"]), default=0)
    id = id or ids.new(after=newest)
    document = shapes.new_document(id, author["_id"], text, referenced)
    if shapes.named(document):
        document["undone"][MAILS] = id
    is_pushed = deliveries.are_pushed(author)
    while True:
        new = New(document, document["_id"] > newest, is_pushed)
        if database.posting.do(new, lambda all: _store(database, all)):
            if not new.is_newest:
                _embed_old(database, document)
            return shown(document)
        stored = database.microposts.find_one({"_id": document["_id"]})
        if stored is not None and shapes.is_same(stored, document):
            if "hidden" in stored:
                raise NotFound("the micropost is hidden")
            _embed_old(database, stored)
            return shown(document)
        shapes.set_id(document, ids.new(after=newest))


def _store(database: Database, new: list[New]) -> list[bool]:
    """Store those whose id is free; which they were. Embed and mark those that are the
    newest of their authors'."""
    met = bulk.insert_free(database, "microposts", [one.document for one in new])
    stored = [one for place, one in enumerate(new) if place not in met]
    newest = [one for one in stored if one.is_newest]
    references.add(database, [one.reference for one in newest])
    _mark(database, [one.document for one in newest])
    return [place not in met for place in range(len(new))]


def _embed_old(database: Database, document: Document) -> None:
    """Embed and mark one whose id was drawn for an earlier try, unless that has: later
    microposts may be embedded by now."""
    held = [reference(document)]
    references.add_many(database, document["author"], held, are_new=True)
    _mark(database, [document])


def _mark(database: Database, documents: list[Document]) -> None:
    if not documents:
        return
    new = [one["_id"] for one in documents]
    tags = {tag for one in documents for tag in one["tags"]}
    # Whoever looks for a tag finds it by these marks.
    with database.changes.changing("tags", tags):
        marks.note(database, min(new), max(new), pushed=new)


def is_stored(database: Database, document: Document) -> bool:
    """Whether the author has the same text at the same millisecond, under any id and
    perhaps hidden."""
    first = document["_id"] >> ids.BITS << ids.BITS
    at_the_time = {"$gt": first - 1, "$lt": first + (1 << ids.BITS)}
    return any(
        stored.get("hidden", stored)["text"] == document["text"]
        # Again, because it may have been shown between the first two.
        for author in ("author", "hidden.author", "author")
        for stored in database.microposts.find(
            {author: document["author"], "_id": at_the_time}
        )
    )


def find(database: Database, author: Document, id: int) -> Document | None:
    """The author's micropost with this id, without a read if it is embedded."""
    for embedded in author["microposts"]:
        if embedded["id"] == id:
            return {**embedded, "author": author["_id"]}
    document = database.microposts.find_one({"_id": id})
    if document is None or document.get("author") != author["_id"]:
        return None
    return shown(document)


def seen(database: Database, wanted: Iterable[int]) -> Iterator[Document]:
    """Those of the microposts with these ids that are there, for reading: what this
    process remembers, as long as it is right. Not to be changed."""

    def read(ids: list[int]) -> dict[int, Document]:
        found = database.microposts.find({"_id": {"$in": ids}})
        return {one["_id"]: shown(one) for one in shapes.present(found)}

    gone = users.gone(database)
    for piece in pieces(wanted, PIECE):
        known = database.memory.microposts.get_many(piece, read)
        for id in piece:
            one = known[id]
            if one is not None and one["author"] not in gone:
                yield one


def change(
    database: Database, micropost: Document, changes: Document, rev: int | None = None
) -> Document:
    """The micropost after its text or `referenced` was set.

    Stale: it is not at `rev`, if that is given. NotFound: deleted meanwhile.
    """
    id, author = micropost["id"], micropost["author"]
    update: Document = {**changes, "edited": _now()}
    if "text" in changes:
        update |= {**shapes.computed(changes["text"]), f"undone.{SEARCH}": id}
        erasures.note(database, [{**micropost, "_id": id}])
    if _names({**micropost, **changes}) - _names(micropost):
        update[f"undone.{MAILS}"] = id
    tags = {*grammar.tags(micropost["text"]), *update.get("tags", [])}
    with changing(database, tags):
        result = database.microposts.update_one(
            _at(micropost, rev), {"$set": update, "$inc": {"rev": 1}}
        )
    document = database.microposts.find_one({"_id": id})
    if document is None or "hidden" in document:
        raise NotFound("the micropost is deleted")
    # Also when it was changed by another request: that may have come no further.
    references.replace(database, author, reference(document))
    if not result.matched_count:
        raise Stale(_("the micropost has changed in the meantime"))
    return shown(document)


def _names(micropost: Document) -> set[str]:
    """Whom a micropost in its outward form names."""
    return set(
        shapes.named({**micropost, "mentions": grammar.mentions(micropost["text"])})
    )


def set_computed(database: Database, id: int, computed: Document) -> None:
    """Mend what `outdated` found, unless the text has changed meanwhile."""
    document = database.microposts.find_one({"_id": id})
    if not document or "hidden" in document:
        return
    if shapes.outdated(document) == computed:
        query = {"_id": id, "rev": document["rev"]}
        database.microposts.update_one(query, {"$set": computed})


def delete(database: Database, micropost: Document, rev: int | None = None) -> bool:
    """Delete the micropost; whether it was there. Stale: it is not at `rev`, if that is
    given, or is hidden, or just being hidden or shown (`hidden.delete` knows)."""
    id, author = micropost["id"], micropost["author"]
    erasures.note(database, [{**micropost, "_id": id}])
    # While it is being hidden or shown, nobody knows whether it is counted.
    settled = {f"undone.{MODERATED}": {"$exists": False}}
    with changing(database, grammar.tags(micropost["text"])):
        result = database.microposts.delete_one({**_at(micropost, rev), **settled})
    if not result.deleted_count:
        if database.microposts.find_one({"_id": id}) is None:
            # Deleted before, by a request that may have come no further.
            references.take_out(database, author, id)
            return False
        raise Stale("the micropost has changed in the meantime")
    references.remove(database, author, id)
    references.refill(database, author)
    return True


@contextmanager
def changing(database: Database, tags: Iterable[str]) -> Iterator[None]:
    """Around an edit, a deletion, and what seems one to who reads."""
    collection, key = EDITED
    with (
        database.changes.changing("tags", tags),
        database.changes.changing(collection, [key]),
    ):
        yield


def _at(micropost: Document, rev: int | None) -> Document:
    query: dict[str, Any] = {"_id": micropost["id"], "author": micropost["author"]}
    return query if rev is None else {**query, "rev": rev}


def _now() -> datetime:
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)
