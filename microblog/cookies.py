"""The session cookie: how a browser says who its reader is (OWASP ASVS 5.0, 3.3, 7)."""

from typing import Any

from webob.cookies import make_cookie

from microblog.settings import Settings


def name(site: Settings) -> str:
    """The cookie's name. The prefix makes browsers hold it to this host and to TLS."""
    return "__Host-session" if site.is_secure else "session"


def read(request: Any) -> str | None:
    """The session's secret, or None: a cookie that cannot be one is no cookie."""
    value: str | None = request.cookies.get(name(request.site))
    return value if value and len(value) < 100 and value.isascii() else None


def set_header(site: Settings, secret: str) -> tuple[str, str]:
    """The header that hands a browser its session."""
    return _header(site, secret, site.session_lifetime)


def clear_header(site: Settings) -> tuple[str, str]:
    """The header that takes it away."""
    return _header(site, "", 0)


def _header(site: Settings, value: str, seconds: int) -> tuple[str, str]:
    cookie = make_cookie(
        name(site),
        value,
        max_age=seconds,
        path="/",
        secure=site.is_secure,
        httponly=True,
        samesite="Lax",
    )
    return "Set-Cookie", cookie
