"""What every node of the tree has."""

from typing import Any, ClassVar

from pyramid.authorization import DENY_ALL, Allow, Authenticated, Everyone

from microblog.security import Permission
from microblog.store import Database, Document

Acl = list[Any]

SAFE = frozenset({"GET", "HEAD"})

# Pages are public, apps say who they are.
READABLE: Acl = [
    (Allow, Everyone, Permission.SEE_PAGE),
    (Allow, Authenticated, Permission.READ),
]


class Node:
    """A node with fixed children; those with children from the store extend `child`."""

    children: ClassVar[dict[str, type["Node"]]] = {}

    def __init__(self, parent: "Node", name: str):
        self.__parent__: Node | None = parent
        self.__name__ = name
        self.request = parent.request

    request: Any

    @property
    def database(self) -> Database:
        """The store, asked for only by nodes that need it."""
        database: Database = self.request.database
        return database

    def __getitem__(self, name: str) -> "Node":
        if name in self.children:
            return self.children[name](self, name)
        return self.child(name)

    def child(self, name: str) -> "Node":
        """The child of this name from the store. KeyError: there is none."""
        raise KeyError(name)

    def __acl__(self) -> Acl:
        """Deny by default: a node grants what it grants, its parents nothing more."""
        return [*self.grants(), DENY_ALL]

    def grants(self) -> Acl:
        """The entries of this node's ACL."""
        return []


class PartOfUser(Node):
    """A child of a user."""

    @property
    def user(self) -> Document:
        """The user's document."""
        document: Document = self.__parent__.document  # type: ignore[union-attr]
        return document
