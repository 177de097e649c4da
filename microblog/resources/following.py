"""Whom a user follows."""

from pyramid.authorization import Allow

from microblog.resources.node import READABLE, Acl, Node, PartOfUser
from microblog.security import Permission
from microblog.store import users
from microblog.usernames import is_username


class Following(PartOfUser):
    """A user's followees; its children are users, followed or not."""

    def child(self, name: str) -> "Followee":
        known = is_username(name) and users.find(self.database, name)
        if not known:
            raise KeyError(name)
        return Followee(self, name, self.user["_id"])

    def grants(self) -> Acl:
        return [*READABLE, (Allow, self.user["_id"], Permission.FOLLOW)]


class Followee(Node):
    """A user as one whom another, `follower`, may follow."""

    def __init__(self, parent: Node, name: str, follower: str):
        super().__init__(parent, name)
        self.follower = follower

    def grants(self) -> Acl:
        return [*READABLE, (Allow, self.follower, Permission.FOLLOW)]
