"""What the API says of itself to people; what it does is in the rest of the tree."""

from microblog.resources.node import READABLE, Acl, Node


class Api(Node):
    """The place of pages about the API."""

    def grants(self) -> Acl:
        return READABLE
