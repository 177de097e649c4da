"""A password that was forgotten is set anew, by a link in a mail."""

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import time_machine

from microblog import passwords
from microblog.mailing import links
from microblog.store import Database, Document, accounts, mails, sessions, tokens, users
from tests.browsing import Browser, filled, form_of
from tests.factories import PASSWORD, Factory
from tests.functional.mailed import (
    ADDRESS,
    NEW_PASSWORD,
    OTHER,
    asked,
    assert_dead,
    is_logged_in,
    read,
)
from tests.functional.test_forms import dump


@pytest.fixture
def user(make: Factory) -> Document:
    return make.user("alice", email=ADDRESS)


def test_AU_6_forgotten_password(
    browser: Browser, application: Any, make: Factory, database: Database
) -> None:
    make.user("alice", email=ADDRESS)
    other, token = Browser(application), make.token("alice")
    other.log_in("alice")
    assert browser.get("/login").html.find("a", href="/reset")
    answer = browser.send("/reset", email=ADDRESS)
    assert answer.location == "/reset?said=asked"
    assert "If this address belongs to an account" in browser.get(answer.location).text
    (mail,) = asked(database, mails.Kind.RESET)
    assert (mail["to"], mail["address"]) == (None, ADDRESS)

    path = f"/reset?token={links.reset(database, read(database))}"
    page = browser.get(path)
    form = form_of(page, "/reset")
    assert form["username"].value == "alice"
    assert page.html.find(id="password")["autocomplete"] == "new-password"
    assert is_logged_in(other)
    answer = filled(form, password=NEW_PASSWORD).submit()
    assert answer.location == "/login?said=reset"
    assert "Your password is changed" in browser.get(answer.location).text
    assert "Set-Cookie" not in answer.headers
    assert not is_logged_in(other)
    assert tokens.find(database, token) is None
    assert list(database.sessions.find()) == list(database.tokens.find()) == []
    assert_dead(form.submit(expect_errors=True))
    assert browser.log_in("alice").status_code == 400
    assert browser.log_in("alice", NEW_PASSWORD).status_code == 303
    assert_dead(browser.get(path))
    assert browser.get(path).html.select("main a[href='/reset']")


def test_answer_does_not_tell_who_is_here(
    application: Any, user: Document, database: Database
) -> None:
    """The same commands to the store too: nobody is looked up."""
    seen = set()
    for address in (ADDRESS, ADDRESS, "nobody@example.org", "alice@EXAMPLE.org"):
        browser = Browser(application)
        answer = browser.send("/reset", email=address)
        follow = browser.get(answer.location)
        page = re.sub(r'(name="csrf_token" value=")[^"]+', "", follow.text)
        headers = {**answer.headers, **follow.headers}
        # Limits count what was asked for, whoever is here.
        other = {"ETag", "Expires", "Last-Modified", "RateLimit", "RateLimit-Policy"}
        headers = {k: v for k, v in headers.items() if k not in other}
        seen.add((answer.status_code, answer.text, page, str(headers)))
    assert len(seen) == 1
    found = asked(database, mails.Kind.RESET)
    assert sorted(m["address"] for m in found) == [ADDRESS, "nobody@example.org"]


def test_one_mail_in_ten_minutes(browser: Browser, database: Database) -> None:
    with time_machine.travel(1_800_000_000, tick=True) as clock:
        for address in (ADDRESS, ADDRESS, "Alice@Example.org"):
            assert browser.send("/reset", email=address).status_code == 303
        assert len(asked(database, mails.Kind.RESET)) == 1
        clock.shift(600)
        browser.send("/reset", email=ADDRESS)
    ids = [mail["_id"] for mail in asked(database, mails.Kind.RESET)]
    assert len(set(ids)) == 2
    assert all("@" not in id for id in ids)


@pytest.mark.parametrize("email", ["", "nobody", "a@b@c", "a@example.org\r\nBcc: b@c"])
def test_what_is_no_address(browser: Browser, database: Database, email: str) -> None:
    form = browser.form("/reset")
    form["email"].force_value(email)
    answer = form.submit(expect_errors=True)
    assert answer.status_code == 400
    assert answer.html.find(id="email-error")
    assert database.mails.find_one({}) is None


