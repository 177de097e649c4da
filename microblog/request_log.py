"""What is logged: one line for each request, and every record in JSON if the ini file
wants that (OWASP ASVS 5.0, 16.2).

Of who asks, a line has the username and the network; no header, no query, no body:
passwords, tokens and texts stand there.
"""

import logging
import random
import time
import traceback
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any
from urllib.parse import quote

import orjson

from microblog import metrics, tracing

log = logging.getLogger("microblog.requests")

LONGEST_PATH = 500  # bytes
# For people; JSON has the same fields, and bytes.
LINE = "%(id)s %(method)s %(path)s %(status)s %(milliseconds)s ms %(user)s %(event)s"

# Where a request keeps, in its environment, what its line will tell.
ID = "microblog.request_id"
_USER = "microblog.user"
_EVENT = "microblog.event"

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Event(StrEnum):
    """What operators look for."""

    LOGIN = "login"
    LOGIN_FAILED = "login_failed"
    LOGOUT = "logout"
    DENIED = "denied"
    THROTTLED = "throttled"
    FAILED = "failed"


_BY_STATUS = {
    **dict.fromkeys((401, 403), Event.DENIED),
    429: Event.THROTTLED,
    **dict.fromkeys(range(500, 600), Event.FAILED),
}


def note(request: Any, event: Event | None = None, user: str = "") -> None:
    """Tell what a request is about; `user`: the username of who asks, or of the account
    that was asked for."""
    if event:
        request.environ[_EVENT] = event
    if user:
        request.environ[_USER] = user


def around(application: Application) -> Application:
    """The application with a line for each of its answers, which have the line's id in
    the header X-Request-Id."""

    def logged(
        environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        started = time.perf_counter()
        id = environ[ID] = _new_id()
        # What the server answers if the application fails.
        answer: tuple[str, list[tuple[str, str]]] = ("500", [])

        def start(
            status: str, headers: list[tuple[str, str]], exc_info: Any = None
        ) -> Any:
            nonlocal answer
            answer = status, headers
            return start_response(status, [*headers, ("X-Request-Id", id)], exc_info)

        try:
            with tracing.span("request") as span:
                try:
                    return application(environ, start)
                finally:
                    if span:
                        _describe(span, environ, answer[0][:3])
        finally:
            seconds = time.perf_counter() - started
            _write(environ, int(answer[0][:3]), answer[1], seconds)

    return logged


def _new_id() -> str:
    """Unique among requests, and no secret: the system is not asked for randomness."""
    return f"{random.getrandbits(64):016x}"


def refused(method: str, path: str, address: str, status: int, length: int) -> None:
    """The line of a request that the server answers by itself, with `length` bytes."""
    environ = {
        ID: _new_id(),
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "REMOTE_ADDR": address,
    }
    _write(environ, status, [("Content-Length", str(length))], 0.0)


def _write(
    environ: dict[str, Any], status: int, headers: list[tuple[str, str]], seconds: float
) -> None:
    event = str(environ.get(_EVENT) or _BY_STATUS.get(status) or "")
    metrics.answered(environ, status, seconds, event)
    if not log.isEnabledFor(logging.INFO):
        return
    method = environ["REQUEST_METHOD"]
    fields = {
        "id": environ[ID],
        "method": method,
        # Any bytes, one a character (PEP 3333).
        "path": quote(environ["PATH_INFO"].encode("latin-1")[:LONGEST_PATH]),
        "status": status,
        "milliseconds": round(seconds * 1000, 1),
        "bytes": 0 if method == "HEAD" else _length(headers),
        "user": environ.get(_USER, ""),
        "network": network(environ.get("REMOTE_ADDR", "")),
        "event": event,
    }
    # As `log.info` does, but for finding out which line of the program calls it.
    log.handle(log.makeRecord(log.name, logging.INFO, "", 0, LINE, (fields,), None))


def _describe(span: Any, environ: dict[str, Any], status: str) -> None:
    """Tell in a trace what a request was, in our own words."""
    span.update_name(metrics.name(environ))
    span.set_attribute("http.response.status_code", int(status))
    span.set_attribute("microblog.request_id", environ[ID])


def _length(headers: list[tuple[str, str]]) -> int | None:
    for name, value in headers:
        if name == "Content-Length":
            return int(value)
    return None


@lru_cache(maxsize=10_000)
def network(address: str) -> str:
    """The /24 or the /64 that an address belongs to; "": it is none."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(parsed, IPv6Address):
        parsed = parsed.ipv4_mapped or parsed
    return str(ip_network((parsed, 24 if parsed.version == 4 else 64), strict=False))


class JsonFormatter(logging.Formatter):
    """One line of JSON for each record, whatever stands in it.

    Of an exception it tells types and places: its message can hold what a reader typed.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC),
            "level": record.levelname,
            "logger": record.name,
        }
        if record.name == log.name and isinstance(record.args, dict):
            line |= record.args
        else:
            message = record.getMessage().encode("utf-8", "replace").decode()
            line["message"] = message
        if record.exc_info and record.exc_info[1]:
            line["errors"] = list(_told(record.exc_info[1]))
        return orjson.dumps(line, option=orjson.OPT_UTC_Z).decode()


def _told(error: BaseException | None) -> Iterable[dict[str, Any]]:
    """An exception and those that led to it."""
    while error:
        frames = traceback.extract_tb(error.__traceback__)
        yield {
            "type": type(error).__qualname__,
            "at": [f"{one.filename}:{one.lineno} {one.name}" for one in frames],
        }
        error = error.__cause__ or error.__context__
