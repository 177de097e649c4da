"""When nothing may be changed: because the operator says so (`site.readonly`), or as
the disk of the embedded document server has no room. Reading goes on.

Asked before anything else is, whatever the address: so no view can forget it.
"""

from collections.abc import Callable
from typing import Any

from microblog.errors import ReadOnly, Unavailable
from microblog.i18n import _

SAFE = {"GET", "HEAD", "OPTIONS"}


def tween_factory(handler: Callable[[Any], Any], registry: Any) -> Callable[[Any], Any]:
    """Inside the exception views, so that they see what is raised."""
    readonly = registry["settings"].site_readonly
    connection = registry["connection"]

    def tween(request: Any) -> Any:
        if request.method not in SAFE:
            if readonly:
                raise ReadOnly(_("this site can only be read just now"))
            if not connection.has_room:
                raise Unavailable(_("there is no room left for more just now"))
        return handler(request)

    return tween


def includeme(config: Any) -> None:
    """The tween, outside of that of the database."""
    config.add_tween(
        "microblog.readonly.tween_factory",
        under="pyramid.tweens.excview_tween_factory",
        over="microblog.database.tween_factory",
    )
