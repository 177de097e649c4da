"""Many clients at once, and two web servers on one store."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.factories import PASSWORD
from tests.faults.rig import MANY, at_once, statuses
from tests.site import Site


@pytest.fixture
def pair(site: Site, tmp_path: Path) -> Iterator[list[Site]]:
    """Two web servers on the data, and the document server, of the first."""
    (tmp_path / "second").mkdir()
    second = Site(tmp_path / "second")
    second.data_dir = site.data_dir
    second.start()
    yield [site, second]
    second.stop()


def test_F8_DI_2_one_username_is_given_once(pair: list[Site]) -> None:
    names = ["alice", "a1ice", "al_ice"]  # look-alikes are one name

    def register(number: int) -> tuple[int, Any]:
        user = {"username": names[number % 3], "password": PASSWORD}
        one = pair[number % 2]
        # Some are told to come again, for reading must go on.
        while (answer := one.request("POST", "/api/users", user))[0] == 503:
            time.sleep(0.1)
        return answer

    assert statuses(at_once(register)) == {201: 1, 409: MANY - 1}


def test_F8_DI_3_one_idempotency_key_is_one_micropost(pair: list[Site]) -> None:
    site, token = pair[0], pair[0].register("alice")
    path = "/api/users/alice/collection"
    answers = at_once(
        lambda n: pair[n % 2].request(
            "POST", path, {"text": "once"}, token, **{"Idempotency-Key": "key"}
        )
    )
    assert statuses(answers) == {201: MANY}
    assert len({answer["id"] for _, answer in answers}) == 1
    assert len(site.request("GET", path, None, token)[1]["result"]) == 1
    assert site.request("GET", "/api/users/alice", None, token)[1]["microposts"] == 1


def test_F8_DI_4_one_edit_of_a_revision_wins(pair: list[Site]) -> None:
    site, token = pair[0], pair[0].register("alice")
    path = "/api/users/alice/collection"
    id = site.request("POST", path, {"text": "first"}, token)[1]["id"]
    answers = at_once(
        lambda n: pair[n % 2].request(
            "PUT", f"{path}/{id}", {"text": f"edit {n}"}, token, **{"If-Match": '"1"'}
        )
    )
    assert statuses(answers) == {200: 1, 412: MANY - 1}
    winner = next(answer for status, answer in answers if status == 200)
    assert site.request("GET", f"{path}/{id}", None, token)[1] == winner
    assert site.request("GET", path, None, token)[1]["result"] == [winner]


def test_F8_DI_5_posts_and_follows_are_counted_exactly(pair: list[Site]) -> None:
    site, token = pair[0], pair[0].register("alice")
    site.register("bob")
    posts = at_once(
        lambda n: pair[n % 2].request(
            "POST", "/api/users/alice/collection", {"text": f"text {n}"}, token
        )
    )
    follows = at_once(
        lambda n: pair[n % 2].request(
            "POST", "/api/users/alice/following", {"username": "bob"}, token
        )
    )
    assert statuses(posts) == {201: MANY}
    assert statuses(follows) == {201: 1, 200: MANY - 1}
    alice = site.request("GET", "/api/users/alice", None, token)[1]
    assert (alice["microposts"], alice["following"]) == (MANY, 1)
    assert site.command("check") == (0, "0 found\n")


def test_two_web_servers_on_one_store(pair: list[Site]) -> None:
    """A token that one ends is dead in the other at once; when the owner of the
    document server stops, the other goes on."""
    site, second = pair
    token = site.register("alice")
    assert second.request("GET", "/api/users/alice", None, token)[0] == 200
    assert site.request("DELETE", "/api/token", None, token)[0] == 204
    assert second.request("GET", "/api/users/alice", None, token)[0] == 401
    assert site.stop() == 0
    login = {"username": "alice", "password": PASSWORD}
    until = time.monotonic() + 60
    while True:
        status, answer = second.request("POST", "/api/token", login)
        if status == 200 or time.monotonic() > until:
            break
        assert status == 503
        time.sleep(0.1)
    assert status == 200, answer
