"""Where links in mails lead: an address is confirmed, mails are stopped; and what they
all have in common."""

from typing import Any

import pytest
import time_machine

from microblog.mailing import links
from microblog.store import Database, Document, accounts, users
from tests.browsing import Browser, form_of
from tests.factories import Factory
from tests.functional.mailed import ADDRESS, NEW_PASSWORD, OTHER, assert_dead, read
from tests.functional.test_forms import dump

FORM = "application/x-www-form-urlencoded"
JUNK = ["x", "a.b.c", "é", "%00", "%ED%A0%80", "x" * 2000, "?&token=y", "<b>"]


@pytest.fixture
def user(make: Factory) -> Document:
    return make.user("alice", email=ADDRESS)


def test_confirming(browser: Browser, user: Document, database: Database) -> None:
    path = f"/confirm?token={links.confirmation(database, 'alice', ADDRESS)}"
    page = browser.get(path)
    assert "@alice" in page.text
    assert ADDRESS in page.text
    answer = form_of(page, "/confirm").submit()
    assert answer.location == "/?said=confirmed"
    assert "Your address is confirmed." in browser.get(answer.location).text
    assert read(database)["confirmed"] is True
    assert form_of(browser.get(path), "/confirm").submit().status_code == 303


def test_address_that_has_changed_is_not_confirmed(
    browser: Browser, user: Document, database: Database
) -> None:
    path = f"/confirm?token={links.confirmation(database, 'alice', ADDRESS)}"
    form = form_of(browser.get(path), "/confirm")
    for email in (OTHER, ""):
        users.change(database, "alice", {"email": email})
        assert_dead(browser.get(path))
        assert_dead(form.submit(expect_errors=True))
        assert read(database)["confirmed"] is False
    accounts.delete(database, "alice")
    assert_dead(browser.get(path))
    assert_dead(form.submit(expect_errors=True))


def test_confirmation_ends_after_three_days(
    browser: Browser, user: Document, database: Database
) -> None:
    path = f"/confirm?token={links.confirmation(database, 'alice', ADDRESS)}"
    form = form_of(browser.get(path), "/confirm")
    with time_machine.travel("2100-01-01", tick=True):
        assert_dead(browser.get(path))
        assert form.submit(expect_errors=True).status_code == 400
    assert read(database)["confirmed"] is False


def test_SE_5_confirming_needs_the_token_of_the_form(
    browser: Browser, user: Document, database: Database
) -> None:
    token = links.confirmation(database, "alice", ADDRESS)
    for path, sent in (
        ("/confirm", {"token": token}),
        (f"/confirm?token={token}", {"csrf_token": ""}),
    ):
        answer = browser.app.post(path, sent, expect_errors=True)
        assert answer.status_code == 400
        assert answer.html.find("h1").text == "Once more, please"
    assert read(database)["confirmed"] is False
    late = browser.app.post("/confirm", {"token": token}, status=400)
    assert form_of(late, "/confirm").submit().location == "/?said=confirmed"


# Stopping mails


def test_stopping_by_hand(browser: Browser, user: Document, database: Database) -> None:
    path = f"/unsubscribe?token={links.unsubscribe(database, 'alice')}"
    page = browser.get(path)
    assert "@alice" in page.text
    assert read(database)["mails"] == users.AT_ONCE
    done = form_of(page, path).submit()
    assert "@alice gets no more mails" in done.text
    assert read(database)["mails"] == users.NEVER
    assert "@alice gets no more mails" in browser.get(path).text


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (FORM, "List-Unsubscribe=One-Click"),
        (
            "multipart/form-data; boundary=x",
            '--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\n'
            "One-Click\r\n--x--\r\n",
        ),
        ("multipart/form-data", "no boundary"),
        ("text/plain", "%"),
        ("", ""),
    ],
)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "cross-site", "Origin": "https://mail.example"},
        {"Origin": "null"},
    ],
)
def test_stopping_by_one_click(
    browser: Browser,
    user: Document,
    database: Database,
    content_type: str,
    body: str,
    headers: dict[str, str],
) -> None:
    """RFC 8058: no cookie, no redirect, and as often as one likes."""
    path = f"/unsubscribe?token={links.unsubscribe(database, 'alice')}"
    for _ in range(2):
        sent = {**headers, "Content-Type": content_type}
        answer = browser.app.post(path, body, headers=sent)
        assert answer.status_code == 200
        assert "Set-Cookie" not in answer.headers
        assert read(database)["mails"] == users.NEVER


