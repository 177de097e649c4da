"""Tag pages: the microposts that carry a word with #."""

from typing import Any

from microblog import bodies, paging, visitors
from microblog.pages import page
from microblog.resources.tags import Tag
from microblog.store import Document, tags


@page(context=Tag, renderer="tag.jinja2")
def show(request: Any) -> Document:
    """The microposts with a tag, the newest first."""
    query, tag = bodies.query(request, paging.PageQuery), request.context.__name__
    visitors.read(request, tags.places(tag))
    visitors.keep(request)
    piece = paging.cut(query, lambda start: tags.walk(request.database, tag, start))
    return {
        "tag": tag,
        "microposts": piece.items,
        "more": paging.more(request, piece),
    }
