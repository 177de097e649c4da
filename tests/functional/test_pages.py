"""What a browser gets: the front page and what it loads."""

import re
from urllib.parse import urljoin

import pytest
from webtest import TestApp


def test_front_page(app: TestApp) -> None:
    answer = app.get("/")
    assert answer.status_code == 200
    assert (answer.content_type, answer.charset) == ("text/html", "UTF-8")
    assert answer.text.startswith("<!doctype html>")
    assert '<html lang="en">' in answer.text
    assert "<title>microblog</title>" in answer.text
    assert "http://localhost:6543/api" in answer.text


def test_front_page_keeps_to_its_own_policy(app: TestApp) -> None:
    answer = app.get("/")
    assert "style-src 'self'" in answer.headers["Content-Security-Policy"]
    for inline in ("<script", "<style", " style=", " onclick="):
        assert inline not in answer.text


def test_all_that_the_front_page_loads_is_there(app: TestApp) -> None:
    addresses = re.findall(r'(?:href|src)="([^"]+)"', app.get("/").text)
    assert addresses
    for address in addresses:
        assert app.get(urljoin("/", address)).status_code == 200


def test_static_file(app: TestApp) -> None:
    answer = app.get("/static/style.css")
    assert (answer.content_type, answer.charset) == ("text/css", "UTF-8")
    assert "max-age=3600" in answer.headers["Cache-Control"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    since = {"If-Modified-Since": answer.headers["Last-Modified"]}
    assert app.get("/static/style.css", headers=since).status_code == 304


@pytest.mark.parametrize(
    "path",
    [
        "../__init__.py",
        "..%2f__init__.py",
        "%2e%2e/__init__.py",
        "..%5c__init__.py",
        "/etc/passwd",
        "style.css%00",
        "",
    ],
)
def test_nothing_but_static_files(app: TestApp, path: str) -> None:
    answer = app.get(f"/static/{path}", expect_errors=True)
    assert answer.status_code == 404
    assert "import" not in answer.text


def test_head_of_the_front_page(app: TestApp) -> None:
    head = app.head("/")
    assert (head.status_code, head.body) == (200, b"")
    assert head.headers["Content-Type"] == app.get("/").headers["Content-Type"]


def test_front_page_takes_no_other_method(app: TestApp) -> None:
    for method in (app.post, app.put, app.delete):
        assert method("/", expect_errors=True).status_code in {404, 405}


@pytest.mark.parametrize("path", ["/@@", "/@@/", "/@@front", "/users/@@"])
def test_view_is_not_reached_past_its_name(app: TestApp, path: str) -> None:
    assert app.get(path, expect_errors=True).status_code == 404


def test_unreadable_query_is_refused(app: TestApp) -> None:
    assert app.get("/?x=%ff", expect_errors=True).status_code == 400


def test_page_is_only_read(app: TestApp) -> None:
    assert app.head("/").status_code == 200
    refused = app.delete("/", expect_errors=True)
    assert refused.status_code == 405
    assert refused.headers["Allow"] == "GET, HEAD, OPTIONS"
    assert app.options("/").status_code == 204
