"""Names: by what people are found.

A document: `_id` username, `name`, `joined` (an id: when, the order of the directory),
`grams` of both. They stand apart from `users`, whose documents each micropost and each
follow writes: an index of grams there made those writes three times as slow on the
embedded server. What `users` says is the truth; `check --repair` mends this after it.
"""

from pymongo import IndexModel, ReplaceOne

from microblog.store import Database, Document, grams, marks

INDEXES = [IndexModel([("grams", 1), ("joined", -1)])]


def document(user: Document) -> Document:
    """What is kept of a user's document."""
    return {
        "_id": user["_id"],
        "name": user["name"],
        "joined": user["joined"],
        "grams": grams.of_user(user["_id"], user["name"]),
    }


def add(database: Database, users: list[Document]) -> None:
    """Let users be found who have just joined, or changed their name."""
    if users:
        written = [
            ReplaceOne({"_id": user["_id"]}, document(user), upsert=True)
            for user in users
        ]
        database.names.bulk_write(written, ordered=False)
        marks.note_joined(database, [user["joined"] for user in users])


def is_outdated(database: Database, user: Document) -> bool:
    """Whether a user cannot be found by what the user's document says."""
    return database.names.find_one({"_id": user["_id"]}) != document(user)


def remove(database: Database, username: str) -> None:
    """Let nobody find a user who is gone."""
    database.names.delete_one({"_id": username})
