"""The timeline of a user."""

from pyramid.authorization import Allow

from microblog.resources.node import Acl, PartOfUser
from microblog.security import Permission


class Timeline(PartOfUser):
    """What a user reads, for that user alone."""

    def grants(self) -> Acl:
        return [(Allow, self.user["_id"], Permission.READ_TIMELINE)]
