"""The other spelling of the seed design, `/api/user/…`, leads to `/api/users/…`."""

from typing import Any
from urllib.parse import quote

from pyramid.response import Response
from pyramid.security import NO_PERMISSION_REQUIRED
from pyramid.view import view_config


def includeme(config: Any) -> None:
    """The one route that no service owns."""
    config.add_route("seed", "/api/user/*rest")


@view_config(route_name="seed", permission=NO_PERMISSION_REQUIRED)
def redirect(request: Any) -> Any:
    """308, so that a POST stays one."""
    path = "/".join(quote(part, safe="") for part in request.matchdict["rest"])
    query = f"?{request.query_string}" if request.query_string else ""
    location = f"{request.site.url}/api/users/{path}{query}"
    return Response(status=308, headers={"Location": location})
