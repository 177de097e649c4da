"""Microposts: the truth about each (its shape: `shapes`)."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

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
    while not _insert(database, document):
        shapes.set_id(document, ids.new(after=newest))
    if document["_id"] > newest:
        is_pushed = deliveries.are_pushed(author)
        references.add(database, author["_id"], reference(document), is_pushed)
    else:
        # An earlier try has drawn it: later microposts may be embedded by now.
        held = [reference(document)]
        references.add_many(database, author["_id"], held, are_new=True)
    # Whoever looks for a tag finds it by these marks.
    with database.changes.changing("tags", document["tags"]):
        marks.note(database, document["_id"], pushed=[document["_id"]])
    return shown(document)


def _insert(database: Database, document: Document) -> bool:
    """Whether the document is stored, now or by an earlier try."""
    if not database.inserting.do(document, lambda all: _insert_all(database, all)):
        stored = database.microposts.find_one({"_id": document["_id"]})
        if stored is None or not shapes.is_same(stored, document):
            return False
        if "hidden" in stored:
            raise NotFound("the micropost is hidden")
    return True


def _insert_all(database: Database, documents: list[Document]) -> list[bool]:
    met = bulk.insert_free(database, "microposts", documents)
    return [place not in met for place in range(len(documents))]


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
