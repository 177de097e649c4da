"""The document of the API: whole, valid, and true."""

import importlib
import json
import pkgutil
import re
from collections.abc import Iterator
from datetime import date
from threading import Event
from typing import Any

import pytest
from cornice.service import get_services
from openapi_spec_validator import validate
from webtest import TestApp, TestResponse

import microblog
from microblog import openapi, views
from microblog.settings import Settings
from microblog.store import Database, exports
from microblog.store.statistics import number
from microblog.tasks import jobs
from microblog.tasks.jobs import Site
from microblog.views.answers import Days
from tests.documented import Documented, documented
from tests.factories import PASSWORD, Api, Factory

for module in pkgutil.iter_modules(views.__path__):
    importlib.import_module(f"microblog.views.{module.name}")
OPERATIONS = list(openapi.operations())
NAMES = [f"{one.service.name}_{one.method.lower()}" for one in OPERATIONS]

ID = 117670144407863347
COLLECTION = "/users/alice/collection"
TIME = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z")


@pytest.fixture
def document(application: Any) -> Documented:
    """The document as it is served."""
    return documented(application)


@pytest.fixture
def world(make: Factory) -> Factory:
    """What examples are about: alice and bob, who follow each other, her micropost."""
    make.user("alice", name="Alice")
    make.database.users.update_one(
        {"_id": "alice"}, {"$set": {"bio": "Down the hole."}}
    )
    make.follow("alice", "bob")
    make.follow("bob", "alice")
    make.micropost("alice", "Hello, world!", id=ID)
    (day,) = Days.model_json_schema()["examples"][0]["result"]
    stored = {"_id": day["date"], "day": number(date.fromisoformat(day["date"]))}
    make.database.statistics.insert_one({**day, **stored})
    return make


def test_document_is_valid(document: Documented) -> None:
    validate(document.content)


def test_document_is_what_is_served(anonymous: Api, document: Documented) -> None:
    answer = anonymous.get("/openapi.json")
    assert answer.status_code == 200
    assert answer.json == document.content
    assert answer.headers["Cache-Control"] == "public, max-age=3600"
    again = anonymous.get("/openapi.json", If_None_Match=answer.headers["ETag"])
    assert (again.status_code, again.body) == (304, b"")
    refused = anonymous.post("/openapi.json", {})
    assert (refused.status_code, refused.headers["Allow"]) == (
        405,
        "GET, HEAD, OPTIONS",
    )
    assert answer.json["servers"] == [{"url": "http://localhost:6543/api"}]


def test_document_has_every_service_and_no_more(document: Documented) -> None:
    services = {
        (service.path, method.lower())
        for service in get_services()
        for method in service.defined_methods
        if method != "HEAD"
    }
    written = {
        (f"/api{path}", method)
        for path, methods in document.content["paths"].items()
        for method in methods
    }
    assert written == services
    assert not any(path.startswith("/api/user/") for path, _method in written)


@pytest.mark.parametrize("one", OPERATIONS, ids=NAMES)
def test_operation_is_documented(document: Documented, one: openapi.Operation) -> None:
    """Whoever adds a service says what it answers, by `answers=` of its method, and in
    the docstring of its view."""
    operation = document.operation(one.method, re.sub(r"{\w+}", "x", one.service.path))
    assert operation
    assert [status for status in one.answers if status < 400], "answers= is missing"
    assert operation["summary"]
    for parameter in operation.get("parameters", []):
        assert parameter["description"], parameter["name"]
        assert parameter["schema"]
    for model in one.models:
        assert model.__doc__
        for name, field in model.model_json_schema()["properties"].items():
            said = [field, *field.get("anyOf", [])]
            assert any("description" in one for one in said), (model, name)
    if one.body:
        assert one.body.model.model_json_schema()["examples"]
    for answer in operation["responses"].values():
        assert document.resolved(answer)["description"]


