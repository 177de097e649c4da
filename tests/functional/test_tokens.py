"""Tokens over REST: the ways to get one, what it opens, its end."""

import re
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from webtest import TestApp, TestResponse

from microblog.store import Database, users
from tests.factories import PASSWORD, Api, Factory
from tests.functional.answers import assert_problem, assert_unauthorized

PAIR = {"username": "alice", "password": PASSWORD}
CLIENT = {"client_id": "alice", "client_secret": PASSWORD}
BODIES = [
    PAIR,
    {"grant_type": "password", **PAIR},
    {"grant_type": "client_credentials", **CLIENT},
    {"grant_type": "authorization_code", **CLIENT},
]


def basic(username: str, password: str) -> str:
    """An Authorization header of HTTP Basic (RFC 7617)."""
    return "Basic " + b64encode(f"{username}:{password}".encode()).decode()


def post_form(app: TestApp, fields: Any, **headers: str) -> TestResponse:
    """POST a form for a token."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return app.post("/api/token", fields, headers=given, expect_errors=True)


def assert_token(app: TestApp, answer: TestResponse) -> None:
    """The answer has a token, and the token is good for reading."""
    assert answer.status_code == 200, answer.text
    token = answer.json["access_token"]
    expected = {"access_token": token, "token_type": "bearer", "expires_in": 86400}
    assert answer.json == expected
    assert answer.headers["Cache-Control"] == "no-store"
    assert Api(app, token).get("/users/alice").status_code == 200


@pytest.mark.parametrize("body", BODIES)
def test_TO_1_token_for_json(
    anonymous: Api, make: Factory, body: dict[str, str]
) -> None:
    make.user("alice")
    assert_token(anonymous.app, anonymous.post("/token", body))


@pytest.mark.parametrize("body", BODIES)
def test_TO_1_token_for_a_form(
    app: TestApp, make: Factory, body: dict[str, str]
) -> None:
    make.user("alice")
    assert_token(app, post_form(app, body))


@pytest.mark.parametrize("grant", ["password", "client_credentials"])
def test_TO_1_token_for_http_basic(anonymous: Api, make: Factory, grant: str) -> None:
    make.user("alice")
    header, body = basic("alice", PASSWORD), {"grant_type": grant}
    answer = anonymous.post("/token", body, Authorization=header)
    assert_token(anonymous.app, answer)
    header = header.replace("Basic", "BASIC")
    answer = post_form(anonymous.app, body, Authorization=header)
    assert_token(anonymous.app, answer)


def test_token_for_http_basic_with_an_empty_body(anonymous: Api, make: Factory) -> None:
    make.user("alice")
    header = basic("alice", PASSWORD)
    assert_token(anonymous.app, anonymous.post("/token", {}, Authorization=header))
    form = {"Content_Type": "application/x-www-form-urlencoded"}
    answer = post_form(anonymous.app, "", Authorization=header, **form)
    assert_token(anonymous.app, answer)


def test_password_in_another_unicode_form(anonymous: Api) -> None:
    user = {"username": "dora", "password": "ein schöner langer Satz"}
    assert anonymous.post("/users", user).status_code == 201
    decomposed = {**user, "password": "ein scho\u0308ner langer Satz"}
    assert anonymous.post("/token", decomposed).status_code == 200
    header = basic("dora", user["password"])
    assert anonymous.post("/token", {}, Authorization=header).status_code == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"password": PASSWORD + "x"},
        {"password": ""},
        {"password": "x" * 5000},
        {"username": "nobody"},
        {"username": "Alice"},
        {"username": ""},
        {"username": "no such grammar"},
    ],
)
def test_AU_4_bad_credentials(
    anonymous: Api, make: Factory, database: Database, wrong: dict[str, str]
) -> None:
    make.user("alice")
    body = {**PAIR, **wrong}
    problem = assert_problem(anonymous.post("/token", body), 400)
    assert problem["detail"] == "username and password do not belong together"
    header = basic(body["username"], body["password"])
    refused = anonymous.post("/token", {}, Authorization=header)
    assert_problem(refused, 401)
    assert refused.headers["WWW-Authenticate"].startswith("Basic ")
    assert database.tokens.find_one({}) is None


def test_bad_credentials_from_who_has_a_token(alice: Api) -> None:
    """400, and no challenge: the wrong ones came in the body, not by HTTP Basic."""
    answer = alice.post("/token", {**PAIR, "password": PASSWORD + "x"})
    assert_problem(answer, 400)
    assert "WWW-Authenticate" not in answer.headers
    assert alice.post("/token", PAIR).status_code == 200


def test_user_without_a_password_cannot_log_in(
    anonymous: Api, database: Database
) -> None:
    users.create(database, "alice")
    for password in ("", "None", PASSWORD):
        body = {"username": "alice", "password": password}
        assert_problem(anonymous.post("/token", body), 400)
    assert database.tokens.find_one({}) is None


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"username": "alice"},
        {"password": PASSWORD},
        {"grant_type": "refresh_token", **PAIR},
        {"grant_type": "client_credentials", **PAIR},
        {"grant_type": "password", **CLIENT},
        {"grant_type": "authorization_code"},
        {**PAIR, "scope": "all"},
        {**PAIR, **CLIENT},
        {**PAIR, "username": 1},
        {**PAIR, "username": None, "password": None},
        {**PAIR, "password": {"$ne": ""}},
        [],
    ],
)
def test_bad_bodies(anonymous: Api, make: Factory, body: Any) -> None:
    make.user("alice")
    problem = assert_problem(anonymous.post("/token", body), 400)
    assert problem["errors"]


@pytest.mark.parametrize(
    "form", ["username=alice&username=alice&password=x", "username", "username=%ff"]
)
def test_bad_forms(app: TestApp, make: Factory, form: str) -> None:
    make.user("alice")
    assert assert_problem(post_form(app, form), 400)["errors"]


def test_credentials_in_body_and_header(anonymous: Api, make: Factory) -> None:
    make.user("alice")
    answer = anonymous.post("/token", PAIR, Authorization=basic("alice", PASSWORD))
    assert_problem(answer, 400)


@pytest.mark.parametrize("encoded", ["", "%%%", "YWxpY2U=", "/w==", "YWxpY2U6 eA=="])
def test_unreadable_http_basic(anonymous: Api, make: Factory, encoded: str) -> None:
    make.user("alice")
    answer = anonymous.post("/token", {}, Authorization=f"Basic {encoded}")
    assert_problem(answer, 400)


def test_other_types_of_body(app: TestApp) -> None:
    for content_type in ("text/plain", "application/xml", "multipart/form-data"):
        headers = {"Content-Type": content_type}
        answer = app.post("/api/token", "x", headers=headers, expect_errors=True)
        assert_problem(answer, 415)


def test_TO_3_logging_out_ends_this_token_and_no_other(
    alice: Api, make: Factory
) -> None:
    second = Api(alice.app, make.token("alice"))
    answer = alice.delete("/token")
    assert (answer.status_code, answer.body) == (204, b"")
    for dead in (alice.get("/users/alice"), alice.delete("/token")):
        assert_unauthorized(dead)
        assert 'error="invalid_token"' in dead.headers["WWW-Authenticate"]
    assert second.get("/users/alice").status_code == 200


def test_logging_out_needs_a_token(anonymous: Api) -> None:
    assert_unauthorized(anonymous.delete("/token"))


def test_TO_2_TO_4_token_that_has_expired(alice: Api, database: Database) -> None:
    """Also while the server has not removed it yet."""
    past = datetime.now(UTC) - timedelta(seconds=1)
    database.tokens.update_one({}, {"$set": {"expires": past}})
    assert_unauthorized(alice.get("/users/alice"))


def test_scheme_is_known_in_any_case(alice: Api) -> None:
    for scheme in ("bearer", "BEARER"):
        header = f"{scheme} {alice.token}"
        answer = alice.get("/users/alice", Authorization=header)
        assert answer.status_code == 200


@pytest.mark.parametrize(
    "header", ["Bearer", "Bearer ", "Bearer a b", "Bearer  x", "Bearer ä", "Bearer x,y"]
)
def test_TO_2_header_that_cannot_be_read(alice: Api, header: str) -> None:
    answer = alice.get("/users/alice", Authorization=header.encode().decode("latin-1"))
    assert_problem(answer, 400)
    assert 'error="invalid_request"' in answer.headers["WWW-Authenticate"]


def test_TO_4_only_a_bearer_token_opens_the_rest(alice: Api, anonymous: Api) -> None:
    for header in (basic("alice", PASSWORD), f"Token {alice.token}", "Digest x"):
        assert_unauthorized(anonymous.get("/users/alice", Authorization=header))
    for name in ("access_token", "token"):
        address = f"/users/alice?{name}={alice.token}"
        assert_unauthorized(anonymous.get(address))
        cookie = f"{name}={alice.token}"
        assert_unauthorized(anonymous.get("/users/alice", Cookie=cookie))


def test_TO_2_token_that_nobody_has_got(anonymous: Api) -> None:
    answer = Api(anonymous.app, "mb_" + "x" * 43).get("/search?text=abc")
    assert_unauthorized(answer)
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


def test_TO_1_oldest_tokens_beyond_twenty_end(alice: Api, make: Factory) -> None:
    others = [make.token("alice") for _ in range(20)]
    assert_unauthorized(alice.get("/users/alice"))
    for token in (others[0], others[-1]):
        assert Api(alice.app, token).get("/users/alice").status_code == 200


def test_TO_1_token_is_stored_as_a_digest(
    anonymous: Api, make: Factory, database: Database
) -> None:
    """Of 256 random bits, behind a prefix by which it is known for what it is."""
    make.user("alice")
    tokens = {anonymous.post("/token", PAIR).json["access_token"] for _ in range(20)}
    assert len(tokens) == 20
    stored = str(
        [list(database[name].find()) for name in database.list_collection_names()]
    )
    assert "alice" in stored
    for token in tokens:
        assert re.fullmatch("mb_[A-Za-z0-9_-]{43}", token)
        assert token.removeprefix("mb_") not in stored


def test_TO_2_AZ_3_unknown_things_are_401_to_strangers_too(anonymous: Api) -> None:
    for path in ("/users/nobody", "/users/nobody/collection/115", "/search?text=abc"):
        answer = anonymous.get(path)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="microblog"'


def test_TO_4_token_that_only_reads(
    alice: Api, anonymous: Api, bob: Api, make: Factory
) -> None:
    make.micropost("alice", "mine")
    answer = anonymous.post("/token", {**PAIR, "scope": "read"})
    assert (answer.status_code, answer.json["scope"]) == (200, "read")
    app = Api(alice.app, answer.json["access_token"])
    for path in ("", "/collection", "/timeline", "/following", "/followers"):
        assert app.get(f"/users/alice{path}").status_code == 200
    assert app.get("/search?text=mine").status_code == 200
    (micropost,) = app.get("/users/alice/collection").json["result"]
    own = f"/users/alice/collection/{micropost['id']}"
    for refused in (
        app.post("/users/alice/collection", {"text": "no"}),
        app.patch(own, {"text": "no"}),
        app.put(own, {"text": "no"}),
        app.delete(own),
        app.post("/users/alice/following", {"username": "bob"}),
        app.delete("/users/alice/following/bob"),
        app.patch("/users/alice", {"name": "no"}),
        app.delete("/users/alice", {"password": PASSWORD}),
    ):
        assert_problem(refused, 403)
        said = refused.headers["WWW-Authenticate"]
        assert said == (
            'Bearer realm="microblog", error="insufficient_scope", scope="read write"'
        )
    assert alice.get(own).json["text"] == "mine"
    # Whose token may write is told so only of what is another's.
    assert "WWW-Authenticate" not in bob.delete(own).headers
    assert app.delete("/token").status_code == 204
    assert_unauthorized(app.get("/users/alice"))


@pytest.mark.parametrize("scope", ["", "write", "admin", "read  write", 1, None])
def test_TO_4_there_are_no_other_scopes(
    anonymous: Api, make: Factory, scope: object
) -> None:
    make.user("alice")
    assert_problem(anonymous.post("/token", {**PAIR, "scope": scope}), 400, "scope")
