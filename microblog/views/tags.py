"""Tag pages: the microposts that carry a word with #."""

from typing import Any

from microblog import bodies, kept, paging
from microblog.pages import page
from microblog.resources.tags import Tag
from microblog.store import Document, tags


@page(context=Tag, renderer="tag.jinja2")
def show(request: Any) -> Document:
    """The microposts with a tag, the newest first."""
    query, tag = bodies.query(request, paging.PageQuery), request.context.__name__
    kept.read(request, tags.places(tag))
    # An import brings microposts with tags, and tells nobody of which.
    kept.keep(request, is_told=False)
    piece = paging.cut(query, lambda start: tags.walk(request.database, tag, start))
    return {
        "tag": tag,
        "microposts": piece.items,
        "more": paging.more(request, piece),
    }
