"""Deliveries: microposts whose references are still to reach their readers.

They stand in the author's document, by the same update that embeds them there, so that
no crash comes in between: `undelivered` (at least the newest 100 of them) and, while
there are any, `undone.deliver` (the oldest id).
"""

from collections.abc import Iterator, Sequence

from microblog.store import Database, Document, follows, ids, timelines, undone, users
from microblog.store.walks import Start

FOLLOWERS = 250  # asked for at once


def noted(update: Document, new: Sequence[int]) -> Document:
    """An update of the author's document that also has these delivered."""
    spelled = [ids.spell(id) for id in new]
    # Several processes push in another order than that of the ids: so that all of the
    # newest 100 are there, more are.
    push = {"undelivered": {"$each": spelled, "$slice": -2 * timelines.MOST}}
    oldest = {f"undone.{users.DELIVER}": min(new)}
    return {
        **update,
        "$push": {**update.get("$push", {}), **push},
        "$min": {**update.get("$min", {}), **oldest},
    }


def are_pushed(author: Document) -> bool:
    """Whether the author's microposts are to be delivered: not all followers know yet
    that they pull them."""
    return author.get("pulled") != users.TOLD


def lacking(author: Document, references: Sequence[Document]) -> list[int]:
    """Of these references to microposts of the author, those that the document lacks
    and that are to be delivered."""
    held = {one["id"] for one in author["microposts"]}
    new = [one["id"] for one in references if one["id"] not in held]
    return new if are_pushed(author) else []


def deliver(database: Database, author: str, push_below: int) -> None:
    """Send what an author has posted to the timelines of the followers, if these are
    fewer than `push_below`; else they pull it, from now on."""
    user = users.find(database, author)
    if user is None or users.DELIVER not in user.get("undone", ()):
        return
    waiting = user.get("undelivered")
    sent = sorted(set(waiting or ()))[-timelines.MOST :]
    if sent and _is_pushed(database, user, push_below):
        timelines.send(database, sent, _followers(database, user))
    _done(database, author, waiting)


def _is_pushed(database: Database, user: Document, push_below: int) -> bool:
    if "pulled" not in user and user["counts"]["followers"] < push_below:
        return True
    if are_pushed(user):
        # Whoever builds a timeline from here on pulls; those that are there are told.
        users.set_pulled(database, user["_id"], users.TELLING)
        timelines.tell(database, user["_id"], _followers(database, user))
        users.set_pulled(database, user["_id"], users.TOLD)
    return False


def _followers(database: Database, user: Document) -> Iterator[str]:
    links = follows.walk_followers(database, user, Start(wanted=FOLLOWERS))
    return (link["follower"] for link in links)


def _done(database: Database, author: str, delivered: list[str] | None) -> None:
    """All of these have reached their readers."""
    nothing = {"undelivered": "", f"undone.{users.DELIVER}": ""}
    as_read = {"_id": author, "undelivered": delivered}
    done = database.users.update_one(as_read, {"$unset": nothing})
    if not done.matched_count and delivered:
        # More was posted meanwhile.
        pull = {"$pull": {"undelivered": {"$in": delivered}}}
        database.users.update_one({"_id": author}, pull)


def waiting(database: Database, before: int) -> list[str]:
    """The authors with something to deliver since before an id, the longest first."""
    return undone.find(database, "users", users.DELIVER, before=before)
