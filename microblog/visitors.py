"""Pages for visitors, kept for a second.

Whoever is not logged in sees what everybody sees, and a page that many look at need not
be made for each. A view that says `keep` names the documents that its page is made of;
the page is good for a second (it shows how old things are), and only while none of
these has changed: whoever edits, deletes or leaves is gone from it at once.
"""

import time
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from pyramid.response import Response

from microblog import metrics

SECONDS = 1.0
MOST = 250  # pages, of 5 to 30 KB

Place = tuple[str, object]  # a collection and a key, as `changes` knows documents
_SEEN = "microblog.seen"


class _Page(NamedTuple):
    """An answer, until when it is good, and what it is made of."""

    headers: list[tuple[str, str]]
    body: bytes
    until: float
    view: str
    seen: list[tuple[int, int]]


def read(request: Any, places: Iterable[Place]) -> None:
    """Documents are about to be read for a page, which may be kept."""
    changes = request.database.changes
    seen = request.environ.setdefault(_SEEN, [])
    for collection, key in places:
        seen += changes.seen(collection, [key])


def keep(request: Any) -> None:
    """Let the page be kept, for all that it is made of was told by `read`."""
    request.environ["microblog.keep"] = True


def tween_factory(handler: Callable[[Any], Any], registry: Any) -> Callable[[Any], Any]:
    """Around everything else: what is kept costs nothing but this."""
    pages: dict[Any, _Page] = {}
    counts = [0, 0]  # found, and not
    metrics.CACHES["pages"] = lambda: counts

    def tween(request: Any) -> Any:
        environ = request.environ
        if not _is_plain(environ):
            return handler(request)
        key = (
            environ["PATH_INFO"],
            environ.get("HTTP_ACCEPT_LANGUAGE"),
            environ.get("HTTP_ACCEPT_ENCODING"),
        )
        page, changes = pages.get(key), registry["connection"].changes
        if page and page.until > time.monotonic() and changes.are_as(page.seen):
            counts[0] += 1
            environ[metrics.VIEW] = page.view
            return _answer(page)
        response = handler(request)
        if "microblog.keep" in environ and response.status_code == 200:
            if len(pages) >= MOST:
                pages.clear()
            until = time.monotonic() + SECONDS
            headers = list(response.headerlist)
            view = environ.get(metrics.VIEW, "")
            counts[1] += 1
            pages[key] = _Page(headers, response.body, until, view, environ[_SEEN])
        return response

    return tween


def _is_plain(environ: dict[str, Any]) -> bool:
    """Whether everybody would get the same answer."""
    return (
        environ["REQUEST_METHOD"] == "GET"
        and not environ.get("QUERY_STRING")
        and "HTTP_COOKIE" not in environ
        and "HTTP_RANGE" not in environ
    )


def _answer(page: _Page) -> Response:
    response = Response(body=page.body, headerlist=list(page.headers))
    # Whoever has it already is told so.
    response.conditional_response = True
    return response


def includeme(config: Any) -> None:
    """The tween, outside of all others."""
    config.add_tween(
        "microblog.visitors.tween_factory",
        over="pyramid.tweens.excview_tween_factory",
    )
