"""JSON is read strictly, and nothing but plain values reaches the store."""

from typing import Any

import pytest
from webtest import TestApp

from microblog.store import Database
from tests.factories import PASSWORD, Api, Factory
from tests.functional.answers import assert_problem
from tests.functional.bad_inputs.cases import BODIES
from tests.functional.test_forms import dump

MEMBERS = f'"username": "dora", "password": "{PASSWORD}"'
GOOD = "{" + MEMBERS + "}"
BAD: dict[str, str | bytes] = {
    "empty": "",
    "cut off": GOOD[:-1],
    "comma at the end": "{" + MEMBERS + ",}",
    "two documents": GOOD * 2,
    "comment": GOOD + " // dora",
    "null": "null",
    "text": '"dora"',
    "number": "1",
    "array": f"[{GOOD}]",
    "name twice": "{" + MEMBERS + ', "username": "eve"}',
    "name twice, once escaped": "{" + MEMBERS + ', "\\u0075sername": "eve"}',
    "unknown name": "{" + MEMBERS + ', "admin": true}',
    "no number": "{" + MEMBERS + ', "name": NaN}',
    "infinity": "{" + MEMBERS + ', "name": -Infinity}',
    "beyond all numbers": "{" + MEMBERS + ', "name": 1e999}',
    "integer beyond 2**53": "{" + MEMBERS + f', "name": {2**53 + 1}' + "}",
    "5,000 digits": "{" + MEMBERS + f', "name": {"1" * 5000}' + "}",
    "17 deep": "{" + MEMBERS + f', "name": {"[" * 16}{"]" * 16}' + "}",
    "4,000 deep": "[" * 4000 + "]" * 4000,
    "lone surrogate": "{" + MEMBERS + ', "name": "\\ud800"}',
    "NUL": "{" + MEMBERS + ', "name": "a\\u0000b"}',
    "NUL in a name": "{" + MEMBERS + ', "na\\u0000me": "a"}',
    "line end in a text": "{" + MEMBERS + ', "name": "a\nb"}',
    "byte order mark": b"\xef\xbb\xbf" + GOOD.encode(),
    "UTF-16": GOOD.encode("utf-16"),
    "Latin-1": ("{" + MEMBERS + ', "name": "é"}').encode("latin-1"),
}
TYPES = ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
OPERATORS: list[Any] = [
    {"$gt": ""},
    {"$ne": None},
    {"$regex": ".*"},
    {"$where": "1"},
    {"$in": ["alice"]},
    ["alice"],
    [{"$gt": ""}],
    1,
    1.5,
    True,
]


def register(app: TestApp, body: str | bytes, content_type: str) -> Any:
    """The answer to a new account by these bytes."""
    given = {"Content-Type": content_type}
    return app.post("/api/users", body, headers=given, expect_errors=True)


@pytest.mark.parametrize("body", BAD.values(), ids=BAD)
def test_IN_2_what_is_not_strict_is_refused(
    app: TestApp, database: Database, body: str | bytes
) -> None:
    assert_problem(register(app, body, "application/json"), 400)
    assert database.users.find_one({}) is None
    assert register(app, GOOD, "application/json").status_code == 201


@pytest.mark.parametrize("content_type", TYPES)
def test_IN_2_what_is_not_called_JSON_is_not_read(
    app: TestApp, database: Database, content_type: str
) -> None:
    assert_problem(register(app, GOOD, content_type), 415)
    assert database.users.find_one({}) is None


@pytest.mark.parametrize("endpoint", BODIES)
def test_IN_3_operators_are_no_values(
    alice: Api, bob: Api, make: Factory, endpoint: str
) -> None:
    """In any field of any body."""
    request = BODIES[endpoint]
    method, path = request["send"].split()
    path = path.removeprefix("/api").replace("{id}", str(make.micropost()["id"]))
    good = {
        name: value.replace("{password}", PASSWORD)
        for name, value in request["json"].items()
    }
    api = {"alice": alice, "bob": bob, "": Api(alice.app)}[request.get("user", "alice")]
    before = dump(make.database)
    for name in good:
        for value in OPERATORS:
            answer = getattr(api, method.lower())(path, {**good, name: value})
            assert_problem(answer, 400)
    assert dump(make.database) == before


@pytest.mark.parametrize(
    "query", ["username[$ne]=x", "username[]=alice", "$where=1", "username.$gt="]
)
def test_IN_3_operators_are_no_fields_of_a_form(
    app: TestApp, make: Factory, query: str
) -> None:
    make.user("alice")
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    body = f"{query}&password={PASSWORD.replace(' ', '+')}"
    answer = app.post("/api/token", body, headers=form, expect_errors=True)
    assert_problem(answer, 400)
    assert make.database.tokens.find_one({}) is None