@pytest.mark.parametrize("password", ["", "short", "alice alice alice", "x" * 5000])
def test_refused_new_password(
    browser: Browser, user: Document, database: Database, password: str
) -> None:
    path = f"/reset?token={links.reset(database, user)}"
    form = filled(browser.form(path, "/reset"), password=password)
    answer = form.submit(expect_errors=True)
    assert answer.status_code == 400
    assert answer.html.find(id="password-error")
    assert read(database)["password"] == user["password"]
    good = filled(form_of(answer, "/reset"), password=NEW_PASSWORD)
    assert good.submit().location == "/login?said=reset"


def test_username_in_the_form_means_nothing(
    browser: Browser, user: Document, make: Factory, database: Database
) -> None:
    bob = make.user("bob", email="bob@example.org")
    form = browser.form(f"/reset?token={links.reset(database, user)}", "/reset")
    form["username"].force_value("bob")
    filled(form, password=NEW_PASSWORD).submit()
    assert read(database, "bob")["password"] == bob["password"]
    assert passwords.verify(NEW_PASSWORD, read(database)["password"], 4)


@pytest.mark.parametrize(
    "change", [{"email": OTHER}, {"email": ""}, {"password": "another hash"}]
)
def test_link_for_a_password_after_a_change(
    browser: Browser, user: Document, database: Database, change: Document
) -> None:
    path = f"/reset?token={links.reset(database, user)}"
    form = filled(browser.form(path, "/reset"), password=NEW_PASSWORD)
    changed = users.change(database, "alice", change)
    assert_dead(browser.get(path))
    assert_dead(form.submit(expect_errors=True))
    assert read(database) == changed


def test_link_for_a_password_ends_after_an_hour(
    browser: Browser, user: Document, database: Database
) -> None:
    with time_machine.travel(1_800_000_000, tick=True) as clock:
        path = f"/reset?token={links.reset(database, user)}"
        form = filled(browser.form(path, "/reset"), password=NEW_PASSWORD)
        clock.shift(3602)
        assert_dead(browser.get(path))
        assert_dead(form.submit(expect_errors=True))
    assert read(database) == user


def test_account_that_is_deleted_meanwhile(
    browser: Browser, user: Document, database: Database
) -> None:
    path = f"/reset?token={links.reset(database, user)}"
    form = filled(browser.form(path, "/reset"), password=NEW_PASSWORD)
    accounts.delete(database, "alice")
    before = dump(database)
    assert_dead(form.submit(expect_errors=True))
    assert dump(database) == before


def test_of_two_uses_at_once_one_wins(
    application: Any,
    user: Document,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Both have found the link good before either sets a password."""
    path = f"/reset?token={links.reset(database, user)}"
    chosen = [NEW_PASSWORD, "nine red kettles whistling"]
    forms = [
        filled(Browser(application).form(path, "/reset"), password=one)
        for one in chosen
    ]
    both, hash = threading.Barrier(2, timeout=20), passwords.hash

    def together(password: str, cost: int) -> str:
        both.wait()
        return hash(password, cost)

    monkeypatch.setattr(passwords, "hash", together)
    with ThreadPoolExecutor(2) as threads:
        answers = list(threads.map(lambda form: form.submit(expect_errors=True), forms))
    assert sorted(answer.status_code for answer in answers) == [303, 400]
    winner = chosen[[answer.status_code for answer in answers].index(303)]
    assert passwords.verify(winner, read(database)["password"], 4)


def test_login_with_the_old_password_at_the_same_time(
    browser: Browser,
    application: Any,
    user: Document,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The session is made after every session was ended, and ends too."""
    path = f"/reset?token={links.reset(database, user)}"
    form = filled(browser.form(path, "/reset"), password=NEW_PASSWORD)
    create = sessions.create

    def late(*arguments: Any, **more: Any) -> str:
        monkeypatch.undo()
        assert form.submit().status_code == 303
        return create(*arguments, **more)

    other = Browser(application)
    login = filled(other.form("/login"), username="alice", password=PASSWORD)
    monkeypatch.setattr(sessions, "create", late)
    assert login.submit(expect_errors=True).status_code == 400
    assert list(database.sessions.find()) == []
