"""What tokens and sessions have in common: secrets of which only a digest is kept.

Both are documents with `_id` (SHA-256 of the secret, hexadecimal), `user`, `created`,
`used` and `expires`, in a collection each. The server removes expired documents, late;
the code does not wait for it.
"""

import hashlib
from datetime import UTC, datetime, timedelta

from pymongo import DESCENDING, IndexModel
from pymongo.collection import Collection

from microblog.store import Document
from microblog.store.memory import Kept

MOST = 20  # live ones of a user, of each kind
USED_EVERY = timedelta(minutes=10)

INDEXED = [IndexModel("user"), IndexModel("expires", expireAfterSeconds=0)]


def digest(secret: str) -> str:
    """The id under which a secret is known."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def keep(collection: Collection[Document], document: Document) -> None:
    """Store a new one; the user's oldest beyond the allowed number end."""
    collection.insert_one(document)
    held = collection.find({"user": document["user"]}).sort("created", DESCENDING)
    for old in list(held)[MOST:]:
        collection.delete_one({"_id": old["_id"]})


def find(collection: Collection[Document], secret: str, kept: Kept) -> Document | None:
    """The document of a secret that is valid now, or None; not to be changed."""
    id = digest(secret)
    document = kept.get(id, lambda: collection.find_one({"_id": id}))
    return document if document is not None and is_valid(document) else None


def is_valid(document: Document) -> bool:
    """Whether it has not expired."""
    return bool(document["expires"] > datetime.now(UTC))


def of_user(collection: Collection[Document], username: str) -> list[Document]:
    """Those of a user that are valid now, the last used first."""
    valid = filter(is_valid, collection.find({"user": username}))
    return sorted(valid, key=lambda document: document["used"], reverse=True)


def delete_of(collection: Collection[Document], username: str, id: str) -> bool:
    """End the one with this id, if it is the user's; whether it was."""
    return bool(collection.delete_one({"_id": id, "user": username}).deleted_count)
