"""Addresses that mails go to: a new one is confirmed by a link that is mailed there."""

import hashlib
import time
from typing import Any

from microblog import limits
from microblog.store import Document, mails

SLOT_SECONDS = 600  # in which one mail at most goes to whom has not asked for it


def changed(user: Document, email: str) -> Document:
    """What changes of a user with this address: nothing, if it is the same."""
    return {} if email == user["email"] else {"email": email, "confirmed": False}


def count(request: Any, username: str, moved: Document) -> None:
    """Count the mail that a new address gets, if there is one. Throttled."""
    if moved.get("email"):
        _count(request, username)


def _count(request: Any, who: str) -> None:
    limits.hit(request, mail=who, mail_network=limits.network(request))


def ask_again(request: Any, user: Document) -> None:
    """The same, for who wants it once more. Throttled."""
    _count(request, user["_id"])
    ask(request, user)


def ask(request: Any, user: Document) -> None:
    """Mail a link that confirms the user's address, once in ten minutes."""
    address = user["email"]
    if address and not user["confirmed"]:
        id = f"confirmation {user['_id']} {digest(address)[:16]} {slot()}"
        kind = mails.Kind.CONFIRMATION
        mails.add(request.database, id, kind, to=user["_id"], address=address)
        request.later("mails")


def ask_reset(request: Any, address: str) -> None:
    """Mail a link for a new password, once in ten minutes, if there is a user to get
    it: whoever sends mails looks, so that the answer tells nothing. Throttled."""
    _count(request, address)
    id = f"reset {digest(address)[:32]} {slot()}"
    mails.add(request.database, id, mails.Kind.RESET, to=None, address=address)
    request.later("mails")


def digest(address: str) -> str:
    """What stands for the address where it must not be kept."""
    return hashlib.sha256(address.encode()).hexdigest()


def slot() -> int:
    """The number of the present ten minutes."""
    return int(time.time() // SLOT_SECONDS)
