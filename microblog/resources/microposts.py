"""The microposts of a user, and a micropost."""

from pyramid.authorization import Allow, Authenticated

from microblog.resources.node import READABLE, Acl, Node, PartOfUser
from microblog.security import MODERATORS, Permission, role_of
from microblog.store import Document, hidden, ids, microposts


class Microposts(PartOfUser):
    """A user's microposts; its children are microposts by id."""

    def child(self, name: str) -> "Micropost":
        id = ids.parse(name)
        if id is None:
            raise KeyError(name)
        document = microposts.find(self.database, self.user, id)
        if document is None and (document := self._hidden(id)):
            return HiddenMicropost(self, document)
        if document is None or ("suspended" in self.user and not role_of(self.request)):
            raise KeyError(name)
        return Micropost(self, document)

    def _hidden(self, id: int) -> Document | None:
        """A hidden micropost, for its author and for moderators: to others there is
        none."""
        reader, author = self.request.identity, self.user["_id"]
        found = hidden.find(self.database, id) if reader else None
        if found is None or found["author"] != author:
            return None
        return found if reader.username == author or role_of(self.request) else None

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
            (Allow, Authenticated, Permission.REPORT),
            (Allow, MODERATORS, Permission.MODERATE),
        ]


class HiddenMicropost(Micropost):
    """One that was hidden; `document` says by whom and why. Whoever gets here may see
    it."""

    def grants(self) -> Acl:
        return [
            *READABLE,
            (Allow, self.document["author"], Permission.DELETE),
            (Allow, MODERATORS, Permission.MODERATE),
        ]
