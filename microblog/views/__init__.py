"""One module a noun: its schema, its JSON form, its API service and its pages."""

from typing import Any

from pyramid.httpexceptions import default_exceptionresponse_view

from microblog import usernames
from microblog.errors import ConfigurationError
from microblog.resources.root import Root
from microblog.resources.users import User, Users


def includeme(config: Any) -> None:
    """Scan the views; refuse to start with a name that a user could take, or with a
    view that is open by omission."""
    config.include("microblog.views.seed")
    config.scan()
    for check in (check_names, check_permissions):
        config.action(check, check, args=(config,), order=999)


def check_names(config: Any) -> None:
    """ConfigurationError: a view or a child of the tree has a name that is a possible
    username, and nobody has reserved it."""
    names = {*Root.children, *Users.children, *User.children}
    for view in config.introspector.get_category("views") or ():
        names.add(view["introspectable"]["name"])
    for name in sorted(names - usernames.RESERVED):
        if usernames.is_username(name):
            raise ConfigurationError(
                f"'{name}' is an address and must be reserved in microblog/usernames.py"
            )


def check_permissions(config: Any) -> None:
    """ConfigurationError: a view names no permission. What is open to all says
    NO_PERMISSION_REQUIRED."""
    for view in config.introspector.get_category("views") or ():
        function = view["introspectable"]["callable"]
        if function is default_exceptionresponse_view:  # Of Pyramid, for its errors.
            continue
        if all(one.category_name != "permissions" for one in view["related"]):
            name = getattr(function, "__qualname__", repr(function))
            raise ConfigurationError(f"the view {name} names no permission")
