"""Tags: the words that microposts carry with #."""

from microblog import text
from microblog.resources.node import READABLE, Acl, Node


class Tags(Node):
    """All tags; any word is one, used or not."""

    def child(self, name: str) -> "Tag":
        tag = text.fold(name)
        if text.tags(f"#{tag}") != [tag]:
            raise KeyError(name)
        return Tag(self, tag)


class Tag(Node):
    """A tag; its name is the folded word."""

    def grants(self) -> Acl:
        return [*READABLE]
