"""What every request loses and every answer carries."""

from typing import Any

from pyramid.events import NewRequest, NewResponse

from microblog.security import is_api

PAGES = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'; object-src 'none'"
)
ANSWERS = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'"


def strip(event: Any) -> None:
    """Any client could move the root of the tree by this header (Pyramid #1591)."""
    event.request.environ.pop("HTTP_X_VHM_ROOT", None)


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
    """Both on every request."""
    config.add_subscriber(strip, NewRequest)
    config.add_subscriber(protect, NewResponse)
