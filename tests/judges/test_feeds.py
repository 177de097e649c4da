"""feedparser: the Atom feeds say what the API says."""

from calendar import timegm
from datetime import UTC, datetime
from typing import Any

import feedparser
import pytest
from bs4 import BeautifulSoup

from tests.browser.world import TAG, World

ATOM = "application/atom+xml"


def read(world: World, path: str) -> Any:
    """The feed, which has nothing to complain of."""
    status, headers, body = world.fetch(path)
    assert (status, headers.get_content_type()) == (200, ATOM)
    feed = feedparser.parse(
        body.encode(), response_headers={"content-type": headers["Content-Type"]}
    )
    assert not feed.bozo, feed.get("bozo_exception")
    assert feed.version == "atom10"
    return feed


def microposts(world: World, query: str) -> list[Any]:
    """The same microposts by the API."""
    status, page = world.request("GET", query, token=world.token("alice"))
    assert status == 200
    return list(page["result"])


def plain(html: str) -> str:
    """The text of HTML."""
    return BeautifulSoup(html, "html.parser").get_text()


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/users/alice", "/api/users/alice/collection"),
        (f"/tags/{TAG}", f"/api/search?text=%23{TAG}"),
    ],
)
def test_feed_has_the_newest_microposts(world: World, path: str, query: str) -> None:
    feed, wanted = read(world, f"{path}/feed"), microposts(world, query)
    assert feed.feed.link == world.url + path
    assert {"rel": "self", "type": ATOM, "href": f"{world.url}{path}/feed"} in (
        feed.feed.links
    )
    assert len(feed.entries) == len(wanted) > 0
    for entry, micropost in zip(feed.entries, wanted, strict=True):
        address = f"{world.url}/users/alice/microposts/{micropost['id']}"
        moment = datetime.fromisoformat(micropost["edited"] or micropost["timestamp"])
        assert entry.id == entry.link == address
        assert micropost["text"].startswith(entry.title.removesuffix("..."))
        assert timegm(entry.updated_parsed) == int(moment.astimezone(UTC).timestamp())
        assert plain(entry.content[0].value) == micropost["text"]
        assert entry.author == "alice"


def test_feed_of_nothing(world: World) -> None:
    assert read(world, "/users/carol/feed").entries == []
    assert read(world, "/tags/unheard/feed").entries == []
