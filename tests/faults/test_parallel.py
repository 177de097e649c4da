"""Many clients at once, and two web servers on one store."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.factories import PASSWORD
from tests.site import Site

MANY = 20


def at_once(one: Callable[[int], tuple[int, Any]]) -> list[tuple[int, Any]]:
    """The answers of so many calls that begin together."""
    answers: list[tuple[int, Any]] = []
    barrier = threading.Barrier(MANY)

    def run(number: int) -> None:
        barrier.wait()
        answers.append(one(number))

    threads = [threading.Thread(target=run, args=(n,)) for n in range(MANY)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def statuses(answers: list[tuple[int, Any]]) -> Counter[int]:
    return Counter(status for status, _ in answers)


def test_one_username_is_given_once(site: Site) -> None:
    names = ["alice", "a1ice", "al_ice"]  # look-alikes are one name

    def register(number: int) -> tuple[int, Any]:
        user = {"username": names[number % 3], "password": PASSWORD}
        # Some are told to come again, for reading must go on.
        while (answer := site.request("POST", "/api/users", user))[0] == 503:
            time.sleep(0.1)
        return answer

    assert statuses(at_once(register)) == {201: 1, 409: MANY - 1}


def test_one_idempotency_key_is_one_micropost(site: Site) -> None:
    token = site.register("alice")
    path = "/api/users/alice/collection"
    answers = at_once(
        lambda n: site.request(
            "POST", path, {"text": "once"}, token, **{"Idempotency-Key": "key"}
        )
    )
    assert statuses(answers) == {201: MANY}
    assert len({answer["id"] for _, answer in answers}) == 1
    assert len(site.request("GET", path, None, token)[1]["result"]) == 1
    assert site.request("GET", "/api/users/alice", None, token)[1]["microposts"] == 1


def test_one_edit_of_a_revision_wins(site: Site) -> None:
    token = site.register("alice")
    path = "/api/users/alice/collection"
    id = site.request("POST", path, {"text": "first"}, token)[1]["id"]
    answers = at_once(
        lambda n: site.request(
            "PUT", f"{path}/{id}", {"text": f"edit {n}"}, token, **{"If-Match": '"1"'}
        )
    )
    assert statuses(answers) == {200: 1, 412: MANY - 1}
    winner = next(answer for status, answer in answers if status == 200)
    assert site.request("GET", f"{path}/{id}", None, token)[1] == winner
    assert site.request("GET", path, None, token)[1]["result"] == [winner]


def test_parallel_posts_and_follows_are_counted_exactly(site: Site) -> None:
    token = site.register("alice")
    site.register("bob")
    posts = at_once(
        lambda n: site.request(
            "POST", "/api/users/alice/collection", {"text": f"text {n}"}, token
        )
    )
    follows = at_once(
        lambda n: site.request(
            "POST", "/api/users/alice/following", {"username": "bob"}, token
        )
    )
    assert statuses(posts) == {201: MANY}
    assert statuses(follows) == {201: 1, 200: MANY - 1}
    alice = site.request("GET", "/api/users/alice", None, token)[1]
    assert (alice["microposts"], alice["following"]) == (MANY, 1)
    assert site.command("check") == (0, "0 found\n")


def test_two_web_servers_on_one_store(site: Site, tmp_path: Path) -> None:
    """A token that one ends is dead in the other at once; when the owner of the
    document server stops, the other goes on."""
    (tmp_path / "second").mkdir()
    second = Site(tmp_path / "second")
    second.data_dir = site.data_dir
    second.start()
    try:
        token = site.register("alice")
        assert second.request("GET", "/api/users/alice", None, token)[0] == 200
        assert site.request("DELETE", "/api/token", None, token)[0] == 204
        assert second.request("GET", "/api/users/alice", None, token)[0] == 401
        assert site.stop() == 0
        login = {"username": "alice", "password": PASSWORD}
        for _ in range(100):
            status, answer = second.request("POST", "/api/token", login)
            if status == 200:
                break
            assert status == 503
        assert status == 200, answer
    finally:
        second.stop()
