"""The jobs: what is asked of the site, as whom."""

import itertools
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import quote

from microblog.store import tokens
from tests.bench import people
from tests.bench.client import Client
from tests.bench.loads import Loaded, Target
from tests.bench.processes import Program, Site

LIFETIME = 90 * 86400  # seconds of a token
RANDOM_READERS = 200
RANDOM_AUTHORS = 400
EACH = 10  # microposts of an author, to be drawn from
HTML = "text/html"
READER = "reads_ten"
POSTS = "followed_fifty"


class World:
    """A running site, what it holds, and tokens for who asks."""

    def __init__(self, size: int, facts: dict[str, Any], site: Site):
        """`facts`: what `stores` knows of the store."""
        self.size, self.facts, self.site = size, facts, site
        self.database = site.database
        self.web: Program = site.web or site.start_web()
        self.draw = random.Random(1)
        self._authorizations: dict[str, str] = {}

    @property
    def loaded(self) -> Loaded:
        """The processes to be measured."""
        pids = self.web.pid, self.site.database_pid
        return Loaded(self.web.url, *pids, self.database)

    def authorization(self, username: str) -> str:
        """The header that says who asks."""
        if username not in self._authorizations:
            token = tokens.create(self.database, username, LIFETIME)
            self._authorizations[username] = f"Bearer {token}"
        return self._authorizations[username]

    def client(self, username: str = READER) -> Client:
        """A client in Python, as a user."""
        return Client(self.web.port, self.authorization(username))

    @property
    def author(self) -> str:
        """Who has written most."""
        return str(self.facts["authors"][0])

    @cached_property
    def authors(self) -> list[str]:
        """Some of those who have a full page, if there are enough of them."""
        found = self.facts["authors"]
        return list(self.draw.sample(found, min(RANDOM_AUTHORS, len(found))))

    @cached_property
    def readers(self) -> list[str]:
        """Some of those who were loaded."""
        found = self.facts["people"]
        return list(self.draw.sample(found, min(RANDOM_READERS, len(found))))

    @cached_property
    def microposts(self) -> list[str]:
        """Addresses of some microposts of `authors`, of any age."""
        addresses = []
        for author in self.authors:
            found = self.database.microposts.find({"author": author}, {"_id": 1})
            ids = sorted(document["_id"] for document in found)
            for id in self.draw.sample(ids, min(EACH, len(ids))):
                addresses.append(f"{collection(author)}/{id}")
        return addresses

    @cached_property
    def page(self) -> dict[str, Any]:
        """The page of `author`, in JSON."""
        answer: dict[str, Any] = self.client().json(collection(self.author))
        return answer


def collection(username: str) -> str:
    """The address of a user's microposts."""
    return f"/api/users/{username}/collection"


def _api(path: Callable[[World], str], reader: str = READER) -> Any:
    return lambda world: [Target(path(world), world.authorization(reader))]


def _html(path: Callable[[World], str]) -> Any:
    return lambda world: [Target(path(world), accept=HTML)]


def _timeline(reader: str) -> Any:
    return _api(lambda world: f"/api/users/{reader}/timeline", reader)


def _followers(username: str) -> Any:
    return _api(lambda world: f"/api/users/{username}/followers")


def _random_timelines(world: World) -> list[Target]:
    for reader in world.readers:
        # Built when it is read for the first time, which is another job than reading.
        world.client(reader).read(f"/api/users/{reader}/timeline")
    return [
        Target(f"/api/users/{reader}/timeline", world.authorization(reader))
        for reader in world.readers
    ]


def _newest(world: World) -> str:
    return f"{collection(world.author)}/{world.page['result'][0]['id']}"


def _random(paths: Callable[[World], list[str]], reader: str = READER) -> Any:
    return lambda world: [
        Target(path, world.authorization(reader)) for path in paths(world)
    ]


