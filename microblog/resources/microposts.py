"""The microposts of a user, and a micropost."""

from pyramid.authorization import Allow

from microblog.resources.node import READABLE, Acl, Node, PartOfUser
from microblog.security import Permission
from microblog.store import Document, ids, microposts


class Microposts(PartOfUser):
    """A user's microposts; its children are microposts by id."""

    def child(self, name: str) -> "Micropost":
        id = ids.parse(name)
        document = microposts.find(self.database, self.user, id) if id else None
        if document is None:
            raise KeyError(name)
        return Micropost(self, document)

    def grants(self) -> Acl:
        return [
            *READABLE,
            (Allow, self.user["_id"], Permission.POST),
        ]


class Micropost(Node):
    """A micropost; carries its outward form (see `store.shapes`)."""

    def __init__(self, parent: Node, document: Document):
        super().__init__(parent, str(document["id"]))
        self.document = document

    def grants(self) -> Acl:
        return [
            *READABLE,
            (Allow, self.document["author"], Permission.EDIT),
            (Allow, self.document["author"], Permission.DELETE),
        ]
