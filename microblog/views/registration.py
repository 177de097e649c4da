"""Who may register, as the setting `registration` has it."""

from typing import Any

from microblog.errors import Conflict, Forbidden, Invalid
from microblog.i18n import _
from microblog.store import Document, applications, invitations, users


def check(request: Any, secret: str | None = None) -> None:
    """Forbidden: nobody may. Invalid: an invitation is needed, and its `secret` (None:
    that is not known yet) is none of a good one."""
    if request.site.registration == "closed":
        raise Forbidden(_("this site takes no new users"))
    if request.site.registration == "invitation" and secret is not None:
        if not secret:
            raise Invalid.field("invitation", _("is needed: ask somebody who is here"))
        if not invitations.is_good(request.database, secret):
            raise _used_up()


def enter(
    request: Any, username: str, secret: str, profile: dict[str, str]
) -> Document | None:
    """The new user's document; None: a moderator must approve first. Conflict: the name
    is taken. Invalid: the invitation has just been used up."""
    database, mode = request.database, request.site.registration
    if mode == "approval":
        applications.create(database, username, **profile)
        return None
    if mode != "invitation":
        return users.create(database, username, **profile)
    if not invitations.use(database, secret):
        raise _used_up()
    try:
        return users.create(database, username, **profile)
    except Conflict:
        invitations.give_back(database, secret)
        raise


def _used_up() -> Invalid:
    return Invalid.field("invitation", _("is used up, too old, or none"))
