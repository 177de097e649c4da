"""What a browser gets: every page, for everybody, and what surrounds it."""

import gzip
import re
from typing import Any
from urllib.parse import urljoin
from xml.etree import ElementTree

import pytest
from webob import Request
from webtest import TestApp, TestResponse

from microblog.store import Database, users
from tests.browsing import Browser
from tests.factories import Factory

PUBLIC = {
    "/": "microblog",
    "/about": "About · microblog",
    "/statistics": "Statistics · microblog",
    "/login": "Log in · microblog",
    "/register": "Register · microblog",
    "/search": "Search · microblog",
    "/search?text=hello": "hello · Search · microblog",
    "/users": "People · microblog",
    "/users?name=ali": "People · microblog",
    "/users/alice": "Alice (@alice) · microblog",
    "/users/alice/followers": "Followers of @alice · microblog",
    "/users/alice/following": "Followed by @alice · microblog",
    "/users/alice/microposts/ID": "alice: hello #word @bob · microblog",
    "/tags/word": "#word · microblog",
    "/tags/unused": "#unused · microblog",
}
OWN = {
    "/users/alice/microposts/new": "Write · microblog",
    "/users/alice/microposts/ID/edit": "Edit · microblog",
    "/users/alice/microposts/ID/delete": "Delete · microblog",
    "/settings": "Settings · microblog",
    "/settings/email": "Settings · microblog",
    "/settings/password": "Settings · microblog",
    "/settings/appearance": "Settings · microblog",
    "/settings/sessions": "Settings · microblog",
    "/settings/delete": "Settings · microblog",
}
ATOM = "{http://www.w3.org/2005/Atom}"


@pytest.fixture
def world(make: Factory) -> str:
    """Alice and Bob, who follow each other; the id of Alice's micropost."""
    make.user("alice", name="Alice", bio="I write")
    make.follow("bob", "alice")
    make.follow("alice", "bob")
    return str(make.micropost("alice", "hello #word @bob")["id"])


def assert_page(answer: TestResponse, title: str) -> None:
    """A whole page in HTML that keeps to its own policy."""
    assert answer.status_code == 200
    assert (answer.content_type, answer.charset) == ("text/html", "UTF-8")
    assert answer.text.startswith("<!doctype html>")
    assert f"<title>{title}</title>" in answer.text
    assert '<html lang="en"' in answer.text
    assert answer.html.find("main").find("h1")
    policy = answer.headers["Content-Security-Policy"]
    assert "script-src 'self'; style-src 'self'" in policy
    for inline in ("<style", " style=", " onclick=", " hx-on"):
        assert inline not in answer.text
    for script in answer.html.find_all("script"):
        assert script["src"].startswith("/static/")


@pytest.mark.parametrize("path", PUBLIC)
def test_PR_4_public_page(browser: Browser, world: str, path: str) -> None:
    answer = browser.get(path.replace("ID", world))
    assert_page(answer, PUBLIC[path])
    assert "Set-Cookie" not in answer.headers
    assert answer.headers["Cache-Control"] == "no-cache"
    assert answer.headers["Vary"] == "Cookie, Accept-Language, Accept-Encoding"


@pytest.mark.parametrize("path", [*PUBLIC, *OWN])
def test_SE_4_PR_4_page_of_who_is_logged_in(
    world: str, reader: Browser, path: str
) -> None:
    answer = reader.get(path.replace("ID", world))
    assert_page(answer, {**PUBLIC, **OWN}[path])
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert answer.html.find("form", action="/logout")
    for form in answer.html.find_all("form", method="post"):
        assert form.find("input", attrs={"name": "csrf_token"})["value"]
    for field in answer.html.select("main input:not([type=hidden]), main textarea"):
        assert answer.html.find("label", attrs={"for": field["id"]}), field


