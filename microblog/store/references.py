"""References: what a user's document holds of the user's newest microposts.

`microposts` are extended references to the newest 40, newest first: all that a page
shows of them. With `counts.microposts`, `first` and `newest` (the latest id ever
embedded) they are computed from the collection `microposts`, which is the truth, and
can be computed again.
"""

from collections import defaultdict
from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple

from pymongo import UpdateOne

from microblog.store import (
    Database,
    Document,
    collection,
    deliveries,
    ids,
    shapes,
    users,
)
from microblog.store.walks import Start

EMBEDDED = 40  # references in a user's document
PAGE = 20  # a deletion that leaves fewer references than this refills them
BEING_POSTED = 5_000 << ids.BITS  # a micropost that old has its reference


class New(NamedTuple):
    """A reference to an author's micropost; `is_pushed`: it is to be delivered."""

    author: str
    reference: Document
    is_pushed: bool

    @property
    def id(self) -> int:
        """The micropost's."""
        return int(self.reference["id"])


def floor(user: Document) -> int:
    """The id from which on all of a user's microposts are embedded."""
    embedded = user["microposts"]
    if len(embedded) >= user["counts"]["microposts"]:
        return 0
    return int(embedded[-1]["id"]) if embedded else ids.MAXIMUM


def add(database: Database, new: Sequence[New]) -> None:
    """Count newest microposts of some users, just stored, and embed them. Doing it
    again for one that is still embedded changes nothing."""
    if not new:
        return
    by_author = defaultdict(list)
    for one in sorted(new, key=lambda one: one.id, reverse=True):
        by_author[one.author].append(one)
    # Nearly always they are newer than all that is there, which needs no sorting.
    newer = [
        UpdateOne(
            {"_id": author, "newest": {"$lt": some[-1].id}},
            _update(some, {"$position": 0}),
        )
        for author, some in by_author.items()
    ]
    if database.users.bulk_write(newer).matched_count == len(newer):
        return
    # Nobody tells which were not.
    for one in new:
        other = {"counts": {"$exists": True}, "microposts.id": {"$ne": one.id}}
        database.users.update_one(
            {"_id": one.author, **other}, _update([one], {"$sort": {"id": -1}})
        )


def _update(new: Sequence[New], place: Document) -> Document:
    """The update of an author's document that puts these, newest first, at a place."""
    each = [one.reference for one in new]
    update = {
        "$push": {"microposts": {"$each": each, "$slice": EMBEDDED, **place}},
        "$inc": {"counts.microposts": len(new), "rev": 1},
        "$min": {"first": new[-1].id},
        "$max": {"newest": new[0].id},
    }
    pushed = [one.id for one in new if one.is_pushed]
    return deliveries.noted(update, pushed) if pushed else update


def add_many(
    database: Database,
    username: str,
    references: list[Document],
    are_new: bool = False,
) -> None:
    """Count microposts of any age that were just stored, and embed those that are among
    the newest; `are_new`: and have them delivered. Doing it again for those still
    embedded changes nothing."""
    while user := users.find(database, username):
        if set_with(database, user, references, are_new):
            return


def set_with(
    database: Database, user: Document, references: list[Document], are_new: bool
) -> bool:
    """The same, if the user is as the document has it; whether it was."""
    embedded, counts = user["microposts"], user["counts"]
    held = {one["id"] for one in embedded}
    fresh = [one for one in references if one["id"] not in held]
    if not fresh:
        return True
    newest = [*embedded, *fresh]
    if len(embedded) < counts["microposts"]:
        # After deletions fewer than EMBEDDED are held. Older microposts are stored
        # behind them, and what is added must not hide those.
        oldest = min(held, default=ids.MAXIMUM)
        newest = [one for one in newest if one["id"] >= oldest]
    newest.sort(key=lambda one: one["id"], reverse=True)
    return set_derived(
        database,
        user["_id"],
        user["rev"],
        counts={**counts, "microposts": counts["microposts"] + len(fresh)},
        first=min(user.get("first", ids.MAXIMUM), *(one["id"] for one in fresh)),
        references=newest[:EMBEDDED],
        delivered=deliveries.lacking(user, references) if are_new else (),
    )


def replace(database: Database, username: str, reference: Document) -> None:
    """Show an edited micropost where it is embedded, unless a later edit is shown."""
    database.users.update_one(
        {"_id": username, "microposts": {"$exists": True}},
        # `rev` goes up even where it is not embedded: whoever is just about to embed it
        # as it was must fail.
        {"$set": {"microposts.$[it]": reference}, "$inc": {"rev": 1}},
        array_filters=[{"it.id": reference["id"], "it.rev": {"$lt": reference["rev"]}}],
    )


def remove(database: Database, username: str, id: int) -> None:
    """Take a deleted micropost out of the count and the embedded references."""
    database.users.update_one(
        {"_id": username, "counts": {"$exists": True}},
        {
            "$pull": {"microposts": {"id": id}},
            "$inc": {"counts.microposts": -1, "rev": 1},
        },
    )


def take_out(database: Database, username: str, id: int) -> None:
    """Take a micropost that is gone out of the embedded references, if it still stands
    there. Whether it is still counted nobody knows: repair counts anew."""
    database.users.update_one(
        {"_id": username, "microposts.id": id},
        {"$pull": {"microposts": {"id": id}}, "$inc": {"rev": 1}},
    )


def set_derived(
    database: Database,
    username: str,
    rev: int,
    *,
    counts: Document,
    first: int | None,
    references: list[Document],
    delivered: Sequence[int] = (),
) -> bool:
    """Replace all that is computed from other collections, if the user is still at
    `rev`; whether it was. `delivered`: microposts that are to be."""
    derived: Document = {"counts": counts, "microposts": references}
    if first is not None:
        derived["first"] = first
    update: Document = {"$set": derived, "$inc": {"rev": 1}}
    if references:
        update["$max"] = {"newest": references[0]["id"]}
    if delivered:
        update = deliveries.noted(update, delivered)
    result = database.users.update_one({"_id": username, "rev": rev}, update)
    return bool(result.matched_count)


def refill(database: Database, author: str) -> None:
    """Embed older microposts when deletions have left fewer than a page.

    Only older ones: a newer one that is not embedded is just about to be, by its post.
    """
    document = users.find(database, author)
    while document and len(document["microposts"]) < min(
        PAGE, document["counts"]["microposts"]
    ):
        refilled = document["microposts"] + _older_references(database, document)
        if len(refilled) == len(document["microposts"]) or set_derived(
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
    wanted = EMBEDDED - len(embedded)
    beyond = embedded[-1]["id"] if embedded else ids.now() - BEING_POSTED
    older = collection.from_index(
        database, author, Start(beyond, wanted=wanted), high=beyond
    )
    return [shapes.reference(document) for document in islice(older, wanted)]
