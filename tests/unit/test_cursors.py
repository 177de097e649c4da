"""Cursors and the parameters of pages: every spelling but ours is refused."""

import base64
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from microblog.paging import Cursor, PageQuery, cut
from microblog.store import ids
from microblog.store.walks import Start

CURSORS = st.builds(Cursor, st.integers(0, ids.MAXIMUM), st.booleans())


@given(CURSORS)
def test_there_and_back(cursor: Cursor) -> None:
    assert Cursor.parse(str(cursor)) == cursor


@given(st.text() | st.binary().map(lambda b: base64.urlsafe_b64encode(b).decode()))
def test_anything_else_is_a_value_error(text: str) -> None:
    try:
        cursor = Cursor.parse(text)
    except ValueError:
        cursor = None
    assert cursor is None or str(cursor) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "A",
        base64.urlsafe_b64encode(struct.pack(">?q", True, -1)).decode(),
        base64.urlsafe_b64encode(b"\x02" + struct.pack(">q", 1)).decode(),
        base64.urlsafe_b64encode(struct.pack(">?q", True, 1)).decode() + "=",
        base64.urlsafe_b64encode(struct.pack(">?q", True, 1)).decode() + "\n",
        base64.b64encode(struct.pack(">?q", True, ids.MAXIMUM)).decode(),
        "\u0661" * 12,
    ],
)
def test_other_spellings(text: str) -> None:
    with pytest.raises(ValueError, match="is not a cursor"):
        Cursor.parse(text)


@pytest.mark.parametrize(
    "given",
    [
        {"size": "0"},
        {"size": "101"},
        {"size": "01"},
        {"size": "+1"},
        {"size": "1e1"},
        {"size": "\u0661"},
        {"size": ""},
        {"size": "9" * 5000},
        {"page": "0"},
        {"page": "51"},
        {"page": "-1"},
        {"order": "Newest"},
        {"order": ""},
        {"cursor": ""},
        {"cursor": str(Cursor(5)), "page": "1"},
    ],
)
def test_refused(given: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        PageQuery.model_validate(given)


@given(CURSORS, st.sampled_from(["newest", "oldest"]))
def test_cursors_around_an_empty_page_are_ids(cursor: Cursor, order: str) -> None:
    """Also at both ends of all ids: the way back includes where the cursor was."""
    query = PageQuery.model_validate({"order": order, "cursor": str(cursor)})
    starts: list[Start] = []

    def walk(start: Start) -> Any:
        starts.append(start)
        return iter(())

    piece = cut(query, walk)
    ahead, back = piece.next, piece.previous
    if not cursor.forward:
        ahead, back = back, ahead
    assert (piece.items, ahead) == ([], None)
    assert back is not None
    assert Cursor.parse(str(back)) == back
    behind = Start(back.id, not starts[0].descending)
    assert behind.includes(cursor.id) or cursor.id in {0, ids.MAXIMUM}
