"""Logging in and out of the pages."""

from typing import Any

from pyramid.security import forget, remember

from microblog import forms, limits
from microblog.logins import authenticate
from microblog.pages import action, own_path, page, see_other
from microblog.resources.root import Root
from microblog.security import Permission
from microblog.store import Document
from microblog.usernames import typed
from microblog.views.inputs import Body, Password


class Login(Body):
    """Who logs in. Whatever was typed is looked up: it is right or wrong, no more."""

    username: str
    password: Password


@page(context=Root, name="login", permission=Permission.LOG_IN, renderer="login.jinja2")
def show(request: Any) -> Document:
    """The form; `?next=` says where its reader wanted to go."""
    return {"next": own_path(request.GET.get("next", "/"))}


@action(
    context=Root, name="login", permission=Permission.LOG_IN, renderer="login.jinja2"
)
@forms.again(show)
def log_in(request: Any) -> Any:
    """Begin a session."""
    given = forms.read(request, Login)
    username = typed(given.username)
    with limits.attempt(request, username):
        user = authenticate(request.database, request.site, username, given.password)
    headers = remember(request, user["_id"], user=user)
    return see_other(own_path(request.form.value("next", "/")), headers=headers)


@action(context=Root, name="logout", permission=Permission.LOG_OUT)
def log_out(request: Any) -> Any:
    """End the session, and what the browser has kept of it."""
    headers = [*forget(request), ("Clear-Site-Data", '"cache", "storage"')]
    return see_other("/", "out", headers)
