"""Search by parts of texts and of usernames."""

from itertools import islice
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from microblog import bodies, limits, paging, rest
from microblog import text as grammar
from microblog.errors import Invalid, Throttled
from microblog.i18n import _
from microblog.pages import page
from microblog.resources.root import Root
from microblog.security import Permission
from microblog.store import Document, grams, search, statistics
from microblog.store.walks import Start
from microblog.views import answers
from microblog.views.micropost_form import listed_form

MOST_PEOPLE = 5  # found on the page of a search; the directory finds the rest

api = rest.service("search", "/search", context=Root)


def _part(text: str) -> str:
    text = grammar.normalise(text)
    grammar.check_characters(text)
    if len(grammar.fold(text)) < grams.LENGTH or not grammar.is_visible(text):
        message = _("must have ${minimum} characters at least")
        raise ValueError(message % {"minimum": grams.LENGTH})
    return text


class SearchQuery(paging.PageQuery):
    """What is sought: parts, without regard to case."""

    text: Annotated[
        str,
        Field(
            max_length=grammar.MAXIMUM,
            description=f"A part of a text, of {grams.LENGTH} characters or more",
            examples=["hello"],
            json_schema_extra={
                "minLength": grams.LENGTH,
                "pattern": grammar.PATTERN,
            },
        ),
        AfterValidator(_part),
    ]
    username: Annotated[
        str,
        Field(
            max_length=30,
            pattern="^[A-Za-z0-9_]*$",
            description="A part of its author's name",
            examples=["ali"],
        ),
    ] = ""


@api.get(
    permission=Permission.READ,
    validators=[rest.query(SearchQuery)],
    answers={200: answers.MicropostPage, 429: None},
)
def read(request: Any) -> Document:
    """A page of the microposts that match. One that had to read too much may be short,
    or empty, and still name a next page."""
    piece = _cut(request, request.validated["query"])
    found = piece.items
    return paging.page(request, piece, [listed_form(request, one) for one in found])


@page(context=Root, name="search", renderer="search.jinja2")
def show(request: Any) -> Document:
    """People and microposts with a part of text; what is wrong with it beside it."""
    text = request.GET.get("text", "")
    shown = grammar.without_controls(text)
    nothing: Document = {
        "text": shown,
        "people": [],
        "microposts": [],
        "more": None,
        "error": "",
        "throttled": "",
    }
    if not text:
        return nothing
    try:
        query = bodies.query(request, SearchQuery)
        return {**nothing, **_found(request, query)}
    except Invalid as invalid:
        request.response.status = 400
        return {**nothing, "error": invalid.errors[0].description}
    except Throttled as throttled:
        request.response.status = 429
        return {**nothing, "throttled": throttled.detail}


def _found(request: Any, query: SearchQuery) -> Document:
    database, piece = request.database, _cut(request, query)
    people: list[Document] = []
    if query.cursor is None:
        walk = search.walk_users(database, grammar.fold(query.text.strip()), Start())
        people = list(islice(walk, MOST_PEOPLE))
    return {
        "people": people,
        "microposts": piece.items,
        "more": paging.more(request, piece),
    }


def _cut(request: Any, query: SearchQuery) -> paging.Piece:
    """What is asked for of the microposts; with the first page, a search is made.
    Throttled."""
    limits.hit(request, search=limits.reader(request))
    database = request.database
    piece = paging.cut(
        query, lambda start: search.walk(database, query.text, query.username, start)
    )
    if query.cursor is None and query.page == 1:
        statistics.count_search(database)
    return piece
