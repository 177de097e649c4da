"""Browsers in which somebody has logged in to an account: whoever guesses passwords
elsewhere does not lock them out (OWASP, "device cookies").

The cookie is a random name and a MAC over it and the username. It logs nobody in and
does not tell the username; all it is good for is a limit of its own.
"""

import secrets
from typing import Any

from microblog import cookies
from microblog.store import keys

KEY = "known"


def header(request: Any, username: str) -> tuple[str, str]:
    """The header that makes the browser, which has just logged in, known."""
    browser = read(request, username) or secrets.token_urlsafe(16)
    mac = keys.sign(keys.pair(request.database, KEY), _said(browser, username))
    return cookies.known_header(request.site, f"{browser}.{mac}")


def read(request: Any, username: str) -> str | None:
    """The name of the browser, if it is known to the account."""
    value = cookies.read(request, cookies.KNOWN) or ""
    browser, _dot, mac = value.partition(".")
    known = keys.fits(keys.pair(request.database, KEY), _said(browser, username), mac)
    return browser if known else None


def _said(browser: str, username: str) -> str:
    return f"{browser} {username}"
