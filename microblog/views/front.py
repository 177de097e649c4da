"""The front page."""

from typing import Any

from pyramid.view import view_config

from microblog.resources.root import Root
from microblog.security import Permission


@view_config(
    context=Root,
    request_method=("GET", "HEAD"),
    permission=Permission.SEE_PAGE,
    renderer="front.jinja2",
)
def front(request: Any) -> dict[str, Any]:
    """What this site is."""
    return {"site_name": request.site.site_name, "url": request.site.url}
