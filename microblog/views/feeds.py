"""Atom feeds (RFC 4287) of a user and of a tag."""

from datetime import datetime
from typing import Any

from microblog import paging
from microblog.markup import for_xml
from microblog.pages import page
from microblog.resources.tags import Tag
from microblog.resources.users import User
from microblog.store import Document, collection, ids, tags

ATOM = "application/atom+xml"


@page(context=User, name="feed", renderer="feed.jinja2")
def of_user(request: Any) -> Document:
    """The newest microposts of a user."""
    user = request.context.document
    piece = paging.cut(
        paging.PageQuery(),
        lambda start: collection.walk(request.database, user, start),
    )
    name = "" if "suspended" in user else user["name"]
    title = name or f"@{user['_id']}"
    return _feed(request, f"/users/{user['_id']}", title, piece.items, user["created"])


@page(context=Tag, name="feed", renderer="feed.jinja2")
def of_tag(request: Any) -> Document:
    """The newest microposts with a tag."""
    tag, database = request.context.__name__, request.database
    piece = paging.cut(
        paging.PageQuery(), lambda start: tags.walk(database, tag, start)
    )
    found = piece.items
    return _feed(request, f"/tags/{tag}", f"#{tag}", found, ids.moment(0))


def _feed(
    request: Any, path: str, title: str, found: list[Document], since: datetime
) -> Document:
    changed = [one["edited"] or ids.moment(one["id"]) for one in found]
    request.response.content_type = ATOM
    return {
        "path": path,
        "title": for_xml(title),
        "microposts": [{**one, "text": for_xml(one["text"])} for one in found],
        "updated": max(changed, default=since),
    }
