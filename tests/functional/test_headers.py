"""What every answer carries, whatever its status and whoever asks: the whole matrix."""

import http.client
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from webtest import TestResponse

import microblog
from microblog.responses import ANSWERS, PAGES
from microblog.settings import Settings
from microblog.store import Database
from microblog.views import front, search
from tests.browsing import Browser
from tests.factories import PASSWORD, Api, Factory
from tests.site import Site

Ask = Callable[[Browser, Api], TestResponse]

ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
NEVER = ("Server", "X-Powered-By", "Access-Control-Allow-Origin")
YEAR = 365 * 86400
LONG = "x" * 70_000


@pytest.fixture(scope="module", params=["http", "https"])
def asked(
    request: pytest.FixtureRequest, application: Any, settings: Settings
) -> Iterator[Any]:
    """The application, at an address without and with TLS."""
    if request.param == "http":
        yield application
        return
    site = {"site_url": "https://example.org"}
    made = microblog.application(settings.model_copy(update=site))
    made.registry["connection"].wait()
    yield made
    made.registry["connection"].close()


@pytest.fixture
def visitor(asked: Any, database: Database) -> Browser:
    """A browser at that address, where alice has written "hello"."""
    browser = Browser(asked)
    if asked.registry["settings"].is_secure:
        browser.app.extra_environ["HTTP_HOST"] = "example.org"
    return browser


