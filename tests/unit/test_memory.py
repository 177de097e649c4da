"""What a process remembers is what is stored, as long as every writer tells."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine
from pymongo import UpdateOne
from pymongo.errors import DuplicateKeyError, NetworkTimeout
from pymongo.synchronous.database import Database as Plain

from microblog import logins
from microblog.database.embedded import EmbeddedServer
from microblog.settings import Settings
from microblog.store import (
    Database,
    Document,
    accounts,
    bulk,
    follows,
    ids,
    marks,
    memory,
    microposts,
    reading,
    sessions,
    shapes,
    tags,
    tokens,
    users,
)
from microblog.store.changes import ALL, BEING_WRITTEN, NUMBERS, Changes
from microblog.store.memory import CONTENT_SECONDS, TOLD_SECONDS, Kept
from microblog.store.walks import Start
from tests.factories import Factory
from tests.unit.conftest import Interruption

HOUR = 3600
SECONDS = 10.0  # that a thread may take


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """The file of a table of changes."""
    return tmp_path / "changes"


@pytest.fixture
def one(database: Database, table: Path) -> Database:
    """What the process that writes has."""
    return Database(database.client, database.name, Changes(table))


@pytest.fixture
def other(database: Database, table: Path) -> Database:
    """What the process that remembers has."""
    return Database(database.client, database.name, Changes(table))


@pytest.fixture
def alone(database: Database) -> Database:
    """What a process has that no other tells."""
    return Database(database.client, database.name)


@pytest.fixture
def behind(database: Database) -> Plain[Document]:
    """The same database for one who tells nobody."""
    return Plain(database.client, database.name)


@pytest.fixture
def make(one: Database, settings: Settings) -> Factory:
    """Makes users, tokens, follows and microposts, and tells."""
    return Factory(one, settings)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """What memory takes for the time: `now`, in seconds."""
    clock = SimpleNamespace(now=1000.0)
    fake = SimpleNamespace(monotonic=lambda: clock.now)
    monkeypatch.setattr(memory, "time", fake)
    return clock


def keep_user(database: Database, behind: Plain[Document]) -> None:
    """Have alice remembered; a change that nobody tells of shows that she is."""
    before = users.seen(database, "alice")
    assert before is not None
    update = {"$set": {"bio": before["bio"] + "x"}}
    behind.users.update_one({"_id": "alice"}, update)
    assert users.seen(database, "alice") is before


def shown(database: Database, *wanted: int) -> list[Document]:
    """The microposts with these ids, as the process sees them."""
    return list(microposts.seen(database, wanted))


def tagged(database: Database, tag: str) -> list[int]:
    """The ids of the microposts with a tag, as the process sees them."""
    return [found["id"] for found in tags.walk(database, tag, Start())]


def session(database: Database, username: str = "alice") -> str:
    """The secret of a new session."""
    given = {"idle": HOUR, "lifetime": 24 * HOUR, "agent": "a browser"}
    return sessions.create(database, {"_id": username}, **given)


# What another process writes is seen at once.

ALICE = {"_id": "alice"}
RENAMED = {"$set": {"name": "new"}}
WRITES: dict[str, Callable[[Database], Any]] = {
    "update_one": lambda one: one.users.update_one(ALICE, RENAMED),
    "update_many of some": lambda one: one.users.update_many(
        {"_id": {"$in": ["bob", "alice"]}}, RENAMED
    ),
    "update_many of whoever": lambda one: one.users.update_many(
        {"email": "a@example.org"}, RENAMED
    ),
    "update_many of a range": lambda one: one.users.update_many(
        {"_id": {"$gte": "alice"}}, RENAMED
    ),
    "update_one of whoever": lambda one: one.users.update_one(
        {"email": "a@example.org"}, RENAMED
    ),
    "replace_one": lambda one: one.users.replace_one(
        ALICE, users.new_document("alice", name="new")
    ),
    "bulk_write": lambda one: one.users.bulk_write([UpdateOne(ALICE, RENAMED)]),
    "delete_one": lambda one: one.users.delete_one(ALICE),
    "delete_one of whoever": lambda one: one.users.delete_one(
        {"email": "a@example.org"}
    ),
    "delete_many of some": lambda one: one.users.delete_many(
        {"_id": {"$in": ["bob", "alice"]}}
    ),
    "delete_many of whoever": lambda one: one.users.delete_many({}),
    "a change": lambda one: users.change(one, "alice", {"name": "new"}),
    "a micropost": lambda one: microposts.create(
        one, users.find(one, "alice") or {}, "hello"
    ),
    "a follow": lambda one: follows.create(one, "bob", "alice"),
    "the end of the account": lambda one: accounts.delete(one, "alice"),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_a_user_is_as_last_written(
    make: Factory,
    one: Database,
    other: Database,
    behind: Plain[Document],
    write: Callable[[Database], Any],
) -> None:
    make.user("alice", email="a@example.org")
    make.user("bob")
    keep_user(other, behind)
    before = users.find(one, "alice")
    write(one)
    stored = users.find(one, "alice")
    assert stored != before
    assert users.seen(other, "alice") == stored
    assert users.pulled(other, ["alice"]) == ([] if stored is None else [stored])


@pytest.mark.parametrize("way", ["insert_one", "insert_many", "upsert"])
def test_who_was_not_there_is_seen_once_stored(
    one: Database, other: Database, behind: Plain[Document], way: str
) -> None:
    """That there is none is remembered too."""
    document = users.new_document("alice")
    assert users.pulled(other, ["alice"]) == []
    behind.users.insert_one(document)
    assert users.pulled(other, ["alice"]) == []
    assert users.seen(other, "alice") is None
    behind.users.delete_one(ALICE)
    if way == "insert_one":
        one.users.insert_one(document)
    elif way == "insert_many":
        assert bulk.insert(one, "users", [document]).new == [document]
    else:
        one.users.replace_one(ALICE, document, upsert=True)
    stored = users.find(one, "alice")
    assert stored is not None
    assert users.pulled(other, ["alice"]) == [stored]
    assert users.seen(other, "alice") == stored


def test_a_micropost_is_as_last_written(
    make: Factory, one: Database, other: Database, behind: Plain[Document]
) -> None:
    first, second, third = make.microposts(3)
    wanted = [first["id"], second["id"], third["id"]]
    assert shown(other, *wanted) == [first, second, third]
    behind.microposts.delete_one({"_id": third["id"]})
    assert shown(other, *wanted) == [first, second, third]
    changed = microposts.change(one, first, {"text": "changed"})
    assert shown(other, *wanted) == [changed, second, third]
    microposts.delete(one, second)
    assert shown(other, *wanted) == [changed, third]
    one.microposts.delete_many({"author": "alice"})
    assert shown(other, *wanted) == []
    again = [shapes.new_document(id, "alice", "again") for id in wanted]
    bulk.insert(one, "microposts", again)
    assert shown(other, *wanted) == list(map(shapes.shown, again))
    one.microposts.bulk_write([UpdateOne({"_id": wanted[0]}, {"$set": {"rev": 7}})])
    assert shown(other, wanted[0])[0]["rev"] == 7
    one.microposts.update_many({"_id": {"$in": wanted}}, {"$set": {"text": "many"}})
    assert [found["text"] for found in shown(other, *wanted)] == ["many"] * 3
    one.microposts.delete_many({"_id": {"$in": wanted[:2]}})
    assert [found["id"] for found in shown(other, *wanted)] == wanted[2:]


ENDS: dict[str, Callable[[Database, Settings], Any]] = {
    "a new password": lambda one, settings: logins.set_password(
        one, settings, "alice", "another lantern over the river"
    ),
    "a password reset": lambda one, settings: logins.reset_password(
        one, settings, users.find(one, "alice") or {}, "another lantern"
    ),
    "the end of logins": lambda one, _settings: accounts.end_logins(one, "alice"),
    "the end of the account": lambda one, _settings: accounts.delete(one, "alice"),
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_logins_end_at_once(
    make: Factory,
    one: Database,
    other: Database,
    settings: Settings,
    end: Callable[[Database, Settings], Any],
) -> None:
    token, of_bob = make.token("alice"), make.token("bob")
    secret = session(one)
    for _ in range(2):
        assert tokens.find(other, token) is not None
        assert sessions.find(other, secret, HOUR) is not None
    end(one, settings)
    assert tokens.find(other, token) is None
    assert sessions.find(other, secret, HOUR) is None
    assert tokens.find(other, of_bob) is not None


def test_a_logout_is_seen_at_once(
    make: Factory, one: Database, other: Database, behind: Plain[Document]
) -> None:
    drawn, secrets = [make.token() for _ in range(3)], [session(one) for _ in range(3)]
    for token, secret in zip(drawn, secrets, strict=True):
        assert tokens.find(other, token) is not None
        assert sessions.find(other, secret, HOUR) is not None
    behind.tokens.delete_many({})  # So that only what is remembered is left.
    behind.sessions.delete_many({})
    tokens.delete(one, tokens.digest(drawn[0]))
    sessions.delete(one, sessions.digest(secrets[0]))
    assert tokens.find(other, drawn[0]) is None
    assert sessions.find(other, secrets[0], HOUR) is None
    tokens.delete_of(one, "alice", tokens.digest(drawn[1]))
    sessions.delete_of(one, "alice", sessions.digest(secrets[1]))
    assert tokens.find(other, drawn[1]) is None
    assert sessions.find(other, secrets[1], HOUR) is None
    assert tokens.find(other, drawn[2]) is not None
    assert sessions.find(other, secrets[2], HOUR) is not None


def test_preferences_are_seen_at_once(one: Database, other: Database) -> None:
    secret = session(one)
    assert (sessions.find(other, secret, HOUR) or {})["theme"] == ""
    sessions.set_preferences(one, "alice", "dark", "de")
    assert (sessions.find(other, secret, HOUR) or {})["theme"] == "dark"


def test_a_secret_that_was_unknown_is_found_once_it_is_stored(
    make: Factory, one: Database, other: Database
) -> None:
    token = make.token()
    document = one.tokens.find_one() or {}
    one.tokens.delete_one({"_id": document["_id"]})
    assert tokens.find(other, token) is None
    one.tokens.insert_one(document)
    assert tokens.find(other, token) is not None


def test_one_that_has_expired_is_refused_though_it_is_remembered(
    one: Database, other: Database, clock: SimpleNamespace
) -> None:
    with time_machine.travel(1_900_000_000, tick=False) as now:
        token = tokens.create(one, "alice", 5)
        secret = sessions.create(
            one, {"_id": "alice"}, idle=5, lifetime=HOUR, agent="a browser"
        )
        assert tokens.find(other, token) is not None
        assert sessions.find(other, secret, 5) is not None
        now.shift(6)
        assert tokens.find(other, token) is None
        assert sessions.find(other, secret, 5) is None
    assert tokens.digest(token) in other.memory.tokens._entries


def test_whether_one_follows_the_other(
    make: Factory, one: Database, other: Database, behind: Plain[Document]
) -> None:
    for name in ("alice", "bob"):
        make.user(name)
    assert not follows.exists(other, "alice", "bob")
    behind.follows.insert_one(follows.new_document("alice", "bob"))
    assert not follows.exists(other, "alice", "bob")
    behind.follows.delete_many({})
    follows.create(one, "alice", "bob")
    assert follows.exists(other, "alice", "bob")
    assert not follows.exists(other, "bob", "alice")
    follows.delete(one, "alice", "bob")
    assert not follows.exists(other, "alice", "bob")


def test_who_is_gone(
    make: Factory, one: Database, other: Database, clock: SimpleNamespace
) -> None:
    made = [found["id"] for found in make.microposts(3)]
    make.micropost("bob")
    assert users.gone(other) == frozenset()
    assert len(shown(other, *made)) == 3
    assert not accounts.delete(one, "alice", limit=1)
    assert users.gone(other) == {"alice"}
    assert shown(other, *made) == []
    assert accounts.purge(one, "alice")
    clock.now += TOLD_SECONDS
    assert users.gone(other) == frozenset()
    assert shown(other, *made) == []


def test_marks(make: Factory, one: Database, other: Database) -> None:
    assert marks.microposts(other) is None
    made = make.micropost()
    for _ in range(2):
        known = marks.microposts(other)
        assert known is not None
        assert marks.latest(known) == [made["id"]]
    later = make.micropost()
    assert marks.latest(marks.microposts(other) or {}) == [later["id"], made["id"]]
    marks.forget_latest(one, [later["id"]])
    assert marks.latest(marks.microposts(other) or {}) == [made["id"]]
    assert marks.steps(other) == marks.steps(one)
    marks.note_joined(one, range(200))
    assert marks.steps(other) == marks.steps(one) != []


def test_tags(make: Factory, one: Database, other: Database) -> None:
    first = make.micropost(text="a #cat")
    assert tagged(other, "cat") == [first["id"]]
    second = make.micropost(text="another #Cat")
    assert tagged(other, "CAT") == [second["id"], first["id"]]
    microposts.delete(one, first)
    assert tagged(other, "cat") == [second["id"]]
    microposts.change(one, second, {"text": "a #dog"})
    assert (tagged(other, "cat"), tagged(other, "dog")) == ([], [second["id"]])


def test_a_tag_that_is_read_while_it_is_posted(
    make: Factory,
    other: Database,
    table: Path,
    interrupted: Database,
    interruption: Interruption,
) -> None:
    """Before the marks say that there is a newer micropost."""
    make.micropost(text="a #cat")
    author = make.user()
    one = Database(interrupted.client, interrupted.name, Changes(table))
    interruption.before("update", "marks", lambda: tagged(other, "cat"))
    made = microposts.create(one, author, "another #cat")
    assert interruption.came
    assert tagged(other, "cat")[0] == made["id"]


def test_a_tag_that_is_posted_while_it_is_read(
    make: Factory, one: Database, other: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the marks were read, and before what is known of the tag is asked for."""
    made = [make.micropost(text="a #cat")["id"]]
    read = marks.microposts

    def read_and_wait(database: Database) -> Document | None:
        known = read(database)
        if database is other and len(made) == 1:
            made.append(make.micropost(text="another #cat")["id"])
        return known

    monkeypatch.setattr(marks, "microposts", read_and_wait)
    tagged(other, "cat")
    assert len(made) == 2
    assert tagged(other, "cat") == made[::-1]


