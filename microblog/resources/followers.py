"""Who follows a user."""

from microblog.resources.node import READABLE, Acl, PartOfUser


class Followers(PartOfUser):
    """A user's followers."""

    def grants(self) -> Acl:
        return [*READABLE]
