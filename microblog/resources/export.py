"""What is held about a user, for that user alone."""

from pyramid.authorization import Allow

from microblog.resources.node import Acl, PartOfUser
from microblog.security import Permission


class Export(PartOfUser):
    """A user's export."""

    def grants(self) -> Acl:
        return [(Allow, self.user["_id"], Permission.EXPORT)]
