"""The front page, what is new on it, and what the site says of itself."""

from itertools import islice, takewhile
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator
from pyramid.response import Response

from microblog import bodies, kept, paging
from microblog.errors import Unavailable
from microblog.i18n import _
from microblog.pages import page
from microblog.resources.root import Root
from microblog.store import Document, ids, public, reading, users
from microblog.store.walks import Start

MOST_NEW = 20  # microposts counted


def _id(text: str) -> int:
    id = ids.parse(text)
    if id is None:
        raise ValueError(_("is not the id of a micropost"))
    return id


class Newer(BaseModel):
    """What the reader's page begins with."""

    than: Annotated[int, BeforeValidator(_id)]


@page(context=Root, renderer="front.jinja2")
def front(request: Any) -> Document:
    """The reader's timeline, or the newest microposts of all."""
    query = bodies.query(request, paging.PageQuery)
    kept.read(request, public.PLACES)
    kept.keep(request)
    piece = paging.cut(query, lambda start: _walk(request, start))
    more = paging.more(request, piece)
    return {"microposts": piece.items, "more": more, "first": query.cursor is None}


@page(context=Root, name="newer", renderer="newer.jinja2")
def newer(request: Any) -> Document:
    """How many microposts have come since the page of the reader was made."""
    than = bodies.query(request, Newer).than
    newest = islice(_walk(request, Start(wanted=MOST_NEW)), MOST_NEW)
    count = sum(1 for _micropost in takewhile(lambda one: one["id"] > than, newest))
    return {"count": count, "than": than, "most": MOST_NEW}


@page(context=Root, name="about", renderer="about.jinja2")
def about(request: Any) -> Document:
    """What this site is."""
    return {}


@page(context=Root, name="robots.txt")
def robots(request: Any) -> Response:
    """What machines should leave alone: pages that are made for one reader."""
    private = (
        *("/settings", "/login", "/register", "/search", "/newer", "/api/"),
        *("/confirm", "/unsubscribe", "/reset"),
    )
    lines = ["User-agent: *", *(f"Disallow: {path}" for path in private)]
    return Response("\n".join(lines) + "\n", content_type="text/plain")


def _walk(request: Any, start: Start) -> Any:
    if request.known is None:
        return public.walk(request.database, start)
    reader = users.seen(request.database, request.known.username)
    if reader is None:
        raise Unavailable("the account is just being deleted")
    return reading.walk(request.database, reader, start)
