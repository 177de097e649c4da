"""What machines that watch the site ask it (Mozilla's Dockerflow): whether this process
takes requests, whether its database works, and which version it is.

None of it needs to know who asks; strangers learn no more than that.
"""

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from pyramid.response import Response
from pyramid.security import NO_PERMISSION_REQUIRED
from pyramid.view import view_config

import microblog
from microblog.database.heartbeat import Heartbeat
from microblog.resources.root import Root
from microblog.server import is_draining
from microblog.version import VERSION

PUBLIC: dict[str, Any] = {
    "context": Root,
    "request_method": ("GET", "HEAD"),
    "permission": NO_PERMISSION_REQUIRED,
}


@view_config(name="__lbheartbeat__", **PUBLIC)
def process_health(request: Any) -> Response:
    """Whether this process takes requests: 503 while it ends."""
    draining = is_draining()
    return _answer(not draining, {"process": "draining" if draining else "ok"})


@view_config(name="__heartbeat__", **PUBLIC)
def database_health(request: Any) -> Response:
    """Whether the database can be written and read, after two seconds at most."""
    good = request.registry["heartbeat"].is_good()
    return _answer(good, {"database": "ok" if good else "unavailable"})


@view_config(name="__version__", **PUBLIC)
def version(request: Any) -> Response:
    """The version, and a digest of the source: of what really runs."""
    return _answer(True, {"version": VERSION, "source": _source()})


def _answer(good: bool, said: dict[str, str]) -> Response:
    status = 200 if good else 503
    return Response(json_body=said, status=status, cache_control="no-store")


@cache
def _source() -> str:
    digest = hashlib.sha256()
    directory = Path(microblog.__file__).parent
    for path in sorted(directory.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def includeme(config: Any) -> None:
    """The heartbeat of the process's connection."""
    config.registry["heartbeat"] = Heartbeat(config.registry["connection"])
