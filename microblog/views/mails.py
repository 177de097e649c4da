"""Where the links in mails lead: an address is confirmed, mails are stopped, a new
password is set. Mail scanners follow links too, so following one changes nothing."""

from typing import Annotated, Any

from pydantic import Field

from microblog import forms
from microblog.logins import reset_password
from microblog.mailing import links
from microblog.pages import action, page, see_other
from microblog.resources.root import Root
from microblog.security import Permission
from microblog.store import Document, users
from microblog.views import addresses
from microblog.views.inputs import Body, Email, Password
from microblog.views.users import new_password

# What stands in such an address must not stay in a cache.
LINKED = {"context": Root, "permission": Permission.FOLLOW_LINK, "http_cache": 0}
RESET = {**LINKED, "name": "reset", "renderer": "reset.jinja2"}


class Forgetful(Body):
    """Who has no password any more."""

    email: Annotated[Email, Field(min_length=1)]


class NewPassword(Body):
    """The link is as good as the old one."""

    password: Password


@page(**LINKED, name="confirm", renderer="confirm.jinja2")
def confirm(request: Any) -> Document:
    """Asks whether the address is the reader's."""
    token = _token(request)
    username, address = links.read_confirmation(request.database, token)
    user = users.find(request.database, username)
    if user is None or user["email"] != address:
        raise links.dead()
    return {"token": token, "user": user}


@action(**LINKED, name="confirm")
def do_confirm(request: Any) -> Any:
    """From now on mails go there."""
    read = links.read_confirmation(request.database, _token(request))
    if not users.confirm(request.database, *read):
        raise links.dead()
    return see_other("/", "confirmed")


@page(**LINKED, name="unsubscribe", renderer="unsubscribe.jinja2")
def unsubscribe(request: Any) -> Document:
    """Asks whether mails are to stop."""
    token = request.GET.get("token", "")
    username = links.read_unsubscribe(request.database, token)
    user = users.find(request.database, username)
    if user is None:
        raise links.dead()
    return {"token": token, "user": user}


# Mail providers send this for their users (RFC 8058), from nowhere and without a
# cookie. The link alone says who is meant, so there is nothing that another site could
# make a browser add; the body may have any form, and is not read.
@action(**LINKED, name="unsubscribe", renderer="unsubscribe.jinja2", require_csrf=False)
def do_unsubscribe(request: Any) -> Document:
    """No more mails when somebody names the user."""
    found = unsubscribe(request)
    wanted = {"mails": users.NEVER}
    username = found["user"]["_id"]
    return {**found, "user": users.change(request.database, username, wanted)}


@page(**RESET)
def reset(request: Any) -> Document:
    """The form for an address; behind a link from a mail, for a new password."""
    token = _token(request)
    user = links.read_reset(request.database, token) if token else None
    return {"token": token, "user": user}


@action(**RESET)
@forms.again(reset)
def do_reset(request: Any) -> Any:
    """Mail such a link, if there is a user with the address; or do what it is for."""
    if _token(request):
        return set_password(request)
    addresses.ask_reset(request, forms.read(request, Forgetful).email)
    return see_other("/reset", "asked")


def set_password(request: Any) -> Any:
    """Set the password that was forgotten; every login ends."""
    user = links.read_reset(request.database, _token(request))
    given = forms.read(request, NewPassword).password
    password = new_password(request, given, user["_id"])
    if not reset_password(request.database, request.site, user, password):
        raise links.dead()
    return see_other("/login", "reset")


def _token(request: Any) -> str:
    token: str = request.form.value("token", request.GET.get("token"))
    return token
