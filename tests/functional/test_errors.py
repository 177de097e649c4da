"""What failures look like: problem details for apps, a page for people."""

import logging
from collections.abc import Callable, Iterator

import pytest
from webtest import TestApp, TestResponse

import microblog
from microblog import settings as settings_module
from microblog.store import Database
from tests.factories import PASSWORD, Api, Factory
from tests.functional.answers import assert_problem, assert_unauthorized

PROTECTION = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@pytest.fixture(scope="module")
def down(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestApp]:
    """A site at a TLS address, where no document server listens yet."""
    values = {
        "data_dir": str(tmp_path_factory.mktemp("down")),
        "mongodb.uri": "mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=100",
        "site.name": "Fish & <Chips>",
        "site.url": "https://example.org/",
    }
    settings = settings_module.read(values, environment={})
    application = microblog.application(settings)
    yield TestApp(application, extra_environ={"HTTP_HOST": "example.org"})
    application.registry["connection"].close()


def assert_protected(answer: TestResponse, api: bool = True) -> None:
    """The answer has the headers that every one has."""
    for name, value in PROTECTION.items():
        assert answer.headers.getall(name) == [value]
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "Server" not in answer.headers
    assert "Set-Cookie" not in answer.headers
    if api:
        assert {"private", "no-cache"} <= set(
            answer.headers["Cache-Control"].split(", ")
        ) or answer.headers["Cache-Control"] == "no-store"
        assert "Authorization" in answer.headers["Vary"]


def assert_page(answer: TestResponse, status: int) -> None:
    """The failure as a page in HTML that says what it is."""
    assert answer.status_code == status
    assert answer.content_type == "text/html"
    assert answer.charset == "UTF-8"
    assert f'<p class="status" aria-hidden="true">{status}</p>' in answer.text
    assert 'href="/"' in answer.text
    assert_protected(answer, api=False)


FAILURES: dict[str, tuple[int, Callable[[Api], TestResponse]]] = {
    "invalid body": (400, lambda api: api.post("/users", {})),
    "invalid query": (400, lambda api: api.get("/search?text=a")),
    "not UTF-8": (400, lambda api: api.get("/users/%ff")),
    "no token": (401, lambda api: Api(api.app).get("/users/alice")),
    "dead token": (401, lambda api: Api(api.app, "dead").get("/users/alice")),
    "not one's own": (403, lambda api: api.patch("/users/bob", {"name": "x"})),
    "no node": (404, lambda api: api.get("/users/nobody")),
    "no service": (404, lambda api: api.get("/nothing/at/all")),
    "the root": (404, lambda api: api.get("")),
    "no method": (405, lambda api: api.put("/users/alice", {})),
    "no media type": (406, lambda api: api.get("/users/alice", Accept="text/html")),
    "taken": (
        409,
        lambda api: api.post("/users", {"username": "bob", "password": PASSWORD}),
    ),
    "stale": (412, lambda api: api.patch("/users/alice", {}, If_Match='"99"')),
    "too large": (413, lambda api: api.patch("/users/alice", {"bio": "x" * 70_000})),
    "no JSON": (
        415,
        lambda api: api.patch("/users/alice", {}, Content_Type="text/plain"),
    ),
}


@pytest.mark.parametrize("name", FAILURES)
def test_OU_2_OU_5_every_failure_is_problem_details(
    alice: Api, make: Factory, name: str
) -> None:
    make.user("bob")
    status, ask = FAILURES[name]
    answer = ask(alice)
    problem = assert_problem(answer, status)
    assert problem["type"] == "about:blank"
    assert problem["instance"].startswith("/api")
    assert ("errors" in problem) == name.startswith("invalid")
    assert_protected(answer)


@pytest.mark.parametrize("kind", ["application/json", "application/*", "*/*", None])
def test_accepted_media_types(alice: Api, kind: str | None) -> None:
    headers = {} if kind is None else {"Accept": kind}
    assert alice.get("/users/alice", **headers).content_type == "application/json"


def test_failure_is_problem_details_whatever_is_accepted(alice: Api) -> None:
    for accept in ("text/html", "application/json", "image/png"):
        assert_problem(alice.get("/nothing", Accept=accept), 404)


def test_instance_is_the_address_as_a_uri_reference(alice: Api) -> None:
    """RFC 9457, 3.1.5."""
    for path in ("/users/nobody", "/users/d%C3%B6r", "/users/a%20b"):
        problem = assert_problem(alice.get(f"{path}?size=1"), 404)
        assert problem["instance"] == f"/api{path}"


def test_refused_method_says_which_are_allowed(alice: Api) -> None:
    allowed = {
        "/token": "DELETE, OPTIONS, POST",
        "/users": "OPTIONS, POST",
        "/users/alice": "DELETE, GET, HEAD, OPTIONS, PATCH",
        "/users/alice/collection": "GET, HEAD, OPTIONS, POST",
        "/users/alice/timeline": "GET, HEAD, OPTIONS",
        "/users/alice/following": "GET, HEAD, OPTIONS, POST",
        "/users/alice/following/alice": "DELETE, GET, HEAD, OPTIONS",
        "/users/alice/followers": "GET, HEAD, OPTIONS",
        "/search": "GET, HEAD, OPTIONS",
    }
    for path, methods in allowed.items():
        answer = alice.put(path, {})
        assert_problem(answer, 405)
        assert answer.headers["Allow"] == methods, path
        options = alice.app.options(f"/api{path}", headers=alice.headers)
        assert (options.status_code, options.headers["Allow"]) == (204, methods)


