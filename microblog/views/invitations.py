"""Invitations: made by moderators, and by users where the site lets them."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from microblog import forms, limits
from microblog.errors import Conflict, Invalid
from microblog.i18n import _
from microblog.pages import action, page, see_other
from microblog.resources.admin import Admin
from microblog.resources.settings import Settings
from microblog.security import Permission
from microblog.store import Document, invitations
from microblog.views.inputs import Body
from microblog.views.moderation import moderation

ALL = {
    "context": Admin,
    "name": "invitations",
    "permission": Permission.MODERATE,
    "renderer": "admin/invitations.jinja2",
}
OWN = {
    "context": Settings,
    "name": "invitations",
    "permission": Permission.INVITE,
    "renderer": "settings/invitations.jinja2",
}


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 4):
        raise ValueError(_("must be a whole number"))
    return int(text)


class NewInvitation(Body):
    """For how many, and for how long."""

    uses: Annotated[
        int, BeforeValidator(_number), Field(ge=1, le=invitations.MOST_USES)
    ]
    days: Annotated[
        int, BeforeValidator(_number), Field(ge=1, le=invitations.MOST_DAYS)
    ]


@page(**ALL)
def show(request: Any) -> Document:
    """Those that are good."""
    return {"invitations": invitations.all(request.database), "link": ""}


@action(**ALL)
@forms.again(show)
def change(request: Any) -> Any:
    """Make one, whose link this page alone shows; or end one."""
    if id := request.form.value("revoke"):
        moderation(request).revoke(id)
        return see_other("/admin/invitations", "revoked")
    link = _make(request, None)
    return {**show(request), "link": link}


@page(**OWN)
def show_own(request: Any) -> Document:
    """One's own."""
    found = invitations.of(request.database, request.identity.username)
    return {"user": request.context.document, "invitations": found, "link": ""}


@action(**OWN)
@forms.again(show_own)
def change_own(request: Any) -> Any:
    """The same with one's own; each is a line of the audit log."""
    limits.hit(request, invite=request.identity.username)
    if id := request.form.value("revoke"):
        moderation(request).revoke(id, request.identity.username)
        return see_other("/settings/invitations", "revoked")
    link = _make(request, invitations.MOST)
    return {**show_own(request), "link": link}


def _make(request: Any, most: int | None) -> str:
    """The link of a new invitation."""
    new = forms.read(request, NewInvitation)
    try:
        secret = moderation(request).invite(uses=new.uses, days=new.days, most=most)
    except Conflict as error:
        raise Invalid.field("", error.detail) from None
    return f"{request.site.url}/register?invitation={secret}"