# Writers that fail.


def remembers(database: Database, behind: Plain[Document]) -> bool:
    """Whether the process remembers alice: by a change that nobody tells of."""
    before = users.seen(database, "alice")
    assert before is not None
    behind.users.update_one(ALICE, {"$set": {"bio": before["bio"] + "x"}})
    return users.seen(database, "alice") == before


@pytest.mark.parametrize("keys", [["alice"], [ALL], ["bob", "alice"]])
@pytest.mark.parametrize("error", [NetworkTimeout("no answer"), KeyboardInterrupt()])
def test_nothing_is_remembered_after_a_write_without_an_answer(
    make: Factory,
    one: Database,
    other: Database,
    behind: Plain[Document],
    keys: list[Any],
    error: BaseException,
) -> None:
    """Until the next one that is answered."""
    make.user("alice", email="a@example.org")
    assert remembers(other, behind)
    with (
        pytest.raises(type(error)),
        one.changes.changing("users", keys),
    ):
        raise error
    for _ in range(3):
        assert not remembers(other, behind)
    if ALL in keys:
        one.users.update_many({"email": "a@example.org"}, RENAMED)
    else:
        one.users.update_one(ALICE, RENAMED)
    assert (users.seen(other, "alice") or {})["name"] == "new"
    assert remembers(other, behind)


