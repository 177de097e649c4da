"""Timelines settle: once everything is delivered, each is what a plain computation
makes of all microposts and follows, in whatever order writers, deliveries and readers
came, stopped or were killed.

Two processes share the table of changes. Either can be killed, or let the other one
in, at any moment: before each operation on the store, and between a write and the
number that tells of it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pymongo
import pytest
import time_machine
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)
from pymongo import MongoClient

from microblog.store import (
    Database,
    Document,
    accounts,
    check,
    deliveries,
    follows,
    ids,
    memory,
    microposts,
    reading,
    references,
    timelines,
    users,
)
from microblog.store.changes import Changes, Collection
from microblog.store.shapes import shown
from microblog.store.walks import Start
from tests.factories import Factory
from tests.unit.conftest import Interruption

pytestmark = pytest.mark.usefixtures("untraced")

EXAMPLES = 12
STEPS = 30
PUSH_BELOW = 3
CROWD = 5
OPERATIONS = (
    "find",
    "insert_one",
    "replace_one",
    "update_one",
    "update_many",
    "delete_one",
    "delete_many",
)

_numbers = count()


class Killed(BaseException):
    """The process ends here."""


class Process(Database):
    """What one process has of the store: it can be killed, or wait for another one, at
    every moment."""

    def __init__(self, client: MongoClient[Document], name: str, path: Path):
        self.left, self.event = 0, list
        super().__init__(client, name, Telling(path, self.moment))

    def __getitem__(self, name: str) -> Collection:
        if not isinstance(self.__dict__.get(name), Watched):
            self.__dict__[name] = Watched(self, name, self.changes)
        return self.__dict__[name]

    def moment(self) -> None:
        """Something is about to be done."""
        self.left -= 1
        if self.left == 0:
            self.event()

    @contextmanager
    def at(self, moment: int, event: Callable[[], Any]) -> Iterator[None]:
        """Have something happen at a moment of what is done here."""
        self.left, self.event = moment, event
        try:
            yield
        finally:
            self.left = 0


class Telling(Changes):
    """The table of changes, where a writer can be killed before it has told."""

    def __init__(self, path: Path, moment: Callable[[], None]):
        super().__init__(path)
        self._moment = moment

    def _settle(self, places: list[int]) -> None:
        self._moment()
        super()._settle(places)


class Watched(Collection):
    """A collection of a `Process`."""


def _watched(operation: str) -> Callable[..., Any]:
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        self.database.moment()
        return getattr(super(Watched, self), operation)(*args, **kwargs)

    return call


for _operation in OPERATIONS:
    setattr(Watched, _operation, _watched(_operation))


PLACES = st.integers(0, 10**6)
PEOPLE = st.integers(0, CROWD - 1)
PROCESSES = st.integers(0, 1)
MOMENTS = st.integers(1, 14)
ACTIONS = st.tuples(
    st.sampled_from(["post", "deliver", "read", "follow", "unfollow"]), PEOPLE, PEOPLE
)
Action = tuple[str, int, int]


class World(RuleBasedStateMachine):
    """A few users who follow each other; whoever has three followers is pulled."""

    make: Factory
    path: Path
    clock = 0.0

    @initialize(links=st.sets(st.tuples(PEOPLE, PEOPLE), max_size=9))
    def begin(self, links: set[tuple[int, int]]) -> None:
        """Everything is this run's own, by its names."""
        self.database = database = self.make.database
        self.processes = [
            Process(database.client, database.name, self.path) for _ in range(2)
        ]
        number = next(_numbers)
        self.names = [f"{letter}_{number}q" for letter in "abcde"]
        self.alive = list(self.names)
        for name in self.names:
            database.users.insert_one(users.new_document(name))
        self.half: dict[int, tuple[str, str]] = {}  # killed posts
        self.posted: dict[int, float] = {}
        for one, other in sorted(links):
            self._act(self.processes[0], ("follow", one, other))

    @rule(process=PROCESSES, who=PEOPLE, times=st.sampled_from([1, 1, 2, 4, 7]))
    def somebody_posts(self, process: int, who: int, times: int) -> None:
        for _ in range(times):
            self._act(self.processes[process], ("post", who, who))

    @rule(process=PROCESSES, place=PLACES)
    def a_post_comes_again(self, process: int, place: int) -> None:
        """As when an app has not got the answer."""
        if self.half:
            id = sorted(self.half)[place % len(self.half)]
            author, text = self.half[id]
        else:
            embedded = self._user(self._name(place))["microposts"]
            if not embedded or embedded[0]["rev"] > 1:
                return
            author, id = self._name(place), embedded[0]["id"]
            text = embedded[0]["text"]
        self._post(self.processes[process], author, id, text)

    @rule(process=PROCESSES, place=PLACES)
    def somebody_edits(self, process: int, place: int) -> None:
        for one in self._one_of_all(place):
            changes = {"text": f"edited {place}"}
            microposts.change(self.processes[process], one, changes)

    @rule(process=PROCESSES, place=PLACES, newest=st.booleans())
    def somebody_deletes(self, process: int, place: int, newest: bool) -> None:
        for one in self._one_of_all(-1 if newest else place):
            microposts.delete(self.processes[process], one)

    @rule(process=PROCESSES, who=PEOPLE, whom=PEOPLE)
    def a_follow_begins(self, process: int, who: int, whom: int) -> None:
        self._act(self.processes[process], ("follow", who, whom))

    @rule(process=PROCESSES, who=PEOPLE, place=PLACES)
    def a_follow_ends(self, process: int, who: int, place: int) -> None:
        followed = sorted(self._followed(self._name(who)))
        if not followed:
            return
        whom = self.alive.index(followed[place % len(followed)])
        self._act(self.processes[process], ("unfollow", who, whom))

    @rule(process=PROCESSES, who=PEOPLE)
    def microposts_are_delivered(self, process: int, who: int) -> None:
        self._act(self.processes[process], ("deliver", who, who))

    @rule(process=PROCESSES, action=ACTIONS, moment=MOMENTS)
    def a_process_is_killed(self, process: int, action: Action, moment: int) -> None:
        """And starts again, with nothing remembered."""
        killed = self.processes[process]

        def kill() -> None:
            raise Killed

        with suppress(Killed), killed.at(moment, kill):
            self._act(killed, action)
        self.processes[process] = Process(killed.client, killed.name, self.path)
        self._read_both(action)

    @rule(
        process=PROCESSES,
        action=ACTIONS,
        moment=MOMENTS,
        others=st.lists(ACTIONS, min_size=1, max_size=3),
    )
    def another_comes_in_between(
        self, process: int, action: Action, moment: int, others: list[Action]
    ) -> None:
        first, second = self.processes[process], self.processes[1 - process]

        def come() -> None:
            for other in others:
                self._act(second, other)

        with first.at(moment, come):
            self._act(first, action)
        for one in [action, *others]:
            self._read_both(one)

    @rule(process=PROCESSES, who=PEOPLE, whom=PEOPLE, moment=MOMENTS)
    def one_reads_while_another_posts(
        self, process: int, who: int, whom: int, moment: int
    ) -> None:
        others = [("post", whom, whom), ("deliver", whom, whom)]
        self.another_comes_in_between(process, ("read", who, who), moment, others)

    @rule(
        process=PROCESSES,
        who=PEOPLE,
        descending=st.booleans(),
        place=st.none() | PLACES,
    )
    def somebody_reads(
        self, process: int, who: int, descending: bool, place: int | None
    ) -> None:
        """From an end, or from beyond an id."""
        name = self._name(who)
        self._read(self.processes[process], name, self._start(descending, place))

    @rule(seconds=st.sampled_from([0.4, 1.2, 11.0]))
    def time_passes(self, seconds: float) -> None:
        World.clock += seconds

    @rule(
        process=PROCESSES,
        who=PEOPLE,
        how=st.sampled_from(["forget", "drop", "drop unread"]),
    )
    def a_timeline_is_dropped(self, process: int, who: int, how: str) -> None:
        database, name = self.processes[process], self._name(who)
        if how == "forget":
            timelines.forget(database, name)
        elif how == "drop":
            database.timelines.delete_one({"_id": name})
        else:
            long_ago = {"$set": {"read": timelines.today() - 31}}
            database.timelines.update_one({"_id": name}, long_ago)
            timelines.drop_unread(database, 30, 100)
            assert database.timelines.find_one({"_id": name}) is None

    @rule(process=PROCESSES, who=PEOPLE, limit=st.sampled_from([2, 100]))
    def an_account_is_deleted(self, process: int, who: int, limit: int) -> None:
        """Perhaps only its beginning is purged."""
        if len(self.alive) <= 3:
            return
        name = self._name(who)
        self.alive.remove(name)
        self.half = {id: one for id, one in self.half.items() if one[0] != name}
        accounts.delete(self.processes[process], name, limit)

    @rule(process=PROCESSES)
    def deleted_accounts_are_purged(self, process: int) -> None:
        gone = sorted(set(self.names) - set(self.alive))
        if not gone:
            return
        for name in gone:
            accounts.purge(self.processes[process], name)

    @rule(places=st.lists(PLACES, max_size=3))
    def everything_settles(self, places: list[int]) -> None:
        """Then every timeline is what it must be, from everywhere, both ways."""
        for id, (author, text) in list(self.half.items()):
            self._post(self.processes[0], author, id, text)
        for author in deliveries.waiting(self.processes[0], ids.MAXIMUM):
            deliveries.deliver(self.processes[0], author, PUSH_BELOW)
        self._nothing_waits()
        World.clock += memory.CONTENT_SECONDS
        starts = [
            self._start(descending, place)
            for descending in (True, False)
            for place in (None, *places)
        ]
        for name in self.alive:
            right = self._truth(name)
            for process in self.processes:
                user = self._seen(process, name)
                for start in starts:
                    found = [one["id"] for one in reading.walk(process, user, start)]
                    ahead = filter(start.includes, right)
                    assert found == sorted(ahead, reverse=start.descending)

    def teardown(self) -> None:
        """In the end everything settles."""
        if hasattr(self, "alive"):
            self.everything_settles([1, 4])

    def _nothing_waits(self) -> None:
        assert deliveries.waiting(self.processes[1], ids.MAXIMUM) == []
        for name in self.alive:
            assert "undelivered" not in self._user(name)

    def _act(self, process: Process, action: Action) -> None:
        kind, who, whom = action
        name, other = self._name(who), self._name(whom)
        if kind == "post":
            self._post(process, name, ids.new(), f"said {len(self.posted)}")
        elif kind == "deliver":
            deliveries.deliver(process, name, PUSH_BELOW)
        elif kind == "read":
            self._read(process, name, Start(), is_alone=False)
        elif kind == "follow" and name != other:
            follows.create(process, name, other)
        elif kind == "unfollow":
            follows.delete(process, name, other)

    def _post(self, process: Process, author: str, id: int, text: str) -> None:
        self.half[id] = author, text
        microposts.create(process, self._user(author), text, id=id)
        self.posted[id] = World.clock
        del self.half[id]

    def _read_both(self, action: Action) -> None:
        for process, who in zip(self.processes, action[1:], strict=True):
            self._read(process, self._name(who), Start())

    def _read(
        self, process: Process, name: str, start: Start, is_alone: bool = True
    ) -> None:
        """What is read is right, as far as it can be by now. Not `is_alone`: others
        may write meanwhile."""
        before = self._truth(name)
        read = list(reading.walk(process, self._seen(process, name), start))
        after = self._truth(name)
        found = [one["id"] for one in read]
        assert found == sorted(set(found), reverse=start.descending)
        for one in read:
            assert start.includes(one["id"])
            assert one in (before.get(one["id"]), after.get(one["id"]))
        lacking = {*filter(start.includes, before)} & set(after) - set(found)
        lacking -= set(self.half)
        assert name not in {after[id]["author"] for id in lacking}
        if is_alone:
            assert {id for id in lacking if not self._is_late(after[id])} == set()

    def _is_late(self, micropost: Document) -> bool:
        """Whether a micropost may not be there yet."""
        author, id = micropost["author"], micropost["id"]
        sent = self._user(author).get("undelivered", [])
        if ids.spell(id) in sent or len(sent) >= timelines.MOST:
            return True
        is_new = World.clock - self.posted[id] < memory.CONTENT_SECONDS
        return is_new and "pulled" in self._user(author)

    def _name(self, who: int) -> str:
        return self.alive[who % len(self.alive)]

    def _user(self, name: str) -> Document:
        user = users.find(self.database, name)
        assert user is not None
        return user

    def _seen(self, process: Process, name: str) -> Document:
        user = users.seen(process, name)
        assert user == self._user(name)
        return user

    def _followed(self, name: str) -> set[str]:
        return set(follows.followees(self.database, name)) & set(self.alive)

    def _truth(self, name: str) -> dict[int, Document]:
        """All microposts that the user's timeline must have once it has settled."""
        query = {"author": {"$in": [name, *self._followed(name)]}}
        found = self.database.microposts.find(query)
        return {one["_id"]: shown(one) for one in found}

    def _all(self) -> list[Document]:
        query = {"author": {"$in": self.alive}}
        found = map(shown, self.database.microposts.find(query))
        return sorted(found, key=lambda one: one["id"])

    def _one_of_all(self, place: int) -> list[Document]:
        found = [one for one in self._all() if one["id"] not in self.half]
        return [found[place % len(found)]] if found else []

    def _start(self, descending: bool, place: int | None) -> Start:
        known = [one["id"] for one in self._all()]
        if place is None or not known:
            return Start(None, descending)
        return Start(known[place % len(known)] + place % 3 - 1, descending)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few of everything, so that its end is met; and a clock that the test turns."""
    for module, name, value in (
        (timelines, "MOST", 6),
        (timelines, "PIECE", 2),
        (references, "EMBEDDED", 4),
        (references, "PAGE", 2),
        (microposts, "PIECE", 3),
        (users, "PIECE", 2),
        (memory, "time", SimpleNamespace(monotonic=lambda: World.clock)),
    ):
        monkeypatch.setattr(module, name, value)


@pytest.mark.usefixtures("small")
def test_every_timeline_settles(
    make: Factory, database: Database, tmp_path: Path
) -> None:
    World.make, World.path = make, tmp_path / "changes"
    try:
        run_state_machine_as_test(  # type: ignore[no-untyped-call]
            World,
            settings=settings(
                max_examples=EXAMPLES,
                stateful_step_count=STEPS,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
    finally:
        # More than one operation may delete by itself in its time.
        with pymongo.timeout(60):
            for name in database.list_collection_names():
                database[name].delete_many({})


# One moment each.

MANY = 1000  # followers; nobody here has as many
# What a reading that builds the timeline sends, after it has read the reader.
BUILDING = {
    "before it begins": [("update", "timelines")],
    "before it reads who is followed": [("find", "follows")],
    "before it reads what they have posted": [("find", "users")],
    "before it is completed": [("find", "users"), ("update", "timelines")],
}
Commands = list[tuple[str, str]]
at_each_moment = pytest.mark.parametrize("moment", BUILDING.values(), ids=BUILDING)


def seen_by(database: Database, reader: str = "alice") -> list[int]:
    """The ids in the reader's timeline, as a process finds them that has just
    started."""
    process = Database(database.client, database.name, database.changes)
    user = users.find(process, reader)
    assert user is not None
    return [one["id"] for one in reading.walk(process, user, Start())]


def interrupt(
    interruption: Interruption, moment: Commands, other: Callable[[], Any]
) -> None:
    """Call `other` before the last of these commands, when those before it are sent."""
    (command, collection), *later = moment

    def then() -> None:
        interrupt(interruption, later, other)

    interruption.before(command, collection, then if later else other)


def read_meanwhile(
    interrupted: Database,
    interruption: Interruption,
    moment: Commands,
    other: Callable[[], Any],
) -> list[int]:
    """What alice reads while another one comes in."""
    reader = users.find(interrupted, "alice")
    assert reader is not None
    came: list[bool] = []
    interrupt(interruption, moment, lambda: (other(), came.append(True)))
    found = [one["id"] for one in reading.walk(interrupted, reader, Start())]
    assert came == [True]
    return found


@at_each_moment
@pytest.mark.parametrize("push_below", [MANY, 1], ids=["pushed", "pulled"])
def test_posted_while_a_timeline_is_built(
    make: Factory,
    database: Database,
    interrupted: Database,
    interruption: Interruption,
    moment: Commands,
    push_below: int,
) -> None:
    """And delivered, perhaps by saying that from now on it is pulled."""
    make.follow("alice", "bob")
    made = [make.micropost("bob")["id"]]
    deliveries.deliver(database, "bob", MANY)

    def come() -> None:
        made.append(make.micropost("bob")["id"])
        deliveries.deliver(database, "bob", push_below)

    found = read_meanwhile(interrupted, interruption, moment, come)
    assert found in (made[:1], made[::-1])
    assert seen_by(database) == made[::-1]
    made.append(make.micropost("bob")["id"])
    deliveries.deliver(database, "bob", push_below)
    assert seen_by(database) == made[::-1]
    assert seen_by(interrupted) == made[::-1]
    document = database.timelines.find_one({"_id": "alice"}) or {}
    assert document["pulled"] == (["bob"] if push_below == 1 else [])


@at_each_moment
def test_unfollowed_while_a_timeline_is_built(
    make: Factory,
    database: Database,
    interrupted: Database,
    interruption: Interruption,
    moment: Commands,
) -> None:
    for author in ("bob", "carol"):
        make.follow("alice", author)
    of_bob, of_carol = (make.micropost(name)["id"] for name in ("bob", "carol"))

    def come() -> None:
        follows.delete(database, "alice", "bob")

    found = read_meanwhile(interrupted, interruption, moment, come)
    assert found in ([of_carol], [of_carol, of_bob])
    for author in ("bob", "carol"):
        deliveries.deliver(database, author, MANY)
    assert seen_by(database) == [of_carol]
    assert seen_by(interrupted) == [of_carol]


@at_each_moment
def test_followed_while_a_timeline_is_built(
    make: Factory,
    database: Database,
    interrupted: Database,
    interruption: Interruption,
    moment: Commands,
) -> None:
    make.follow("alice", "carol")
    of_bob, of_carol = (make.micropost(name)["id"] for name in ("bob", "carol"))
    for author in ("bob", "carol"):
        deliveries.deliver(database, author, MANY)
    read_meanwhile(
        interrupted, interruption, moment, lambda: make.follow("alice", "bob")
    )
    assert seen_by(database) == [of_carol, of_bob]


@at_each_moment
def test_built_by_another_while_it_is_built(
    make: Factory,
    database: Database,
    interrupted: Database,
    interruption: Interruption,
    moment: Commands,
) -> None:
    make.follow("alice", "bob")
    made = [make.micropost("bob")["id"]]

    def come() -> None:
        assert seen_by(database) == made

    assert read_meanwhile(interrupted, interruption, moment, come) == made
    made.append(make.micropost("bob")["id"])
    deliveries.deliver(database, "bob", MANY)
    assert seen_by(database) == made[::-1]


@pytest.mark.parametrize("is_read", [False, True])
def test_unfollowed_while_a_delivery_is_on_its_way(
    make: Factory,
    database: Database,
    interrupted: Database,
    interruption: Interruption,
    is_read: bool,
) -> None:
    """Which has read who follows, and sends to whoever did."""
    for author in ("bob", "carol"):
        make.follow("alice", author)
    assert seen_by(database) == []
    of_bob = make.micropost("bob")["id"]

    def come() -> None:
        follows.delete(database, "alice", "bob")
        if is_read:
            assert seen_by(database) == []

    interruption.before("update", "timelines", come)
    deliveries.deliver(interrupted, "bob", MANY)
    assert interruption.came
    document = database.timelines.find_one({"_id": "alice"}) or {}
    assert document["references"] == [ids.spell(of_bob)]
    assert seen_by(database) == []
    of_carol = make.micropost("carol")["id"]
    deliveries.deliver(database, "carol", MANY)
    assert seen_by(database) == [of_carol]
    follows.create(database, "alice", "bob")
    assert seen_by(database) == [of_carol, of_bob]


@pytest.mark.parametrize("is_read", [False, True])
def test_followed_while_a_delivery_is_on_its_way(
    make: Factory,
    database: Database,
    interrupted: Database,
    interruption: Interruption,
    is_read: bool,
) -> None:
    """Too late for it."""
    make.follow("carol", "bob")
    make.user("alice")
    assert seen_by(database, "alice") == seen_by(database, "carol") == []
    made = make.micropost("bob")["id"]

    def come() -> None:
        follows.create(database, "alice", "bob")
        if is_read:
            assert seen_by(database) == [made]

    interruption.before("update", "timelines", come)
    deliveries.deliver(interrupted, "bob", MANY)
    assert interruption.came
    assert seen_by(database) == [made]
    assert seen_by(database, "carol") == [made]


def deliver_all(database: Database) -> None:
    """What a sweep leads to."""
    for author in deliveries.waiting(database, ids.MAXIMUM):
        deliveries.deliver(database, author, MANY)


@pytest.mark.parametrize("how", ["built", "followed"])
def test_delivered_before_the_author_has_it(
    make: Factory,
    database: Database,
    interrupted: Database,
    interruption: Interruption,
    how: str,
) -> None:
    """Another micropost of the author's is delivered while this one is being posted,
    and takes it along; a timeline is built before the author's document shows it."""
    make.user("alice")
    if how == "built":
        make.follow("alice", "bob")
    author = make.user("bob")

    def come() -> None:
        deliveries.deliver(database, "bob", MANY)
        if how == "followed":
            follows.create(database, "alice", "bob")
        assert seen_by(database) == []

    interruption.before("update", "users", come)
    made = microposts.create(interrupted, author, "hello")
    assert interruption.came
    deliver_all(database)
    assert seen_by(database) == [made["id"]]


def test_mended_after_it_was_delivered(
    make: Factory, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A post that was killed before the author's document showed it: whoever has built
    a timeline before it was mended finds it afterwards."""
    make.follow("alice", "bob")
    author = make.user("bob")

    def kill(*_arguments: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(references, "add", kill)
        with suppress(Killed):
            microposts.create(database, author, "hello")
    made = database.microposts.find_one({"author": "bob"}) or {}
    with time_machine.travel(ids.moment(made["_id"]), tick=True) as clock:
        clock.shift(60)
        deliver_all(database)
        assert seen_by(database) == []
        assert check.mend_user(database, "bob")
        deliver_all(database)
        assert seen_by(database) == [made["_id"]]
