"""Microposts: the truth about each, and the walk over those of one author.

A document: `_id`, `author`, `text`, `referenced` (username or None), `mentions`,
`tags`, `edited` (datetime or None), `rev`, `grams`, `day` (of the `_id`, counted from
1970) and, while somebody it names is still to be mailed, `undone.mails` (its `_id`).
Out of here a micropost is a reference, what a page shows of it, and its author: `id`,
`author`, `text`, `referenced`, `edited`, `rev`.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from pymongo import IndexModel
from pymongo.errors import DuplicateKeyError

from microblog import text as grammar
from microblog.errors import NotFound, Stale
from microblog.i18n import _
from microblog.store import Database, Document, grams, ids, marks, users
from microblog.store.walks import Frontier, Start, first_span, windows

MAILS = "mails"  # what can be undone of a micropost: who is named is to be mailed
BEING_POSTED = 5_000 << ids.BITS  # a micropost that old has its reference
PAGE = 20  # a deletion that leaves fewer references than this refills them

INDEXES = [
    IndexModel([("author", 1), ("_id", -1)]),
    IndexModel([("grams", 1), ("_id", -1)]),
    IndexModel([("tags", 1), ("_id", -1)]),
    IndexModel([("day", 1), ("_id", -1)]),
    IndexModel("undone.mails", sparse=True),
]


def new_document(
    id: int, author: str, text: str, referenced: str | None = None
) -> Document:
    """The document of a micropost with a checked text."""
    document = {
        "author": author,
        "referenced": referenced,
        "edited": None,
        "rev": 1,
        **_from_text(author, text),
    }
    return set_id(document, id)


def set_id(document: Document, id: int) -> Document:
    """The same document, under this id."""
    document |= {"_id": id, "day": ids.day(id)}
    if "undone" in document:
        document["undone"] = dict.fromkeys(document["undone"], id)
    return document


def named(document: Document) -> list[str]:
    """The usernames that a micropost names, but not its author's."""
    names = dict.fromkeys([*document["mentions"], document["referenced"]])
    return [name for name in names if name not in {None, document["author"]}]


def _from_text(author: str, text: str) -> Document:
    return {
        "text": text,
        "mentions": grammar.mentions(text),
        "tags": grammar.tags(text),
        "grams": grams.of_micropost(author, text),
    }


def reference(document: Document) -> Document:
    """What the author's document embeds of a micropost."""
    return {
        "id": document["_id"],
        "text": document["text"],
        "referenced": document["referenced"],
        "edited": document["edited"],
        "rev": document["rev"],
    }


def place(document: Document) -> Document:
    """What the marks keep of one of the newest microposts."""
    return {"id": document["_id"], "author": document["author"]}


def shown(document: Document) -> Document:
    """The outward form of a micropost's document."""
    return {**reference(document), "author": document["author"]}


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
    document = new_document(id, author["_id"], text, referenced)
    if named(document):
        document["undone"] = {MAILS: id}
    while not _insert(database, document):
        set_id(document, ids.new(after=newest))
    if document["_id"] > newest:
        users.add_reference(database, author["_id"], reference(document))
    else:
        # An earlier try has drawn it: later microposts may be embedded by now.
        users.add_references(database, author["_id"], [reference(document)])
    marks.note(database, document["_id"], latest=[place(document)])
    return shown(document)


def _insert(database: Database, document: Document) -> bool:
    """Whether the document is stored, now or by an earlier try."""
    try:
        database.microposts.insert_one(document)
    except DuplicateKeyError:
        stored = database.microposts.find_one({"_id": document["_id"]})
        return stored is not None and is_same(stored, document)
    return True


def is_same(stored: Document, written: Document) -> bool:
    """Whether what is stored under an id is what was to be written there, perhaps
    edited since."""
    if stored["author"] != written["author"]:
        return False
    return stored["text"] == written["text"] or stored["edited"] is not None


def is_stored(database: Database, document: Document) -> bool:
    """Whether the author has the same text at the same millisecond, under any id."""
    first = document["_id"] >> ids.BITS << ids.BITS
    at_the_time = {"$gt": first - 1, "$lt": first + (1 << ids.BITS)}
    query = {"author": document["author"], "_id": at_the_time}
    found = database.microposts.find(query)
    return any(stored["text"] == document["text"] for stored in found)


def find(database: Database, author: Document, id: int) -> Document | None:
    """The author's micropost with this id, without a read if it is embedded."""
    for embedded in author["microposts"]:
        if embedded["id"] == id:
            return {**embedded, "author": author["_id"]}
    document = database.microposts.find_one({"_id": id})
    if document is None or document["author"] != author["_id"]:
        return None
    return shown(document)


