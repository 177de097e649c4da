"""Hidden microposts: what can be seen of one is put away within its own document, and
comes out again when it is shown. So one write hides it and one write shows it, each of
what was read and of nothing else: it is always the one or the other, and is there once.

While it is hidden its document in `microposts` has `_id`, `rev` and `hidden` (`author`,
`text`, `referenced`, `edited`, `by`, `why`, `at`). No index of microposts finds that;
whoever reads by `_id` leaves it out (`shapes.present`).
What is computed of it follows. Until that is done, `undone.moderated` stands in the
document: an id, drawn by whoever does it. Whoever takes that over draws another.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from microblog import text as grammar
from microblog.errors import NotFound, Stale
from microblog.i18n import _
from microblog.store import (
    Database,
    Document,
    check,
    deliveries,
    erasures,
    ids,
    marks,
    microposts,
    references,
    shapes,
    undone,
    users,
)
from microblog.store.shapes import MODERATED
from microblog.store.walks import MINUTE

HELD = ("author", "text", "referenced", "edited")
FINISHED = 50  # in a run: each takes a fifth of a second, or more
# Usernames are below this.
EVERYBODY = {"$gt": "", "$lt": "{"}


def hide(database: Database, id: int, by: str, why: str) -> None:
    """Let nobody see a micropost. NotFound: there is none."""
    while document := database.microposts.find_one({"_id": id}):
        if "hidden" in document:
            # By somebody else, who may have crashed.
            _take_over(database, document)
            return
        held = {field: document[field] for field in HELD}
        held |= {"by": by, "why": why, "at": datetime.now(UTC)}
        erasures.note(database, [document])
        author = users.find(database, document["author"])
        if put_away := _replace(database, document, {"hidden": held}):
            _settle(database, put_away, author)
            return
    raise _missing()


def show(database: Database, id: int) -> None:
    """Let everybody see a micropost again. NotFound: there is none."""
    while document := database.microposts.find_one({"_id": id}):
        if "hidden" not in document:
            _take_over(database, document)
            return
        held = document["hidden"]
        author = users.find(database, held["author"])
        if author is None:
            break
        shown = shapes.new_document(
            id, author["_id"], held["text"], held["referenced"]
        ) | {"edited": held["edited"]}
        if brought_out := _replace(database, document, shown):
            _settle(database, brought_out, author)
            return
    raise _missing()


def find(database: Database, id: int) -> Document | None:
    """The outward form of a hidden micropost, with `hidden` (`by`, `why`, `at`), or
    None."""
    document = database.microposts.find_one({"_id": id})
    return _shown(document) if document and "hidden" in document else None


def of_author(database: Database, author: str) -> list[Document]:
    """The author's hidden microposts, in their outward form, newest first."""
    found = database.microposts.find({"hidden.author": author})
    return sorted(map(_shown, found), key=lambda one: int(one["id"]), reverse=True)


def kept(database: Database) -> Iterator[Document]:
    """All that is hidden, as a backup keeps it; in the order of the ids."""
    found = [
        {"_id": document["_id"], **_shown(document)}
        for document in database.microposts.find({"hidden.author": EVERYBODY})
    ]
    # Data that is not migrated has some in a collection, in this form.
    found += database.hidden.find()
    for one in sorted(found, key=lambda one: int(one["_id"])):
        one.pop("id", None)
        yield one


def of_kept(one: Document) -> Document:
    """The document of what a backup has kept."""
    held = {field: one[field] for field in HELD}
    return {"_id": one["_id"], "rev": one["rev"], "hidden": {**held, **one["hidden"]}}


def delete(database: Database, micropost: Document, rev: int | None = None) -> None:
    """Delete a micropost, hidden or not, as in `microposts.delete`."""
    id, is_hidden = micropost["id"], "hidden" in micropost
    while True:
        if not is_hidden:
            try:
                microposts.delete(database, micropost, rev)
                return
            except Stale:
                now = database.microposts.find_one({"_id": id})
                if now and _take_over(database, now):
                    continue
                if rev is not None:
                    raise
        # Hidden, or shown, by somebody just now.
        query = {"_id": id, "hidden.author": micropost["author"]}
        held = database.microposts.find_one(query)
        if held:
            erasures.note(database, [{**held["hidden"], "_id": id}])
        if held and database.microposts.delete_one(query).deleted_count:
            if MODERATED in held.get("undone", ()):
                check.mend_user(database, micropost["author"])
            return
        is_hidden = False


