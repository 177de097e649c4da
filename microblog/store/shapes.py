"""The shapes of a micropost: its document, the reference to it, and its outward form.

A document: `_id`, `author`, `text`, `referenced` (username or None), `mentions`,
`tags`, `edited` (datetime or None), `rev`, `day` (of the `_id`, counted from 1970) and,
while it waits for that, `undone.search` (it is to be indexed) and `undone.mails`
(somebody it names is to be mailed), both its `_id`. One that is hidden has none of
this (see `hidden`).
A reference is what a page shows of it: `id`, `text`, `referenced`, `edited`, `rev`. The
outward form is a reference and its `author`.
"""

from collections.abc import Iterable

from microblog import text as grammar
from microblog.store import Document, ids

# What can be undone of a micropost; the last while it is being hidden or shown.
MAILS, SEARCH, MODERATED = "mails", "search", "moderated"


def new_document(
    id: int, author: str, text: str, referenced: str | None = None
) -> Document:
    """The document of a micropost with a checked text, which is to be indexed."""
    document = {
        "author": author,
        "referenced": referenced,
        "edited": None,
        "rev": 1,
        **computed(text),
        "undone": {SEARCH: id},
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


def computed(text: str) -> Document:
    """What is computed from the text of a micropost."""
    return {
        "text": text,
        "mentions": grammar.mentions(text),
        "tags": grammar.tags(text),
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


def shown(document: Document) -> Document:
    """The outward form of a micropost's document."""
    return {**reference(document), "author": document["author"]}


def present(found: Iterable[Document]) -> list[Document]:
    """Those of the documents that are not hidden: to all who read, these are gone."""
    return [document for document in found if "hidden" not in document]


def is_same(stored: Document, written: Document) -> bool:
    """Whether what is stored under an id is what was to be written there, perhaps
    edited since, or hidden."""
    stored, written = (one.get("hidden", one) for one in (stored, written))
    if stored["author"] != written["author"]:
        return False
    return stored["text"] == written["text"] or stored["edited"] is not None


def outdated(document: Document) -> Document:
    """What is computed from the text and does not match it, with its right value."""
    right = computed(document["text"])
    return {key: value for key, value in right.items() if document.get(key) != value}
