"""The cookies: how a browser says who its reader is (OWASP ASVS 5.0, 3.3, 7), and, in
another that outlives the login, that it was used by who knows the password."""

import re
from typing import Any

from webob.cookies import make_cookie

from microblog.settings import Settings

SESSION = "session"
KNOWN = "known"
KNOWN_SECONDS = 365 * 86400

# Quotes around a value say the same (RFC 6265, 4.1.1).
_OURS = re.compile(r'("?)([\w.-]{1,99})\1', re.ASCII)


def name(site: Settings, cookie: str = SESSION) -> str:
    """A cookie's name. The prefix makes browsers hold it to this host and to TLS."""
    return f"__Host-{cookie}" if site.is_secure else cookie


def read(request: Any, cookie: str = SESSION) -> str | None:
    """A cookie's value, or None: a cookie that cannot be one of ours is none, and of
    two of the name nobody knows which is."""
    # WebOb's reader takes seconds for a long name without a value.
    pairs = request.environ.get("HTTP_COOKIE", "").split(";")
    wanted = name(request.site, cookie)
    found = [
        value.strip()
        for one, _equals, value in (pair.partition("=") for pair in pairs)
        if one.strip() == wanted
    ]
    ours = _OURS.fullmatch(found[0]) if len(found) == 1 else None
    return ours[2] if ours else None


def set_header(site: Settings, secret: str) -> tuple[str, str]:
    """The header that hands a browser its session."""
    return _header(site, SESSION, secret, site.session_lifetime)


def known_header(site: Settings, value: str) -> tuple[str, str]:
    """The header that makes a browser known, for a year."""
    return _header(site, KNOWN, value, KNOWN_SECONDS)


def clear_header(site: Settings) -> tuple[str, str]:
    """The header that takes it away."""
    return _header(site, SESSION, "", 0)


def _header(site: Settings, cookie: str, value: str, seconds: int) -> tuple[str, str]:
    header = make_cookie(
        name(site, cookie),
        value,
        max_age=seconds,
        path="/",
        secure=site.is_secure,
        httponly=True,
        samesite="Lax",
    )
    return "Set-Cookie", header
