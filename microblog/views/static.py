"""Static files, which are there to be read."""

from typing import Any

from pyramid.config import not_
from pyramid.httpexceptions import HTTPMethodNotAllowed
from pyramid.security import NO_PERMISSION_REQUIRED
from pyramid.view import view_config


@view_config(
    # Pyramid's name for the route of `add_static_view("static", …)`.
    route_name="__static/",
    request_method=not_(("GET", "HEAD")),
    permission=NO_PERMISSION_REQUIRED,
)
def refuse(request: Any) -> Any:
    """405: Pyramid's own view would answer any method with the file."""
    error = HTTPMethodNotAllowed()
    error.allow = ("GET", "HEAD")
    raise error
