"""Settings: what a reader decides about account and pages, one form a page."""

from typing import Any, Literal

from pyramid.security import forget, remember

from microblog import forms
from microblog.errors import Invalid
from microblog.i18n import _
from microblog.logins import set_password
from microblog.pages import action, page, see_other
from microblog.resources.settings import Settings
from microblog.security import Permission
from microblog.store import Document, accounts, sessions, tokens, users
from microblog.views import addresses
from microblog.views.inputs import Bio, Body, Email, Name, Password
from microblog.views.users import Farewell, check_password, new_password

ALLOWED = {"context": Settings, "permission": Permission.CHANGE_SETTINGS}


class Profile(Body):
    """What others see."""

    name: Name
    bio: Bio


class Mails(Body):
    """Where mails go, and when; another address needs the password."""

    email: Email
    mails: Literal["at once", "daily", "never"]
    current_password: Password = ""


class NewPassword(Body):
    """A new password needs the current one."""

    current_password: Password
    password: Password


class Appearance(Body):
    """How pages look, and in which language; blank: as the browser asks."""

    theme: Literal["", "light", "dark"] = ""
    language: Literal["", "en", "de"] = ""


class End(Body):
    """Which login is to end: a session's or a token's id, or all but this one."""

    session: str = ""
    token: str = ""
    all: Literal["", "on"] = ""


@page(**ALLOWED, renderer="settings/profile.jinja2")
def profile(request: Any) -> Document:
    """Name and bio."""
    return {"user": request.context.document}


@action(**ALLOWED, renderer="settings/profile.jinja2")
@forms.again(profile)
def change_profile(request: Any) -> Any:
    """Change them."""
    new = forms.read(request, Profile)
    users.change(request.database, request.identity.username, new.model_dump())
    return see_other("/settings", "saved")


@page(**ALLOWED, name="email", renderer="settings/email.jinja2")
def mails(request: Any) -> Document:
    """The address for mails, and when they are wanted."""
    return {"user": request.context.document}


@action(**ALLOWED, name="email", renderer="settings/email.jinja2")
@forms.again(mails)
def change_mails(request: Any) -> Any:
    """Change them."""
    new, user = forms.read(request, Mails), request.context.document
    moved = addresses.changed(user, new.email)
    if moved:
        check_password(request, user["_id"], new.current_password, "current_password")
        addresses.count(request, user["_id"], moved)
    wanted = {"mails": new.mails, **moved}
    changed = users.change(request.database, user["_id"], wanted)
    if moved:
        addresses.ask(request, changed)
    return see_other("/settings/email", "saved")


@action(**ALLOWED, name="confirm")
def ask_again(request: Any) -> Any:
    """Mail the link that confirms the address once more."""
    addresses.ask_again(request, request.context.document)
    return see_other("/settings/email", "mailed")


@page(**ALLOWED, name="password", renderer="settings/password.jinja2")
def password(request: Any) -> Document:
    """The form for a new password."""
    return {"user": request.context.document}


@action(**ALLOWED, name="password", renderer="settings/password.jinja2")
@forms.again(password)
def change_password(request: Any) -> Any:
    """Set it; every session and token ends, this browser gets a new session."""
    new, username = forms.read(request, NewPassword), request.identity.username
    check_password(request, username, new.current_password, "current_password")
    new_password(request, new.password, username)
    user = set_password(request.database, request.site, username, new.password)
    headers = remember(request, username, user=user)
    return see_other("/settings/password", "password", headers)


@page(**ALLOWED, name="appearance", renderer="settings/appearance.jinja2")
def appearance(request: Any) -> Document:
    """Light or dark, and the language."""
    return {"user": request.context.document}


@action(**ALLOWED, name="appearance", renderer="settings/appearance.jinja2")
@forms.again(appearance)
def change_appearance(request: Any) -> Any:
    """Change them, in every browser of the reader."""
    new, username = forms.read(request, Appearance), request.identity.username
    users.change(request.database, username, new.model_dump())
    sessions.set_preferences(request.database, username, new.theme, new.language)
    return see_other("/settings/appearance", "saved")


@page(**ALLOWED, name="sessions", renderer="settings/sessions.jinja2")
def logins(request: Any) -> Document:
    """Where the reader is logged in: browsers and apps."""
    username = request.identity.username
    return {
        "user": request.context.document,
        "sessions": sessions.of_user(request.database, username),
        "tokens": tokens.of_user(request.database, username),
        "current": request.identity.credential["_id"],
    }


@action(**ALLOWED, name="sessions", renderer="settings/sessions.jinja2")
@forms.again(logins)
def end_login(request: Any) -> Any:
    """End one login, or all but this."""
    end, username = forms.read(request, End), request.identity.username
    if end.all:
        end_others(request, username)
    if end.session:
        sessions.delete_of(request.database, username, end.session)
    if end.token:
        tokens.delete_of(request.database, username, end.token)
    return see_other("/settings/sessions", "ended")


def end_others(request: Any, username: str) -> None:
    """End every session but the present one, and every token."""
    for session in sessions.of_user(request.database, username):
        if session["_id"] != request.identity.credential["_id"]:
            sessions.delete(request.database, session["_id"])
    tokens.delete_all(request.database, username)


@page(**ALLOWED, name="delete", renderer="settings/delete.jinja2")
def farewell(request: Any) -> Document:
    """Asks before it deletes the account."""
    return {"user": request.context.document}


@action(**ALLOWED, name="delete", renderer="settings/delete.jinja2")
@forms.again(farewell)
def delete_account(request: Any) -> Any:
    """Delete the account, for good."""
    given, username = forms.read(request, Farewell), request.identity.username
    check_password(request, username, given.password, "password")
    if request.form.value("sure") != "on":
        raise Invalid.field("sure", _("must be ticked: there is no way back"))
    if not accounts.delete(request.database, username):
        request.later("purge", username)
    return see_other("/", "gone", forget(request))