def finish(database: Database) -> int:
    """Do what somebody has begun a minute ago or before, and has crashed; how many, of
    those that have waited longest."""
    before = ids.now() - MINUTE
    found = undone.find(database, "microposts", MODERATED, before=before)[:FINISHED]
    for id in found:
        if document := database.microposts.find_one({"_id": id}):
            _take_over(database, document)
    return len(found)


def _replace(
    database: Database, document: Document, content: Document
) -> Document | None:
    """The new document, with `content` in the place of what was there and marked by its
    `undone.moderated`; None: it is no more as it was read."""
    if _take_over(database, document):
        return None
    id, rev = document["_id"], document["rev"]
    mark = {**content.get("undone", {}), MODERATED: ids.new()}
    changed = {**content, "_id": id, "rev": rev + 1, "undone": mark}
    read = {"_id": id, "rev": rev}
    text = _of(document)["text"]
    with microposts.changing(database, grammar.tags(text)):
        result = database.microposts.replace_one(read, changed)
    return changed if result.matched_count else None


def _settle(database: Database, document: Document, before: Document | None) -> None:
    """Have what is computed of the micropost follow, once. `before`: its author, as
    read before it was written."""
    author, mark = _of(document)["author"], document["undone"][MODERATED]
    mine = {"_id": document["_id"], f"undone.{MODERATED}": mark}
    follow = _leave if "hidden" in document else _enter
    while user := users.find(database, author):
        # After the user: if it is somebody else's after this, so is the user's `rev`.
        now = database.microposts.find_one(mine)
        if now is None:
            check.mend_user(database, author)
            return
        # Below the floor nothing else tells that whoever repairs was not faster.
        if user == before or now["_id"] >= references.floor(user):
            has_followed = follow(database, user, now)
        else:
            has_followed = check.mend_user(database, author)
        if has_followed:
            break
    else:
        # The account was deleted meanwhile, and what it had may be purged.
        database.microposts.delete_one(mine)
        return
    if "hidden" not in document:
        _tell(database, document)
    _done(database, mine)


def _leave(database: Database, user: Document, document: Document) -> bool:
    counts, id = user["counts"], document["_id"]
    embedded = {one["id"] for one in user["microposts"]}
    if id >= references.floor(user) and id not in embedded:
        # Whoever repairs has been faster.
        return check.mend_user(database, user["_id"])
    has_left = references.set_derived(
        database,
        user["_id"],
        user["rev"],
        counts={**counts, "microposts": counts["microposts"] - 1},
        first=user.get("first"),
        references=[one for one in user["microposts"] if one["id"] != id],
    )
    if has_left:
        references.refill(database, user["_id"])
    return has_left


def _enter(database: Database, user: Document, document: Document) -> bool:
    fresh = [shapes.reference(document)]
    return references.set_with(database, user, fresh, are_new=False)


def _take_over(database: Database, document: Document) -> bool:
    """Make anew what is computed of a micropost that somebody has hidden or shown and
    not settled; whether there was anything to do. Whoever it was has crashed, or finds
    that it is another's by now."""
    mark = document.get("undone", {}).get(MODERATED)
    if mark is None:
        return False
    id, author, drawn = document["_id"], _of(document)["author"], ids.new()
    theirs = {"_id": id, f"undone.{MODERATED}": mark}
    taken = {"$set": {f"undone.{MODERATED}": drawn}}
    if database.microposts.update_one(theirs, taken).matched_count:
        mine = {"_id": id, f"undone.{MODERATED}": drawn}
        if users.find(database, author) is None:
            database.microposts.delete_one(mine)
        elif "hidden" not in document:
            _tell(database, document)
        if check.mend_user(database, author):
            _done(database, mine)
    return True


def _tell(database: Database, document: Document) -> None:
    """Have one that is shown reach the public timeline and, embedded or not, those of
    the followers."""
    id, author = document["_id"], document["author"]
    marks.note(database, id, pushed=marks.missing_latest(database, [id]))
    query = {"_id": author, "counts": {"$exists": True}}
    database.users.update_one(query, deliveries.noted({}, [id]))


def _done(database: Database, mine: Document) -> None:
    unset = {"$unset": {f"undone.{MODERATED}": ""}}
    database.microposts.update_one(mine, unset)


def _of(document: Document) -> Document:
    """What can be seen of it, by its author at least."""
    found: Document = document.get("hidden", document)
    return found


def _shown(document: Document) -> Document:
    held = document["hidden"]
    about = {field: held[field] for field in ("by", "why", "at")}
    return {
        "id": document["_id"],
        "rev": document["rev"],
        **{field: held[field] for field in HELD},
        "hidden": about,
    }


def _missing() -> NotFound:
    return NotFound(_("there is no such micropost"))
