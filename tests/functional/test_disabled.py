"""A disabled account, which no path lets in, and stored passwords that are damaged."""

import logging

import pytest

from microblog import passwords
from microblog.settings import Settings
from microblog.store import Database, sessions, users
from tests.browsing import Browser
from tests.factories import PASSWORD, Api, Factory
from tests.functional.answers import assert_problem, assert_unauthorized, log_in
from tests.functional.command import Run


def test_AU_6_AZ_5_disabled_user_is_out_everywhere(
    run: Run, alice: Api, bob: Api, anonymous: Api, browser: Browser
) -> None:
    assert browser.log_in("alice").status_code == 303
    alice.post("/users/alice/collection", {"text": "still here"})
    assert browser.get("/settings").status_code == 200
    done = run("user", "disable", "alice")
    assert (done.status, done.errors) == (0, "")
    assert_unauthorized(alice.get("/users/alice"))
    assert browser.get("/settings").status_code == 303
    assert browser.log_in("alice").status_code == 400
    wrong = log_in(anonymous, "bob", "not the password of bob")
    refused = log_in(anonymous, "alice", PASSWORD)
    assert_problem(refused, 400)
    # It says nothing that a wrong password would not.
    assert refused.json == wrong.json
    (kept,) = bob.get("/users/alice/collection").json["result"]
    assert kept["text"] == "still here"
    assert run("user", "enable", "alice").status == 0
    assert log_in(anonymous, "alice", PASSWORD).status_code == 200


def test_AZ_5_disabled_while_the_password_is_verified(
    make: Factory,
    database: Database,
    settings: Settings,
    browser: Browser,
    anonymous: Api,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make.user("alice")
    verify = passwords.verify

    def slow(password: str, stored: str | None, cost: int) -> bool:
        fits = verify(password, stored, cost)
        users.change(database, "alice", {"disabled": True})
        return fits

    monkeypatch.setattr(passwords, "verify", slow)
    for enter in (browser.log_in, lambda name: log_in(anonymous, name, PASSWORD)):
        users.change(database, "alice", {"disabled": False})
        assert enter("alice").status_code == 400
    assert sessions.of_user(database, "alice") == []
    assert database.tokens.find_one({"user": "alice"}) is None


def test_of_nobody(run: Run) -> None:
    for command in ("disable", "enable"):
        for name in ("nobody", "No Body"):
            done = run("user", command, name)
            assert (done.status, done.output) == (1, "")
            assert done.errors.startswith("microblog: there is no ")


@pytest.mark.parametrize(
    "damaged",
    [
        "x",
        f"{passwords.SCHEME}$",
        # bcrypt refuses its salt: of 22 characters the last has two bits at most.
        f"{passwords.SCHEME}${'0' * 32}$2b$04${'a' * 53}",
        f"{passwords.SCHEME}${'0' * 32}$2b$04${'a' * 40}",
    ],
)
def test_AU_3_damaged_hash_is_a_failed_login_and_an_alert(
    make: Factory,
    database: Database,
    anonymous: Api,
    browser: Browser,
    caplog: pytest.LogCaptureFixture,
    damaged: str,
) -> None:
    make.user("alice", password=damaged)
    with caplog.at_level(logging.ERROR, logger="microblog"):
        assert_problem(log_in(anonymous, "alice", PASSWORD), 400)
        assert browser.log_in("alice").status_code == 400
    assert len([one for one in caplog.messages if "password of alice" in one]) == 2
    assert PASSWORD not in caplog.text
    assert damaged not in caplog.text
