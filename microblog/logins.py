"""Logging in by a password, and what ends with it."""

import logging

from microblog import passwords
from microblog.errors import BadCredentials, NotAdmitted
from microblog.i18n import _
from microblog.settings import Settings
from microblog.store import (
    Database,
    Document,
    accounts,
    applications,
    tokens,
    users,
)
from microblog.usernames import is_username

log = logging.getLogger(__name__)


def authenticate(
    database: Database, settings: Settings, username: str, password: str
) -> Document:
    """The user whose password this is. BadCredentials: nobody's, for whatever reason,
    after the same time; of who knows the password, NotAdmitted tells why."""
    user = users.find(database, username) if is_username(username) else None
    application = None
    if user is None and settings.registration == "approval" and is_username(username):
        application = applications.find(database, username)
    stored = user["password"] if user else None
    if application:
        stored = application["profile"]["password"]
    fits = passwords.verify(password, stored, settings.password_cost)
    if stored and not passwords.is_readable(stored):
        log.error("the password of %s cannot be read; it opens nothing", username)
    if application and fits:
        raise NotAdmitted(_("a moderator has not yet approved of this account"))
    if user is None or not fits or user.get("disabled"):
        raise _refusal(user, fits)
    if passwords.is_outdated(user["password"], settings.password_cost):
        hashed = passwords.hash(password, settings.password_cost)
        users.replace_password(database, username, user["password"], hashed)
        user["password"] = hashed
    return user


def _refusal(user: Document | None, fits: bool) -> BadCredentials:
    """Why a login fails, as far as its author may know."""
    account = user["_id"] if user else ""
    if user and fits and "suspended" in user:
        suspended = _(
            "this account is suspended: ${why}",
            mapping={"why": user["suspended"]["why"]},
        )
        return NotAdmitted(suspended, account)
    return BadCredentials(_("username and password do not belong together"), account)


def issue_token(
    database: Database,
    settings: Settings,
    username: str,
    password: str,
    scope: str = tokens.READ_WRITE,
) -> str:
    """A bearer token for the user whose password this is. BadCredentials."""
    user = authenticate(database, settings, username, password)
    token = tokens.create(database, username, settings.token_lifetime, scope)
    if not is_still_verified(database, user):
        tokens.delete(database, tokens.digest(token))
        raise BadCredentials(_("username and password do not belong together"))
    return token


def is_still_verified(database: Database, user: Document) -> bool:
    """Whether the user is as when the password was verified: neither was it changed
    since, nor the account deleted or disabled."""
    now = users.find(database, user["_id"])
    return (
        now is not None
        and now["password"] == user["password"]
        and not now.get("disabled")
    )


def set_password(
    database: Database,
    settings: Settings,
    username: str,
    password: str,
    profile: Document | None = None,
    rev: int | None = None,
) -> Document:
    """The user after the password, already checked, was set, and with it what of the
    `profile` changes; every login ends. Stale: the user is no longer at `rev`."""
    hashed = passwords.hash(password, settings.password_cost)
    # Before and after, as below.
    accounts.end_logins(database, username)
    user = users.change(
        database, username, {**(profile or {}), "password": hashed}, rev
    )
    accounts.end_logins(database, username)
    return user


def reset_password(
    database: Database, settings: Settings, user: Document, password: str
) -> bool:
    """Set the password, already checked, if it is still the one of the document `user`;
    whether it was. Every login ends."""
    hashed = passwords.hash(password, settings.password_cost)
    # Before and after: a crash in between leaves no login of a thief's, and a link that
    # still works; and whoever is logging in with the old password finds it changed.
    accounts.end_logins(database, user["_id"])
    if not users.replace_password(database, user["_id"], user["password"], hashed):
        return False
    accounts.end_logins(database, user["_id"])
    return True