@pytest.mark.parametrize("key", ["alice", ALL])
def test_nothing_is_remembered_after_a_writer_was_killed(
    make: Factory,
    one: Database,
    other: Database,
    behind: Plain[Document],
    key: Any,
) -> None:
    make.user("alice")
    assert remembers(other, behind)
    one.changes.numbers[Changes.place("users", key)] = BEING_WRITTEN
    for _ in range(3):
        assert not remembers(other, behind)
    found = other.memory.pulled.get_many(
        ["alice"], lambda names: users.find_many(other, names)
    )
    assert found == {"alice": users.find(other, "alice")}
    assert not remembers(other, behind)


def test_a_write_that_the_server_refuses_is_an_answer(
    make: Factory, one: Database, other: Database, behind: Plain[Document]
) -> None:
    make.user("alice")
    assert remembers(other, behind)
    place = Changes.place("users", "alice")
    before = one.changes.numbers[place]
    with pytest.raises(DuplicateKeyError):
        one.users.insert_one(users.new_document("alice"))
    assert one.changes.numbers[place] not in (before, BEING_WRITTEN)
    assert remembers(other, behind)


def test_what_is_read_while_it_is_written_is_not_remembered(
    make: Factory, one: Database, other: Database, behind: Plain[Document]
) -> None:
    make.user("alice")
    with one.changes.changing("users", ["alice"]):
        assert not remembers(other, behind)
    assert remembers(other, behind)


