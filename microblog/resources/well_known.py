"""What stands at the same address on every site (RFC 8615)."""

from microblog.resources.node import READABLE, Acl, Node


class WellKnown(Node):
    """Below `/.well-known`."""

    def grants(self) -> Acl:
        return [*READABLE]
