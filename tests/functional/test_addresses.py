"""The address of a user: in the settings, at registration, by the API; and which can be
one."""

import pytest
import time_machine

from microblog.store import Database, mails, users
from tests.browsing import Browser
from tests.factories import PASSWORD, Api
from tests.functional.answers import assert_problem
from tests.functional.mailed import (
    ADDRESS,
    NEW_PASSWORD,
    OTHER,
    addresses_asked,
    asked,
    read,
)


def test_settings(reader: Browser, database: Database) -> None:
    form = reader.form("/settings/email")
    assert form["mails"].value == users.AT_ONCE
    for choice in (users.DAILY, users.NEVER, users.AT_ONCE):
        answer = reader.send("/settings/email", mails=choice)
        assert answer.location == "/settings/email?said=saved"
        assert read(database)["mails"] == choice
        assert reader.form("/settings/email")["mails"].value == choice
    assert database.mails.find_one({}) is None


def test_new_address_in_the_settings(reader: Browser, database: Database) -> None:
    page = "/settings/email"
    for current in ("", "wrong"):
        fields = {"email": OTHER, "current_password": current, "mails": "never"}
        answer = reader.send(page, **fields)
        assert answer.status_code == 400
        assert answer.html.find(id="current_password-error")
        assert answer.html.find(id="email")["value"] == OTHER
        assert answer.html.find(id="mails-never").has_attr("checked")
    assert (read(database)["email"], read(database)["mails"]) == ("", users.AT_ONCE)
    sent = reader.send(page, email="Al@EXAMPLE.Org", current_password=PASSWORD)
    assert sent.status_code == 303
    assert read(database)["email"] == "al@example.org"
    assert addresses_asked(database) == [("alice", "al@example.org")]
    assert "al@example.org is not confirmed yet" in reader.get(page).text


def test_same_address_in_the_settings_stays_confirmed(
    reader: Browser, database: Database
) -> None:
    users.change(database, "alice", {"email": ADDRESS, "confirmed": True})
    page = reader.get("/settings/email")
    assert f"{ADDRESS} is confirmed." in page.text
    assert not [one for one in page.forms.values() if one.action == "/settings/confirm"]
    assert reader.send("/settings/email", mails="daily").status_code == 303
    assert read(database)["confirmed"] is True
    reader.send("/settings/email", email=OTHER, current_password=PASSWORD)
    assert read(database)["confirmed"] is False
    reader.send("/settings/email", email="", current_password=PASSWORD)
    assert read(database)["email"] == ""
    assert addresses_asked(database) == [("alice", OTHER)]


def test_asking_for_the_mail_again(reader: Browser, database: Database) -> None:
    users.change(database, "alice", {"email": ADDRESS})
    with time_machine.travel(1_900_000_000, tick=True) as clock:
        reader.log_in("alice")
        for count in (1, 1, 2):
            if count == 2:
                clock.shift(600)
            sent = reader.send("/settings/email", "/settings/confirm")
            assert sent.location == "/settings/email?said=mailed"
            assert len(asked(database, mails.Kind.CONFIRMATION)) == count
    assert addresses_asked(database) == [("alice", ADDRESS)] * 2


def test_nothing_is_mailed_again_to_who_has_confirmed(
    reader: Browser, database: Database
) -> None:
    users.change(database, "alice", {"email": ADDRESS})
    form = reader.form("/settings/email", "/settings/confirm")
    users.change(database, "alice", {"confirmed": True})
    assert form.submit().status_code == 303
    assert database.mails.find_one({}) is None


def test_registering(browser: Browser, anonymous: Api, database: Database) -> None:
    browser.send("/register", username="dora", password=PASSWORD, email=ADDRESS)
    anonymous.post(
        "/users", {"username": "eva", "password": PASSWORD, "email": "E@EXAMPLE.org"}
    )
    anonymous.post("/users", {"username": "fritz", "password": PASSWORD})
    asked = [("dora", ADDRESS), ("eva", "e@example.org")]
    assert addresses_asked(database) == asked
    assert read(database, "eva")["confirmed"] is False


def test_new_address_by_the_api(alice: Api, database: Database) -> None:
    for wrong in ({}, {"current_password": "wrong"}):
        answer = alice.patch("/users/alice", {"email": OTHER, "name": "x", **wrong})
        assert_problem(answer, 400, "current_password")
    assert (read(database)["email"], read(database)["name"]) == ("", "")
    good = {"email": OTHER, "current_password": PASSWORD}
    assert alice.patch("/users/alice", good).status_code == 200
    assert addresses_asked(database) == [("alice", OTHER)]
    users.confirm(database, "alice", OTHER)
    for same in ({"email": OTHER}, good, {"email": "other@EXAMPLE.org"}):
        assert alice.patch("/users/alice", same).status_code == 200
        assert read(database)["confirmed"] is True
    with_password = {**good, "email": ADDRESS, "password": NEW_PASSWORD}
    assert alice.patch("/users/alice", with_password).status_code == 200
    assert (read(database)["email"], read(database)["confirmed"]) == (ADDRESS, False)
    assert addresses_asked(database) == [("alice", ADDRESS), ("alice", OTHER)]


def test_current_password_for_nothing(alice: Api) -> None:
    changes = {"name": "x", "current_password": PASSWORD}
    assert_problem(alice.patch("/users/alice", changes), 400)


def test_stale_change_of_the_address(alice: Api, database: Database) -> None:
    changes = {"email": OTHER, "current_password": PASSWORD}
    answer = alice.patch("/users/alice", changes, If_Match='"99"')
    assert_problem(answer, 412)
    assert read(database)["email"] == ""
    assert database.mails.find_one({}) is None


@pytest.mark.parametrize(
    "email",
    [
        "a@example.org",
        "a.b+c_d-e@mail.example.org",
        "o'neil@xn--mller-kva.de",
        "a@localhost",
        "a@1.example",
        "jörg@müller.example",
        "用户@例子.测试",
        "x" * 64 + "@example.org",
        "a@" + ".".join(["b" * 62] * 4),
    ],
)
def test_addresses(anonymous: Api, email: str) -> None:
    new = {"username": "dora", "password": PASSWORD, "email": email}
    assert anonymous.post("/users", new).status_code == 201


@pytest.mark.parametrize(
    "email",
    [
        "a",
        "@",
        "a@",
        "@b",
        "a@b@c",
        "a b@c",
        " a@c",
        "a@c ",
        "a@c\n",
        "a@c\r\nBcc: d@e",
        "a\t@c",
        "a\x7f@c",
        "A <a@c>",
        "<a@c>",
        "a@c,b@d",
        "a@c;b@d",
        '"a"@c',
        "a\\@c",
        "a(b)@c",
        "a:b@c",
        "a@[127.0.0.1]",
        "a@c..d",
        "a@.c",
        "a@c.",
        "a@-c",
        "a@c-",
        "a@c_d",
        ".a@c",
        "a.@c",
        "a..b@c",
        "a@c\u200b",
        "a\u00a0b@c",
        "a\u2028@c",
        "a\x85@c",
        "a\ue000@c",
        "a@" + "b" * 64,
        "a@" + ".".join(["b" * 62] * 5),
    ],
)
def test_what_cannot_stand_in_a_mail(
    anonymous: Api, alice: Api, database: Database, email: str
) -> None:
    new = {"username": "dora", "password": PASSWORD, "email": email}
    assert_problem(anonymous.post("/users", new), 400, "email")
    changes = {"email": email, "current_password": PASSWORD}
    assert_problem(alice.patch("/users/alice", changes), 400, "email")
    assert users.find(database, "dora") is None
    assert read(database)["email"] == ""
