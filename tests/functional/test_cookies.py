"""The session's cookie: how long it is good, for what, and whose session it is."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from microblog.settings import Settings
from microblog.store import Database, Document, sessions
from tests.browsing import Browser
from tests.factories import PASSWORD, Factory

OWN = [
    "/settings",
    "/settings/email",
    "/settings/password",
    "/settings/appearance",
    "/settings/sessions",
    "/settings/delete",
    "/users/alice/microposts/new",
    "/users/alice/timeline",
]
API = [
    ("GET", "/users/alice"),
    ("GET", "/users/alice/timeline"),
    ("GET", "/search?text=abc"),
    ("PATCH", "/users/alice"),
    ("DELETE", "/users/alice"),
    ("POST", "/users/alice/collection"),
    ("POST", "/users/alice/following"),
    ("DELETE", "/token"),
]


def is_logged_in(browser: Browser) -> bool:
    """Whether the site knows who asks."""
    return browser.get("/settings").status_code == 200


def change(database: Database, **by: timedelta) -> None:
    """Move the times of the only session, counted from now."""
    now = datetime.now(UTC)
    times = {field: now + period for field, period in by.items()}
    assert database.sessions.update_one({}, {"$set": times}).matched_count == 1


def stored(database: Database) -> Document:
    """The only session."""
    (session,) = database.sessions.find()
    return dict(session)


def test_SE_4_session_that_is_used_lives_on(
    reader: Browser, database: Database, settings: Settings
) -> None:
    hours = timedelta(hours=1)
    change(database, used=-25 * hours, expires=hours, ends=settings_end(settings))
    assert is_logged_in(reader)
    left = stored(database)["expires"] - datetime.now(UTC)
    assert timedelta(0) < timedelta(seconds=settings.session_idle) - left < hours


def settings_end(settings: Settings) -> timedelta:
    """How long a new session can live."""
    return timedelta(seconds=settings.session_lifetime)


def test_SE_4_session_that_is_not_used_ends(
    reader: Browser, database: Database
) -> None:
    change(database, expires=timedelta(seconds=-1))
    assert not is_logged_in(reader)
    assert stored(database)["expires"] < datetime.now(UTC)


def test_SE_4_no_use_lets_a_session_outlive_its_absolute_end(
    reader: Browser, database: Database
) -> None:
    minute = timedelta(minutes=1)
    change(database, used=-60 * minute, expires=minute / 2, ends=minute)
    assert is_logged_in(reader)
    session = stored(database)
    assert session["expires"] == session["ends"]
    change(database, expires=-minute, ends=-minute)
    assert not is_logged_in(reader)


def test_ended_session_is_asked_to_log_in_again(
    reader: Browser, database: Database
) -> None:
    """And what was typed is kept."""
    form = reader.form("/users/alice/microposts/new")
    form["text"] = "typed text"
    database.sessions.delete_many({})
    answer = form.submit(expect_errors=True)
    assert answer.status_code == 400
    assert answer.html.find("textarea").text.strip() == "typed text"
    assert answer.html.select("main a[href^='/login']")
    assert database.microposts.find_one({}) is None


def test_SE_3_login_ends_the_session_before_it(reader: Browser, make: Factory) -> None:
    """Also another user's: of what alice had, bob has nothing."""
    make.user("bob")
    alices = reader.cookie
    reader.log_in("bob")
    assert stored(make.database)["user"] == "bob"
    assert reader.cookie != alices


def test_SE_3_login_does_not_take_an_id_from_outside(
    browser: Browser, make: Factory
) -> None:
    make.user("alice")
    browser.app.set_cookie("session", "A" * 43)
    browser.log_in("alice")
    assert browser.cookie != "A" * 43
    assert stored(make.database)["_id"] == sessions.digest(str(browser.cookie))


def test_failed_login_leaves_the_session(reader: Browser) -> None:
    assert reader.log_in("alice", "a wrong password").status_code == 400
    assert is_logged_in(reader)


def test_SE_3_registering_ends_the_session_before_it(
    reader: Browser, database: Database
) -> None:
    sent = reader.send("/register", username="bob", password=PASSWORD)
    assert sent.status_code == 303
    assert stored(database)["user"] == "bob"


def test_logging_out_twice_is_nothing(reader: Browser, browser: Browser) -> None:
    csrf = browser.form("/login")["csrf_token"].value
    for _ in range(2):
        answer = browser.app.post("/logout", {"csrf_token": csrf})
        assert answer.location.endswith("/?said=out")
    assert is_logged_in(reader)


