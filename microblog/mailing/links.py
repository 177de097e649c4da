"""Links in mails: signed, each for one purpose, so that nothing of them is stored."""

import hashlib
from typing import Any

from itsdangerous import BadData, URLSafeSerializer, URLSafeTimedSerializer

from microblog.errors import BadLink
from microblog.i18n import _
from microblog.store import Database, Document, keys, users

CONFIRMATION_SECONDS = 3 * 86400
RESET_SECONDS = 3600


def confirmation(database: Database, username: str, address: str) -> str:
    """What proves, for three days, that its bearer reads the user's mail there."""
    return _timed(database, "confirmation").dumps([username, address])


def read_confirmation(database: Database, token: str) -> tuple[str, str]:
    """The username and the address. BadLink."""
    timed = _timed(database, "confirmation")
    username, address = _read(timed, token, max_age=CONFIRMATION_SECONDS)
    return username, address


def unsubscribe(database: Database, username: str) -> str:
    """What stops the user's mails, for ever."""
    return _lasting(database, "unsubscribe").dumps(username)


def read_unsubscribe(database: Database, token: str) -> str:
    """The username. BadLink."""
    username: str = _read(_lasting(database, "unsubscribe"), token)
    return username


def reset(database: Database, user: Document) -> str:
    """What sets the user's password, once and within an hour: it is worth nothing when
    the password or the address has changed."""
    return _timed(database, "reset").dumps([user["_id"], _digest(user)])


def read_reset(database: Database, token: str) -> Document:
    """The user's document. BadLink."""
    username, digest = _read(_timed(database, "reset"), token, max_age=RESET_SECONDS)
    user = users.find(database, username)
    if user is None or digest != _digest(user):
        raise dead()
    return user


def dead() -> BadLink:
    """The error for a link that is worth nothing (any more), whyever."""
    return BadLink(_("it is too old, was used before, or is not complete"))


def _digest(user: Document) -> str:
    state = f"{user['password']} {user['email']}"
    return hashlib.sha256(state.encode()).hexdigest()[:32]


def _read(serializer: Any, token: str, **limits: int) -> Any:
    try:
        return serializer.loads(token, **limits)
    except (BadData, UnicodeError):
        raise dead() from None


def _timed(database: Database, purpose: str) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(**_signing(database, purpose))


def _lasting(database: Database, purpose: str) -> URLSafeSerializer:
    return URLSafeSerializer(**_signing(database, purpose))


def _signing(database: Database, purpose: str) -> dict[str, Any]:
    return {
        # Signs with the last.
        "secret_key": keys.pair(database, "links"),
        "salt": f"microblog {purpose}",
        "signer_kwargs": {"digest_method": hashlib.sha256},
    }
