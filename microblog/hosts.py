"""The names by which the site may be asked: another is 400, before anything is done.

A browser sends what stands in the address: a page of another site that makes a name of
its own lead here (DNS rebinding) gets nothing.
"""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from microblog.errors import Invalid
from microblog.i18n import _
from microblog.settings import Settings

# Load balancers ask these by the address of the machine.
EXEMPT = {"/__lbheartbeat__", "/__heartbeat__"}
PORTS = {"http": 80, "https": 443}

_LOOPBACK = re.compile(
    r"(localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::(\d{1,5}))?", re.ASCII
)


def names(settings: Settings) -> frozenset[str]:
    """What the header Host may be, by site.url and http.hosts."""
    parts = urlsplit(settings.url)
    host = parts.netloc.lower()
    found = {host, *settings.http_hosts}
    if parts.port is None:
        found.add(f"{host}:{PORTS[parts.scheme]}")
    elif parts.port == PORTS[parts.scheme]:
        found.add(host.rpartition(":")[0])
    return frozenset(found)


def _is_loopback(host: str) -> bool:
    found = _LOOPBACK.fullmatch(host)
    return found is not None and int(found[2] or 0) < 65536


def tween_factory(handler: Callable[[Any], Any], registry: Any) -> Callable[[Any], Any]:
    """Around everything else, the pages that are kept too."""
    settings = registry["settings"]
    known = names(settings)
    # A site that is tried out, at whatever port it has come to listen on.
    local = not settings.is_secure and _is_loopback(urlsplit(settings.url).netloc)

    def tween(request: Any) -> Any:
        environ = request.environ
        host = environ.get("HTTP_HOST", "").lower()
        if (
            host in known
            or (local and _is_loopback(host))
            or environ["PATH_INFO"] in EXEMPT
        ):
            return handler(request)
        try:
            raise Invalid.field("Host", _("is not a name of this site"), "header")
        except Invalid:
            return request.invoke_exception_view(reraise=True)

    return tween


def includeme(config: Any) -> None:
    """The tween."""
    config.add_tween(
        "microblog.hosts.tween_factory", over="microblog.kept.pages_tween_factory"
    )