@pytest.mark.parametrize(
    "write",
    [
        lambda one: one.users.update_one(ALICE, RENAMED),
        lambda one: one.users.update_many({}, RENAMED),
    ],
    ids=["of the one", "of all"],
)
def test_what_was_read_before_a_write_that_ends_first_is_not_remembered(
    make: Factory, one: Database, other: Database, write: Callable[[Database], Any]
) -> None:
    make.user("alice")

    def read() -> Document | None:
        found = users.find(other, "alice")
        write(one)
        return found

    for _ in range(2):
        found = other.memory.users.get("alice", read)
        assert found["rev"] == 1
    assert (users.seen(other, "alice") or {})["name"] == "new"

    one.users.update_one(ALICE, {"$set": {"name": "old"}})
    many = other.memory.users.get_many(["alice"], lambda names: {"alice": read()})
    assert many["alice"]["name"] == "old"
    assert [found["name"] for found in users.pulled(other, ["alice"])] == ["new"]


def test_a_read_that_fails_leaves_nothing(other: Database) -> None:
    def fail(*_keys: Any) -> Any:
        raise NetworkTimeout("no answer")

    for read in (other.memory.users.get, other.memory.users.get_many):
        with pytest.raises(NetworkTimeout):
            read("a", fail)
    assert other.memory.users._entries == {}


