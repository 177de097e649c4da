"""What every request loses or must be, and what every answer carries."""

from typing import Any

from pyramid.events import ContextFound, NewRequest, NewResponse
from pyramid.httpexceptions import HTTPNotFound

from microblog.errors import Invalid
from microblog.security import is_api

PAGES = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'; object-src 'none'"
)
ANSWERS = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'"


def strip(event: Any) -> None:
    """Any client could move the root of the tree by this header (Pyramid #1591)."""
    event.request.environ.pop("HTTP_X_VHM_ROOT", None)


def be_strict(event: Any) -> None:
    """404 where Pyramid is generous with an address, 400 to an unreadable query.

    Its routes take a path and one with a line end behind it for the same; its
    traversal takes `@@` for a view and forgets what follows a view's name; and with
    `..` behind it, a path below /api that is no service's would end at a page.
    """
    request = event.request
    traversed = request.matched_route is None
    if request.path_info.endswith("\n") or (
        traversed and (is_api(request) or request.subpath or "@@" in request.path_info)
    ):
        raise HTTPNotFound
    try:
        # WebOb decodes it here, and would fail wherever it is first asked for.
        _ = request.GET
    except UnicodeDecodeError:
        raise Invalid.field("", "is not UTF-8", "querystring") from None


def protect(event: Any) -> None:
    """Headers that keep an answer from being taken for something else, or kept."""
    api = is_api(event.request)
    headers = event.response.headers
    headers["Content-Security-Policy"] = ANSWERS if api else PAGES
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "same-origin"
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers["Cross-Origin-Resource-Policy"] = "same-origin"
    if event.request.site.url.startswith("https:"):
        headers["Strict-Transport-Security"] = "max-age=31536000"
    if api:
        headers.setdefault("Cache-Control", "private, no-cache")
        headers["Vary"] = "Authorization, Accept"


def includeme(config: Any) -> None:
    """All of it on every request."""
    config.add_subscriber(strip, NewRequest)
    config.add_subscriber(be_strict, ContextFound)
    config.add_subscriber(protect, NewResponse)