def _posts(world: World) -> list[Target]:
    """Posts by POSTS, as long as what people write, after each follower has read."""
    for follower in people.followers(POSTS, world.facts["people"]):
        world.client(follower).read(f"/api/users/{follower}/timeline")
    return [_post(world, POSTS, text) for text in _texts(world)]


def _random_posts(world: World) -> list[Target]:
    texts = itertools.cycle(_texts(world))
    return [
        _post(world, author, text)
        for author, text in zip(world.readers, texts, strict=False)
    ]


def _post(world: World, author: str, text: str) -> Target:
    header, body = world.authorization(author), json.dumps({"text": text})
    return Target(collection(author), header, "POST", body=body)


def _texts(world: World) -> list[str]:
    found = (one["text"] for one in world.page["result"])
    # A mention would be work for the worker that other posts are not.
    return [text for text in found if "@" not in text] or ["Good morning!"]


@dataclass(frozen=True)
class Job:
    """A load on the site, and what it is compared with."""

    name: str
    title: str
    targets: Callable[[World], list[Target]]
    ceiling: str = ""
    kinto: str = "kinto_list"


JSON_PAGE, HTML_PAGE, ONE = "ceiling_json", "ceiling_html", "ceiling_micropost"
_mine = lambda world: collection(world.author)  # noqa: E731 (as short as the others)

JOBS = [
    Job("user_json", "a user's page, JSON", _api(_mine), JSON_PAGE),
    Job(
        "user_html",
        "a user's page, HTML",
        _html(lambda world: f"/users/{world.author}"),
        HTML_PAGE,
    ),
    *(
        Job(
            f"timeline_{count}",
            f"timeline, {count:,} followees, JSON",
            _timeline(reader),
            JSON_PAGE,
        )
        for reader, count in people.READERS.items()
    ),
    Job("micropost_json", "one micropost, JSON", _api(_newest), ONE),
    Job("front_html", "front page, HTML", _html(lambda world: "/"), HTML_PAGE),
    Job(
        "tag_html",
        "a tag's page, HTML",
        _html(lambda world: f"/tags/{quote(world.facts['tag'])}"),
        HTML_PAGE,
    ),
    Job(
        "random_user_json",
        "random users' pages, JSON",
        _random(lambda world: [collection(author) for author in world.authors]),
        JSON_PAGE,
    ),
    Job(
        "random_user_html",
        "random users' pages, HTML",
        lambda world: [
            Target(f"/users/{author}", accept=HTML) for author in world.authors
        ],
        HTML_PAGE,
    ),
    Job("random_timeline", "random readers' timelines", _random_timelines, JSON_PAGE),
    Job(
        "random_micropost",
        "random microposts, JSON",
        _random(lambda world: world.microposts),
        ONE,
    ),
    Job(
        "followers_hundred",
        "followers, 100",
        _followers("followed_hundred"),
        JSON_PAGE,
    ),
    Job(
        "followers_much",
        "followers, most followed",
        _followers(people.MUCH),
        JSON_PAGE,
    ),
]
POSTING = Job("posting", "posting, 50 followers", _posts, kinto="kinto_post")
WRITING = [
    POSTING,
    Job("random_posting", "posting, random users", _random_posts, kinto="kinto_post"),
]
COMPARED = {
    "ceiling_json": "Pyramid, constant page, JSON",
    "ceiling_html": "Pyramid, constant page, HTML",
    "ceiling_micropost": "Pyramid, constant micropost",
    "kinto_list": "Kinto, list of 20",
    "kinto_post": "Kinto, posting",
}
SINGLY = {
    "search_words": "search, words of 5 letters, one at a time",
    "search_common": "search, “the”, one at a time",
    "before_logins": "a user's page, JSON, before 50 logins",
    "during_logins": "the same, while they are verified",
}
TITLES = {
    **{job.name: job.title for job in [*JOBS, *WRITING]},
    **COMPARED,
    **SINGLY,
}