@pytest.mark.parametrize("path", OWN)
def test_page_of_ones_own_asks_to_log_in(
    browser: Browser, world: str, path: str
) -> None:
    path = path.replace("ID", world)
    answer = browser.get(path)
    assert answer.status_code == 303
    assert answer.location == f"/login?next={path}"
    form = browser.form(answer.location, "/login")
    assert form["next"].value == path


@pytest.mark.parametrize("path", [one for one in OWN if "alice" in one])
def test_page_of_somebody_else_is_refused(
    application: Any, make: Factory, world: str, path: str
) -> None:
    bob = Browser(application)
    bob.log_in("bob")
    assert bob.get(path.replace("ID", world)).status_code == 403


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/about",
        "/statistics",
        "/users",
        "/users/alice",
        "/users/alice/followers",
        "/users/alice/following",
        "/users/alice/microposts/ID",
        "/tags/word",
    ],
)
def test_canonical_address(browser: Browser, world: str, path: str) -> None:
    path = path.replace("ID", world)
    (link,) = browser.get(path).html.find_all("link", rel="canonical")
    assert link["href"] == f"http://localhost:6543{path}"


@pytest.mark.parametrize(
    ("path", "leads_to"),
    [
        ("/users/alice/", "/users/alice"),
        ("//users/alice", "/users/alice"),
        ("//users//alice//", "/users/alice"),
        ("/users/./alice?size=1", "/users/alice?size=1"),
        ("/x/../users/alice", "/users/alice"),
        ("/login/", "/login"),
        ("/tags/Word", "/tags/word"),
        ("/tags/STRA%C3%9FE", "/tags/strasse"),
        ("/users/alice/microposts", "/users/alice"),
    ],
)
def test_page_has_one_address(
    browser: Browser, make: Factory, path: str, leads_to: str
) -> None:
    make.user("alice")
    answer = browser.app.request(path, expect_errors=True)
    assert answer.status_code == 301
    assert answer.location == leads_to


def test_all_that_the_front_page_loads_is_there(app: TestApp) -> None:
    page = app.get("/")
    addresses = re.findall(r'(?:href|src)="(/[^"]*)"', page.text)
    assert len(addresses) > 8
    for address in addresses:
        assert app.get(urljoin("/", address)).status_code == 200


def test_static_file_is_kept_for_a_year(app: TestApp) -> None:
    (address,) = re.findall(r'href="(/static/style.css\?v=\w+)"', app.get("/").text)
    answer = app.get(address)
    assert (answer.content_type, answer.charset) == ("text/css", "UTF-8")
    assert "max-age=31536000" in answer.headers["Cache-Control"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    since = {"If-Modified-Since": answer.headers["Last-Modified"]}
    assert app.get(address, headers=since).status_code == 304


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


def test_large_pages_are_compressed_for_who_can_read_that(
    application: Any, database: Database
) -> None:
    """Asked without WebTest, which would unpack them."""
    plain, packed = (
        Request.blank("/", headers={"Accept-Encoding": accepted}).get_response(
            application
        )
        for accepted in ("identity", "gzip, br")
    )
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body
    assert len(packed.body) < len(plain.body) / 2
    assert "Content-Encoding" not in plain.headers
    assert packed.etag != plain.etag


def test_public_page_that_has_not_changed_is_not_sent_again(
    app: TestApp, make: Factory
) -> None:
    make.user("alice")
    tag = app.get("/users/alice").headers["ETag"]
    assert app.get("/users/alice", headers={"If-None-Match": tag}).status_code == 304
    make.micropost("alice")
    assert app.get("/users/alice", headers={"If-None-Match": tag}).status_code == 200


def test_head_of_a_page(app: TestApp) -> None:
    head = app.head("/")
    assert (head.status_code, head.body) == (200, b"")
    assert head.headers["Content-Type"] == app.get("/").headers["Content-Type"]


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/", "GET, HEAD, OPTIONS"),
        ("/users/alice", "GET, HEAD, OPTIONS"),
        ("/login", "GET, HEAD, OPTIONS, POST"),
        ("/logout", "OPTIONS, POST"),
        ("/users/alice/microposts/new", "GET, HEAD, OPTIONS, POST"),
        ("/users/alice/following/bob/follow", "OPTIONS, POST"),
        ("/settings/email", "GET, HEAD, OPTIONS, POST"),
    ],
)
def test_refused_method_says_which_are_allowed(
    app: TestApp, make: Factory, path: str, methods: str
) -> None:
    make.user("alice")
    make.user("bob")
    refused = app.delete(path, expect_errors=True)
    assert (refused.status_code, refused.headers["Allow"]) == (405, methods)
    options = app.options(path)
    assert (options.status_code, options.headers["Allow"]) == (204, methods)


