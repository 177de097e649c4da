"""Limits: how often something may be done, by whom, and what is answered then."""

import base64
import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from webtest import TestApp, TestResponse

import microblog
from microblog.settings import Settings
from microblog.store import Database
from tests.browsing import Browser
from tests.factories import PASSWORD, Api, Factory
from tests.functional.answers import assert_problem
from tests.functional.mailed import ADDRESS, NEW_PASSWORD

WRONG = "not the one that it is"
SMALL = {
    "limits_login": 10,
    "limits_login_network": 12,
    "limits_login_account": 14,
    "limits_login_all": 16,
    "limits_register": 3,
    "limits_mail": 3,
    "limits_mail_network": 5,
    "limits_post": 3,
    "limits_follow": 3,
    "limits_search": 3,
    "limits_report": 3,
    "limits_invite": 3,
    "registration_users_invite": True,
}
POLICY = re.compile(r'"([a-z-]+)";q=(\d+);w=(\d+)')
LEFT = re.compile(r'"([a-z-]+)";r=(\d+);t=(\d+)')


@pytest.fixture(autouse=True)
def clock() -> Iterator[Any]:
    """Every window of a limit has just begun, and does not end during a test."""
    full = (time.time() // 3600 + 1) * 3600
    with time_machine.travel(full + 1, tick=True) as clock:
        yield clock


@pytest.fixture(scope="module")
def limited(application: Any, settings: Settings) -> Iterator[Any]:
    """The application with limits that are soon reached, on the same store."""
    made = microblog.application(settings.model_copy(update=SMALL))
    made.registry["connection"].wait()
    yield made
    made.registry["connection"].close()


@pytest.fixture
def come(limited: Any, make: Factory) -> Callable[..., Browser]:
    """Makes browsers at an address; alice and bob are users."""
    make.user("alice", email=ADDRESS)
    make.user("bob")

    def come(address: str = "192.0.2.1", log_in: str = "") -> Browser:
        browser = Browser(limited)
        browser.app.extra_environ["REMOTE_ADDR"] = address
        if log_in:
            assert browser.log_in(log_in).status_code == 303
        return browser

    return come


@pytest.fixture
def browser(come: Callable[..., Browser]) -> Browser:
    """Somebody who was never here."""
    return come()


@pytest.fixture
def reader(come: Callable[..., Browser]) -> Browser:
    """Alice, logged in."""
    return come(log_in="alice")


@pytest.fixture
def api(limited: Any, make: Factory) -> Api:
    """The API as alice."""
    app = TestApp(limited, extra_environ={"REMOTE_ADDR": "192.0.2.1"})
    return Api(app, make.token("alice"), "alice")


def token(browser: Browser, username: str, password: str = PASSWORD) -> TestResponse:
    """What comes of asking for a token from the browser's address."""
    given = {"username": username, "password": password}
    return browser.app.post_json("/api/token", given, expect_errors=True)


def told(answer: TestResponse, name: str, most: int, seconds: int) -> int:
    """How often it may still be done, by the headers that say so."""
    policy = POLICY.fullmatch(answer.headers["RateLimit-Policy"])
    left = LEFT.fullmatch(answer.headers["RateLimit"])
    assert policy
    assert left
    assert policy.groups() == (name, str(most), str(seconds))
    assert left[1] == name
    assert 0 < int(left[3]) <= 2 * seconds
    return int(left[2])


def assert_throttled(answer: TestResponse) -> int:
    """429 as a page or as problem details; the seconds to wait."""
    assert answer.status_code == 429
    seconds = int(answer.headers["Retry-After"])
    assert seconds > 0
    assert answer.headers["RateLimit"].endswith(f";r=0;t={seconds}")
    words = f"come back in {-(-seconds // 60)} min"
    if answer.content_type == "text/html":
        assert words in answer.html.find("main").text
    else:
        assert words in assert_problem(answer, 429)["detail"]
    return seconds


def use_up(browser: Browser, username: str = "alice", times: int = 10) -> None:
    """Wrong passwords, by the API."""
    for _ in range(times):
        assert token(browser, username, WRONG).status_code == 400


Ask = Callable[[Browser, Api, str], TestResponse]


def basic(browser: Browser, api: Api, password: str) -> TestResponse:
    said = base64.b64encode(f"alice:{password}".encode()).decode()
    return browser.app.post(
        "/api/token",
        {"grant_type": "password"},
        headers={"Authorization": f"Basic {said}"},
        expect_errors=True,
    )


PLACES: dict[str, Ask] = {
    "POST /login": lambda browser, api, given: browser.log_in("alice", given),
    "POST /settings/password": lambda browser, api, given: browser.send(
        "/settings/password", current_password=given, password=NEW_PASSWORD
    ),
    "POST /settings/email": lambda browser, api, given: browser.send(
        "/settings/email", email="new@example.org", current_password=given
    ),
    "POST /settings/delete": lambda browser, api, given: browser.send(
        "/settings/delete", password=given, sure="on"
    ),
    "POST /api/token": lambda browser, api, given: token(browser, "alice", given),
    "POST /api/token, Basic": basic,
    "POST /api/token, form": lambda browser, api, given: browser.app.post(
        "/api/token", {"username": "alice", "password": given}, expect_errors=True
    ),
    "PATCH /api/users/alice, password": lambda browser, api, given: api.patch(
        "/users/alice", {"password": NEW_PASSWORD, "current_password": given}
    ),
    "PATCH /api/users/alice, email": lambda browser, api, given: api.patch(
        "/users/alice", {"email": "new@example.org", "current_password": given}
    ),
    "DELETE /api/users/alice": lambda browser, api, given: api.delete(
        "/users/alice", {"password": given}
    ),
}


@pytest.mark.parametrize("place", PLACES)
def test_AU_5_RL_2_eleventh_password_is_refused(
    reader: Browser,
    come: Callable[..., Browser],
    api: Api,
    database: Database,
    place: str,
) -> None:
    """At every place that asks for one, there and by the API; also the right one, and
    nothing comes of it."""
    before = database.users.find_one({"_id": "alice"})
    for _ in range(10):
        assert PLACES[place](reader, api, WRONG).status_code in {400, 401}
    assert_throttled(PLACES[place](reader, api, PASSWORD))
    assert_throttled(token(come(), "alice"))
    assert_throttled(come().log_in("alice"))
    assert database.users.find_one({"_id": "alice"}) == before
    # Others at the same address, and alice elsewhere.
    assert come().log_in("bob").status_code == 303
    assert come("198.51.100.1").log_in("alice").status_code == 303


def test_AU_5_form_comes_again_without_the_password(browser: Browser) -> None:
    use_up(browser)
    answer = browser.send("/login?next=/users", username="alice", password=PASSWORD)
    assert_throttled(answer)
    assert answer.html.find(id="username")["value"] == "alice"
    assert answer.html.find(role="alert")
    assert PASSWORD not in answer.text
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("name", ["nobody", "No Name!", "x" * 5000, ""])
def test_AU_5_account_that_is_none_is_refused_alike(
    browser: Browser, database: Database, name: str
) -> None:
    bodies = set()
    for one in ("alice", name):
        database.limits.delete_many({})
        use_up(browser, one)
        answer = token(browser, one)
        assert_throttled(answer)
        bodies.add(answer.body)
    assert len(bodies) == 1


def test_AU_5_only_wrong_passwords_count(browser: Browser, database: Database) -> None:
    use_up(browser, times=9)
    for _ in range(12):
        answer = token(browser, "alice")
        assert answer.status_code == 200
        assert told(answer, "login", 10, 300) == 1
        assert browser.log_in("alice").status_code == 303
    use_up(browser, times=1)
    assert_throttled(token(browser, "alice"))


@pytest.mark.parametrize(
    ("limit", "most", "seconds"),
    [("login-network", 12, 300), ("login-account", 14, 3600), ("login-all", 16, 300)],
)
def test_AU_5_limits_beside_that_of_account_and_network(
    come: Callable[..., Browser], limit: str, most: int, seconds: int
) -> None:
    """Others go on where it does not count them."""
    for number in range(most):
        place = 1 if limit == "login-network" else number
        name = "alice" if limit == "login-account" else f"user{number}"
        assert token(come(f"10.0.{place}.1"), name, WRONG).status_code == 400
    answer = token(come("10.0.1.2"), "alice")
    assert_throttled(answer)
    assert told(answer, limit, most, seconds) == 0
    other = token(come("10.1.0.1"), "bob")
    assert other.status_code == (429 if limit == "login-all" else 200)


def test_AU_5_known_browser_is_not_locked_out(
    reader: Browser, come: Callable[..., Browser], api: Api
) -> None:
    """Whatever strangers do at its own address; what it does itself counts."""
    reader.send("/", "/logout")
    cookie = reader.app.cookies["known"]
    for number in range(20):
        token(come(f"192.0.{number // 10}.1"), "alice", WRONG)
    assert_throttled(come("203.0.113.9").log_in("alice"))
    assert reader.log_in("alice").status_code == 303
    assert reader.app.cookies["known"].partition(".") == cookie.partition(".")
    for place in ("POST /settings/email", "POST /settings/password"):
        assert PLACES[place](reader, api, PASSWORD).status_code == 303
    for _ in range(10):
        assert reader.log_in("alice", WRONG).status_code == 400
    assert_throttled(reader.log_in("alice", NEW_PASSWORD))


@pytest.mark.parametrize("name", ["alice browsers", "browsers alice", "alice browser"])
def test_AU_5_no_name_that_is_typed_counts_as_what_it_is_not(
    reader: Browser, come: Callable[..., Browser], name: str
) -> None:
    """Else strangers lock out browsers that an account knows, by the name of what
    counts them."""
    for number in range(14):
        assert token(come(f"10.0.{number}.1"), name, WRONG).status_code == 400
    assert reader.log_in("alice").status_code == 303


def test_AU_5_what_makes_a_browser_known(
    reader: Browser, come: Callable[..., Browser], database: Database
) -> None:
    """The cookie of alice is nothing for bob, nothing to the API, and logs nobody in;
    one that is made up, or comes from a wrong password, is none."""
    value = reader.app.cookies["known"]
    assert "alice" not in value
    name = value.partition(".")[0]
    for one, status in (
        (value, 303),
        (name, 429),
        (f"{name}.{'0' * 64}", 429),
        (f"x{value}", 429),
        ("\xe9.\xe9", 429),
        ("." * 3, 429),
    ):
        browser = come("203.0.113.1")
        browser.app.set_cookie("known", one.encode("ascii", "ignore").decode())
        assert browser.get("/settings").status_code == 303
        if status == 303:
            use_up(browser)
        assert_throttled(token(browser, "alice"))
        assert browser.log_in("alice").status_code == status
    database.limits.delete_many({})
    use_up(come("203.0.113.1"), "bob")
    browser = come("203.0.113.1")
    browser.app.set_cookie("known", value)
    assert_throttled(browser.log_in("bob"))
    assert "known" not in come("198.51.100.1").app.cookies


def test_AU_5_many_known_browsers_are_not_many_guesses(
    come: Callable[..., Browser],
) -> None:
    """Of a thief who had the password and made browsers known with it."""
    browsers = [come(f"10.0.{number}.1", log_in="alice") for number in range(2)]
    for browser, times in zip(browsers, (10, 4), strict=True):
        for _ in range(times):
            assert browser.log_in("alice", WRONG).status_code == 400
    assert_throttled(browsers[1].log_in("alice", WRONG))


@pytest.mark.parametrize(
    ("one", "same", "other"),
    [
        ("192.0.2.1", "192.0.2.254", "192.0.3.1"),
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff:1:2:3", "2001:db8:0:2::1"),
        ("::ffff:192.0.2.1", "192.0.2.7", "192.0.1.1"),
        ("fe80::1%eth0", "fe80::2", "fe90::1"),
        ("0.0.2.1", "0.0.2.2", "::2"),
        ("", "", "192.0.2.1"),
    ],
)
def test_RL_2_network_is_counted_as_one(
    come: Callable[..., Browser], one: str, same: str, other: str
) -> None:
    use_up(come(one))
    assert_throttled(token(come(same), "alice"))
    assert token(come(other), "alice").status_code == 200


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP"])
def test_RL_2_forged_address_changes_nothing(browser: Browser, header: str) -> None:
    given = {"username": "alice", "password": WRONG}
    statuses = [
        browser.app.post_json(
            "/api/token",
            given,
            headers={header: f"{'for=' * (header == 'Forwarded')}198.51.{n}.1"},
            expect_errors=True,
        ).status_code
        for n in range(20)
    ]
    assert statuses == [400] * 10 + [429] * 10


OF_API: dict[str, Callable[[Api, int], TestResponse]] = {
    "register": lambda api, n: api.post(
        "/users", {"username": f"new{n}a", "password": PASSWORD}
    ),
    "post": lambda api, n: api.post("/users/alice/collection", {"text": f"text {n}"}),
    "follow": lambda api, n: api.post("/users/alice/following", {"username": "bob"}),
    "search": lambda api, n: api.get("/search?text=text"),
    "report": lambda api, n: api.post(
        "/reports", {"username": "bob", "reason": f"reason {n}"}
    ),
    "mail": lambda api, n: api.patch(
        "/users/alice",
        {"email": f"new{n}@example.org", "current_password": PASSWORD},
    ),
}
SECONDS = {"search": 300}
HOUR = timedelta(hours=1)


@pytest.mark.parametrize("name", OF_API)
def test_RL_1_API_answers_429(
    api: Api, make: Factory, come: Callable[..., Browser], name: str
) -> None:
    seconds = SECONDS.get(name, 3600)
    lefts = []
    for number in range(3):
        answer = OF_API[name](api, number)
        assert answer.status_code in {200, 201}, answer.text
        lefts.append(told(answer, name, 3, seconds))
    assert lefts == [2, 1, 0]
    before = make.database.microposts.count_documents({})
    answer = OF_API[name](api, 4)
    assert_throttled(answer)
    assert told(answer, name, 3, seconds) == 0
    assert make.database.microposts.count_documents({}) == before


def test_RL_1_inviting_writes_no_log_without_end(
    reader: Browser, database: Database
) -> None:
    """Neither by invitations made and ended again, nor by what is refused."""
    path, made = "/settings/invitations", {"uses": "1", "days": "7"}
    assert reader.send(path, **made).status_code == 200
    (id,) = [one["_id"] for one in database.invitations.find()]
    sent = {"csrf_token": reader.form(path)["csrf_token"].value, "revoke": id}
    assert reader.app.post(path, sent).status_code == 303
    assert reader.app.post(path, sent, expect_errors=True).status_code == 404
    assert database.audit.count_documents({}) == 2
    assert reader.app.post(path, sent, expect_errors=True).status_code == 429
    assert reader.send(path, **made).status_code == 429
    assert database.audit.count_documents({}) == 2


def test_RL_1_edits_count_as_posts(api: Api) -> None:
    href = OF_API["post"](api, 1).json["href"]
    assert api.put(href, {"text": "second"}).status_code == 200
    assert api.patch(href, {"text": "third"}).status_code == 200
    assert_throttled(api.patch(href, {"text": "fourth"}))
    assert_throttled(api.put(href, {"text": "fourth"}))
    assert api.get(href).json["text"] == "third"
    assert api.delete(href).status_code == 204


def test_RL_1_what_came_before_is_answered_again(api: Api, clock: Any) -> None:
    """A key that was refused can be used later, and a repeated one does not count."""
    path, body = "/users/alice/collection", {"text": "once"}
    for _ in range(6):
        assert api.post(path, body, Idempotency_Key="key").status_code == 201
    for number in range(2):
        assert api.post(path, {"text": f"text {number}"}).status_code == 201
    refused = api.post(path, {"text": "late"}, Idempotency_Key="late")
    clock.shift(assert_throttled(refused))
    answer = api.post(path, {"text": "later"}, Idempotency_Key="late")
    assert answer.status_code == 201


def follow(browser: Browser, number: int) -> TestResponse:
    csrf = browser.form("/login")["csrf_token"].value
    path = "/users/alice/following/bob/follow"
    return browser.app.post(path, {"csrf_token": csrf}, expect_errors=True)


def ask_again(browser: Browser, number: int) -> TestResponse:
    return browser.send("/settings/email", "/settings/confirm")


OF_PAGES: dict[str, tuple[str, Callable[[Browser, int], TestResponse]]] = {
    "POST /register": (
        "register",
        lambda browser, n: browser.send(
            "/register", username=f"new{n}a", password=PASSWORD, name="<b>kept</b>"
        ),
    ),
    "POST /users/alice/microposts/new": (
        "post",
        lambda browser, n: browser.send(
            "/users/alice/microposts/new", text=f"<b>kept</b> {n}"
        ),
    ),
    "POST /users/alice/following/bob/follow": ("follow", follow),
    "GET /search": (
        "search",
        lambda browser, n: browser.get("/search?text=<b>kept</b>"),
    ),
    "GET /users": ("search", lambda browser, n: browser.get("/users?name=bob")),
    "POST /settings/email": (
        "mail",
        lambda browser, n: browser.send(
            "/settings/email", email=f"kept{n}@example.org", current_password=PASSWORD
        ),
    ),
    "POST /settings/confirm": ("mail", ask_again),
    "POST /reset": (
        "mail",
        lambda browser, n: browser.send("/reset", email="kept@example.org"),
    ),
}
KEPT = set(OF_PAGES) - {
    "POST /users/alice/following/bob/follow",
    "GET /users",
    "POST /settings/confirm",
}


@pytest.mark.parametrize("place", OF_PAGES)
def test_RL_1_pages_answer_429(reader: Browser, place: str) -> None:
    """With what was typed, where there is a form, and without the password."""
    name, do = OF_PAGES[place]
    for number in range(3):
        answer = do(reader, number)
        assert answer.status_code in {200, 303}, answer.text
        assert told(answer, name, 3, SECONDS.get(name, 3600)) == 2 - number
    answer = do(reader, 3)
    assert_throttled(answer)
    if place in KEPT:
        assert "kept" in answer.html.find("main").find("form", method=True).decode()
        assert "<b>kept" not in answer.text
    assert PASSWORD not in answer.text


def test_RL_1_edit_form_answers_429(reader: Browser, make: Factory) -> None:
    path = f"/users/alice/microposts/{make.micropost('alice')['id']}/edit"
    for number in range(3):
        assert reader.send(path, text=f"text {number}").status_code == 303
    answer = reader.send(path, text="kept")
    assert_throttled(answer)
    assert answer.html.find("textarea").text.strip() == "kept"


def test_RL_1_mails_are_counted_by_network_too(
    come: Callable[..., Browser],
) -> None:
    for number in range(5):
        sent = come().send("/reset", email=f"user{number}@example.org")
        assert sent.status_code == 303
    answer = come().send("/reset", email="other@example.org")
    assert_throttled(answer)
    assert told(answer, "mail-network", 5, 3600) == 0
    elsewhere = come("198.51.100.1").send("/reset", email="other@example.org")
    assert elsewhere.status_code == 303


def test_RL_1_one_does_not_pay_for_another(
    come: Callable[..., Browser], api: Api, make: Factory
) -> None:
    """Users are counted each, visitors by their network."""
    bob = Api(api.app, make.token("bob"), "bob")
    for _ in range(4):
        last = OF_API["search"](api, 0)
    assert_throttled(last)
    assert OF_API["search"](bob, 0).status_code == 200
    for _ in range(3):
        assert come().get("/search?text=abc").status_code == 200
    assert_throttled(come("192.0.2.99").get("/search?text=abc"))
    assert come("198.51.100.1").get("/search?text=abc").status_code == 200
    assert come(log_in="bob").get("/search?text=abc").status_code == 200


def test_RL_1_retry_after_is_the_time_to_wait(api: Api) -> None:
    """To the second, whether this window is full or the one before still counts."""
    with time_machine.travel(datetime.now(UTC), tick=False) as clock:
        for _ in range(6):
            while (answer := OF_API["search"](api, 0)).status_code == 200:
                pass
            seconds = assert_throttled(answer)
            clock.shift(seconds - 1)
            assert assert_throttled(OF_API["search"](api, 0)) == 1
            clock.shift(1)
            assert OF_API["search"](api, 0).status_code == 200


def test_RL_1_end_of_a_window_frees_nothing_at_once(api: Api) -> None:
    window = 300
    with time_machine.travel(time.time() // window * window, tick=False) as clock:
        clock.shift(window - 2)
        for _ in range(3):
            assert OF_API["search"](api, 0).status_code == 200
        clock.shift(4)
        assert_throttled(OF_API["search"](api, 0))
        clock.shift(2 * window)
        statuses = [OF_API["search"](api, 0).status_code for _ in range(4)]
        assert statuses == [200, 200, 200, 429]


@pytest.mark.parametrize("jump", [-86400, -3600, -60, 3600, 86400, 400 * 86400])
def test_F9_clock_that_jumps_locks_nobody_out(
    api: Api, browser: Browser, jump: int
) -> None:
    """Two spans are the most that anybody waits, there and back again."""
    with time_machine.travel(datetime.now(UTC), tick=False) as clock:
        for there in (jump, -jump):
            while token(browser, "alice", WRONG).status_code == 400:
                pass
            clock.shift(there)
            if (answer := token(browser, "alice")).status_code == 429:
                seconds = assert_throttled(answer)
                assert seconds <= 2 * HOUR.seconds
                clock.shift(seconds)
                assert token(browser, "alice").status_code == 200
                clock.shift(-seconds)


def test_PR_3_counters_name_nobody(
    reader: Browser, api: Api, browser: Browser, database: Database
) -> None:
    """And are gone within a day."""
    for do in OF_API.values():
        do(api, 1)
    use_up(browser)
    reader.log_in("alice", WRONG)
    stored = list(database.limits.find())
    assert len(stored) > 8
    for counter in stored:
        assert set(counter) == {"_id", "count", "expires"}
        assert re.fullmatch("[0-9a-f]{64}", counter["_id"])
        assert counter["expires"] - datetime.now(UTC) < 3 * HOUR
    (index,) = [
        index
        for index in database.limits.index_information().values()
        if "expireAfterSeconds" in index
    ]
    assert (index["key"], index["expireAfterSeconds"]) == ([("expires", 1)], 0)


def test_RL_1_limit_of_0_is_none(settings: Settings, make: Factory) -> None:
    off = {name: 0 for name in Settings.model_fields if name.startswith("limits_")}
    application = microblog.application(settings.model_copy(update=off))
    application.registry["connection"].wait()
    try:
        browser = Browser(application)
        make.user("alice")
        use_up(browser, times=25)
        answer = token(browser, "alice")
        assert answer.status_code == 200
        assert "RateLimit" not in answer.headers
        assert make.database.limits.find_one({}) is None
    finally:
        application.registry["connection"].close()


def test_RL_1_pages_that_are_only_read_count_nothing(
    reader: Browser, come: Callable[..., Browser], database: Database
) -> None:
    visitor = come()
    database.limits.delete_many({})
    for path in (
        *("/", "/users", "/users/bob", "/users/bob/feed", "/about", "/login"),
        *("/register", "/reset", "/search", "/settings", "/settings/password"),
    ):
        for browser in (visitor, reader):
            assert "RateLimit" not in browser.get(path).headers
    assert database.limits.find_one({}) is None


def test_OP_2_throttles_are_logged_without_secrets(
    browser: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    use_up(browser)
    caplog.clear()
    token(browser, "alice")
    browser.log_in("alice")
    said = [record for record in caplog.records if record.name == "microblog.limits"]
    assert [record.levelname for record in said] == ["WARNING", "WARNING"]
    assert all("login" in record.getMessage() for record in said)
    for secret in (PASSWORD, WRONG, "192.0.2", "alice"):
        assert secret not in " ".join(record.getMessage() for record in said)
