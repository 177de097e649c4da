"""Forms of pages: read strictly, shown again when something is wrong, and accepted only
from a page of this site (OWASP ASVS 5.0, 3.5).

A form carries a token: when it was made, and a MAC by the session's secret; for who has
no session, by a key of the site, since a visitor is given no cookie.
"""

import functools
import secrets
import time
from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import BaseModel
from pyramid.viewderivers import INGRESS

from microblog import bodies, cookies, uploads
from microblog.bodies import FORM
from microblog.database import failures
from microblog.errors import (
    BadCredentials,
    CrossSite,
    Expired,
    Invalid,
    MicroblogError,
    Stale,
    Throttled,
    Unavailable,
)
from microblog.i18n import _
from microblog.security import is_api
from microblog.store import keys

SAFE = {"GET", "HEAD", "OPTIONS"}
ANONYMOUS_SECONDS = 86400  # how long the token of who has no session is good for

Model = TypeVar("Model", bound=BaseModel)
View = Callable[[Any], Any]


class Form:
    """What was typed into a form, the file that came with it, and what is wrong with
    it, field by field."""

    def __init__(self, typed: dict[str, str], upload: uploads.Upload | None = None):
        self.typed, self.upload = typed, upload
        self.errors: dict[str, str] = {}

    def value(self, name: str, default: str | None = "") -> str:
        """What stands in a field: what was typed, else what was there."""
        return self.typed.get(name, default or "")

    @property
    def key(self) -> str:
        """What makes of a form that is sent twice one deed."""
        return self.typed.get("key") or secrets.token_urlsafe(16)

    def fail(self, error: MicroblogError) -> None:
        """Keep the first thing that is wrong with each field; "": with the whole."""
        if isinstance(error, Invalid):
            for one in error.errors:
                self.errors.setdefault(one.name, one.description)
        else:
            self.errors[""] = error.detail


def of(request: Any) -> Form:
    """The form that came with the request, empty if none did."""
    safe = request.method in SAFE
    if not safe and uploads.is_one(request):
        return Form(*uploads.read(request))
    return Form({} if safe else bodies.fields(request, (FORM,)))


def read(request: Any, model: type[Model]) -> Model:
    """The form's fields as `model`. A blank field that may be None is None."""
    values = {
        name: request.form.typed[name]
        for name, field in model.model_fields.items()
        if name in request.form.typed
        and (request.form.typed[name] or field.default is not None)
    }
    return bodies.checked(model, values, "body")


def again(show: View) -> Callable[[View], View]:
    """A decorator for a view that takes a form: when it fails, the page of `show`
    comes again, with what was typed and what is wrong, as 400, or 429."""

    def decorate(view: View) -> View:
        @functools.wraps(view)
        def wrapped(request: Any) -> Any:
            try:
                return view(request)
            except (Invalid, BadCredentials, Stale, Throttled) as error:
                request.form.fail(error)
                status = 429 if isinstance(error, Throttled) else 400
                request.response.status = status
                return show(request)

        return wrapped

    return decorate


def token(request: Any) -> str:
    """A token for a form on a page that this request's reader gets; "": the database
    does not answer any more, and whoever sends the form will have to send it twice."""
    moment, connection = str(int(time.time())), request.registry["connection"]
    try:
        with failures(connection):
            return f"{moment}.{keys.sign(_keys(request), f'form {moment}')}"
    except Unavailable:
        if not connection.was_ready:
            raise
        return ""


def check(request: Any) -> None:
    """CrossSite, Expired: the form must not be accepted."""
    origin = request.environ.get("HTTP_ORIGIN", request.site.url)
    fetched = request.environ.get("HTTP_SEC_FETCH_SITE")
    if fetched not in {None, "same-origin", "none"}:
        raise CrossSite(_("this form was sent by another site"))
    if fetched is None and origin != request.site.url:
        raise CrossSite(
            _(
                "this form can only be sent from ${url}",
                mapping={"url": request.site.url},
            )
        )
    moment, _dot, mac = request.form.value("csrf_token").partition(".")
    fits = keys.fits(_keys(request), f"form {moment}", mac)
    if not fits or (request.identity is None and _is_old(moment)):
        raise Expired(_("this page was open too long, or you have logged in or out"))


def _is_old(moment: str) -> bool:
    return time.time() - int(moment) > ANONYMOUS_SECONDS


def _keys(request: Any) -> list[bytes]:
    secret = cookies.read(request) if request.identity else None
    return [secret.encode()] if secret else keys.pair(request.database, "forms")


def deriver(view: Any, info: Any) -> Any:
    """Checks every request that could change something, before its permission; but for
    views that say `require_csrf=False`."""
    if info.exception_only or info.options.get("require_csrf") is False:
        return view

    def guarded(context: Any, request: Any) -> Any:
        traversed = request.matched_route is None
        if traversed and request.method not in SAFE and not is_api(request):
            check(request)
        return view(context, request)

    return guarded


def includeme(config: Any) -> None:
    """`request.form`, and the check of every form."""
    config.add_request_method(of, "form", reify=True)
    config.add_view_deriver(deriver, "form", under=INGRESS, over="secured_view")