@pytest.mark.parametrize(
    "path",
    [
        "/@@",
        "/@@/",
        "/@@front",
        "/users/@@",
        "/about/more",
        "/search/x/y",
        "/nobody/",
        "//evil.example",
        "/users/alice/feed/x",
    ],
)
def test_nothing_at_the_address(app: TestApp, make: Factory, path: str) -> None:
    make.user("alice")
    assert app.request(path, expect_errors=True).status_code == 404


@pytest.mark.parametrize("query", ["x=%ff", "cursor=zz", "size=0", "size=1&size=2"])
def test_IN_6_bad_query_is_refused(app: TestApp, query: str) -> None:
    answer = app.get(f"/?{query}", expect_errors=True)
    assert answer.status_code == 400
    assert "That cannot be right" in answer.text


def test_pages_follow_each_other(browser: Browser, make: Factory) -> None:
    make.microposts(45, "alice")
    path, seen = "/users/alice", []
    while path:
        page = browser.get(path).html
        seen += [one.text for one in page.select(".micropost .text")]
        more = page.select_one("a[rel=next]")
        path = more["href"] if more else ""
    assert seen == [f"micropost {n}" for n in reversed(range(45))]


def test_front_page_shows_everybody_or_ones_timeline(
    browser: Browser, reader: Browser, make: Factory
) -> None:
    make.follow("alice", "bob")
    make.micropost("bob", "by bob")
    make.micropost("carol", "by carol")
    make.micropost("alice", "by alice")
    texts = [
        [one.text for one in who.get("/").html.select(".micropost .text")]
        for who in (browser, reader)
    ]
    assert texts == [["by alice", "by carol", "by bob"], ["by alice", "by bob"]]


def test_front_page_leaves_out_who_is_gone(browser: Browser, make: Factory) -> None:
    make.micropost("bob", "still here")
    make.micropost("carol", "gone")
    users.mark_deleted(make.database, "carol")
    page = browser.get("/")
    assert "still here" in page.text
    assert "gone" not in page.text


@pytest.mark.parametrize("count", [0, 1, 3, 20, 25])
def test_newer_microposts_are_counted(
    reader: Browser, make: Factory, count: int
) -> None:
    than = make.micropost("alice", "first")["id"]
    make.microposts(count, "alice")
    said = reader.get(f"/newer?than={than}").html.find(id="newer").text.strip()
    expected = {0: "", 1: "1 new micropost", 3: "3 new microposts"}
    assert said == expected.get(count, "20 or more new microposts")


def test_empty_places_say_what_to_do(reader: Browser, browser: Browser) -> None:
    for who, path, words, link in (
        (reader, "/", "Nothing to read yet", "/users"),
        (reader, "/users/alice", "You have not written", "/users/alice/microposts/new"),
        (reader, "/users/alice/following", "You follow nobody", "/users"),
        (browser, "/", "Nobody has written", "/register"),
        (browser, "/search?text=zzzz", "Nothing found", None),
        (browser, "/users?name=zzzz", "Nobody here has that", "/users"),
    ):
        empty = who.get(path).html.select_one(".empty")
        assert words in empty.text
        assert not link or empty.find("a")["href"] == link


