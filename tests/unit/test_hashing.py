"""Hashing aside: bounded, on every core, and behind those who read."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from microblog.errors import Unavailable
from microblog.hashing import CORES, NICENESS, Aside
from tests.factories import PASSWORD, Api, Factory


def test_what_is_hashed_comes_back_and_what_fails_fails() -> None:
    aside = Aside(2)
    assert aside.run(lambda text: text.upper(), "hash") == "HASH"
    with pytest.raises(ZeroDivisionError):
        aside.run(lambda: 1 / 0)
    assert [aside.run(lambda: 1) for _ in range(5)] == [1] * 5


@pytest.mark.parametrize(("places", "admitted"), [(3, 3), (1, 1), (0, 1)])
def test_no_more_at_once_than_there_are_places(places: int, admitted: int) -> None:
    aside, going, refused = Aside(places), threading.Event(), []

    def log_in(_number: int) -> bool:
        try:
            aside.run(going.wait, 20)
        except Unavailable as error:
            refused.append(str(error))
            if len(refused) == 10 - admitted:
                going.set()
            return False
        return True

    with ThreadPoolExecutor(10) as pool:
        assert sum(pool.map(log_in, range(10))) == admitted
    assert "try again" in refused[0]
    assert aside.run(lambda: True)


def test_it_is_done_on_any_core_of_the_site_and_behind_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    aside, own = Aside(1), os.sched_getaffinity(0)
    monkeypatch.setenv(CORES, ",".join(map(str, own)))
    os.sched_setaffinity(0, {min(own)})
    try:
        assert aside.run(os.sched_getaffinity, 0) == own
        assert aside.run(os.nice, 0) == NICENESS
        assert os.sched_getaffinity(0) == {min(own)}
    finally:
        os.sched_setaffinity(0, own)
    assert os.nice(0) == 0


def test_one_too_many_is_told_to_come_again(
    anonymous: Api, make: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    make.user("alice")
    full = Aside(1)
    full._places.acquire()
    monkeypatch.setattr("microblog.passwords.aside", full)
    login = {"username": "alice", "password": PASSWORD}
    answer = anonymous.post("/token", login)
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    full._places.release()
    assert anonymous.post("/token", login).status_code == 200


def test_profile_changes_with_the_password_or_not_at_all(
    alice: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(password: str, cost: int) -> str:
        raise Unavailable("many are logging in just now")

    before = alice.get("/users/alice").json
    with monkeypatch.context() as patched:
        patched.setattr("microblog.passwords.hash", full)
        new = {
            "name": "Alice the Second",
            "password": "another lantern by the river",
            "current_password": PASSWORD,
        }
        assert alice.patch("/users/alice", new).status_code == 503
    assert alice.get("/users/alice").json == before
    changed = alice.patch("/users/alice", new)
    assert (changed.status_code, changed.json["name"]) == (200, "Alice the Second")
    assert alice.get("/users/alice").status_code == 401
