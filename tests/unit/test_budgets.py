"""How many commands a request may cost the document server.

Counted by a CommandListener: a command costs more than the documents it brings, and no
page may become dearer unseen.
"""

import re
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from pymongo import monitoring

from microblog.database import Connection
from microblog.store import Database, marks, reading
from tests.browsing import Browser
from tests.factories import Api, Factory

NAMES = [letter * 2 for letter in "abcdefghjkmnopqrstuvwxyz"] + ["ab"]


class Counter(monitoring.CommandListener):
    """The names of the commands sent, without those of the connection itself and of
    the thread that watches it."""

    def __init__(self, database: str) -> None:
        self.database = database
        self.names: list[str] = []
        self.served: Any = None

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        """Count it."""
        watching = threading.current_thread().name == "database"
        if event.database_name == self.database and not watching:
            self.names.append(event.command_name)

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        """Nothing to do."""

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        """Nothing to do."""


@pytest.fixture(autouse=True)
def no_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every 32nd user or so, drawn by a hash, makes a step of the directory, and a step
    one more read: here nobody does."""
    monkeypatch.setattr(marks, "is_step", lambda joined: False)


@pytest.fixture
def commands(
    application: Any, database: Database, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Counter]:
    """Counts on a client of its own, which serves the application meanwhile."""
    counter = Counter(database.name)
    monitoring._LISTENERS.command_listeners.append(counter)
    connection = Connection(application.registry["settings"]).open()
    connection.wait()
    monitoring._LISTENERS.command_listeners.remove(counter)
    served = application.registry["connection"]
    monkeypatch.setattr(served, "_database", connection._database)
    counter.served = connection.database
    counter.names.clear()
    yield counter
    monkeypatch.setattr(served, "_database", database)
    connection.close()


def forget(commands: Counter) -> None:
    """Begin to count, as a process does that has just started."""
    for kept in vars(commands.served.memory).values():
        kept._entries.clear()
    commands.names.clear()


def cost(commands: Counter, client: Api | Browser, path: str) -> int:
    """Commands of one GET by a process that remembers nothing; asked again at once, it
    costs none."""
    forget(commands)
    answer = client.get(path)
    assert answer.status_code == 200
    return len(commands.names)


def test_user_and_first_page(alice: Api, make: Factory, commands: Counter) -> None:
    make.microposts(60, "carol")
    assert cost(commands, alice, "/users/carol") == 2
    assert cost(commands, alice, "/users/carol/collection") == 2


def test_what_is_remembered_costs_nothing(
    application: Any, alice: Api, make: Factory, commands: Counter
) -> None:
    """But for what is only kept for a second."""
    make.microposts(25, "carol")
    make.micropost("carol", "#word")
    make.follow("alice", "carol")
    reader = Browser(application)
    reader.log_in("alice")
    for client, path in (
        (alice, "/users/carol/collection"),
        (alice, "/users/alice/timeline"),
        (alice, "/users/carol"),
        (reader, "/"),
        (reader, "/users/carol"),
        (Browser(application), "/"),
        (Browser(application), "/tags/word"),
        (Browser(application), "/users/carol"),
    ):
        assert cost(commands, client, path) > 0
        client.get(path)
        commands.names.clear()
        assert client.get(path).status_code == 200
        assert commands.names == [], path


def test_deeper_pages(alice: Api, make: Factory, commands: Counter) -> None:
    make.microposts(200, "carol")
    path: str | None = "/users/carol/collection"
    costs = []
    while path:
        costs.append(cost(commands, alice, path))
        path = alice.get(path).json["next"]
    assert len(costs) == 10
    assert max(costs) <= 3


def test_one_micropost(alice: Api, make: Factory, commands: Counter) -> None:
    made = make.microposts(41, "carol")
    assert cost(commands, alice, f"/users/carol/collection/{made[-1]['id']}") == 2
    assert cost(commands, alice, f"/users/carol/collection/{made[0]['id']}") == 3


def test_posting(alice: Api, bob: Api, commands: Counter) -> None:
    path, body = "/users/alice/collection", {"text": "hello", "referenced": "bob"}
    alice.post(path, body)
    forget(commands)
    assert alice.post(path, body).status_code == 201
    # Token, user, the one it is addressed to, the key of limits; then the limit, the
    # micropost, its reference, the marks.
    writes = ["find", "update", "insert", "update", "update"]
    assert commands.names == ["find", "find", "find", "find", *writes]
    commands.names.clear()
    assert alice.post(path, {"text": "x"}).status_code == 201
    assert commands.names == ["find", *writes]
    commands.names.clear()
    assert alice.post(path, {"text": "x"}, Idempotency_Key="k").status_code == 201
    assert len(commands.names) == 8  # and two of the key's own


@pytest.mark.parametrize("followees", [0, 1, 20, 21])
def test_timeline(alice: Api, make: Factory, commands: Counter, followees: int) -> None:
    for number in range(followees):
        make.follow("alice", f"followee_{NAMES[number]}")
        make.micropost(f"followee_{NAMES[number]}")
    # Token, user, timeline, who is gone, and the microposts.
    reading.build(make.database, "alice")
    assert cost(commands, alice, "/users/alice/timeline") == (5 if followees else 4)


@pytest.mark.parametrize("side", ["following", "followers"])
def test_page_of_users(alice: Api, make: Factory, commands: Counter, side: str) -> None:
    for number in range(25):
        other = f"other_{NAMES[number]}"
        make.follow(*(("alice", other) if side == "following" else (other, "alice")))
    # Token, user, one or more ranges of links, one piece of users.
    assert cost(commands, alice, f"/users/alice/{side}") <= 5


def test_search(alice: Api, make: Factory, commands: Counter) -> None:
    make.microposts(30)
    alice.get("/search?text=micropost")
    # Nine, of which three count the search: the key, the limit, and the limit again.
    assert cost(commands, alice, "/search?text=micropost") <= 9


def test_refused_names_cost_no_read(alice: Api, commands: Counter) -> None:
    for path in ("/users/NOT_A_NAME", f"/users/{'a' * 31}/collection"):
        forget(commands)
        assert alice.get(path).status_code == 404
        assert commands.names == ["find"]  # the token
    forget(commands)
    assert alice.get("/users/alice/collection/zz").status_code == 404
    assert commands.names == ["find", "find"]  # and the user


def test_strangers_cost_nothing(
    anonymous: Api, make: Factory, commands: Counter
) -> None:
    make.user("alice")
    commands.names.clear()
    for path in ("/users/alice", "/users/nobody", "/users/alice/timeline"):
        assert anonymous.get(path).status_code == 401
    assert commands.names == []


@pytest.mark.filterwarnings("ignore:Unknown REQUEST_METHOD")
@pytest.mark.parametrize("method", ["OPTIONS", "PUT", "TRACE", "FOO", "get"])
def test_AZ_3_refused_methods_cost_nothing_and_tell_nothing(
    alice: Api, commands: Counter, method: str
) -> None:
    commands.names.clear()
    answers = [
        alice.app.request(
            f"/api/users/{name}", method=method, headers=headers, expect_errors=True
        )
        for name in ("alice", "nobody")
        for headers in ({}, alice.headers)
    ]
    assert commands.names == []
    assert {answer.status_code for answer in answers} <= {204, 405}
    assert len({answer.body.replace(b"nobody", b"alice") for answer in answers}) == 1


@pytest.mark.parametrize("path", ["/users/carol", "/", "/users", "/users/carol/feed"])
def test_head_costs_what_get_costs(
    application: Any, make: Factory, commands: Counter, path: str
) -> None:
    make.microposts(3, "carol")
    browser = Browser(application)
    forget(commands)
    browser.app.head(path)
    heads = len(commands.names)
    assert heads <= cost(commands, browser, path)


def test_conditional_read_costs_no_more(
    alice: Api, make: Factory, commands: Counter
) -> None:
    href = f"/users/alice/collection/{make.micropost()['id']}"
    commands.names.clear()
    assert alice.get(href, If_None_Match='"1"').status_code == 304
    assert len(commands.names) == 2


def test_names_of_commands_are_counted(alice: Api, commands: Counter) -> None:
    cost(commands, alice, "/users/alice")
    assert all(re.fullmatch("[a-z]+", name) for name in commands.names)


def test_pages(application: Any, alice: Api, make: Factory, commands: Counter) -> None:
    """For visitors, and for who is logged in."""
    posted = make.microposts(60, "carol")
    visitor, reader = Browser(application), Browser(application)
    reader.log_in("alice")
    micropost = f"/users/carol/microposts/{posted[0]['id']}"
    costs = {}
    for path in ("/users/carol", micropost, "/", "/users", "/about"):
        for who, name in ((visitor, "visitor"), (reader, "reader")):
            costs[name, path] = cost(commands, who, path)
    assert costs == {
        ("visitor", "/users/carol"): 1,
        ("reader", "/users/carol"): 3,
        ("visitor", micropost): 2,
        ("reader", micropost): 3,
        ("visitor", "/"): 3,
        ("reader", "/"): 7,  # the first time, which builds the timeline
        ("visitor", "/users"): 2,
        ("reader", "/users"): 3,
        ("visitor", "/about"): 0,
        ("reader", "/about"): 1,
    }


@pytest.fixture
def visitor(application: Any, make: Factory, commands: Counter) -> Browser:
    """Somebody at the pages; the key of forms has been read once."""
    browser = Browser(application)
    browser.get("/login")
    return browser


@pytest.fixture
def reader(visitor: Browser, make: Factory) -> Browser:
    """The user alice at the pages."""
    make.user("alice")
    assert visitor.log_in("alice").status_code == 303
    return visitor


def test_page_of_a_user(
    make: Factory, commands: Counter, application: Any, reader: Browser
) -> None:
    make.microposts(60, "carol")
    assert cost(commands, Browser(application), "/users/carol") == 1
    assert cost(commands, reader, "/users/carol") <= 3
    assert cost(commands, reader, "/users/alice") <= 3


def test_page_of_a_micropost(
    make: Factory, commands: Counter, application: Any, reader: Browser
) -> None:
    made = make.microposts(41, "carol")
    for micropost in (made[-1], made[0]):
        path = f"/users/carol/microposts/{micropost['id']}"
        assert cost(commands, Browser(application), path) <= 2
        assert cost(commands, reader, path) <= 3


def test_front_page_of_everybody(
    make: Factory, commands: Counter, visitor: Browser
) -> None:
    for number in range(30):
        make.micropost(f"author_{NAMES[number % 20]}", "#word")
    assert cost(commands, visitor, "/") <= 3
    # The marks, who is gone, one window or more, and the microposts.
    assert cost(commands, visitor, "/tags/word") <= 4
    assert cost(commands, visitor, "/tags/word/feed") <= 4


@pytest.mark.parametrize("followees", [0, 1, 20, 21])
def test_front_page_of_a_reader(
    make: Factory, commands: Counter, reader: Browser, followees: int
) -> None:
    """Session, user, timeline, who is gone, and the microposts."""
    for number in range(followees):
        make.follow("alice", f"followee_{NAMES[number]}")
        make.micropost(f"followee_{NAMES[number]}")
    reading.build(make.database, "alice")
    assert cost(commands, reader, "/") <= 5
    assert cost(commands, reader, "/newer?than=1") <= 5


@pytest.mark.parametrize(
    ("path", "most"),
    [
        ("/settings", 2),
        ("/settings/email", 2),
        ("/settings/password", 2),
        ("/settings/appearance", 2),
        ("/settings/sessions", 4),
        ("/users", 3),
        ("/users/alice/followers", 5),
        ("/users/alice/following", 5),
        ("/users/alice/microposts/new", 2),
        ("/search?text=alice", 12),
        ("/about", 1),
        ("/statistics", 2),
    ],
)
def test_other_pages_of_a_reader(
    make: Factory, commands: Counter, reader: Browser, path: str, most: int
) -> None:
    make.follow("alice", "bob")
    make.follow("bob", "alice")
    make.microposts(30, "bob")
    assert cost(commands, reader, path) <= most


@pytest.mark.parametrize(
    "path", ["/about", "/search", "/robots.txt", "/login", "/reset"]
)
def test_pages_that_need_no_read(
    commands: Counter, visitor: Browser, path: str
) -> None:
    commands.names.clear()
    assert visitor.get(path).status_code == 200
    assert commands.names == []


def test_page_that_is_not_there_costs_no_read(
    commands: Counter, reader: Browser
) -> None:
    """Nor who asks: an error page is made without the store."""
    commands.names.clear()
    for path in ("/nothing", "/users/NOBODY", "/tags/2026", "/static/nothing.css"):
        assert reader.get(path).status_code == 404
    assert commands.names == []


def test_size_of_a_page(make: Factory, reader: Browser, application: Any) -> None:
    """Half a page of text twenty times, for the one who can edit it and for others."""
    for number in range(25):
        make.micropost("alice", f"{number:02} #word @bob ".ljust(158, "x"))
    visitor = Browser(application)
    page = visitor.get("/users/alice")
    assert len(page.html.select(".micropost")) == 20
    assert len(page.body) <= 25_600
    assert len(reader.get("/users/alice").body) <= 2 * 25_600
