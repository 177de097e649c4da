"""The root of the tree."""

from typing import Any

from pyramid.authorization import Allow, Authenticated, Everyone

from microblog.resources.admin import Admin
from microblog.resources.api import Api
from microblog.resources.node import READABLE, Acl, Node
from microblog.resources.settings import Settings
from microblog.resources.tags import Tags
from microblog.resources.users import Users
from microblog.resources.well_known import WellKnown
from microblog.security import Permission


class Root(Node):
    """The site; made anew for every request."""

    children = {
        "users": Users,
        "tags": Tags,
        "settings": Settings,
        "admin": Admin,
        "api": Api,
        ".well-known": WellKnown,
    }

    def __init__(self, request: Any):
        self.__parent__ = None
        self.__name__ = ""
        self.request = request

    def grants(self) -> Acl:
        return [
            *READABLE,
            (Allow, Everyone, Permission.LOG_IN),
            (Allow, Everyone, Permission.LOG_OUT),
            (Allow, Everyone, Permission.REGISTER),
            (Allow, Everyone, Permission.FOLLOW_LINK),
            (Allow, Everyone, Permission.READ_DOCUMENT),
            (Allow, Everyone, Permission.GET_TOKEN),
            (Allow, Authenticated, Permission.END_TOKEN),
            (Allow, Authenticated, Permission.REPORT),
        ]
