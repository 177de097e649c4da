"""Sites that are set up otherwise: behind TLS, in another language."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

import microblog
from microblog.settings import Settings
from tests.browsing import Browser
from tests.factories import PASSWORD, Factory

HTTPS = "https://example.org"


@pytest.fixture(scope="module")
def site_with(application: Any, settings: Settings) -> Iterator[Callable[..., Any]]:
    """Makes an application with other settings, on the same store."""
    with ExitStack() as opened:

        def site_with(**changed: Any) -> Any:
            made = microblog.application(settings.model_copy(update=changed))
            made.registry["connection"].wait()
            opened.callback(made.registry["connection"].close)
            return made

        yield site_with


@pytest.fixture(scope="module")
def application_with_tls(site_with: Callable[..., Any]) -> Any:
    """A site at HTTPS, to which a proxy speaks HTTP."""
    return site_with(site_url=HTTPS)


@pytest.fixture(scope="module")
def german_application(site_with: Callable[..., Any]) -> Any:
    """A site whose language is German."""
    return site_with(site_language="de", site_name="Vögel & Co.")


@pytest.fixture
def secure(application_with_tls: Any, make: Factory) -> Browser:
    """Somebody at the site with TLS, where alice is a user."""
    make.user("alice")
    browser = Browser(application_with_tls)
    browser.app.extra_environ["HTTP_HOST"] = "example.org"
    return browser


def log_in(browser: Browser, **headers: str) -> Any:
    """What comes of alice's login; keyword arguments are headers, with _ for -."""
    form = browser.form("/login")
    form["username"], form["password"] = "alice", PASSWORD
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return form.submit(headers=given, expect_errors=True)


def test_SE_1_cookie_with_tls(secure: Browser) -> None:
    headers = log_in(secure).headers.getall("Set-Cookie")
    for cookie, header in zip(("known", "session"), headers, strict=True):
        name, *attributes = header.split("; ")
        assert name.startswith(f"__Host-{cookie}=")
        flags = {one.lower() for one in attributes}
        assert {"secure", "httponly", "samesite=lax", "path=/"} <= flags
        assert not any(one.startswith("domain") for one in flags)


def test_SE_1_cookie_with_the_plain_name_is_none_where_there_is_tls(
    secure: Browser,
) -> None:
    """Whoever can write cookies over HTTP cannot set this site's."""
    secret = log_in(secure).headers["Set-Cookie"].partition(";")[0].partition("=")[2]
    for name, status in (("session", 303), ("__Host-session", 200)):
        header = {"Cookie": f"{name}={secret}", "Host": "example.org"}
        answer = Browser(secure.app.app).get("/settings", **header)
        assert answer.status_code == status


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        (HTTPS, 303),
        ("http://example.org", 403),
        ("https://example.org:8443", 403),
        ("https://sub.example.org", 403),
        ("https://example.org.evil.example", 403),
    ],
)
def test_SE_5_forms_come_from_this_origin(
    secure: Browser, origin: str, status: int
) -> None:
    assert log_in(secure, Origin=origin).status_code == status


def test_OU_6_browser_is_never_sent_from_tls_to_http(
    secure: Browser, make: Factory
) -> None:
    """The proxy speaks HTTP to us; CSP and browsers refuse the way down."""
    id = make.micropost("alice", "x")["id"]
    answers = [
        log_in(secure),
        secure.get("/settings"),
        secure.get("/users/alice/"),
        secure.get(f"/users/alice/microposts/{id}/"),
        secure.get("/users/alice/microposts"),
    ]
    for answer in answers:
        location = answer.headers["Location"]
        assert location.startswith((f"{HTTPS}/", "/")), location
        assert not location.startswith("//")


@pytest.mark.parametrize("path", ["/settings", "/users/alice/", "/login"])
def test_OU_6_no_redirect_for_the_name_of_another_site(
    browser: Browser, make: Factory, path: str
) -> None:
    make.user("alice")
    if path == "/login":
        form = browser.form("/login")
        form["username"], form["password"] = "alice", PASSWORD
        headers = {"Host": "evil.example"}
        answer = form.submit(headers=headers, expect_errors=True)
    else:
        answer = browser.get(path, Host="evil.example")
    assert answer.status_code == 400
    assert "Location" not in answer.headers
    assert "evil.example" not in answer.text


def test_OU_6_pages_with_tls_name_their_own_address(
    secure: Browser, make: Factory
) -> None:
    make.micropost("alice", "x")
    page = secure.get("/users/alice")
    assert page.headers["Strict-Transport-Security"] == "max-age=31536000"
    (link,) = page.html.find_all("link", rel="canonical")
    assert link["href"] == f"{HTTPS}/users/alice"
    assert "http://" not in page.text
    feed = secure.get("/users/alice/feed").text.replace("http://www.w3.org/", "")
    assert HTTPS in feed
    assert "http://" not in feed


@pytest.mark.parametrize(
    ("asked", "language"), [("", "de"), ("fr", "de"), ("en", "en"), ("de", "de")]
)
def test_language_of_the_site(
    german_application: Any, make: Factory, asked: str, language: str
) -> None:
    browser = Browser(german_application)
    for path in ("/", "/nothing"):
        page = browser.get(path, Accept_Language=asked).html.find("html")
        assert page["lang"] == language


def test_language_of_the_reader_comes_before_that_of_the_site(
    german_application: Any, make: Factory
) -> None:
    make.user("alice")
    browser = Browser(german_application)
    browser.log_in("alice")
    assert browser.get("/").html.find("html")["lang"] == "de"
    browser.send("/settings/appearance", language="en")
    assert browser.get("/", Accept_Language="de").html.find("html")["lang"] == "en"


def test_name_of_the_site(german_application: Any, make: Factory) -> None:
    make.micropost("alice", "x")
    browser = Browser(german_application)
    assert (
        browser.get("/about").html.find("title").text
        == "Über diese Website · Vögel & Co."
    )
    feed = browser.get("/users/alice/feed").text
    assert "<title>@alice · Vögel &amp; Co.</title>" in feed
