"""Pages: the piece of a walk that a request asks for, and the links around it."""

import base64
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Annotated, Any, Literal, Self
from urllib.parse import quote, urlencode

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    model_validator,
)

from microblog.store import Document, ids
from microblog.store.search import Pause
from microblog.store.walks import Start

MOST = 100
DEFAULT = 20
MOST_PAGES = 50

Walk = Callable[[Start], Iterator[Document | Pause]]


@dataclass(frozen=True)
class Cursor:
    """Where a page begins: beyond an id, in the order of the pages or against it."""

    id: int
    forward: bool = True

    def __str__(self) -> str:
        packed = struct.pack(">?q", self.forward, self.id)
        return base64.urlsafe_b64encode(packed).decode()

    @classmethod
    def parse(cls, text: object) -> "Cursor | None":
        """The cursor that `text` spells. ValueError: none."""
        try:
            packed = base64.b64decode(str(text), altchars=b"-_", validate=True)
            forward, id = struct.unpack(">?q", packed)
        except (ValueError, struct.error):
            raise ValueError("is not a cursor of this site") from None
        cursor = cls(id, forward)
        if id < 0 or str(cursor) != text:
            raise ValueError("is not a cursor of this site")
        return cursor


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 4 and text[0] != "0"):
        raise ValueError("must be a whole number")
    return int(text)


class PageQuery(BaseModel):
    """The parameters that every page takes."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    size: Annotated[
        int,
        Field(ge=1, le=MOST, description="How many at most"),
        BeforeValidator(_whole),
    ] = DEFAULT
    order: Annotated[
        Literal["newest", "oldest"], Field(description="Which come first")
    ] = "newest"
    page: Annotated[
        int,
        Field(ge=1, le=MOST_PAGES, description="Which; not together with a cursor"),
        BeforeValidator(_whole),
    ] = 1
    cursor: Annotated[
        Cursor | None,
        BeforeValidator(Cursor.parse),
        WithJsonSchema({"type": "string", "pattern": "^A[A-HQ-X][A-Za-z0-9_-]{10}$"}),
        Field(description="Where it begins: opaque, of `next` and `previous`"),
    ] = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.cursor is not None and "page" in self.model_fields_set:
            raise ValueError("page and cursor exclude each other")
        return self


@dataclass(frozen=True)
class Piece:
    """The items of one page, and the cursors of the pages around it."""

    items: list[Document]
    next: Cursor | None
    previous: Cursor | None


def cut(query: PageQuery, walk: Walk, key: str = "id") -> Piece:
    """The page that `query` asks for. One more than asked is read, and none counted."""
    forward = query.cursor is None or query.cursor.forward
    descending = (query.order == "newest") == forward
    skip = (query.page - 1) * query.size
    start = Start(
        query.cursor.id if query.cursor else None, descending, skip + query.size + 1
    )
    found: list[Document] = []
    beyond = None
    for item in islice(walk(start), skip + query.size + 1):
        if isinstance(item, Pause):
            beyond = item.id
        else:
            found.append(item)
    items = found[skip : skip + query.size]
    if len(found) > skip + query.size:
        beyond = items[-1][key]
    begun = query.cursor is not None or skip > 0
    before = None
    if begun and items:
        before = items[0][key]
    elif query.cursor:
        # Nothing is ahead; the way back begins with the item that the cursor is of.
        before = query.cursor.id + (-1 if descending else 1)
    ahead = None if beyond is None else Cursor(beyond, forward)
    behind = None
    if before is not None:
        behind = Cursor(min(max(before, 0), ids.MAXIMUM), not forward)
    if forward:
        return Piece(items, ahead, behind)
    return Piece(items[::-1], behind, ahead)


def page(request: Any, piece: Piece, result: Sequence[Any]) -> Document:
    """A page as the API answers it, with the same addresses in a Link header."""
    base = request.site.url
    links = {
        "next": base + link(request, piece.next) if piece.next else None,
        "previous": base + link(request, piece.previous) if piece.previous else None,
    }
    header = ", ".join(f'<{url}>; rel="{name}"' for name, url in links.items() if url)
    if header:
        request.response.headers["Link"] = header
    return {**links, "result": result}


def more(request: Any, piece: Piece) -> str | None:
    """The path of the page that goes on where this one ends, or None."""
    return link(request, piece.next) if piece.next else None


def link(request: Any, cursor: Cursor) -> str:
    """The path of the page that begins at `cursor`."""
    path, asked = quote(request.path_info), f"cursor={quote(str(cursor))}"
    if not request.environ.get("QUERY_STRING"):
        return f"{path}?{asked}"
    kept = {name: value for name, value in request.GET.items() if name in _KEPT}
    return f"{path}?{urlencode(kept)}&{asked}" if kept else f"{path}?{asked}"


_KEPT = {"size", "order", "text", "username", "name"}
