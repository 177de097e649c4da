"""Accounts over REST: a new password, and the end."""

import pytest

from microblog.store import Database
from tests.factories import PASSWORD, Api, Factory
from tests.functional.answers import (
    OTHER_PASSWORD,
    assert_problem,
    assert_unauthorized,
    log_in,
    page,
)


@pytest.mark.parametrize("current", [{}, {"current_password": "a wrong one, clearly"}])
def test_AU_6_new_password_needs_the_current_one(
    alice: Api, anonymous: Api, current: dict[str, str]
) -> None:
    changes = {"password": OTHER_PASSWORD, "name": "thief", **current}
    answer = alice.patch("/users/alice", changes)
    assert_problem(answer, 400, "current_password")
    assert alice.get("/users/alice").json["name"] == ""
    assert log_in(anonymous, "alice", OTHER_PASSWORD).status_code == 400
    assert log_in(anonymous, "alice", PASSWORD).status_code == 200


def test_new_password_must_be_good_enough(alice: Api, anonymous: Api) -> None:
    changes = {"password": "too short", "current_password": PASSWORD, "name": "x"}
    assert_problem(alice.patch("/users/alice", changes), 400, "password")
    assert alice.get("/users/alice").json["name"] == ""
    assert log_in(anonymous, "alice", PASSWORD).status_code == 200


def test_AU_6_new_password_ends_every_token_of_the_user(
    alice: Api, bob: Api, anonymous: Api
) -> None:
    second = log_in(anonymous, "alice", PASSWORD).json["access_token"]
    changes = {"password": OTHER_PASSWORD, "current_password": PASSWORD, "name": "A"}
    answer = alice.patch("/users/alice", changes)
    assert (answer.status_code, answer.json["name"]) == (200, "A")
    assert_unauthorized(alice.get("/users/alice"))
    assert_unauthorized(Api(alice.app, second).get("/users/alice"))
    read = bob.get("/users/alice")
    assert (read.json, read.headers["ETag"]) == (answer.json, answer.headers["ETag"])
    assert log_in(anonymous, "alice", PASSWORD).status_code == 400
    assert log_in(anonymous, "alice", OTHER_PASSWORD).status_code == 200


@pytest.mark.parametrize(
    "body", [{}, {"password": "a wrong one, clearly"}, {"password": None}]
)
def test_PR_2_deletion_needs_the_password(alice: Api, body: dict[str, str]) -> None:
    assert_problem(alice.delete("/users/alice", body), 400, "password")
    assert alice.get("/users/alice").status_code == 200


def test_AZ_5_PR_2_deleted_account_is_gone_at_once(
    anonymous: Api, alice: Api, bob: Api, make: Factory, database: Database
) -> None:
    micropost = make.micropost(text="some last words")
    answer = alice.delete("/users/alice", {"password": PASSWORD})
    assert (answer.status_code, answer.body) == (204, b"")
    assert_unauthorized(alice.get("/users/bob"))
    assert_problem(log_in(anonymous, "alice", PASSWORD), 400)
    paths = ["", "/collection", f"/collection/{micropost['id']}"]
    for path in [*paths, "/following", "/followers", "/timeline"]:
        assert_problem(bob.get(f"/users/alice{path}"), 404)
    assert page(bob.get("/search?text=last words")) == []
    assert page(bob.get("/search?text=last&username=alice")) == []
    left = database.users.find_one({"_id": "alice"})
    assert left is not None
    assert set(left) - {"undone"} == {"_id", "folded", "deleted"}
    for name in ("microposts", "follows"):
        assert database[name].find_one({}) is None


def test_PR_2_deleted_account_keeps_its_name(alice: Api, bob: Api) -> None:
    alice.delete("/users/alice", {"password": PASSWORD})
    for name in ("alice", "a1ice"):
        assert_problem(
            bob.post("/users", {"username": name, "password": PASSWORD}), 409
        )


def test_deleted_account_leaves_the_counts_of_others_right(
    alice: Api, bob: Api, make: Factory
) -> None:
    for follower, followee in [
        ("alice", "bob"),
        ("bob", "alice"),
        ("bob", "carol"),
        ("carol", "bob"),
    ]:
        make.follow(follower, followee)
    make.micropost("alice", "from alice")
    make.micropost("carol", "from carol", referenced="alice")
    alice.delete("/users/alice", {"password": PASSWORD})
    user = bob.get("/users/bob").json
    assert (user["following"], user["followers"]) == (1, 1)
    for path in ("followers", "following"):
        names = [one["username"] for one in page(bob.get(f"/users/bob/{path}"))]
        assert names == ["carol"]
    texts = [one["text"] for one in page(bob.get("/users/bob/timeline"))]
    assert texts == ["from carol"]
