"""What of an answer may be kept, by whom, and in which form it is sent."""

import gzip
import re
from typing import Any

import pytest
from webob import Request, Response

from microblog.store import Database
from tests.browsing import Browser
from tests.factories import Factory

PUBLIC = ["/", "/about", "/users", "/users/alice", "/tags/word", "/users/alice/feed"]


@pytest.fixture
def world(make: Factory) -> None:
    """Enough microposts for a page that is worth compressing."""
    for number in range(20):
        make.micropost("alice", f"number {number} of a #word")


def ask(application: Any, path: str, **headers: str) -> Response:
    """An answer as it is sent: WebTest would unpack it."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request.blank(path, headers=given).get_response(application)


@pytest.mark.parametrize("path", PUBLIC)
def test_what_a_visitor_has_is_not_sent_again(
    application: Any, world: None, path: str
) -> None:
    full = ask(application, path)
    again = ask(application, path, If_None_Match=full.headers["ETag"])
    assert (full.status_code, again.status_code, again.body) == (200, 304, b"")
    for name in ("ETag", "Vary", "Cache-Control", "Content-Security-Policy"):
        assert again.headers[name] == full.headers[name]


@pytest.mark.parametrize("path", [*PUBLIC, "/settings", "/login", "/search?text=num"])
def test_PR_4_nothing_of_who_is_logged_in_is_kept(
    reader: Browser, world: None, path: str
) -> None:
    answer = reader.get(path, If_None_Match="*")
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert "ETag" not in answer.headers


def test_page_differs_by_language_and_by_form(application: Any, world: None) -> None:
    asked = [
        {},
        {"Accept_Language": "de"},
        {"Accept_Encoding": "gzip"},
        {"Accept_Language": "de", "Accept_Encoding": "gzip"},
    ]
    tags = {ask(application, "/users/alice", **one).headers["ETag"] for one in asked}
    assert len(tags) == len(asked)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/nothing", 404),
        ("/settings", 303),
        ("/users/alice/", 301),
        ("/?cursor=x", 400),
        ("/search?text=x", 400),
    ],
)
def test_other_answers_are_asked_for_again(
    application: Any, world: None, path: str, status: int
) -> None:
    answer = ask(application, path)
    assert answer.status_code == status
    assert answer.headers["Cache-Control"] == "no-cache"
    assert answer.headers["Vary"] == "Cookie, Accept-Language, Accept-Encoding"
    assert "ETag" not in answer.headers


@pytest.mark.parametrize(
    ("accepted", "packed"),
    [
        ("gzip", True),
        ("br, gzip;q=0.5", True),
        ("gzip;q=0", False),
        ("gzip;q=0.0, br", False),
        ("br", False),
        ("", False),
    ],
)
def test_page_is_compressed_for_who_accepts_that(
    application: Any, world: None, accepted: str, packed: bool
) -> None:
    """RFC 9110, 12.5.3: with the weight 0 it is not acceptable."""
    answer = ask(application, "/users/alice", Accept_Encoding=accepted)
    assert (answer.headers.get("Content-Encoding") == "gzip") == packed
    assert int(answer.headers["Content-Length"]) == len(answer.body)
    plain = ask(application, "/users/alice").body
    assert (gzip.decompress(answer.body) if packed else answer.body) == plain


def test_style_and_scripts_are_compressed(application: Any, database: Database) -> None:
    page = ask(application, "/about").text
    addresses = re.findall(r'"(/static/[^"]+\.(?:css|js)\?v=\w+)"', page)
    assert len(addresses) == 3
    for address in addresses:
        packed = ask(application, address, Accept_Encoding="gzip")
        assert packed.headers["Content-Encoding"] == "gzip"
        assert packed.headers["Vary"] == "Accept-Encoding"
        assert gzip.decompress(packed.body) == ask(application, address).body


def test_head_has_the_headers_of_get(application: Any, world: None) -> None:
    for headers in ({}, {"Accept_Encoding": "gzip"}):
        get = ask(application, "/users/alice", **headers)
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        asked = Request.blank("/users/alice", method="HEAD", headers=given)
        head = asked.get_response(application)
        assert (head.status_code, head.body) == (200, b"")
        assert dict(head.headers) == dict(get.headers)