# How long, and how much.


def test_ten_seconds_at_most_even_with_the_table(
    make: Factory, other: Database, behind: Plain[Document], clock: SimpleNamespace
) -> None:
    make.user("alice")
    before = users.seen(other, "alice")
    behind.users.update_one(ALICE, RENAMED)
    clock.now += TOLD_SECONDS - 0.01
    assert users.seen(other, "alice") == before
    clock.now += 0.01
    assert (users.seen(other, "alice") or {})["name"] == "new"


def test_without_the_table_what_decides_is_read_each_time(
    make: Factory, alone: Database, behind: Plain[Document]
) -> None:
    token, secret = make.token(), session(make.database)
    make.follow("alice", "bob")
    assert tokens.find(alone, token) is not None
    assert sessions.find(alone, secret, HOUR) is not None
    assert follows.exists(alone, "alice", "bob")
    assert users.seen(alone, "alice") is not None
    assert users.gone(alone) == frozenset()
    behind.users.update_one(ALICE, {"$set": {"undone.purge": 1, "deleted": True}})
    for name in ("tokens", "sessions", "follows"):
        behind[name].delete_many({})
    assert tokens.find(alone, token) is None
    assert sessions.find(alone, secret, HOUR) is None
    assert not follows.exists(alone, "alice", "bob")
    assert users.seen(alone, "alice") is None
    assert users.gone(alone) == {"alice"}
    for kept in ("users", "tokens", "sessions", "follows", "gone", "tops"):
        assert getattr(alone.memory, kept)._entries == {}


