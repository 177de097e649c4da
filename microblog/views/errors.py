"""What went wrong, in the words of HTTP: one shape for apps, one page for people."""

import logging
from http import HTTPStatus
from typing import Any

from pyramid.exceptions import PredicateMismatch, URLDecodeError
from pyramid.httpexceptions import HTTPException, HTTPForbidden, HTTPMethodNotAllowed
from pyramid.renderers import render
from pyramid.response import Response
from pyramid.view import exception_view_config

from microblog import errors
from microblog.rest import problem
from microblog.security import is_api

log = logging.getLogger(__name__)

REALM = 'realm="microblog"'
RETRY_SECONDS = 2

STATUS = {
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.Stale: 412,
    errors.KeyReused: 422,
    errors.BadCredentials: 400,
    errors.BadToken: 401,
    errors.Malformed: 400,
    errors.Unavailable: 503,
    errors.Invalid: 400,
}
DETAIL = {
    404: "there is nothing at this address",
    405: "this cannot be done here; the header Allow says what can",
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
    if isinstance(error, errors.BadCredentials) and scheme.lower() == "basic":
        status, headers["WWW-Authenticate"] = 401, f"Basic {REALM}"
    if isinstance(error, errors.Unavailable):
        headers["Retry-After"] = str(RETRY_SECONDS)
    return answer(request, status, error.detail, fields, headers)


@exception_view_config(context=HTTPException)
def http_error(error: Any, request: Any) -> Response:
    """An error of Pyramid's, or of `rest`; a redirect; 304."""
    if error.status_code < 400:
        return error
    headers = {}
    if isinstance(error, HTTPForbidden):
        return forbidden(request)
    if isinstance(error, PredicateMismatch) and not is_api(request):
        # Pages, so far, are only read.
        error = HTTPMethodNotAllowed()
        error.allow = ["GET", "HEAD"]
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
    return answer(request, 400, "the address is not UTF-8", [], {})


@exception_view_config(context=Exception)
def mistake(error: Exception, request: Any) -> Response:
    """A mistake of the program: to the log, not to the reader."""
    log.error("%s failed", request.method, exc_info=error)
    return answer(request, 500, "the server made a mistake", [], {})


def forbidden(request: Any) -> Response:
    """401 to an app that has not said who it is, else 403."""
    if is_api(request) and request.identity is None:
        headers = {"WWW-Authenticate": f"Bearer {REALM}"}
        return answer(request, 401, "a bearer token is required", [], headers)
    return answer(request, 403, "this is not yours to do", [], {})


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
        values = {
            "status": status,
            "title": HTTPStatus(status).phrase,
            "detail": detail,
            "site_name": request.site.site_name,
        }
        response = Response(render("error.jinja2", values), status=status)
    response.headers.update(headers)
    return response
