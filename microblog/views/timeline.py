"""The timeline: what a user reads."""

from typing import Any

from microblog import kept, paging, rest
from microblog.pages import page, see_other
from microblog.resources.timeline import Timeline
from microblog.security import Permission
from microblog.store import Document, reading
from microblog.views import answers
from microblog.views.micropost_form import listed_form

api = rest.service(
    "timeline",
    "/users/{username}/timeline",
    context=Timeline,
    traverse="/users/{username}/timeline",
)


@api.get(
    permission=Permission.READ_TIMELINE,
    validators=[rest.query(paging.PageQuery)],
    answers={200: answers.MicropostPage},
)
def read(request: Any) -> Document:
    """A page of one's own timeline."""
    database, reader = request.database, request.context.user
    can_be_kept, floor = kept.can_be(request), 0
    if can_be_kept:
        numbers, floor = reading.seen(database, reader)
        kept.seen(request, numbers)
    piece = paging.cut(
        request.validated["query"],
        lambda start: reading.walk(database, reader, start),
    )
    is_top = piece.next and all(one["id"] >= floor for one in piece.items)
    if can_be_kept and (is_top or not floor):
        kept.keep(request, only_for=reader["_id"])
    return paging.page(
        request, piece, [listed_form(request, one) for one in piece.items]
    )


@page(context=Timeline, permission=Permission.READ_TIMELINE)
def show(request: Any) -> Any:
    """One's own timeline is one's front page."""
    return see_other("/")
