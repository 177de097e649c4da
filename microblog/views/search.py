"""Search by parts of texts and of usernames."""

from typing import Annotated, Any

from pydantic import AfterValidator, Field

from microblog import paging, rest
from microblog import text as grammar
from microblog.resources.root import Root
from microblog.security import Permission
from microblog.store import Document, grams, search
from microblog.views.microposts import form

api = rest.service("search", "/search", context=Root)


def _part(text: str) -> str:
    grammar.check_characters(text)
    text = grammar.normalise(text)
    if len(grammar.fold(text)) < grams.LENGTH or not grammar.is_visible(text):
        raise ValueError(f"must have at least {grams.LENGTH} characters")
    return text


class SearchQuery(paging.PageQuery):
    """What is sought: parts, without regard to case."""

    text: Annotated[str, Field(max_length=grammar.MAXIMUM), AfterValidator(_part)]
    username: Annotated[str, Field(max_length=30, pattern="^[A-Za-z0-9_]*$")] = ""


@api.get(permission=Permission.READ, validators=[rest.query(SearchQuery)])
def read(request: Any) -> Document:
    """A page of the microposts that match. One that had to read too much may be short,
    or empty, and still name a next page."""
    query, database = request.validated["query"], request.database
    piece = paging.cut(
        query, lambda start: search.walk(database, query.text, query.username, start)
    )
    found = search.without_deleted(database, piece.items)
    return paging.page(request, piece, [form(request, one) for one in found])
