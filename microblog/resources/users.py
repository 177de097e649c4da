"""The directory of users, and a user."""

from pyramid.authorization import Allow, Authenticated, Everyone

from microblog import kept
from microblog.resources.export import Export
from microblog.resources.followers import Followers
from microblog.resources.following import Following
from microblog.resources.microposts import Microposts
from microblog.resources.node import READABLE, SAFE, Acl, Node
from microblog.resources.timeline import Timeline
from microblog.security import ADMINISTRATORS, MODERATORS, Permission
from microblog.store import Document, users
from microblog.store.changes import ALL
from microblog.usernames import is_username


class Users(Node):
    """All users; its children are users by username."""

    def child(self, name: str) -> "User":
        if not is_username(name):
            raise KeyError(name)
        kept.read(self.request, [("users", name), ("users", ALL)])
        # What is about to change is read from the store itself.
        find = users.seen if self.request.method in SAFE else users.find
        document = find(self.database, name)
        if document is None:
            raise KeyError(name)
        return User(self, document)

    def grants(self) -> Acl:
        return [
            *READABLE,
            (Allow, Everyone, Permission.REGISTER),
        ]


class User(Node):
    """A user; carries the document."""

    children = {
        "microposts": Microposts,
        "timeline": Timeline,
        "following": Following,
        "followers": Followers,
        "export": Export,
    }

    def __init__(self, parent: Node, document: Document):
        super().__init__(parent, document["_id"])
        self.document = document

    def grants(self) -> Acl:
        return [
            *READABLE,
            (Allow, self.__name__, Permission.EDIT_PROFILE),
            (Allow, self.__name__, Permission.DELETE_ACCOUNT),
            (Allow, Authenticated, Permission.REPORT),
            (Allow, MODERATORS, Permission.MODERATE),
            (Allow, ADMINISTRATORS, Permission.SET_ROLE),
        ]