def test_user_has_twenty_sessions_at_most(
    reader: Browser, make: Factory, database: Database
) -> None:
    user = make.user("alice")
    for _ in range(sessions.MOST):
        sessions.create(database, user, idle=3600, lifetime=3600, agent="")
    assert database.sessions.count_documents({}) == sessions.MOST
    assert not is_logged_in(reader)


@pytest.mark.parametrize(
    "cookie",
    [
        "session",
        "session=",
        "session=;",
        "session=\xff",
        'session="',
        "session=" + "x" * 8192,
        "session=None; session=x",
        "__Host-session={}",
        "Session={}",
        "session={}x",
        "session=x{}",
        "session=sha256",
        # Whoever can write a cookie for this host must not choose who one is.
        "session=x; session={}",
        "session={}; session=x",
        "session={} ;session={}",
        "session={};a=b;session =x",
    ],
)
def test_SE_3_what_is_no_cookie_of_ours_is_nothing(
    reader: Browser, application: Any, cookie: str
) -> None:
    other = Browser(application)
    cookie = cookie.replace("{}", str(reader.cookie))
    cookie = cookie.replace("sha256", sessions.digest(str(reader.cookie)))
    answer = other.get("/settings", Cookie=cookie)
    assert answer.location == "/login?next=/settings"
    assert other.get("/", Cookie=cookie).status_code == 200


@pytest.mark.parametrize(
    "cookie", ["xsession=1; session={}", "session={}; a=session=1"]
)
def test_cookies_of_others_are_left_alone(
    reader: Browser, application: Any, cookie: str
) -> None:
    cookie = cookie.replace("{}", str(reader.cookie))
    answer = Browser(application).get("/settings", Cookie=cookie)
    assert answer.status_code == 200


@pytest.mark.parametrize("path", OWN)
def test_SE_6_token_is_nothing_to_pages(
    browser: Browser, make: Factory, path: str
) -> None:
    bearer = f"Bearer {make.token('alice')}"
    answer = browser.get(path, Authorization=bearer)
    assert answer.status_code == 303
    assert "/login?next=" in answer.location


def test_SE_6_token_sends_no_form(browser: Browser, make: Factory) -> None:
    bearer = {"Authorization": f"Bearer {make.token('alice')}"}
    csrf = browser.form("/login")["csrf_token"].value
    sent = {"csrf_token": csrf, "text": "x"}
    path = "/users/alice/microposts/new"
    answer = browser.app.post(path, sent, headers=bearer, expect_errors=True)
    assert answer.status_code == 403
    assert make.database.microposts.find_one({}) is None


@pytest.mark.parametrize(("method", "path"), API)
def test_SE_6_cookie_is_nothing_to_the_api(
    reader: Browser, method: str, path: str
) -> None:
    answer = reader.app.request(
        f"/api{path}", method=method, body=b"", expect_errors=True
    )
    assert answer.status_code == 401


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
@pytest.mark.parametrize(
    "path",
    ["/logout", "/users/alice/following/bob/follow", "/settings/sessions?all=on"],
)
def test_SE_5_asking_does_nothing(
    reader: Browser, make: Factory, method: str, path: str
) -> None:
    make.user("bob")
    make.token("alice")
    answer = reader.app.request(path, method=method, expect_errors=True)
    assert answer.status_code in {200, 204, 405}
    assert is_logged_in(reader)
    assert make.database.follows.find_one({}) is None
    assert make.database.tokens.count_documents({}) == 1


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/about",
        "/login",
        "/register",
        "/search?text=word",
        "/statistics",
        "/users",
        "/users/alice",
        "/users/alice/feed",
        "/users/alice/followers",
        "/users/alice/following",
        "/users/nobody",
        "/tags/word",
        "/settings",
        "/robots.txt",
        "/static/style.css",
    ],
)
def test_SE_1_visitors_leave_no_trace(
    browser: Browser, make: Factory, path: str
) -> None:
    """But for the number of searches, on a day and of a network."""
    make.micropost("alice", "a #word")
    nobodys = {"keys", "limits", "searches"}
    names = sorted(set(make.database.list_collection_names()) - nobodys)
    before = [list(make.database[name].find()) for name in names]
    for _ in range(2):
        assert "Set-Cookie" not in browser.get(path).headers
    assert [list(make.database[name].find()) for name in names] == before
    assert set(make.database.list_collection_names()) - nobodys == set(names)
