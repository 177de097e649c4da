"""How often something may be done, by whom: what is counted, and how it is told.

The settings `limits.*` say how often; here stands in which span. A network is what one
owner has: of IPv4 addresses a /24, of IPv6 a /64.
"""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from microblog import known, metrics, request_log
from microblog.errors import BadCredentials, Throttled, Unavailable
from microblog.request_log import Event, note
from microblog.security import is_api
from microblog.store import limits as store
from microblog.store.limits import Limit, Window

log = logging.getLogger(__name__)

MINUTES, HOUR = 300, 3600  # seconds
SECONDS = {
    "login": MINUTES,
    "login_network": MINUTES,
    "login_account": HOUR,
    "login_all": MINUTES,
    "register": HOUR,
    "mail": HOUR,
    "mail_network": HOUR,
    "post": HOUR,
    "follow": HOUR,
    "search": MINUTES,
    "export": HOUR,
    "import": HOUR,
    "download": HOUR,
    "report": HOUR,
    "invite": HOUR,
}


def network(request: Any) -> str:
    """Where a request comes from."""
    address = request.remote_addr or ""
    # Of a socket in the file system, for example, there is no network.
    return f"network {request_log.network(address) or address}"


def reader(request: Any) -> str:
    """Who asks: a user, or a visitor's network."""
    identity = request.identity
    return f"user {identity.username}" if identity else network(request)


def hit(request: Any, **who: str) -> list[Window]:
    """Count something that is about to be done, by limits and whom each counts.

    Throttled: it was done too often.
    """
    limits = [_limit(request, name, whom) for name, whom in who.items()]
    taken = _take(request, limits)
    _tell_left(request, taken, 1)
    return taken


@contextmanager
def use(request: Any, **who: str) -> Iterator[None]:
    """The same, around what is done: told to come again, one has not done it."""
    taken = hit(request, **who)
    try:
        yield
    except Unavailable:
        _give_back(request, taken)
        raise


@contextmanager
def attempt(request: Any, username: str) -> Iterator[None]:
    """Around the check of a password. Throttled: too many were wrong; then the right
    one is not looked at either.

    It counts before it is checked, or of many guesses at once each would be the first;
    what was not wrong is given back.
    """
    taken, wrong = _take(request, _of_login(request, username)), False
    try:
        yield
    except BadCredentials as error:
        wrong = True
        note(request, Event.LOGIN_FAILED, error.username)
        raise
    finally:
        if not wrong:
            _give_back(request, taken)


def _of_login(request: Any, username: str) -> list[Limit]:
    limits = [
        _limit(request, "login", f"{network(request)} {username}"),
        _limit(request, "login_network", network(request)),
        # What is typed may be any text: it stands last, where it can name nobody else.
        _limit(request, "login_account", f"anywhere {username}"),
        _limit(request, "login_all", ""),
    ]
    browser = None if is_api(request) else known.read(request, username)
    if browser is None:
        return limits
    # What strangers have used up does not bind it, but it counts like any of them.
    counted = [replace(limit, most=limit.most and sys.maxsize) for limit in limits]
    return [
        _limit(request, "login", f"browser {browser} {username}"),
        _limit(request, "login_account", f"browsers {username}"),
        *counted,
    ]


def _limit(request: Any, name: str, who: str) -> Limit:
    return Limit(name, who, getattr(request.site, f"limits_{name}"), SECONDS[name])


def _take(request: Any, limits: list[Limit]) -> list[Window]:
    limits = [limit for limit in limits if limit.most]  # 0: it is off.
    if not limits:
        return []
    try:
        return store.take(request.database, limits)
    except Throttled as error:
        metrics.THROTTLED.labels(error.limit).inc()
        log.warning("throttled: the limit %s is used up", error.limit)
        used_up = next(limit for limit in limits if limit.name == error.limit)
        _tell(request, used_up, 0, error.seconds)
        raise


def _give_back(request: Any, taken: list[Window]) -> None:
    if taken:
        store.give_back(request.database, taken)
        _tell_left(request, taken, 0)


def _tell_left(request: Any, taken: list[Window], used: int) -> None:
    """The limit of which the least is left, `used` of it just now."""
    if taken:
        least = min(taken, key=lambda window: window.left)
        _tell(request, least.limit, least.left - used, least.reset)


def _tell(request: Any, limit: Limit, left: int, seconds: int) -> None:
    """The headers of draft-ietf-httpapi-ratelimit-headers-10, for what was done or
    refused by this limit."""

    def add(request: Any, response: Any) -> None:
        headers, name = response.headers, limit.name.replace("_", "-")
        if response.status_code == 429:
            headers["Retry-After"] = str(seconds)
        elif response.status_code >= 400:
            return
        headers["RateLimit-Policy"] = f'"{name}";q={limit.most};w={limit.seconds}'
        headers["RateLimit"] = f'"{name}";r={left};t={seconds}'

    request.add_response_callback(add)
