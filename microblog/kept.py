"""Answers that are kept: pages for visitors, and what apps read again and again.

Whoever is not logged in sees what everybody sees, and an app that asks whether there is
news is told mostly that there is none: neither answer need be made each time. A view
that says `keep` names the documents that its answer is made of. The answer is good only
while none of these has changed, so that whoever edits, deletes or leaves is gone from
it at once; and for some seconds, because pages show how old things are.
"""

import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from pyramid.response import Response

from microblog import metrics
from microblog.bodies import JSON
from microblog.errors import BadToken, Malformed
from microblog.security import is_api

SECONDS = 30.0  # so much too young may a thing look, whose age is told in minutes
UNTOLD_SECONDS = 1.0  # where nobody tells of each change
ROOM = 10 << 20  # bytes for pages, and as many for what apps read

Place = tuple[str, object]  # a collection and a key, as `changes` knows documents
_SEEN = "microblog.seen"
_KEEP = "microblog.keep"
_FOUND = "microblog.found"
_ALL = ""  # no username


class _Answer(NamedTuple):
    """An answer, until when it is good, and what it is made of."""

    headers: list[tuple[str, str]]
    body: bytes
    until: float
    only_for: str
    view: str
    seen: list[tuple[int, int]]


def read(request: Any, places: Iterable[Place]) -> None:
    """Documents are about to be read for an answer, which may be kept."""
    changes = request.database.changes
    for collection, key in places:
        seen(request, changes.seen(collection, [key]))


def seen(request: Any, numbers: list[tuple[int, int]]) -> None:
    """As `read`, of documents whose numbers were taken before (see `changes`)."""
    request.environ.setdefault(_SEEN, []).extend(numbers)


def keep(request: Any, only_for: str = _ALL, *, is_told: bool = True) -> None:
    """Let the answer be kept, for one user or for all who may read it. `is_told`: all
    that it is made of was told by `read`."""
    request.environ[_KEEP] = only_for, is_told


def can_be(request: Any) -> bool:
    """Whether an app's answer is kept at all: where nobody tells of each change, it
    might lack what the app has just written."""
    return _is_plain(request.environ) and request.database.changes.is_shared


def is_found(request: Any) -> bool:
    """Whether the answer is one that was kept, with all its headers."""
    return _FOUND in request.environ


class _Shelf:
    """Answers by key. If there is no room for another, the oldest go."""

    def __init__(self, name: str, connection: Any):
        self._connection = connection
        self._answers: dict[Any, _Answer] = {}
        self._room = ROOM
        self._lock = threading.Lock()
        self._counts = [0, 0]  # found, and not
        metrics.CACHES[name] = lambda: self._counts

    def find(self, key: Any) -> _Answer | None:
        """The answer that is kept, if it is good."""
        answer = self._answers.get(key)
        if (
            answer is None
            or answer.until < time.monotonic()
            or not self._connection.changes.are_as(answer.seen)
        ):
            return None
        return answer

    def give(self, request: Any, answer: _Answer) -> Response:
        """The answer to a request."""
        self._counts[0] += 1
        request.environ[metrics.VIEW] = answer.view
        request.environ[_FOUND] = True
        response = Response(body=answer.body, headerlist=list(answer.headers))
        # Whoever has it already is told so.
        response.conditional_response = True
        return response

    def put(self, request: Any, key: Any, response: Any) -> None:
        """Keep the answer that was made, if its view says so, as soon as it has all its
        headers."""
        if _KEEP in request.environ and response.status_code == 200:
            request.add_finished_callback(
                lambda request: self._put(request, key, response)
            )

    def _put(self, request: Any, key: Any, response: Any) -> None:
        self._counts[1] += 1
        changes, seen = self._connection.changes, request.environ.get(_SEEN, [])
        if not changes.are_as(seen):
            return  # Another may have made a better one meanwhile.
        only_for, is_told = request.environ[_KEEP]
        is_told = is_told and changes.is_shared
        seconds = SECONDS if is_told else min(SECONDS, UNTOLD_SECONDS)
        answer = _Answer(
            list(response.headerlist),
            response.body,
            time.monotonic() + seconds,
            only_for,
            request.environ.get(metrics.VIEW, ""),
            seen,
        )
        with self._lock:
            self._drop(key)
            self._answers[key] = answer
            self._room -= _size(key, answer)
            while self._room < 0:
                self._drop(next(iter(self._answers)))

    def _drop(self, key: Any) -> None:
        if old := self._answers.pop(key, None):
            self._room += _size(key, old)


def _size(key: Any, answer: _Answer) -> int:
    """The memory that an answer takes, about, in bytes; headers take the most beside
    what is counted."""
    return len(answer.body) + len(str(key)) + 120 * len(answer.seen) + 1500


def pages_tween_factory(
    handler: Callable[[Any], Any], registry: Any
) -> Callable[[Any], Any]:
    """Pages for visitors, around everything else: what is kept costs nothing but
    this."""
    shelf = _Shelf("pages", registry["connection"])

    def tween(request: Any) -> Any:
        environ = request.environ
        if not _is_plain(environ) or is_api(request):
            return handler(request)
        key = (
            environ["PATH_INFO"],
            environ.get("HTTP_ACCEPT_LANGUAGE"),
            environ.get("HTTP_ACCEPT_ENCODING"),
        )
        if answer := shelf.find(key):
            return shelf.give(request, answer)
        response = handler(request)
        shelf.put(request, key, response)
        return response

    return tween


def answers_tween_factory(
    handler: Callable[[Any], Any], registry: Any
) -> Callable[[Any], Any]:
    """What apps read: no token, no answer, and nothing of another user's own."""
    shelf = _Shelf("answers", registry["connection"])

    def tween(request: Any) -> Any:
        environ = request.environ
        if not (is_api(request) and _is_plain(environ) and _wants_all(environ)):
            return handler(request)
        path = environ["PATH_INFO"]
        answer = shelf.find(path)
        if answer and _may_read(request, answer):
            return shelf.give(request, answer)
        response = handler(request)
        shelf.put(request, path, response)
        return response

    return tween


def _may_read(request: Any, answer: _Answer) -> bool:
    try:
        identity = request.identity
    except (BadToken, Malformed):
        return False  # What is wrong with it is told where it is needed.
    return identity is not None and answer.only_for in {_ALL, identity.username}


def _is_plain(environ: dict[str, Any]) -> bool:
    """Whether everybody would get the same answer, but for what they may see."""
    return (
        environ["REQUEST_METHOD"] == "GET"
        and not environ.get("QUERY_STRING")
        and "HTTP_COOKIE" not in environ
        and "HTTP_RANGE" not in environ
    )


def _wants_all(environ: dict[str, Any]) -> bool:
    """Whether an app wants JSON, also if it has that already."""
    return (
        environ.get("HTTP_ACCEPT") in {None, "*/*", JSON}
        and "HTTP_IF_NONE_MATCH" not in environ
    )


def includeme(config: Any) -> None:
    """The tweens: that of pages outside of all others, that of answers inside."""
    config.add_tween(
        "microblog.kept.pages_tween_factory",
        over="pyramid.tweens.excview_tween_factory",
    )
    config.add_tween(
        "microblog.kept.answers_tween_factory",
        under="microblog.database.tween_factory",
    )
