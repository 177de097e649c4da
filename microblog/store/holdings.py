"""What the store holds of a user beside microposts and follows."""

from collections.abc import Iterable, Iterator

from microblog.store import Database, Document, accounts, hidden

# With readers of their own; or what an export is made into.
ELSEWHERE = {"microposts", "follows", "hidden", "files", "exports"}


def of_user(
    database: Database, username: str
) -> Iterator[tuple[str, str, Iterable[Document]]]:
    """Collections, the field that says whose a document is, and the user's documents:
    all that goes with the account when that is deleted."""
    for name, owner in accounts.LEFT:
        if name not in ELSEWHERE:
            yield name, owner, database[name].find({owner: username})
    yield "hidden", "author", hidden.of_author(database, username)