def test_search(browser: Browser, make: Factory) -> None:
    make.user("alice", name="Lovelace")
    make.micropost("bob", "all you need is LOVE")
    page = browser.get("/search?text=love").html
    assert page.select_one(".person .p-nickname").text == "@alice"
    assert page.select_one(".micropost .text").text == "all you need is LOVE"
    short = browser.get("/search?text=lo")
    assert short.status_code == 400
    assert "3 characters" in short.html.find(id="text-error").text
    assert short.html.find(id="sought")["value"] == "lo"


def test_directory(browser: Browser, make: Factory) -> None:
    make.user("alice", name="Ada Lovelace")
    make.user("bob", bio="A fisherman")
    names = [one.text for one in browser.get("/users").html.select(".p-nickname")]
    assert names == ["@bob", "@alice"]
    found = browser.get("/users?name=LACE").html.select(".p-nickname")
    assert [one.text for one in found] == ["@alice"]
    assert browser.get("/users?name=" + "x" * 51).status_code == 400


@pytest.mark.parametrize("path", ["/users/alice/feed", "/tags/word/feed"])
def test_feed(browser: Browser, world: str, path: str) -> None:
    answer = browser.get(path)
    assert answer.content_type == "application/atom+xml"
    feed = ElementTree.fromstring(answer.body)  # noqa: S314 (it is our own)
    (entry,) = feed.findall(f"{ATOM}entry")
    address = f"http://localhost:6543/users/alice/microposts/{world}"
    assert entry.findtext(f"{ATOM}id") == address
    assert entry.findtext(f"{ATOM}author/{ATOM}name") == "alice"
    assert '<a href="/tags/word">#word</a>' in (entry.findtext(f"{ATOM}content") or "")
    page = browser.get(path.removesuffix("/feed")).html
    (link,) = page.find_all("link", rel="alternate")
    assert (link["href"], link["type"]) == (path, "application/atom+xml")


def test_empty_feed(browser: Browser, make: Factory) -> None:
    make.user("alice")
    for path in ("/users/alice/feed", "/tags/word/feed"):
        feed = ElementTree.fromstring(browser.get(path).body)  # noqa: S314
        assert feed.findall(f"{ATOM}entry") == []
        assert feed.findtext(f"{ATOM}updated")


def test_robots(browser: Browser) -> None:
    answer = browser.get("/robots.txt")
    assert answer.content_type == "text/plain"
    for path in ("/settings", "/confirm", "/unsubscribe", "/reset"):
        assert f"Disallow: {path}\n" in answer.text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
        ("a\nb", "a\nb"),
        ("hi @Bob!", 'hi <a href="/users/bob">@Bob</a>!'),
        ("#Straße #1", '<a href="/tags/strasse">#Straße</a> #1'),
        ("javascript:alert(1)", "javascript:alert(1)"),
        ("me@example.org", "me@example.org"),
        (
            "https://a.example/@bob#x",
            '<a href="https://a.example/@bob#x" rel="nofollow noopener ugc">'
            "https://a.example/@bob#x</a>",
        ),
        (
            'http://a.example/"onx',
            '<a href="http://a.example/" '
            'rel="nofollow noopener ugc">http://a.example/</a>&#34;onx',
        ),
        ("{{ 7 * 7 }} %(x)s ${x}", "{{ 7 * 7 }} %(x)s ${x}"),
    ],
)
def test_OU_1_OU_3_text_is_shown_and_does_nothing(
    browser: Browser, make: Factory, text: str, shown: str
) -> None:
    make.micropost("alice", text)
    page = browser.get("/users/alice").text
    assert f'<p class="text e-content p-name" dir="auto">{shown}</p>' in page


def test_user_page_is_small(browser: Browser, make: Factory) -> None:
    for number in range(25):
        make.micropost("alice", f"{number} ".ljust(158, "x"))
    page = browser.get("/users/alice")
    assert len(page.html.select(".micropost")) == 20
    assert len(page.body) <= 25_600