def change(
    database: Database, micropost: Document, changes: Document, rev: int | None = None
) -> Document:
    """The micropost after its text or `referenced` was set.

    Stale: it is not at `rev`, if that is given. NotFound: deleted meanwhile.
    """
    id, author = micropost["id"], micropost["author"]
    update: Document = {**changes, "edited": _now()}
    if "text" in changes:
        update |= _from_text(author, changes["text"])
    if _names({**micropost, **changes}) - _names(micropost):
        update[f"undone.{MAILS}"] = id
    result = database.microposts.update_one(
        _at(micropost, rev), {"$set": update, "$inc": {"rev": 1}}
    )
    document = database.microposts.find_one({"_id": id})
    if document is None:
        raise NotFound("the micropost is deleted")
    if not result.matched_count:
        raise Stale(_("the micropost has changed in the meantime"))
    users.replace_reference(database, author, reference(document))
    return shown(document)


def _names(micropost: Document) -> set[str]:
    """Whom a micropost in its outward form names."""
    return set(named({**micropost, "mentions": grammar.mentions(micropost["text"])}))


def outdated(document: Document) -> Document:
    """What is computed from the text and does not match it, with its right value."""
    right = _from_text(document["author"], document["text"])
    return {key: value for key, value in right.items() if document.get(key) != value}


def set_computed(database: Database, id: int, computed: Document) -> None:
    """Mend what `outdated` found, unless the text has changed meanwhile."""
    document = database.microposts.find_one({"_id": id})
    if document and outdated(document) == computed:
        query = {"_id": id, "rev": document["rev"]}
        database.microposts.update_one(query, {"$set": computed})


def delete(database: Database, micropost: Document, rev: int | None = None) -> None:
    """Delete the micropost. Stale: it is not at `rev`, if that is given."""
    id, author = micropost["id"], micropost["author"]
    if not database.microposts.delete_one(_at(micropost, rev)).deleted_count:
        if database.microposts.find_one({"_id": id}) is None:
            return
        raise Stale("the micropost has changed in the meantime")
    users.remove_reference(database, author, id)
    refill(database, author)


def refill(database: Database, author: str) -> None:
    """Embed older microposts when deletions have left fewer than a page.

    Only older ones: a newer one that is not embedded is just about to be, by its post.
    """
    document = users.find(database, author)
    while document and len(document["microposts"]) < min(
        PAGE, document["counts"]["microposts"]
    ):
        refilled = document["microposts"] + _older_references(database, document)
        if len(refilled) == len(document["microposts"]) or users.set_derived(
            database,
            author,
            document["rev"],
            counts=document["counts"],
            first=document.get("first"),
            references=refilled,
        ):
            return
        document = users.find(database, author)


def _older_references(database: Database, author: Document) -> list[Document]:
    """References to the microposts behind the embedded ones, up to 40 with them."""
    embedded = author["microposts"]
    wanted = users.EMBEDDED - len(embedded)
    beyond = embedded[-1]["id"] if embedded else ids.now() - BEING_POSTED
    older = _from_index(database, author, Start(beyond, wanted=wanted), high=beyond)
    return [reference(document) for document in islice(older, wanted)]


def walk(database: Database, author: Document, start: Start) -> Iterator[Document]:
    """The author's microposts ahead of `start`: embedded ones without a read."""
    name, embedded = author["_id"], author["microposts"]
    held = (
        {**one, "author": name}
        for one in (embedded if start.descending else reversed(embedded))
        if start.includes(one["id"])
    )
    if len(embedded) >= author["counts"]["microposts"]:
        yield from held
        return
    oldest = embedded[-1]["id"] if embedded else ids.MAXIMUM
    if start.descending:
        yield from held
        position = oldest if start.id is None else min(oldest, start.id)
        older = Start(position, True, start.wanted)
        yield from map(shown, _from_index(database, author, older))
    else:
        if start.id is None or start.id < oldest - 1:
            upward = _from_index(database, author, start, oldest - 1)
            yield from map(shown, upward)
        yield from held


def _from_index(
    database: Database, author: Document, start: Start, high: int | None = None
) -> Iterator[Document]:
    """The author's documents ahead of `start`, by the index {author, _id}."""
    name, count = author["_id"], author["counts"]["microposts"]
    embedded = [one["id"] for one in author["microposts"]]
    newest = max(embedded, default=ids.now())
    low = min(author.get("first", 0), newest)
    # Whichever is denser, all of the author's time or the last of it: a window too
    # small costs another read, one too large can cost thousands of documents.
    oldest_embedded = min(embedded, default=low)
    span = min(
        first_span(count, newest - low, start.wanted),
        first_span(len(embedded), newest - oldest_embedded, start.wanted),
    )

    def read(after: int, before: int) -> list[Document]:
        query = {"author": name, "_id": {"$gt": after, "$lt": before}}
        return list(database.microposts.find(query))

    frontier = Frontier(start, low, newest if high is None else high)
    return windows(start, frontier, span, read)


def _at(micropost: Document, rev: int | None) -> Document:
    query: dict[str, Any] = {"_id": micropost["id"], "author": micropost["author"]}
    return query if rev is None else {**query, "rev": rev}


def _now() -> datetime:
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)
