"""What every request loses or must be, and what every answer carries."""

import zlib
from datetime import UTC, date, datetime, time
from email.utils import formatdate
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from pyramid.events import BeforeTraversal, ContextFound, NewRequest, NewResponse
from pyramid.httpexceptions import HTTPMovedPermanently, HTTPNotFound
from pyramid.interfaces import IView, IViewClassifier
from pyramid.traversal import resource_path_tuple
from zope.interface import providedBy

from microblog import kept
from microblog.errors import Invalid
from microblog.security import is_api

PAGES = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'; object-src 'none'"
)
ANSWERS = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'"

ALWAYS = [
    ("Referrer-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
]
OF_ANSWERS = [
    ("Content-Security-Policy", ANSWERS),
    ("Vary", "Authorization, Accept"),
]
OF_PAGES = [("Content-Security-Policy", PAGES)]

COMPRESSED = {"text/html", "text/css", "text/javascript", "application/javascript"}
WORTH_COMPRESSING = 1000  # bytes


def strip(event: Any) -> None:
    """By the one header any client could move the root of the tree (Pyramid #1591); by
    the other WebOb would cut pieces out of pages, not of files alone."""
    environ = event.request.environ
    environ.pop("HTTP_X_VHM_ROOT", None)
    if not environ["PATH_INFO"].startswith("/static/"):
        environ.pop("HTTP_RANGE", None)


def be_strict(event: Any) -> None:
    """404 where Pyramid is generous with an address, 400 to an unreadable query.

    Its routes take a path and one with a line end behind it for the same; and with
    `..` behind it, a path below /api that is no service's would end at a page.
    """
    request = event.request
    nowhere = request.matched_route is None and is_api(request)
    if nowhere or request.path_info.endswith("\n"):
        raise HTTPNotFound
    try:
        # WebOb decodes it here, and would fail wherever it is first asked for.
        _ = request.GET
    except UnicodeDecodeError:
        raise Invalid.field("", "is not UTF-8", "querystring") from None


def be_canonical(event: Any) -> None:
    """A page has one address: `//users/alice/` and `/tags/Word` lead to it.

    Pyramid's traversal takes `@@` for a view, and forgets what follows a view's name.
    """
    request = event.request
    if request.matched_route is not None:
        return
    if request.subpath or "@@" in request.path_info:
        raise HTTPNotFound
    names = [*resource_path_tuple(request.context)[1:], request.view_name]
    path = "/" + "/".join(name for name in names if name)
    if path == request.path_info:
        return
    wanted = (IViewClassifier, providedBy(request), providedBy(request.context))
    view = request.registry.adapters.lookup(wanted, IView, name=request.view_name)
    if view is None or request.method not in {"GET", "HEAD"}:
        raise HTTPNotFound
    query = f"?{request.query_string}" if request.query_string else ""
    raise HTTPMovedPermanently(quote(path) + query)


def protect(event: Any) -> None:
    """Headers that keep an answer from being taken for something else, or kept."""
    request, headers = event.request, event.response.headers
    if kept.is_found(request):
        return
    api = is_api(request)
    headers["X-Content-Type-Options"] = "nosniff"
    # Set one by one, each would look through all that are there.
    # An answer to an exception comes here twice.
    if ALWAYS[0] not in event.response.headerlist:
        event.response.headerlist += ALWAYS
        event.response.headerlist += OF_ANSWERS if api else OF_PAGES
    # WebOb would make it absolute by the Host header, and with http behind a proxy that
    # speaks TLS; a path alone is right wherever the site is reached (RFC 9110, 10.2.2).
    event.response._abs_headerlist = lambda environ: event.response.headerlist
    if request.site.is_secure:
        headers["Strict-Transport-Security"] = "max-age=31536000"
    if api:
        headers.setdefault("Cache-Control", "private, no-cache")
        headers.update(
            notice(request.site.api_deprecated_on, request.site.api_sunset_on)
        )
    else:
        _keep_page(request, event.response)


@lru_cache
def notice(deprecated: date | None, sunset: date | None) -> dict[str, str]:
    """What tells apps from which day the API is deprecated (RFC 9745), and from which
    it may be gone (RFC 8594)."""
    told = {}
    if deprecated:
        told["Deprecation"] = f"@{_midnight(deprecated):.0f}"
    if sunset:
        told["Sunset"] = formatdate(_midnight(sunset), usegmt=True)
    return told


def _midnight(day: date) -> float:
    """When a day begins, in UTC: seconds since 1970."""
    return datetime.combine(day, time.min, UTC).timestamp()


def _keep_page(request: Any, response: Any) -> None:
    """How long a page or a static file may be kept, and for whom."""
    if request.known:
        response.headers["Cache-Control"] = "private, no-store"
    else:
        response.headers.setdefault("Cache-Control", "no-cache")
    if "Last-Modified" in response.headers:
        response.headers["Vary"] = "Accept-Encoding"
    else:
        response.headers["Vary"] = "Cookie, Accept-Language, Accept-Encoding"
    compress(request, response)
    if response.status_code == 200 and not request.known and not response.etag:
        response.md5_etag()
        response.conditional_response = True


def compress(request: Any, response: Any) -> None:
    """Gzip for a page, a style sheet or a script. What the tokens of forms are made of
    never comes twice, so that their length in a page tells nothing (BREACH)."""
    if (
        response.content_type in COMPRESSED
        and response.status_code != 304
        and "HTTP_ACCEPT_ENCODING" in request.environ
        and request.accept_encoding.acceptable_offers(["gzip"])
        and len(response.body) > WORTH_COMPRESSING
    ):
        response.body = zlib.compress(response.body, level=6, wbits=31)
        response.content_encoding = "gzip"


def includeme(config: Any) -> None:
    """All of it on every request."""
    config.add_subscriber(strip, NewRequest)
    config.add_subscriber(be_strict, BeforeTraversal)
    config.add_subscriber(be_canonical, ContextFound)
    config.add_subscriber(protect, NewResponse)