@pytest.mark.parametrize("one", [one for one in OPERATIONS if one.body])
def test_no_field_promises_what_no_body_may_have(one: openapi.Operation) -> None:
    """NUL, wherever in a string (`strict_json`)."""
    assert one.body
    schema = one.body.model.model_json_schema()
    for name, field in schema["properties"].items():
        for kind in field.get("anyOf", [field]):
            if kind.get("type") == "string" and "enum" not in kind:
                assert not re.search(kind["pattern"], "\0"), name


def test_unknown_parts_do_not_stop_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that declares nothing is in the document all the same."""
    for service in get_services():
        monkeypatch.setattr(service, "answers", {})
    content = openapi.document("https://example.org", "microblog")
    assert len(content["paths"]) > 10


def test_operations_have_names_of_their_own() -> None:
    assert len({*NAMES}) == len(NAMES)


def sent(
    document: Documented, one: openapi.Operation
) -> tuple[str, Any, dict[str, str]]:
    """The example of a request: its path with the query, its body and its headers."""
    path = one.service.path.removeprefix("/api")
    operation = document.content["paths"][path][one.method.lower()]
    query, headers = [], {}
    for parameter in operation.get("parameters", []):
        name, examples = parameter["name"], parameter["schema"].get("examples", [])
        assert examples or not parameter.get("required")
        for example in examples[:1]:
            if parameter["in"] == "path":
                path = path.replace(f"{{{name}}}", example)
            elif parameter["in"] == "query":
                query.append(f"{name}={example}")
            else:
                headers[name.replace("-", "_")] = example
    body = None
    if "requestBody" in operation:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        body = document.resolved(schema)["examples"][0]
    return path + ("?" + "&".join(query) if query else ""), body, headers


def timeless(value: dict[str, Any]) -> str:
    """What an answer says at all times and on all sites."""
    kept = {name: one for name, one in value.items() if name != "bytes"}
    text = TIME.sub("TIME", json.dumps(kept, sort_keys=True))
    return text.replace("https://example.org", "http://localhost:6543")


def make_export(application: Any, settings: Settings, database: Database) -> None:
    """Alice has asked for her data, and the worker has made them ready."""
    exports.ask(database, "alice")
    connection = application.registry["connection"]
    site = Site(settings, connection, lambda *a: None, lambda: 0, Event())
    jobs.ASKED[exports.TASK](site, "alice")


@pytest.mark.parametrize("one", OPERATIONS, ids=NAMES)
def test_example_is_true(
    app: TestApp,
    settings: Settings,
    document: Documented,
    world: Factory,
    one: openapi.Operation,
) -> None:
    """What the document shows is done as it is shown, and gives what is shown."""
    if "export" in one.service.name and one.method == "GET":
        make_export(app.app, settings, world.database)
    api, (path, body, headers) = Api(app, world.token("alice")), sent(document, one)
    send = getattr(api, one.method.lower())
    answer = send(path, body, **headers) if body else send(path, **headers)
    assert answer.status_code < 300, answer.text
    declared = document.operation(one.method, answer.request.path)
    assert declared
    described = declared["responses"][str(answer.status_code)].get("content", {})
    for part in described.values():
        schema = document.resolved(part.get("schema", {}))
        for example in schema.get("examples", []):
            assert not [*document.wrong(schema, example)]
            assert example.keys() == answer.json.keys()
            if one.method == "GET":
                assert timeless(answer.json) == timeless(example)


def test_examples_stand_where_they_are_executed(document: Documented) -> None:
    """Above all bodies, and answers that have fields; not somewhere within."""
    found = {model for one in OPERATIONS for model in one.models}
    for model in found - {openapi.components.Problem}:
        assert model.model_json_schema()["examples"], model
    names = {model.__name__ for model in found}
    for name, schema in document.content["components"]["schemas"].items():
        assert name in names or "examples" not in schema, name
    for name, header in document.content["components"]["headers"].items():
        for example in header["schema"].get("examples", []):
            assert not [*document.wrong(header["schema"], example)], name


def test_example_of_a_form_is_true(
    app: TestApp, document: Documented, world: Factory
) -> None:
    (example,) = document.content["components"]["schemas"]["TokenRequest"]["examples"]
    assert app.post("/api/token", example).status_code == 200


def test_example_of_who_awaits_approval_is_true(
    settings: Settings, document: Documented
) -> None:
    made = microblog.application(
        settings.model_copy(update={"registration": "approval"})
    )
    made.registry["connection"].wait()
    schemas = document.content["components"]["schemas"]
    answer = Api(TestApp(made)).post("/users", schemas["NewUser"]["examples"][0])
    made.registry["connection"].close()
    assert answer.status_code == 202
    assert answer.json == schemas["Application"]["examples"][0]


def test_what_is_left_out_has_no_value(document: Documented) -> None:
    """A micropost without `hidden` is not hidden."""
    for schema in document.content["components"]["schemas"].values():
        for field in schema["properties"].values():
            assert not field.keys() >= {"const", "default"}


@pytest.fixture
def stingy(settings: Settings) -> Iterator[Any]:
    """The application with a limit that is soon reached."""
    made = microblog.application(settings.model_copy(update={"limits_post": 1}))
    made.registry["connection"].wait()
    yield made
    made.registry["connection"].close()


def failures(app: TestApp, stingy: Any, make: Factory) -> dict[str, TestResponse]:
    """A request that fails with each status."""
    alice, bob = Api(app, make.token("alice")), Api(app, make.token("bob"))
    micropost = f"{COLLECTION}/{ID}"
    once = {"Idempotency_Key": "one"}
    alice.post(COLLECTION, {"text": "once"}, **once)
    limited = Api(TestApp(stingy), alice.token)
    limited.post(COLLECTION, {"text": "the one that may be"})
    return {
        "400": alice.post(COLLECTION, {}),
        "401": Api(app).post(COLLECTION, {"text": "x"}),
        "403": bob.post(COLLECTION, {"text": "x"}),
        "404": alice.get("/users/nobody/collection"),
        "406": alice.get(COLLECTION, Accept="text/html"),
        "409": alice.post("/users", {"username": "alice", "password": PASSWORD}),
        "412": alice.patch(micropost, {"text": "x"}, If_Match='"99"'),
        "413": alice.post(COLLECTION, {"text": "x" * 70_000}),
        "415": alice.post(COLLECTION, {"text": "x"}, Content_Type="text/plain"),
        "422": alice.post(COLLECTION, {"text": "another"}, **once),
        "429": limited.post(COLLECTION, {"text": "one too many"}),
    }


def test_examples_of_failures_are_true(
    app: TestApp, stingy: Any, document: Documented, world: Factory
) -> None:
    answers = failures(app, stingy, world)
    shown = {}
    for status, part in document.content["components"]["responses"].items():
        for described in part["content"].values():
            if "example" in described:
                shown[status] = described["example"]
                assert not [*document.wrong(described["schema"], described["example"])]
    assert shown.keys() == answers.keys()
    for status, example in shown.items():
        said = answers[status].json
        if status == "429":
            said["detail"] = re.sub(r"\d+ min", "60 min", said["detail"])
        assert {**said, "instance": example["instance"]} == example


def test_answer_that_is_not_documented_fails_its_test(
    alice: Api, document: Documented, database: Database
) -> None:
    """So that the check of every other test is worth something."""
    answer = alice.get("/users/alice")
    document.check("GET", answer)
    for change in (
        {"status_code": 418},
        {"body": answer.body.replace(b'"bio"', b'"biography"')},
        {"content_type": "text/html"},
    ):
        other = answer.copy()
        for name, value in change.items():
            setattr(other, name, value)
        other.request = answer.request
        with pytest.raises(AssertionError, match="/api/users/alice"):
            document.check("GET", other)
