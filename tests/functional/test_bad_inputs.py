"""What a client should not send is refused with the right status, changes nothing, and
the next request is served."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from microblog.settings import Settings
from tests.functional.bad_inputs import cases
from tests.functional.bad_inputs.cases import ENDPOINTS, Case
from tests.functional.bad_inputs.world import World, assert_failure

# Methods that no standard knows are among what is sent.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Unknown REQUEST_METHOD"),
    pytest.mark.usefixtures("untraced"),
]

REFUSED = [
    "usernames",
    "bodies",
    "values",
    "content_types",
    "texts",
    "queries",
    "paths",
    "headers",
    "methods",
    "conditions",
    "forms",
]


def parameters(*files: str) -> Any:
    """Every case of the files as a parameter of a test."""
    return pytest.mark.parametrize(
        "case",
        [
            pytest.param(case, id=f"{file}: {label}")
            for file in files
            for label, case in cases.read(file).items()
        ],
    )


@pytest.fixture(scope="module")
def world(application: Any, settings: Settings) -> Iterator[World]:
    """A site, made once: it is the same after every request."""
    world = World(application, settings)
    yield world
    world.close()


@pytest.mark.parametrize("name", ENDPOINTS)
def test_IN_1_every_endpoint_takes_the_request_that_bad_ones_are_made_of(
    world: World, name: str
) -> None:
    world.accepts(cases.good(name))


@parameters(*REFUSED)
def test_IN_1_bad_input_is_refused_and_changes_nothing(
    world: World, case: Case
) -> None:
    world.refuses(case)


@parameters("authorization")
def test_TO_2_credentials_that_do_not_count(world: World, case: Case) -> None:
    world.refuses(case)


@parameters("accepted")
def test_IN_1_unusual_input_is_served(world: World, case: Case) -> None:
    world.accepts(case)


@parameters("moved")
def test_IN_1_unusual_address_leads_to_the_usual_one(world: World, case: Case) -> None:
    world.moves(case)


def without_limits(answer: Any) -> dict[str, str]:
    """The headers, without those that count requests."""
    return {
        name: value
        for name, value in answer.headers.items()
        if not name.startswith("RateLimit")
    }


@parameters("read")
def test_IN_1_head_answers_with_the_headers_of_get(
    world: World, case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Within one second, which the tokens of forms name.
    now = time.time()
    monkeypatch.setattr("microblog.forms.time.time", lambda: now)
    known = world.send(case)
    head = world.send(replace(case, send=case.send.replace("GET", "HEAD", 1)))
    assert head.status_code == known.status_code == case.status
    assert without_limits(head) == without_limits(known)
    assert head.body == b""


def test_IN_1_an_answer_names_at_most_twenty_errors(world: World) -> None:
    """It would be ten times as large as its request."""
    many = {f"x{number}": 1 for number in range(5000)}
    case = Case("POST /api/users/alice/collection", 400, json={"text": "a", **many})
    world.refuses(case)
    answer = world.send(case)
    assert len(answer.json["errors"]) == 20
    assert len(answer.body) < 4000


def test_IN_1_a_number_of_a_cursor_beyond_all_ids_is_no_mistake_of_the_server(
    world: World,
) -> None:
    """The way back from a page behind the last id begins with the last id."""
    last = "AX__________"
    case = Case(f"GET /api/users/alice/collection?order=oldest&cursor={last}", 200)
    page = world.send(case).json
    assert page["result"] == []
    back = page["previous"].removeprefix("http://localhost:6543")
    texts = [one["text"] for one in world.send(Case(f"GET {back}", 200)).json["result"]]
    assert texts == ["hello"]


def test_IN_1_key_is_a_new_one_after_a_day(world: World) -> None:
    """Decided at once, not when the server comes to remove it."""
    headers = {"Idempotency-Key": "k"}
    case = Case("POST /api/users/alice/collection", 201, headers=headers)
    first = world.send(replace(case, json={"text": "first"}))
    other = replace(case, json={"text": "other"})
    assert world.send(other).status_code == 422
    long_ago = datetime.now(UTC) - timedelta(hours=25)
    world.database.idempotency.update_many({}, {"$set": {"created": long_ago}})
    answers = [world.send(other) for _again in range(2)]
    world.restore()
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json == answers[1].json
    assert answers[0].json["id"] != first.json["id"]


# What the reader of JSON takes, and a little more.
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())
    | st.sampled_from(["alice", "bob", "", "$gt", "password", "1", "\ud800", "a\0"])
)
NAMES = st.text(max_size=8) | st.sampled_from(["$gt", "$where", "text", "a.b", "$set"])
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4)
    ),
    max_leaves=12,
)
FIELDS = [
    (label, name)
    for label, endpoint in cases.BODIES.items()
    for name in endpoint["json"]
]
# Where an address, a query or a header can carry anything.
ADDRESSES = [
    "GET /api/users/<>",
    "GET /api/users/<>/collection",
    "GET /api/users/alice/collection/<>",
    "DELETE /api/users/alice/following/<>",
    "GET /api/users/alice/<>",
    "GET /api/user/<>",
    "GET /api/<>",
    "GET /static/<>",
    "GET /<>",
    "GET /api/search?text=<>",
    "GET /api/search?text=abc&username=<>",
    *(
        f"GET /api/users/alice/{page}?{name}=<>"
        for page in ("collection", "timeline", "following", "followers")
        for name in ("size", "page", "order", "cursor", "<>")
    ),
]
HEADERS = [
    "Accept",
    "Accept-Language",
    "Authorization",
    "Content-Encoding",
    "Content-Type",
    "Cookie",
    "Idempotency-Key",
    "If-Match",
    "If-Modified-Since",
    "If-None-Match",
    "Origin",
    "Range",
    "X-Forwarded-For",
    "X-Vhm-Root",
]
BYTES = st.binary(max_size=40) | st.text(max_size=40).map(
    lambda text: text.encode("utf-8", "surrogatepass")
)
anything = settings(
    max_examples=60, deadline=None, suppress_health_check=list(HealthCheck)
)


def survives(world: World, case: Case) -> None:
    """Whatever this is, it is answered; a failure has the form of one."""
    answer = world.send(case)
    assert answer.status_code < 500
    if answer.status_code >= 400:
        assert_failure(case, answer)
    world.restore()


@anything
@given(where=st.sampled_from(FIELDS), value=VALUES)
def test_IN_1_any_value_of_any_field_is_answered(
    world: World, where: tuple[str, str], value: Any
) -> None:
    label, name = where
    good = cases.good(label)
    survives(world, replace(good, json={**good.json, name: value}))


@anything
@given(label=st.sampled_from(sorted(cases.BODIES)), body=st.binary() | VALUES)
def test_IN_1_any_body_is_answered(world: World, label: str, body: Any) -> None:
    text = body.decode("latin-1") if isinstance(body, bytes) else json.dumps(body)
    survives(world, replace(cases.good(label), json=None, body=text))


@anything
@given(address=st.sampled_from(ADDRESSES), text=BYTES)
def test_IN_1_any_bytes_in_any_address_are_answered(
    world: World, address: str, text: bytes
) -> None:
    survives(world, Case(address.replace("<>", quote(text, safe="")), 200))


@anything
@given(
    label=st.sampled_from(sorted(ENDPOINTS)),
    name=st.sampled_from(HEADERS),
    value=st.text(st.characters(min_codepoint=32, max_codepoint=255)),
)
def test_IN_1_any_header_is_answered(
    world: World, label: str, name: str, value: str
) -> None:
    survives(world, replace(cases.good(label), headers={name: value}))
