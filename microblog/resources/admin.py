"""What only administrators may see."""

from pyramid.authorization import Allow

from microblog.resources.node import Acl, Node
from microblog.security import Permission
from microblog.store import users


class Admin(Node):
    """The site from behind."""

    def grants(self) -> Acl:
        """Asks the store each time: who is no administrator any more sees nothing."""
        identity = self.request.identity
        reader = identity and users.find(self.database, identity.username)
        if not reader or not reader.get("admin"):
            return []
        return [(Allow, identity.username, Permission.SEE_TASKS)]
