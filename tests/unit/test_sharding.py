"""Every hot query carries the shard key of its collection: docs/scaling.md."""

import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pymongo import monitoring

from microblog.database import Connection
from microblog.store import Database, deliveries, segments
from tests.browsing import Browser
from tests.factories import PASSWORD, Api, Factory

DOCUMENT = (Path(__file__).parents[2] / "docs" / "scaling.md").read_text()
# By collection, the fields of its key; none: it is on one shard as a whole.
KEYS = {
    name: re.findall(r"(\w+): ", key)
    for name, key in re.findall(r"^\| `(\w+)` \| (?:`(\{.+?\})`|–) \|", DOCUMENT, re.M)
}


class Spy(monitoring.CommandListener):
    """What is asked of each collection, but for what the watching thread asks."""

    def __init__(self, database: str) -> None:
        self.database = database
        self.asked: list[tuple[str, str, dict[str, Any]]] = []

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        """Note its filters."""
        name, command = event.command_name, event.command
        watching = threading.current_thread().name == "database"
        if event.database_name != self.database or watching or name == "getMore":
            return
        filters = {
            "find": lambda: [command["filter"]],
            "insert": lambda: command["documents"],
            "update": lambda: [one["q"] for one in command["updates"]],
            "delete": lambda: [one["q"] for one in command["deletes"]],
            "aggregate": lambda: [command["pipeline"][0].get("$match", {})],
        }[name]()
        self.asked += [(name, command[name], one) for one in filters]

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        """Nothing to do."""

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        """Nothing to do."""


@pytest.fixture
def spy(
    application: Any, database: Database, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Spy]:
    """Listens to a client of its own, which serves the application meanwhile."""
    spy = Spy(database.name)
    monitoring._LISTENERS.command_listeners.append(spy)
    connection = Connection(application.registry["settings"]).open()
    connection.wait()
    monitoring._LISTENERS.command_listeners.remove(spy)
    monkeypatch.setattr(
        application.registry["connection"], "_database", connection._database
    )
    yield spy
    monkeypatch.undo()
    connection.close()


def is_point(value: object) -> bool:
    """Whether a condition names values, or a range with both its ends."""
    if not isinstance(value, dict):
        return True
    ends = {operator[:3] for operator in value}
    return "$in" in value or ends == {"$gt", "$lt"}


def assert_is_keyed(name: str, collection: str, query: dict[str, Any]) -> None:
    """It can be sent to the shards that it concerns."""
    assert collection in KEYS, f"{collection} is not in docs/scaling.md"
    # The first field of a key of several is enough.
    for field in KEYS[collection] if name == "insert" else KEYS[collection][:1]:
        said = f"{name} {collection} {query}"
        assert field in query, said
        assert name == "insert" or is_point(query[field]), said


@dataclass
class World:
    """Who asks, and what there is."""

    api: Api
    browser: Browser
    database: Database
    oldest: int


Do = Callable[[World], Any]

HOT: dict[str, tuple[Do, set[str]]] = {
    "first page of a user": (
        lambda world: world.api.get("/users/carol/collection"),
        {"users"},
    ),
    "deeper page": (
        lambda world: world.api.get("/users/carol/collection?page=3"),
        {"microposts"},
    ),
    "micropost": (
        lambda world: world.api.get(f"/users/carol/collection/{world.oldest}"),
        {"microposts"},
    ),
    "timeline": (
        lambda world: world.api.get("/users/alice/timeline"),
        {"timelines", "users"},
    ),
    "posting": (
        lambda world: world.api.post(
            "/users/alice/collection", {"text": "hello #tag"}, Idempotency_Key='"k"'
        ),
        {"microposts", "users", "marks", "idempotency"},
    ),
    "delivering": (
        lambda world: deliveries.deliver(world.database, "carol", 100),
        {"follows", "timelines", "users"},
    ),
    "follow": (
        lambda world: world.api.post("/users/alice/following", {"username": "dave"}),
        {"follows", "users", "timelines"},
    ),
    "new token": (
        lambda world: world.api.post(
            "/token", {"username": "alice", "password": PASSWORD}
        ),
        {"users", "limits", "tokens"},
    ),
    "token": (lambda world: world.api.get("/users/dave"), {"tokens"}),
    "session": (lambda world: world.browser.get("/users/carol"), {"sessions"}),
    "tag": (
        lambda world: world.api.app.get("/tags/tag"),
        {"microposts", "marks"},
    ),
    "public timeline": (
        lambda world: world.api.app.get("/"),
        {"microposts", "marks"},
    ),
    "search": (
        lambda world: world.api.get("/search?text=micropost"),
        {"segments", "postings", "microposts", "limits"},
    ),
    "unfollow": (
        lambda world: world.api.delete("/users/alice/following/carol"),
        {"follows", "users"},
    ),
}
# What asks all shards, each by a small index: a login, to end the oldest of too many
# tokens; a search, for what has been posted since the last segment was made.
EXCEPTIONS = {
    "new token": ("find", "tokens", {"user"}),
    "search": ("find", "microposts", {"undone.search"}),
}


@pytest.fixture
def world(application: Any, alice: Api, make: Factory, spy: Spy) -> World:
    """Alice follows carol, who has posted; she has read her timeline once, for which
    all whom she follows were asked for."""
    oldest = make.microposts(70, "carol")[0]["id"]
    make.micropost("carol", "with a #tag")
    make.user("dave")
    make.follow("alice", "carol")
    segments.tend(make.database, least=1)
    browser = Browser(application)
    assert browser.log_in("alice").status_code == 303
    assert alice.get("/users/alice/timeline").status_code == 200
    database = application.registry["connection"].database
    return World(alice, browser, database, oldest)


def test_hot_queries_carry_the_shard_key(world: World, spy: Spy) -> None:
    for what, (do, wanted) in HOT.items():
        for kept in world.database.memory.kept().values():
            kept._entries.clear()
        spy.asked.clear()
        answer = do(world)
        assert answer is None or answer.status_code < 300, what
        assert wanted <= {collection for _name, collection, _query in spy.asked}, what
        for name, collection, query in spy.asked:
            if (name, collection, set(query)) != EXCEPTIONS.get(what):
                assert_is_keyed(name, collection, query)


def test_commands_of_the_document_make_these_keys() -> None:
    made = re.findall(r'sh\.shardCollection\("microblog\.(\w+)", (\{.+?\})\)', DOCUMENT)
    hashed = re.search(r"for \(const name of \[(.+?)\]\)", DOCUMENT, re.S)
    assert hashed
    names = re.findall(r'"(\w+)"', hashed[1])
    assert {name for name, _key in made} | set(names) == {
        name for name, key in KEYS.items() if key
    }
    for name, key in [*made, *((name, '{_id: "hashed"}') for name in names)]:
        assert f"| `{name}` | `{key}` |" in DOCUMENT