def test_methods_of_a_micropost(alice: Api, make: Factory) -> None:
    href = f"/users/alice/collection/{make.micropost()['id']}"
    answer = alice.post(href, {"text": "x"})
    assert_problem(answer, 405)
    assert answer.headers["Allow"] == "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"


@pytest.mark.parametrize("path", ["/users/alice", "/users/alice/collection", "/search"])
def test_head_is_get_without_a_body(alice: Api, path: str) -> None:
    address = f"/api{path}?text=abc"
    head = alice.app.head(address, headers=alice.headers)
    get = alice.app.get(address, headers=alice.headers)
    assert (head.status_code, head.body) == (200, b"")
    for answer in (head, get):  # Each is a search, and one less is left.
        assert ("RateLimit" in answer.headers) == (path == "/search")
        answer.headers.pop("RateLimit", None)
    assert dict(head.headers) == dict(get.headers)


def test_OU_2_every_good_answer_is_protected(alice: Api, make: Factory) -> None:
    make.user("bob")
    posted = alice.post("/users/alice/collection", {"text": "x"})
    tag = posted.headers["ETag"]
    answers = [
        posted,
        alice.get(posted.location),
        alice.get(posted.location, If_None_Match=tag),
        alice.get("/user/alice"),
        alice.get("/users/alice/timeline"),
        alice.post("/token", {"username": "alice", "password": PASSWORD}),
        alice.delete(posted.location),
        alice.app.options("/api/users"),
    ]
    statuses = [answer.status_code for answer in answers]
    assert statuses == [201, 200, 304, 308, 200, 200, 204, 204]
    for answer in answers:
        assert_protected(answer)
        assert "Strict-Transport-Security" not in answer.headers


def test_OU_5_mistake_of_the_program_goes_to_the_log_alone(
    alice: Api, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """A document that the program could never have written makes it stumble."""
    database.users.insert_one({"_id": "broken", "folded": "broken", "bio": "secret"})
    with caplog.at_level(logging.ERROR):
        answer = alice.get("/users/broken")
    problem = assert_problem(answer, 500)
    assert_protected(answer)
    assert problem["detail"] == "the server made a mistake"
    assert problem["instance"] == "/api/users/broken"
    for word in ("KeyError", "Traceback", "secret"):
        assert word not in answer.text
    (record,) = [one for one in caplog.records if one.levelno == logging.ERROR]
    assert record.exc_info
    assert record.name.startswith("microblog")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/nothing", 404),
        ("/users/nobody", 404),
        ("/apinothing", 404),
        ("/static/nothing.css", 404),
        ("/%ff", 400),
    ],
)
def test_OU_2_OU_5_failure_outside_the_api_is_a_page(
    app: TestApp, path: str, status: int
) -> None:
    for accept in ("text/html", "application/json", "*/*"):
        answer = app.get(path, headers={"Accept": accept}, expect_errors=True)
        assert_page(answer, status)


def test_mistake_outside_the_api_is_a_page(app: TestApp, make: Factory) -> None:
    """A token means nothing to pages, not even a bad one."""
    answer = app.get(
        "/users/nobody", headers={"Authorization": "Bearer a b"}, expect_errors=True
    )
    assert_page(answer, 404)


def test_OU_5_AV_1_database_that_is_not_ready(down: TestApp) -> None:
    api = Api(down, "mb_" + "x" * 43)
    for answer in (
        api.get("/users/alice"),
        api.get("/search?text=abc"),
        api.delete("/token"),
        Api(down).post("/users", {"username": "alice", "password": PASSWORD}),
        Api(down).post("/token", {"username": "alice", "password": PASSWORD}),
    ):
        problem = assert_problem(answer, 503)
        assert int(answer.headers["Retry-After"]) > 0
        assert "127.0.0.1" not in problem["detail"]
        assert_protected(answer)


def test_AV_1_what_needs_no_database_works_without(down: TestApp) -> None:
    assert down.get("/about").status_code == 200
    assert down.get("/search").status_code == 200
    assert down.get("/static/style.css").status_code == 200
    assert_problem(Api(down).post("/users", {}), 400)
    assert_problem(Api(down).get("/nothing"), 404)
    assert_unauthorized(Api(down).get("/search?text=abc"))


def test_OU_5_AV_1_page_that_is_not_ready(down: TestApp) -> None:
    for path in ("/", "/users/alice", "/login", "/tags/word"):
        answer = down.get(path, expect_errors=True)
        assert_page(answer, 503)
        assert int(answer.headers["Retry-After"]) > 0


def test_name_of_the_site_is_escaped(down: TestApp) -> None:
    for answer in (down.get("/about"), down.get("/nothing", expect_errors=True)):
        assert "Fish &amp; &lt;Chips&gt;" in answer.text
        assert "<Chips>" not in answer.text


def test_OU_2_site_with_tls_asks_to_keep_to_it(down: TestApp) -> None:
    """RFC 6797; and every address starts with the site's own."""
    for answer in (
        down.get("/about"),
        Api(down).get("/nothing"),
        Api(down).get("/user/a"),
    ):
        assert answer.headers["Strict-Transport-Security"].startswith("max-age=")
    assert answer.location == "https://example.org/api/users/a"


def test_OU_6_addresses_do_not_follow_headers(alice: Api) -> None:
    href = alice.get("/users/alice").json["href"]
    for headers in ({"Host": "127.0.0.1:1"}, {"X_Forwarded_Host": "evil.example"}):
        assert alice.get("/users/alice", **headers).json["href"] == href


def test_root_cannot_be_moved_by_a_header(alice: Api) -> None:
    """Pyramid #1591."""
    answer = alice.get("/users/alice", X_Vhm_Root="/users/alice/microposts")
    assert (answer.status_code, answer.json["username"]) == (200, "alice")
