"""What only moderators and administrators may see."""

from pyramid.authorization import Allow

from microblog.resources.node import Acl, Node
from microblog.security import ADMINISTRATORS, MODERATORS, Permission, role_of
from microblog.store import Document, reports


class Report(Node):
    """A report; carries the document."""

    def __init__(self, parent: Node, document: Document):
        super().__init__(parent, document["_id"])
        self.document = document

    def grants(self) -> Acl:
        return [(Allow, MODERATORS, Permission.MODERATE)]


class Reports(Node):
    """What users have reported; its children are reports by id."""

    def child(self, name: str) -> Report:
        if not role_of(self.request):
            # Whoever may not read it does not learn whether there is one.
            return Report(self, {"_id": name})
        document = reports.find(self.database, name)
        # Nobody learns who has reported them, moderators neither.
        if document is None or document["about"] == self.request.identity.username:
            raise KeyError(name)
        return Report(self, document)

    def grants(self) -> Acl:
        return [(Allow, MODERATORS, Permission.MODERATE)]


class Admin(Node):
    """The site from behind."""

    children = {"reports": Reports}

    def grants(self) -> Acl:
        return [
            (Allow, MODERATORS, Permission.MODERATE),
            (Allow, ADMINISTRATORS, Permission.SEE_TASKS),
            (Allow, ADMINISTRATORS, Permission.SEE_AUDIT),
        ]
