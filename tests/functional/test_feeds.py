"""Atom feeds: what newsreaders get of a user and of a tag."""

from typing import Any
from xml.etree import ElementTree

import pytest

from microblog.store import microposts, users
from tests.browsing import Browser
from tests.factories import Factory

ATOM = "{http://www.w3.org/2005/Atom}"
SITE = "http://localhost:6543"


def feed(browser: Browser, path: str) -> Any:
    """The feed, read as XML."""
    answer = browser.get(path)
    assert answer.headers["Content-Type"] == "application/atom+xml; charset=UTF-8"
    return ElementTree.fromstring(answer.body)  # noqa: S314 (it is our own)


def said(element: Any, name: str) -> list[str]:
    """The texts of the elements of this name."""
    return [one.text or "" for one in element.iter(ATOM + name)]


def test_newest_come_first_and_no_more_than_twenty(
    browser: Browser, make: Factory
) -> None:
    made = make.microposts(25, "alice")
    found = feed(browser, "/users/alice/feed")
    ids = [f"{SITE}/users/alice/microposts/{one['id']}" for one in made[:4:-1]]
    assert said(found, "id") == [f"{SITE}/users/alice", *ids]


def test_edited_micropost_brings_the_feed_up_to_date(
    browser: Browser, make: Factory
) -> None:
    old = make.micropost("alice", "old")
    make.micropost("alice", "new")
    before = feed(browser, "/users/alice/feed").findtext(f"{ATOM}updated")
    changed = microposts.change(make.database, old, {"text": "edited"})
    found = feed(browser, "/users/alice/feed")
    moment = changed["edited"].strftime("%Y-%m-%dT%H:%M:%SZ")
    assert found.findtext(f"{ATOM}updated") == moment >= before
    entry = found.findall(f"{ATOM}entry")[1]
    assert entry.findtext(f"{ATOM}updated") == moment
    assert entry.findtext(f"{ATOM}title") == "edited"
    assert entry.findtext(f"{ATOM}published") <= moment


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "]]> &amp; & ]]>",
        "a\nb\tc",
        "{{ 7 * 7 }}",
        "\u202e rtl",
        "\U0001f468\u200d\U0001f469\u200d\U0001f467",
        "\ufdd0 a noncharacter",
        "\ufffe a noncharacter that XML has no place for",
        "\uffff another",
    ],
)
@pytest.mark.parametrize("path", ["/users/alice/feed", "/tags/word/feed"])
def test_OU_1_feed_is_well_formed_whatever_the_text(
    browser: Browser, make: Factory, path: str, text: str
) -> None:
    """And the name: https://www.w3.org/TR/xml/#charsets."""
    make.user("alice", name=f"{text[:40]}".replace("\n", " ").replace("\t", " "))
    make.micropost("alice", f"{text} #word")
    (entry,) = feed(browser, path).findall(f"{ATOM}entry")
    assert entry.find(f"{ATOM}content").get("type") == "html"
    assert "<script" not in (entry.findtext(f"{ATOM}content") or "")


def test_feed_of_a_tag_leaves_out_who_is_gone(browser: Browser, make: Factory) -> None:
    make.micropost("alice", "#word stays")
    make.micropost("bob", "#word goes")
    users.mark_deleted(make.database, "bob")
    assert said(feed(browser, "/tags/word/feed"), "title")[1:] == ["#word stays"]


def test_feed_of_a_tag_has_one_address(browser: Browser, make: Factory) -> None:
    make.micropost("alice", "#Größe")
    path = "/tags/gr%C3%B6sse/feed"
    answer = browser.get("/tags/Gr%C3%B6%C3%9Fe/feed")
    assert answer.status_code == 301
    assert answer.location.endswith(path)
    links = feed(browser, path).findall(f"{ATOM}link")
    assert {one.get("rel"): one.get("href") for one in links} == {
        "self": SITE + path,
        "alternate": SITE + path.removesuffix("/feed"),
    }


@pytest.mark.parametrize("path", ["/users/nobody/feed", "/tags/2026/feed", "/feed"])
def test_no_feed(browser: Browser, path: str, make: Factory) -> None:
    assert browser.get(path).status_code == 404


def test_reader_and_visitor_get_the_same_feed(
    reader: Browser, browser: Browser, make: Factory
) -> None:
    make.micropost("alice", "x")
    bodies = [one.get("/users/alice/feed").body for one in (reader, browser)]
    assert bodies[0] == bodies[1]