def test_stopping_is_only_for_who_has_the_link(
    reader: Browser, database: Database
) -> None:
    """Not for who is logged in, nor by what a form says."""
    good = links.unsubscribe(database, "alice")
    confirmation = links.confirmation(database, "alice", ADDRESS)
    for query in ("", "?token=", "?token=x", f"?token={confirmation}", f"?t={good}"):
        path = f"/unsubscribe{query}"
        assert_dead(reader.app.post(path, {"token": good}, expect_errors=True))
        assert_dead(reader.get(path))
    assert read(database)["mails"] == users.AT_ONCE


def test_mails_of_a_deleted_user_are_stopped_already(
    browser: Browser, user: Document, database: Database
) -> None:
    path = f"/unsubscribe?token={links.unsubscribe(database, 'alice')}"
    accounts.delete(database, "alice")
    before = dump(database)
    assert_dead(browser.app.post(path, expect_errors=True))
    assert dump(database) == before


def test_SE_5_one_view_alone_takes_forms_from_elsewhere(application: Any) -> None:
    views = application.registry.introspector.get_category("views")
    (only,) = (
        one
        for one in (view["introspectable"] for view in views)
        if one["require_csrf"] is False
        # Those of routes are the API's; cookies are nothing to it.
        and not (one["exception_only"] or one["route_name"])
    )
    assert (only["name"], only["request_methods"]) == ("unsubscribe", "POST")


@pytest.mark.parametrize(
    "path",
    ["/reset", "/confirm", "/login", "/settings/email", "/settings/confirm", "/x"],
)
@pytest.mark.parametrize("query", ["", "?token=TOKEN", "?require_csrf=False"])
def test_no_other_address_is_opened(
    reader: Browser, database: Database, path: str, query: str
) -> None:
    token = links.unsubscribe(database, "alice")
    before = dump(database)
    answer = reader.app.post(
        path + query.replace("TOKEN", token),
        {"List-Unsubscribe": "One-Click", "email": OTHER, "mails": "never"},
        headers={"Sec-Fetch-Site": "cross-site"},
        expect_errors=True,
    )
    assert answer.status_code in {403, 404}
    assert dump(database) == before


# All of them


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
@pytest.mark.parametrize("who", ["visitor", "reader"])
def test_SE_5_following_a_link_changes_nothing(
    application: Any, user: Document, database: Database, method: str, who: str
) -> None:
    """Mail scanners follow every link, twice."""
    browser = Browser(application)
    if who == "reader":
        browser.log_in("alice")
    paths = [
        f"/confirm?token={links.confirmation(database, 'alice', ADDRESS)}",
        f"/unsubscribe?token={links.unsubscribe(database, 'alice')}",
        f"/reset?token={links.reset(database, user)}",
        "/reset",
    ]
    before = dump(database)
    for path in paths * 2:
        answer = browser.app.request(path, method=method)
        assert answer.status_code in {200, 204}
        assert "Set-Cookie" not in answer.headers
        if method == "GET":
            assert "no-store" in answer.headers["Cache-Control"]
            assert answer.headers["Referrer-Policy"] == "same-origin"
    assert dump(database) == before


@pytest.mark.parametrize("path", ["/confirm", "/unsubscribe", "/reset"])
@pytest.mark.parametrize("junk", JUNK)
def test_junk_in_an_address(browser: Browser, path: str, junk: str) -> None:
    answer = browser.get(f"{path}?token={junk}")
    assert answer.status_code == 400
    assert "no-store" in answer.headers["Cache-Control"] or "UTF-8" in answer.text
    assert "<b>" not in answer.text.replace("<b></b>", "")


@pytest.mark.parametrize("path", ["/confirm", "/reset"])
@pytest.mark.parametrize("junk", ["x", "a.b.c", "é", "\ud7ff", "x" * 9000, "<b>"])
def test_junk_in_a_form(browser: Browser, path: str, junk: str) -> None:
    csrf = browser.form("/login")["csrf_token"].value
    sent = {"csrf_token": csrf, "token": junk, "password": NEW_PASSWORD}
    assert_dead(browser.app.post(path, sent, expect_errors=True))