def test_without_the_table_contents_are_a_second_old_at_most(
    make: Factory, alone: Database, behind: Plain[Document], clock: SimpleNamespace
) -> None:
    made = make.micropost()
    assert shown(alone, made["id"]) == [made]
    (user,) = users.pulled(alone, ["alice"])
    known = marks.microposts(alone)
    assert known is not None
    for name in ("users", "microposts", "marks"):
        behind[name].delete_many({})
    clock.now += CONTENT_SECONDS - 0.01
    assert shown(alone, made["id"]) == [made]
    assert users.pulled(alone, ["alice"]) == [user]
    assert marks.microposts(alone) == known
    clock.now += 0.01
    assert shown(alone, made["id"]) == []
    assert users.pulled(alone, ["alice"]) == []
    assert marks.microposts(alone) is None


def test_ones_own_writes_are_seen_at_once_without_the_table(
    make: Factory, alone: Database
) -> None:
    made = make.micropost()
    assert shown(alone, made["id"]) == [made]
    changed = microposts.change(alone, made, {"text": "changed"})
    assert shown(alone, made["id"]) == [changed]


def test_so_many_are_kept_and_no_more(table: Path) -> None:
    read: list[str] = []
    kept = Kept(Changes(table), "users", 3, 10.0)

    def get(key: str) -> str:
        return str(kept.get(key, lambda: read.append(key) or key.upper()))

    assert [get(key) for key in "abcab"] == list("ABCAB")
    assert read == list("abc")
    get("d")  # In the place of the oldest.
    assert len(kept._entries) == 3
    assert [get(key) for key in "bcda"] == list("BCDA")
    assert read == list("abcda")
    kept.get_many("efghi", lambda keys: dict.fromkeys(keys, 1))
    assert list(kept._entries) == list("ghi")
    kept.changes.numbers[Changes.place("users", "g")] = 77
    get("g")  # Read anew, it is the latest.
    assert list(kept._entries) == list("hig")


def test_many_at_once_ask_only_for_those_that_are_not_known(table: Path) -> None:
    asked: list[list[str]] = []
    kept = Kept(Changes(table), "users", 10, 10.0)

    def read(keys: list[str]) -> dict[str, str]:
        asked.append(keys)
        return {key: key.upper() for key in keys if key != "x"}

    assert kept.get_many(["a", "x"], read) == {"a": "A", "x": None}
    assert kept.get_many(["x", "a", "b"], read) == {"x": None, "a": "A", "b": "B"}
    assert kept.get_many(["x", "a", "b"], read) == {"x": None, "a": "A", "b": "B"}
    assert asked == [["a", "x"], ["b"]]


def test_none_is_not_kept_of_one(table: Path) -> None:
    kept = Kept(Changes(table), "users", 10, 10.0)
    answers: Iterator[int | None] = iter([None, 0, 1])
    assert [kept.get("a", lambda: next(answers)) for _ in range(3)] == [None, 0, 0]


def four_at_once(kept: Kept, read: Callable[[], Any]) -> tuple[list[Any], int]:
    """What four get who want the same, three of them while the first reads; and how
    often it was read."""
    begun, go_on = Event(), Event()
    readings: list[bool] = []

    def slow() -> Any:
        readings.append(True)
        begun.set()
        assert go_on.wait(SECONDS)
        return read()

    def outcome() -> Any:
        try:
            return kept.get_alone("a", slow)
        except (OSError, NetworkTimeout) as error:
            return str(error)

    with ThreadPoolExecutor(4) as pool:
        gets = [pool.submit(outcome)]
        assert begun.wait(SECONDS)
        gets += [pool.submit(outcome) for _ in range(3)]
        while len(kept._alone["a"]._waiting) < 3:
            pass
        go_on.set()
        return [one.result(SECONDS) for one in gets], len(readings)


def test_of_those_who_want_it_at_once_one_reads(table: Path) -> None:
    """However long that takes."""
    kept = Kept(Changes(table), "users", 10, 10.0)
    assert four_at_once(kept, lambda: "A") == (["A"] * 4, 1)
    assert (kept.hits, kept.misses) == (1, 1)
    assert kept.get_alone("a", str) == "A"
    assert not kept._alone


def test_of_those_who_want_what_is_not_kept_one_reads_for_all_who_wait() -> None:
    """What was read from before they came, they do not take."""
    kept = Kept(Changes(), "users", 10, 0.0)
    assert four_at_once(kept, lambda: "A") == (["A"] * 4, 2)


