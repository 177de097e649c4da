"""Limits at their edge: many clients at once, two web servers, one store."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.factories import PASSWORD
from tests.faults.rig import at_once, statuses
from tests.site import Site

CLIENTS = 100
# So few that none is free again during a test: should a window end meanwhile, of 20 in
# an hour the first is after three minutes, of 4 in five minutes after more than one.
MOST = {"register": 20, "post": 20, "follow": 20, "login": 4, "search": 4}
LIMITS = "".join(f"limits.{name} = {most}\n" for name, most in MOST.items())
# All clients come from one address.
SETTINGS = f"{LIMITS}http.connections = 200\n"

Answer = tuple[int, Any]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Site]]:
    """Two web servers on one store; alice, bob and carol are users."""
    sites: list[Site] = []
    for name in ("first", "second"):
        site = Site(tmp_path_factory.mktemp(name), SETTINGS)
        site.data_dir = (sites or [site])[0].data_dir
        site.start()
        sites.append(site)
    for name in ("alice", "bob", "carol"):
        assert sites[0].command("user", "add", name, text=PASSWORD)[0] == 0
    yield sites
    for site in reversed(sites):
        site.stop()


def until_there_is_a_place(ask: Callable[[], Answer]) -> Answer:
    """Who finds all hashing is told to come again, which counts nothing."""
    while (answer := ask())[0] == 503:
        time.sleep(0.05)
    return answer


@pytest.mark.parametrize(
    ("limit", "method", "path", "body", "passed"),
    [
        ("post", "POST", "/api/users/alice/collection", {"text": "one of"}, {201: 20}),
        ("search", "GET", "/api/search?text=one", None, {200: 4}),
        (
            "follow",
            "POST",
            "/api/users/alice/following",
            {"username": "bob"},
            {201: 1, 200: 19},
        ),
    ],
)
def test_F8_RL_1_exactly_so_many_pass(
    pair: list[Site],
    limit: str,
    method: str,
    path: str,
    body: Any,
    passed: dict[int, int],
) -> None:
    known = {"username": "alice", "password": PASSWORD}
    token = pair[0].request("POST", "/api/token", known)[1]["access_token"]
    answers = at_once(
        lambda number: pair[number % 2].request(method, path, body, token), CLIENTS
    )
    assert sum(passed.values()) == MOST[limit]
    assert statuses(answers) == {**passed, 429: CLIENTS - MOST[limit]}
    if limit == "post":
        user = pair[1].request("GET", "/api/users/alice", None, token)[1]
        assert user["microposts"] == MOST["post"]


def test_F8_AU_5_exactly_so_many_passwords_are_tried(pair: list[Site]) -> None:
    """However many guess at once; then the right one is refused by both."""

    def guess(number: int, password: str = "") -> Answer:
        given = {"username": "bob", "password": password or f"a guess {number}"}
        site = pair[number % 2]
        return until_there_is_a_place(lambda: site.request("POST", "/api/token", given))

    refused = CLIENTS - MOST["login"]
    assert statuses(at_once(guess, CLIENTS)) == {400: MOST["login"], 429: refused}
    assert [guess(number, PASSWORD)[0] for number in range(2)] == [429, 429]


def test_F8_RL_1_exactly_so_many_register(pair: list[Site]) -> None:
    def register(number: int) -> Answer:
        user = {"username": f"user{number}x", "password": PASSWORD}
        site = pair[number % 2]
        return until_there_is_a_place(lambda: site.request("POST", "/api/users", user))

    refused = CLIENTS - MOST["register"]
    assert statuses(at_once(register, CLIENTS)) == {201: MOST["register"], 429: refused}


def test_RL_2_forged_address_changes_nothing(pair: list[Site]) -> None:
    given = {"username": "carol", "password": "a guess"}
    answers = [
        pair[number % 2].request(
            "POST",
            "/api/token",
            given,
            **{
                "X-Forwarded-For": f"198.51.{number}.1",
                "Forwarded": f"for=198.51.{number}.1",
            },
        )
        for number in range(CLIENTS)
    ]
    refused = CLIENTS - MOST["login"]
    assert statuses(answers) == {400: MOST["login"], 429: refused}
