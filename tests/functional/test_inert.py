"""What people have typed does nothing, wherever a page shows it."""

import socket
from typing import Any
from urllib.parse import quote

import pytest

from microblog.store import users
from tests.browsing import Browser
from tests.factories import Api, Factory

EVIL = [
    '"><img src=x onerror=alert(1)>',
    "'onfocus='alert(1)",
    "</title></textarea><script>alert(1)</script>",
    "{{ 7777 * 7777 }}{% include 'x' %}",
    "${site} %(name)s {0}",
]
ATTRIBUTES = {"onerror", "onfocus", "style", "srcdoc"}


def assert_inert(page: Any) -> None:
    """Nothing of it has become an element or an attribute."""
    assert page.status_code in {200, 400}
    html = page.html
    assert html.find("img") is None
    assert all(one.get("src", "").startswith("/static/") for one in html("script"))
    assert len(html("title")) == 1
    for element in html(True):
        assert not ATTRIBUTES & set(element.attrs), element
        target = element.get("href", element.get("action", "/"))
        assert target.startswith(("/", "#", "http://", "https://")), target
    assert "60481729" not in html.find("main").get_text()


@pytest.mark.parametrize("evil", EVIL)
def test_OU_1_profile(
    reader: Browser, browser: Browser, make: Factory, evil: str
) -> None:
    make.follow("alice", "bob")
    make.follow("bob", "alice")
    assert reader.send("/settings", name=evil, bio=evil).status_code == 303
    assert users.find(make.database, "alice")["name"] == evil  # type: ignore[index]
    for path in ("/users/alice", "/users", "/users/bob/followers", "/settings"):
        for who in (reader, browser):
            if path != "/settings" or who is reader:
                assert_inert(who.get(path))
    page = browser.get("/users/alice").html
    assert page.find("h1").text == evil
    assert page.select_one(".bio").text == evil
    assert page.find("meta", property="og:description")["content"] == evil
    assert page.find("title").text.startswith(f"{evil} (@alice)")


@pytest.mark.parametrize("evil", EVIL)
def test_OU_1_micropost(reader: Browser, make: Factory, evil: str) -> None:
    id = make.micropost("alice", f"{evil} #word")["id"]
    path = f"/users/alice/microposts/{id}"
    for page in ("/", "/users/alice", path, f"{path}/edit", f"{path}/delete"):
        assert_inert(reader.get(page))
    page = reader.get(path).html
    assert page.find("meta", property="og:description")["content"] == f"{evil} #word"
    assert reader.form(f"{path}/edit")["text"].value == f"{evil} #word"


@pytest.mark.parametrize("evil", EVIL)
@pytest.mark.parametrize(
    "path",
    [
        "/search?text={}",
        "/search?text={}&cursor={}",
        "/users?name={}",
        "/login?next={}",
        "/?said={}",
        "/?cursor={}",
        "/newer?than={}",
        "/users/alice/microposts/new?to={}",
    ],
)
def test_OU_1_address(reader: Browser, path: str, evil: str) -> None:
    assert_inert(reader.get(path.replace("{}", quote(evil, safe=""))))


@pytest.mark.parametrize("evil", EVIL)
def test_OU_1_path_of_nothing(reader: Browser, evil: str) -> None:
    answer = reader.get(f"/tags/{quote(evil, safe='')}")
    assert answer.status_code == 404
    assert "alert" not in answer.text


@pytest.mark.parametrize("evil", EVIL)
@pytest.mark.parametrize("field", ["username", "name", "email", "next", "text", "x y"])
def test_OU_1_form_that_is_shown_again(browser: Browser, evil: str, field: str) -> None:
    """By the page of a form that came too late, which shows all that was typed."""
    csrf = browser.form("/login")["csrf_token"].value
    for token, path in ((csrf, "/login"), (csrf, "/register"), ("old", "/login")):
        sent = {"csrf_token": token, field: evil}
        assert_inert(browser.app.post(path, sent, status=400))


@pytest.mark.parametrize("evil", EVIL)
def test_OU_1_name_of_a_browser(reader: Browser, application: Any, evil: str) -> None:
    other = Browser(application)
    other.app.extra_environ["HTTP_USER_AGENT"] = evil
    other.log_in("alice")
    assert_inert(reader.get("/settings/sessions"))


@pytest.mark.parametrize(
    "path", ["/search?text=abc%00", "/users/alice/microposts/new?to=a%00", "/?said=%00"]
)
def test_page_has_no_character_that_html_has_no_place_for(
    reader: Browser, path: str
) -> None:
    assert "\0" not in reader.get(path).text


def test_OU_3_server_opens_no_address_that_people_type(
    reader: Browser, alice: Api, make: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But for the document server's, it connects to nothing and looks up no name."""
    opened: list[Any] = []
    connect, look_up = socket.socket.connect, socket.getaddrinfo

    def connected(self: socket.socket, address: Any) -> None:
        opened.append(address[0])
        connect(self, address)

    def looked_up(host: Any, *arguments: Any, **more: Any) -> Any:
        opened.append(host)
        return look_up(host, *arguments, **more)

    monkeypatch.setattr(socket.socket, "connect", connected)
    monkeypatch.setattr(socket, "getaddrinfo", looked_up)
    # Of a test network (RFC 5737), which is nobody's.
    link = "http://192.0.2.1/a.png"
    assert reader.send("/settings", name=link, bio=link).status_code == 303
    posted = alice.post("/users/alice/collection", {"text": f"{link} @alice #word"})
    assert posted.status_code == 201
    for path in ("/", "/users/alice", "/users/alice/feed", "/search?text=192.0.2.1"):
        assert link in reader.get(path).text
    assert set(opened) <= {"127.0.0.1", "localhost"}
