"""What went wrong, in the words of HTTP: one shape for apps, one page for people."""

import logging
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from pyramid.exceptions import PredicateMismatch, URLDecodeError
from pyramid.httpexceptions import (
    HTTPException,
    HTTPForbidden,
    HTTPMethodNotAllowed,
    HTTPSeeOther,
)
from pyramid.renderers import render
from pyramid.response import Response
from pyramid.view import exception_view_config

from microblog import errors, request_log
from microblog.i18n import _
from microblog.rest import problem
from microblog.security import is_api
from microblog.store import Document

log = logging.getLogger(__name__)

REALM = 'realm="microblog"'

STATUS = {
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.Stale: 412,
    errors.KeyReused: 422,
    errors.BadCredentials: 400,
    errors.NotAdmitted: 403,
    errors.Forbidden: 403,
    errors.BadToken: 401,
    errors.Malformed: 400,
    errors.CrossSite: 403,
    errors.Expired: 400,
    errors.BadLink: 400,
    errors.Throttled: 429,
    errors.Unavailable: 503,
    errors.ReadOnly: 503,
    errors.Invalid: 400,
}
DETAIL = {
    404: _("there is nothing at this address"),
    405: _("this cannot be done here; the header Allow says what can"),
}
TITLES = {
    400: _("That cannot be right"),
    403: _("Not yours to do"),
    404: _("Nothing here"),
    409: _("That does not fit"),
    429: _("Too much at once"),
    500: _("Our mistake"),
    503: _("Back in a moment"),
}
BEARER_ERRORS = {errors.BadToken: "invalid_token", errors.Malformed: "invalid_request"}


@exception_view_config(context=errors.MicroblogError)
def domain_error(error: errors.MicroblogError, request: Any) -> Response:
    """An error of ours."""
    status = STATUS[type(error)]
    fields = error.errors if isinstance(error, errors.Invalid) else []
    headers = {}
    if code := BEARER_ERRORS.get(type(error)):
        headers["WWW-Authenticate"] = f'Bearer {REALM}, error="{code}"'
    scheme = request.environ.get("HTTP_AUTHORIZATION", "").partition(" ")[0]
    if type(error) is errors.BadCredentials and scheme.lower() == "basic":
        status, headers["WWW-Authenticate"] = 401, f"Basic {REALM}"
    if isinstance(error, errors.Unavailable):
        headers["Retry-After"] = str(error.seconds)
    return answer(request, status, error.detail, fields, headers)


@exception_view_config(context=errors.BadLink, renderer="link.jinja2", http_cache=0)
def dead_link(error: errors.BadLink, request: Any) -> Document:
    """What can be done when a link from a mail is worth nothing."""
    request.response.status = STATUS[errors.BadLink]
    return {"detail": error.detail}


@exception_view_config(context=errors.Expired)
def expired(error: errors.Expired, request: Any) -> Response:
    """A form that came too late: nothing is done, and nothing that was typed is
    lost."""
    typed = {
        name: value
        for name, value in request.form.typed.items()
        if "password" not in name and name != "csrf_token"
    }
    values = {"detail": error.detail, "typed": typed, "path": quote(request.path_info)}
    return Response(render("expired.jinja2", values, request), status=400)


@exception_view_config(context=HTTPException)
def http_error(error: Any, request: Any) -> Response:
    """An error of Pyramid's, or of `rest`; a redirect; 304."""
    if error.status_code < 400:
        return error
    headers = {}
    if isinstance(error, HTTPForbidden):
        return forbidden(request)
    if isinstance(error, PredicateMismatch) and not is_api(request):
        error = HTTPMethodNotAllowed()
        error.allow = methods(request)
    if isinstance(error, HTTPMethodNotAllowed):
        headers["Allow"] = error.headers["Allow"] = ", ".join(
            sorted({*error.allow, "OPTIONS"})
        )
        if request.method == "OPTIONS":
            return Response(status=204, headers=headers)
    detail = DETAIL.get(error.status_code) or str(error.detail or error.explanation)
    return answer(request, error.status_code, detail, [], headers)


@exception_view_config(context=URLDecodeError)
def undecodable(error: Any, request: Any) -> Response:
    """An address that is not UTF-8."""
    return answer(request, 400, _("the address is not UTF-8"), [], {})


@exception_view_config(context=Exception)
def mistake(error: Exception, request: Any) -> Response:
    """A mistake of the program: to the log, not to the reader."""
    id = request.environ.get(request_log.ID)
    log.error("%s failed, request %s", request.method, id, exc_info=error)
    return answer(request, 500, _("the server made a mistake"), [], {})


def methods(request: Any) -> set[str]:
    """What can be done with the page that was asked for, by the views it has."""
    found: set[str] = set()
    for view in request.registry.introspector.get_category("views") or ():
        known = view["introspectable"]
        if (
            known["name"] == request.view_name
            and known["route_name"] is None
            and isinstance(known["context"], type)
            and isinstance(request.context, known["context"])
        ):
            given = known["request_methods"] or ()
            found.update([given] if isinstance(given, str) else given)
    return found


def forbidden(request: Any) -> Response:
    """To who has not said who it is: 401 to an app, the way to log in to a browser.
    Else 403."""
    request_log.note(request, request_log.Event.DENIED)
    if is_api(request) and request.identity is None:
        headers = {"WWW-Authenticate": f"Bearer {REALM}"}
        return answer(request, 401, "a bearer token is required", [], headers)
    if is_api(request) and request.identity.only_reads:
        said = f'Bearer {REALM}, error="insufficient_scope", scope="read write"'
        headers = {"WWW-Authenticate": said}
        return answer(request, 403, "the token only reads", [], headers)
    reading = request.method in {"GET", "HEAD"}
    if not is_api(request) and request.known is None and reading:
        query = f"?{request.query_string}" if request.query_string else ""
        return HTTPSeeOther(f"/login?next={quote(quote(request.path_info) + query)}")
    return answer(request, 403, _("this is not yours to do"), [], {})


def answer(
    request: Any,
    status: int,
    detail: str,
    fields: list[errors.FieldError],
    headers: dict[str, str],
) -> Response:
    """The failure as problem details or as a page."""
    if is_api(request):
        response = problem(request, status, detail, fields)
    else:
        title = TITLES.get(status) or HTTPStatus(status).phrase
        values = {"status": status, "title": title, "detail": detail}
        response = Response(render("error.jinja2", values, request), status=status)
    response.headers.update(headers)
    return response
