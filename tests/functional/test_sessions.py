"""Sessions of browsers: who begins one, what it carries, when it ends."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pyramid.response import Response
from webtest import TestApp

from microblog import cookies
from microblog import settings as settings_module
from microblog.store import Database, sessions, tokens, users
from tests.browsing import Browser
from tests.factories import PASSWORD, Api, Factory

NEW_PASSWORD = "seven green kites in a row"


def is_logged_in(browser: Browser) -> bool:
    """Whether the site knows who asks."""
    return browser.get("/settings").status_code == 200


def test_SE_1_SE_2_login_and_logout(browser: Browser, make: Factory) -> None:
    make.user("alice")
    answer = browser.log_in("alice")
    assert (answer.status_code, answer.location) == (303, "/")
    header = answer.headers["Set-Cookie"]
    for part in ("session=", "HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=2592000"):
        assert part in header
    assert "ecure" not in header
    secret = browser.cookie
    assert is_logged_in(browser)
    out = browser.send("/", "/logout")
    assert out.location == "/?said=out"
    assert out.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert "Max-Age=0" in out.headers["Set-Cookie"]
    browser.app.set_cookie("session", secret)
    assert not is_logged_in(browser)


def test_SE_1_cookie_of_a_site_with_tls() -> None:
    site = settings_module.read({"site.url": "https://example.org"}, environment={})
    _name, header = cookies.set_header(site, "secret")
    assert header.startswith("__Host-session=secret; ")
    assert {"secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= set(header.split("; "))
    assert "Domain" not in header


def test_SE_2_store_does_not_hold_the_secret(
    reader: Browser, database: Database
) -> None:
    secret = reader.cookie
    assert secret
    assert len(secret) >= 43
    (stored,) = database.sessions.find()
    assert secret not in str(stored)
    assert stored["_id"] == sessions.digest(secret)


@pytest.mark.parametrize(
    ("username", "password"),
    [
        ("alice", "wrong"),
        ("nobody", PASSWORD),
        ("", ""),
        ("alice", ""),
        ("$ne", PASSWORD),
        ("alice", "x" * 5000),
    ],
)
def test_AU_4_wrong_login(
    browser: Browser, make: Factory, username: str, password: str
) -> None:
    make.user("alice")
    answer = browser.log_in(username, password)
    assert answer.status_code == 400
    said = answer.html.find(role="alert").text
    assert said == "Username and password do not belong together."
    assert answer.html.find(id="username")["value"] == username
    assert "value" not in answer.html.find(id="password").attrs
    assert "Set-Cookie" not in answer.headers


def test_username_is_taken_as_people_type_it(browser: Browser, make: Factory) -> None:
    make.user("alice")
    assert browser.log_in(" Alice ").status_code == 303


@pytest.mark.parametrize(
    "evil",
    [
        "//e",
        "/\\e",
        "https:e",
        "http:e",
        " //e",
        "\t//e",
        "%09//e",
        "///e",
        "/\r\nSet-Cookie:x=y",
        "javascript:alert(1)",
        "https://evil.example",
        "",
        "/a//b",
        "/@evil",
        "e",
    ],
)
def test_OU_4_login_leads_to_no_other_site(
    browser: Browser, make: Factory, evil: str
) -> None:
    make.user("alice")
    form = browser.form("/login")
    form["next"].force_value(evil)
    form["username"], form["password"] = "alice", PASSWORD
    assert form.submit().location == "/"


def test_OU_4_login_leads_where_its_reader_wanted_to_go(
    browser: Browser, make: Factory
) -> None:
    make.user("alice")
    answer = browser.send(
        "/login?next=/settings/email", username="alice", password=PASSWORD
    )
    assert answer.location == "/settings/email"


def test_SE_3_session_is_new_at_each_login(reader: Browser) -> None:
    """Of an id that was set by somebody else nothing is left."""
    before = reader.cookie
    token = reader.form("/", "/logout")["csrf_token"].value
    reader.log_in("alice")
    after = reader.cookie
    assert before != after
    stale = reader.app.post("/logout", {"csrf_token": token}, expect_errors=True)
    assert stale.status_code == 400
    reader.app.set_cookie("session", before)
    assert not is_logged_in(reader)


@pytest.mark.parametrize(
    ("cookie", "anonymous"),
    [("x" * 8000, True), ("é", True), ("", True), ("a b;c", True), ("0" * 43, True)],
)
def test_cookie_that_is_none(
    browser: Browser, make: Factory, cookie: str, anonymous: bool
) -> None:
    header = {"Cookie": f"session={cookie}".encode().decode("latin-1")}
    answer = browser.app.get("/", headers=header)
    assert ("Log in" in answer.text) == anonymous


@pytest.mark.parametrize("field", ["expires"])
def test_SE_4_session_ends(reader: Browser, database: Database, field: str) -> None:
    past = datetime.now(UTC) - timedelta(seconds=1)
    database.sessions.update_many({}, {"$set": {field: past}})
    assert not is_logged_in(reader)


def test_SE_6_cookie_is_nothing_to_the_api(reader: Browser) -> None:
    answer = reader.app.post_json(
        "/api/users/alice/collection", {"text": "x"}, expect_errors=True
    )
    assert answer.status_code == 401


def test_SE_6_token_is_nothing_to_the_pages(browser: Browser, make: Factory) -> None:
    bearer = {"Authorization": f"Bearer {make.token('alice')}"}
    answer = browser.get("/settings", **bearer)
    assert answer.location == "/login?next=/settings"


def test_AU_6_new_password_ends_every_other_login(
    reader: Browser, application: Any, alice: Api
) -> None:
    other = Browser(application)
    other.log_in("alice")
    before = reader.cookie
    answer = reader.send(
        "/settings/password", current_password=PASSWORD, password=NEW_PASSWORD
    )
    assert answer.location == "/settings/password?said=password"
    assert reader.cookie != before
    assert is_logged_in(reader)
    assert not is_logged_in(other)
    assert alice.get("/users/alice").status_code == 401
    assert other.log_in("alice").status_code == 400
    assert other.log_in("alice", NEW_PASSWORD).status_code == 303


def test_AU_6_new_password_by_the_api_ends_the_sessions(
    reader: Browser, alice: Api
) -> None:
    new = {"password": NEW_PASSWORD, "current_password": PASSWORD}
    assert alice.patch("/users/alice", new).status_code == 200
    assert not is_logged_in(reader)


@pytest.mark.parametrize(
    ("current", "new", "field"),
    [
        ("wrong", NEW_PASSWORD, "current_password"),
        (PASSWORD, "short", "password"),
        (PASSWORD, "alice alice alice", "password"),
    ],
)
def test_AU_6_refused_password(
    reader: Browser, current: str, new: str, field: str
) -> None:
    answer = reader.send("/settings/password", current_password=current, password=new)
    assert answer.status_code == 400
    assert answer.html.find(id=f"{field}-error")
    assert answer.html.find(id=field)["aria-invalid"] == "true"
    assert reader.log_in("alice").status_code == 303


def test_SE_4_TO_3_list_of_logins(
    reader: Browser, application: Any, make: Factory
) -> None:
    make.token("alice")
    other = Browser(application)
    other.app.extra_environ["HTTP_USER_AGENT"] = "Mozilla/5.0 (X11; Linux) Firefox/150"
    other.log_in("alice")
    page = reader.get("/settings/sessions")
    names = [one.text for one in page.html.select(".logins b")]
    assert sorted(names)[0] == "Firefox, Linux"
    assert len(names) == 3
    ends = [one for one in page.forms.values() if "session" in one.fields]
    assert len(ends) == 1
    assert ends[0].submit().location.endswith("?said=ended")
    assert not is_logged_in(other)
    assert is_logged_in(reader)
    page = reader.get("/settings/sessions")
    (end,) = [one for one in page.forms.values() if "token" in one.fields]
    end.submit()
    assert tokens.of_user(make.database, "alice") == []


def test_SE_4_TO_3_all_other_logins_end_at_once(
    reader: Browser, application: Any, make: Factory
) -> None:
    make.token("alice")
    other = Browser(application)
    other.log_in("alice")
    page = reader.get("/settings/sessions")
    (end,) = [one for one in page.forms.values() if "all" in one.fields]
    end.submit()
    assert is_logged_in(reader)
    assert not is_logged_in(other)
    assert tokens.of_user(make.database, "alice") == []


def test_AZ_2_nobody_ends_the_logins_of_others(
    reader: Browser, application: Any, make: Factory
) -> None:
    make.user("bob")
    bob = Browser(application)
    bob.log_in("bob")
    token = make.token("bob")
    form = reader.form("/settings/sessions", "/logout")
    csrf = form["csrf_token"].value
    for kind, secret in (("session", bob.cookie), ("token", token)):
        sent = {"csrf_token": csrf, kind: sessions.digest(str(secret))}
        assert reader.app.post("/settings/sessions", sent).status_code == 303
    assert is_logged_in(bob)
    assert tokens.find(make.database, token)


def test_AZ_5_deleted_account_is_out_everywhere(
    reader: Browser, application: Any, alice: Api, database: Database
) -> None:
    other = Browser(application)
    other.log_in("alice")
    unsure = reader.send("/settings/delete", password=PASSWORD)
    assert unsure.status_code == 400
    assert unsure.html.find(id="sure-error")
    wrong = reader.form("/settings/delete")
    wrong["password"], wrong["sure"] = "wrong", True
    assert wrong.submit(expect_errors=True).html.find(id="password-error")
    assert users.find(database, "alice")
    form = reader.form("/settings/delete")
    form["password"], form["sure"] = PASSWORD, True
    assert form.submit().location == "/?said=gone"
    assert not is_logged_in(reader)
    assert not is_logged_in(other)
    assert alice.get("/users/alice").status_code == 401
    assert reader.get("/users/alice").status_code == 404
    assert list(database.sessions.find({"user": "alice"})) == []


def test_SE_1_nobody_who_only_reads_gets_a_cookie(app: TestApp, make: Factory) -> None:
    make.micropost("alice", "#word")
    paths = ("/", "/login", "/register", "/users/alice", "/tags/word", "/nothing")
    answers: list[Response] = [app.get(path, expect_errors=True) for path in paths]
    assert all("Set-Cookie" not in answer.headers for answer in answers)


def test_token_that_only_reads_says_so(reader: Browser, anonymous: Api) -> None:
    for scope in ("read", "read write"):
        pair = {"username": "alice", "password": PASSWORD, "scope": scope}
        assert anonymous.post("/token", pair).status_code == 200
    page = reader.get("/settings/sessions").text
    assert page.count("<b>token that only reads, until") == 1
    assert page.count("<b>token until") == 1