@pytest.fixture
def api(visitor: Browser, make: Factory) -> Api:
    """An app of alice's at that address."""
    make.user("bob")
    make.micropost("alice", "hello #word")
    return Api(visitor.app, make.token("alice"), "alice")


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that fails on its front page and in every search."""

    def fail(*given: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr(front.paging, "cut", fail)
    monkeypatch.setattr(search.bodies, "query", fail)


def again(visitor: Browser, path: str, **headers: str) -> TestResponse:
    """Ask for what one has already."""
    tag = visitor.get(path, **headers).headers["ETag"]
    return visitor.get(path, If_None_Match=tag, **headers)


def static(visitor: Browser) -> str:
    """The address of the style sheet."""
    return str(visitor.get("/about").html.find("link", rel="stylesheet")["href"])


PAGE: dict[str, tuple[int, Ask]] = {
    "page": (200, lambda visitor, api: visitor.get("/users/alice")),
    "HEAD": (200, lambda visitor, api: visitor.app.head("/users/alice")),
    "OPTIONS": (204, lambda visitor, api: visitor.app.options("/about")),
    "feed": (200, lambda visitor, api: visitor.get("/users/alice/feed")),
    "text": (200, lambda visitor, api: visitor.get("/robots.txt")),
    "not canonical": (301, lambda visitor, api: visitor.get("/users/alice/")),
    "login first": (303, lambda visitor, api: visitor.get("/settings")),
    "not modified": (304, lambda visitor, api: again(visitor, "/users/alice")),
    "not UTF-8": (400, lambda visitor, api: visitor.get("/%ff")),
    "wrong query": (400, lambda visitor, api: visitor.get("/search?text=x")),
    "wrong host": (400, lambda visitor, api: visitor.get("/", Host="evil.example")),
    "no token in form": (
        400,
        lambda visitor, api: visitor.app.post("/login", TEXT, expect_errors=True),
    ),
    "wrong password": (400, lambda visitor, api: visitor.log_in("alice", "wrong")),
    "another site's form": (
        403,
        lambda visitor, api: visitor.app.post(
            "/login", {}, {"Sec-Fetch-Site": "cross-site"}, expect_errors=True
        ),
    ),
    "nothing": (404, lambda visitor, api: visitor.get("/nothing")),
    "no method": (
        405,
        lambda visitor, api: visitor.app.put("/about", expect_errors=True),
    ),
}
FILES: dict[str, tuple[int, Ask]] = {
    "file": (200, lambda visitor, api: visitor.get(static(visitor))),
    "not modified": (
        304,
        lambda visitor, api: visitor.get(
            static(visitor), If_Modified_Since="Fri, 01 Jan 2100 00:00:00 GMT"
        ),
    ),
    "no file": (404, lambda visitor, api: visitor.get("/static/nothing.css")),
    "no method": (
        405,
        lambda visitor, api: visitor.app.post("/static/app.js", expect_errors=True),
    ),
}
OWN = {"username": "alice", "password": PASSWORD}
TEXT = {"text": "hello"}
APPS: dict[str, tuple[int, Ask]] = {
    "user": (200, lambda visitor, api: api.get("/users/alice")),
    "token": (200, lambda visitor, api: api.post("/token", OWN)),
    "posted": (201, lambda visitor, api: api.post("/users/alice/collection", TEXT)),
    "token ended": (204, lambda visitor, api: api.delete("/token")),
    "OPTIONS": (
        204,
        lambda visitor, api: visitor.app.options("/api/users", headers=api.headers),
    ),
    "not modified": (
        304,
        lambda visitor, api: again(visitor, "/api/users/alice", **api.headers),
    ),
    "moved": (308, lambda visitor, api: api.get("/user/alice")),
    "wrong body": (400, lambda visitor, api: api.post("/users", {})),
    "wrong host": (400, lambda visitor, api: api.get("/users", Host="evil.example")),
    "not UTF-8": (400, lambda visitor, api: api.get("/%ff")),
    "no token": (401, lambda visitor, api: Api(visitor.app).get("/users/alice")),
    "not one's own": (403, lambda visitor, api: api.patch("/users/bob", {})),
    "nothing": (404, lambda visitor, api: api.get("/nothing")),
    "no method": (405, lambda visitor, api: api.put("/users/alice", {})),
    "no media type": (406, lambda visitor, api: api.get("/users/alice", Accept="a/b")),
    "taken": (409, lambda visitor, api: api.post("/users", OWN)),
    "stale": (412, lambda visitor, api: api.patch("/users/alice", {}, If_Match='"9"')),
    "too large": (
        413,
        lambda visitor, api: api.patch("/users/alice", {"a": LONG}),
    ),
    "no JSON": (415, lambda visitor, api: api.post("/users", {}, Content_Type="a/b")),
}


def assert_headers(answer: TestResponse, policy: str, *, secure: bool) -> None:
    """The headers of every answer, each once."""
    for name, value in {**ALWAYS, "Content-Security-Policy": policy}.items():
        assert answer.headers.getall(name) == [value], name
    for name in NEVER:
        assert name not in answer.headers
    kept = answer.headers.getall("Strict-Transport-Security")
    assert bool(kept) == secure
    assert all(one == f"max-age={YEAR}" for one in kept)
    assert answer.headers.getall("Cache-Control")
    assert len(answer.headers.getall("Vary")) == 1


@pytest.mark.parametrize("name", PAGE)
def test_OU_2_PR_4_pages(visitor: Browser, api: Api, asked: Any, name: str) -> None:
    status, ask = PAGE[name]
    answer = ask(visitor, api)
    assert answer.status_code == status
    assert_headers(answer, PAGES, secure=asked.registry["settings"].is_secure)
    assert answer.headers["Cache-Control"] == "no-cache"
    assert "Cookie" in answer.headers["Vary"].split(", ")
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("name", FILES)
def test_OU_2_PR_4_files(visitor: Browser, api: Api, asked: Any, name: str) -> None:
    status, ask = FILES[name]
    answer = ask(visitor, api)
    assert answer.status_code == status
    assert_headers(answer, PAGES, secure=asked.registry["settings"].is_secure)
    for_ever = f"max-age={YEAR}"
    assert (for_ever in answer.headers["Cache-Control"]) == (status in {200, 304})


@pytest.mark.parametrize("name", APPS)
def test_OU_2_PR_4_apps(visitor: Browser, api: Api, asked: Any, name: str) -> None:
    status, ask = APPS[name]
    answer = ask(visitor, api)
    assert answer.status_code == status
    assert_headers(answer, ANSWERS, secure=asked.registry["settings"].is_secure)
    assert answer.headers["Cache-Control"] in {"private, no-cache", "no-store"}
    assert "Authorization" in answer.headers["Vary"].split(", ")
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    ("path", "policy"), [("/", PAGES), ("/api/search?text=abc", ANSWERS)]
)
def test_OU_2_mistakes_of_the_program(
    visitor: Browser, api: Api, asked: Any, broken: None, path: str, policy: str
) -> None:
    answer = visitor.get(path, **api.headers)
    assert answer.status_code == 500
    assert_headers(answer, policy, secure=asked.registry["settings"].is_secure)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 200),
        ("/users/alice", 200),
        ("/about", 200),
        ("/settings", 200),
        ("/users/alice/feed", 200),
        ("/search?text=x", 400),
        ("/users/bob/microposts/new", 403),
        ("/admin", 403),
    ],
)
def test_PR_4_nothing_of_who_is_logged_in_is_kept(
    reader: Browser, make: Factory, path: str, status: int
) -> None:
    make.user("bob")
    answer = reader.get(path)
    assert answer.status_code == status
    assert_headers(answer, PAGES, secure=False)
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert "Cookie" in answer.headers["Vary"].split(", ")


def test_PR_4_what_is_kept_shows_nobody(reader: Browser) -> None:
    """An address where nothing is asks nobody who they are, and tells nobody."""
    answer = reader.get("/nothing")
    assert answer.headers["Cache-Control"] == "no-cache"
    assert "alice" not in answer.text


def test_PR_4_logout_clears_what_the_browser_has(reader: Browser) -> None:
    """But not its other cookies: that it is known, and which language it wants."""
    answer = reader.send("/", "/logout")
    assert answer.status_code == 303
    assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'
    cleared = answer.headers.getall("Set-Cookie")
    assert [one.partition("=")[0] for one in cleared] == ["session"]
    assert "Max-Age=0" in cleared[0]


@pytest.mark.parametrize("path", ["/about", "/nothing", "/" + "x" * 5000])
def test_OU_2_server_adds_no_name(served: int, path: str) -> None:
    """Nor to what it refuses by itself."""
    connection = http.client.HTTPConnection("127.0.0.1", served, timeout=30)
    connection.request("GET", path)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    assert answer.status in {200, 404, 414}
    assert answer.headers["Server"] is None
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a running site."""
    site = Site(tmp_path_factory.mktemp("served"))
    site.start()
    yield site.port
    site.stop()