def test_who_waits_does_not_take_what_has_changed_meanwhile(table: Path) -> None:
    kept = Kept(Changes(table), "users", 10, 10.0)
    values = iter("AB")

    def read() -> str:
        kept.changes.numbers[Changes.place("users", "a")] += 1
        return next(values)

    assert four_at_once(kept, read) == ([*"ABBB"], 2)


def test_of_a_database_that_does_not_answer_all_who_wait_hear(table: Path) -> None:
    """Each would wait as long again. Of another failure those hear who were with it."""
    kept = Kept(Changes(table), "users", 10, 10.0)
    failures = iter([NetworkTimeout("silent"), OSError("one"), OSError("others")])

    def read() -> None:
        raise next(failures)

    assert four_at_once(kept, read) == (["silent"] * 4, 1)
    assert four_at_once(kept, read) == (["one", *["others"] * 3], 2)


def test_who_is_made_to_read_it_again_does_not_wait_for_itself(table: Path) -> None:
    kept = Kept(Changes(table), "users", 10, 10.0)
    assert kept.get_alone("a", lambda: kept.get_alone("a", lambda: "A") + "B") == "AB"


def test_timeline_is_built_once_however_many_ask(
    make: Factory, other: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if that takes longer than a command may."""
    make.user("alice")
    make.user("bob")
    make.follow("alice", "bob")
    made = make.micropost("bob", "hello")
    begun, go_on = Event(), Event()
    readings: list[str] = []
    build = reading.build

    def slow(database: Database, reader: str) -> Document:
        readings.append(reader)
        begun.set()
        assert go_on.wait(SECONDS)
        return build(database, reader)

    def read() -> list[int]:
        user = users.seen(other, "alice")
        assert user is not None
        return [one["id"] for one in reading.walk(other, user, Start())]

    monkeypatch.setattr(reading, "build", slow)
    with ThreadPoolExecutor(4) as pool:
        reads = [pool.submit(read)]
        assert begun.wait(SECONDS)
        reads += [pool.submit(read) for _ in range(3)]
        while len(other.memory.tops._alone["alice"]._waiting) < 3:
            pass
        go_on.set()
        assert [one.result(SECONDS) for one in reads] == [[made["id"]]] * 4
    assert readings == ["alice"]


# The table.


def test_the_table_is_one_for_all_who_open_its_file(table: Path) -> None:
    first = Changes(table)
    first.numbers[7] = 12
    second = Changes(table)
    assert (second.numbers[7], len(second.numbers)) == (12, NUMBERS)
    second.numbers[NUMBERS - 1] = 2**64 - 1
    assert first.numbers[NUMBERS - 1] == 2**64 - 1
    assert table.stat().st_mode & 0o777 == 0o600
    assert table.stat().st_size == 8 * NUMBERS
    assert (first.is_shared, Changes().is_shared) == (True, False)
    assert Changes().numbers[7] == 0


def test_places_lie_in_the_table_whatever_the_key() -> None:
    keys = ["alice", 117_000_000, ALL, "\udcff", "é" * 300, ("a", 1)]
    places = [Changes.place("users", key) for key in keys]
    assert all(0 <= place < NUMBERS for place in places)
    assert len(set(places)) == len(keys)
    assert places != [Changes.place("tokens", key) for key in keys]


def test_no_number_comes_twice(one: Database) -> None:
    place, seen = Changes.place("users", "alice"), set()
    for _ in range(100):
        with one.changes.changing("users", ["alice"]):
            assert one.changes.numbers[place] == BEING_WRITTEN
        seen.add(one.changes.numbers[place])
    assert len(seen) == 100
    assert not seen & {0, BEING_WRITTEN}


WRITER = """
import os, sys
from pathlib import Path
from pymongo import MongoClient
from microblog.store import Database, accounts, microposts, tokens, users
from microblog.store.changes import Changes

client = MongoClient(os.environ["URI"], tz_aware=True)
database = Database(client, sys.argv[1], Changes(Path(sys.argv[2])))
for line in sys.stdin:
    what, _, key = line.strip().partition(" ")
    if what == "rename":
        users.change(database, key, {"name": "new"})
    elif what == "logout":
        accounts.end_logins(database, key)
    elif what == "empty":
        database[key].delete_many({})
    print("done", flush=True)
client.close()
"""


def test_what_a_second_process_writes_is_seen_at_once(
    make: Factory,
    other: Database,
    behind: Plain[Document],
    table: Path,
    settings: Settings,
) -> None:
    uri = settings.mongodb_uri.get_secret_value()
    uri = uri or EmbeddedServer(settings.data_dir, 0).ensure()
    token, made = make.token("alice"), make.micropost("alice")
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, other.name, str(table)],
        env={**os.environ, "URI": uri},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as writer:
        assert writer.stdin is not None
        assert writer.stdout is not None

        def write(what: str) -> None:
            print(what, file=writer.stdin, flush=True)
            assert writer.stdout.readline() == "done\n"

        keep_user(other, behind)
        assert tokens.find(other, token) is not None
        assert shown(other, made["id"]) == [made]
        write("rename alice")
        assert (users.seen(other, "alice") or {})["name"] == "new"
        write("logout alice")
        assert tokens.find(other, token) is None
        write("empty microposts")
        assert shown(other, made["id"]) == []
        keep_user(other, behind)
        write("empty users")
        assert users.seen(other, "alice") is None
        writer.stdin.close()
        assert writer.wait(20) == 0


def test_threads_that_read_while_one_writes(table: Path) -> None:
    """None of them fails; what is read after a write is what it has written."""
    writer, reader = Changes(table), Changes(table)
    kept = Kept(reader, "users", 5, 10.0)  # Fewer than keys: some always go.
    stored = dict.fromkeys("abcdefgh", 0)
    rounds = 300
    done: list[bool] = []

    def write() -> None:
        for value in range(1, rounds + 1):
            for key in stored:
                with writer.changing("users", [key if value % 10 else ALL]):
                    stored[key] = value
                # This thread's own next reading is never older.
                assert kept.get(key, lambda key=key: stored[key]) == value
        done.append(True)

    def read() -> int:
        last, readings = dict.fromkeys(stored, 0), 0
        while not done:
            for key in stored:
                value = kept.get(key, lambda key=key: stored[key])
                assert value >= last[key]
                last[key] = value
            many = kept.get_many(
                list(stored), lambda keys: {k: stored[k] for k in keys}
            )
            assert all(many[key] >= last[key] for key in stored)
            last = many
            readings += 1
        return readings

    with ThreadPoolExecutor(5) as threads:
        readers = [threads.submit(read) for _ in range(4)]
        try:
            threads.submit(write).result()
        finally:
            done.append(True)
        assert all(one.result() > 0 for one in readers)
    found = kept.get_many(list(stored), lambda keys: {key: stored[key] for key in keys})
    assert found == dict.fromkeys(stored, rounds)
    assert len(kept._entries) <= 5


def test_threads_see_what_was_last_stored(
    make: Factory, one: Database, other: Database
) -> None:
    make.user("alice")
    made = make.microposts(6)
    wanted = [micropost["id"] for micropost in made]
    done: list[bool] = []

    def read() -> int:
        last, readings = 0, 0
        while not done:
            found = users.seen(other, "alice")
            assert found is not None
            assert found["rev"] >= last
            last, readings = found["rev"], readings + 1
            assert len(shown(other, *wanted)) == 6
        return readings

    with ThreadPoolExecutor(4) as threads:
        readers = [threads.submit(read) for _ in range(4)]
        try:
            for number in range(15):
                users.change(one, "alice", {"name": str(number)})
                microposts.change(one, made[number % 6], {"text": f"edit {number}"})
        finally:
            done.append(True)
        assert all(one.result() > 0 for one in readers)
    assert users.seen(other, "alice") == users.find(one, "alice")
    stored = [one.microposts.find_one({"_id": id}) or {} for id in wanted]
    assert shown(other, *wanted) == list(map(shapes.shown, stored))
    assert shown(other, ids.new()) == []
