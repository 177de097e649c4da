"""Whatever is typed into a form or an address of a page is answered with a page."""

import time
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from webob import Request

from microblog.settings import Settings
from microblog.store import Database
from tests.browsing import Browser
from tests.factories import Api, Factory

FORMS = {
    "/login": ("username", "password", "next"),
    "/register": ("username", "password", "name", "email"),
    "/users/alice/microposts/new": ("text", "referenced", "key"),
    "/users/alice/microposts/ID/edit": ("text", "referenced", "rev"),
    "/settings": ("name", "bio"),
    "/settings/email": ("email", "mails", "current_password"),
    "/reset": ("email", "token", "password"),
    "/confirm": ("token",),
    "/unsubscribe": ("token",),
    "/settings/password": ("current_password", "password"),
    "/settings/appearance": ("theme", "language"),
    "/settings/sessions": ("session", "token", "all"),
    "/settings/delete": ("password", "sure"),
    "/users/alice/following/bob/follow": ("x",),
}
FIELDS = [(path, name) for path, names in FORMS.items() for name in names]
ADDRESSES = [
    "/<>",
    "/users/<>",
    "/users/alice/<>",
    "/users/alice/microposts/<>",
    "/users/alice/microposts/ID/<>",
    "/tags/<>",
    "/tags/<>/feed",
    "/settings/<>",
    "/?cursor=<>",
    "/?size=<>",
    "/?order=<>",
    "/?said=<>",
    "/newer?than=<>",
    "/users?name=<>",
    "/users?cursor=<>",
    "/users/alice?cursor=<>",
    "/users/alice/followers?cursor=<>",
    "/tags/word?cursor=<>",
    "/search?text=<>",
    "/search?text=word&username=<>",
    "/search?text=word&cursor=<>",
    "/users/alice/microposts/new?to=<>",
    "/login?next=<>",
    "/reset?token=<>",
    "/confirm?token=<>",
    "/unsubscribe?token=<>",
]
CHOSEN = [
    "",
    "0",
    "-1",
    "9" * 30,
    "\0",
    "\ud800",
    "\ufeff",
    "\u202e",
    "a\r\nb",
    "on",
    "alice",
    "x" * 5001,
    "$ne",
    "../..",
    "@@",
]
TEXTS = st.sampled_from(CHOSEN) | st.text(max_size=300)
ATOM = "application/atom+xml"
STATUSES = {200, 301, 303, 400, 403, 404, 429}

anything = settings(
    max_examples=120, deadline=None, suppress_health_check=list(HealthCheck)
)


@pytest.fixture(scope="module")
def alice(application: Any, settings: Settings) -> Browser:
    """A reader with a micropost and a follower."""
    database: Database = application.registry["connection"].database
    for name in database.list_collection_names():
        database[name].delete_many({})
    make = Factory(database, settings)
    make.follow("alice", "bob")
    make.follow("bob", "alice")
    browser = Browser(application)
    browser.id = make.micropost("alice", "a #word")["id"]  # type: ignore[attr-defined]
    return browser


def be_logged_in(browser: Browser) -> str:
    """The token for forms of alice, who logs in if the last form has ended that."""
    page = browser.get("/settings")
    if page.status_code != 200:
        assert browser.log_in("alice").status_code == 303
        page = browser.get("/settings")
    return str(page.html.find("input", attrs={"name": "csrf_token"})["value"])


def assert_answered(answer: Any) -> None:
    """Neither a mistake of the server, nor a page that is none."""
    assert answer.status_code in STATUSES, answer.status
    if answer.status_code not in {301, 303}:
        assert answer.content_type in {"text/html", "text/plain", ATOM}


@anything
@given(where=st.sampled_from(FIELDS), text=TEXTS)
def test_IN_1_any_text_in_any_field(
    alice: Browser, where: tuple[str, str], text: str
) -> None:
    path, name = where
    path = path.replace("ID", str(alice.id))  # type: ignore[attr-defined]
    fields = {name: text, "csrf_token": be_logged_in(alice)}
    body = urlencode(fields, errors="surrogatepass")
    form = "application/x-www-form-urlencoded"
    headers = {"Content-Type": form}
    assert_answered(alice.app.post(path, body, headers=headers, expect_errors=True))


@anything
@given(address=st.sampled_from(ADDRESSES), text=TEXTS, known=st.booleans())
def test_IN_1_any_text_in_any_address(
    alice: Browser, address: str, text: str, known: bool
) -> None:
    address = address.replace("ID", str(alice.id))  # type: ignore[attr-defined]
    given = quote(text, safe="", errors="surrogatepass")
    # WebTest's cookie jar cannot read an address that is not UTF-8.
    request = Request.blank(address.replace("<>", given))
    if known:
        be_logged_in(alice)
        request.headers["Cookie"] = f"session={alice.cookie}"
    assert_answered(request.get_response(alice.app.app))


@pytest.mark.parametrize(
    "text",
    ["(a+)+$", "(a|a)*b", ".*.*.*.*", "a" * 255, "a" * 200 + "b", "$where", "%%%"],
)
def test_IN_6_no_search_takes_long(
    application: Any, database: Database, make: Factory, text: str
) -> None:
    """What would send a reader of patterns, or of tables, on a way of minutes."""
    for number in range(50):
        make.micropost("alice", f"{'a' * 200} {number}")
    browser = Browser(application)
    app = Api(browser.app, make.token("alice"))
    for client in (app, browser):
        seconds = []
        for _try in range(3):
            started = time.perf_counter()
            answer = client.get(f"/search?text={quote(text)}")
            seconds.append(time.perf_counter() - started)
            assert answer.status_code == 200
        assert min(seconds) < 2
