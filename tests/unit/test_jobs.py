"""The tasks, without a worker: what each does, and what sweep finds again."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any

import pytest
import time_machine

from microblog.settings import Settings
from microblog.store import (
    Database,
    accounts,
    dead_letters,
    hidden,
    ids,
    reading,
    undone,
    users,
)
from microblog.store.shapes import MODERATED
from microblog.tasks import jobs
from microblog.tasks.jobs import Site
from tests.factories import Factory

Later = list[tuple[Any, ...]]


@pytest.fixture
def later() -> Later:
    """The tasks that were queued."""
    return []


@pytest.fixture
def to_deliver() -> Later:
    """Those that deliver what was posted."""
    return []


@pytest.fixture
def waiting() -> list[int]:
    """How many tasks wait in the queue."""
    return [0]


@pytest.fixture
def tasks(
    application: Any,
    database: Database,
    settings: Settings,
    later: Later,
    to_deliver: Later,
    waiting: list[int],
) -> Site:
    """What the tasks work with."""
    connection = application.registry["connection"]

    def queue(*task: Any) -> None:
        (to_deliver if task[0] == "deliver" else later).append(task)

    return Site(settings, connection, queue, lambda: waiting[0], Event())


@pytest.fixture
def after_a_minute() -> Iterator[None]:
    """A minute later."""
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=70), tick=True):
        yield


@pytest.fixture
def named(make: Factory, database: Database) -> int:
    """A micropost that names bob, whom mails reach."""
    make.user("bob", email="bob@example.org")
    users.change(database, "bob", {"confirmed": True})
    return int(make.micropost("alice", "hello @bob")["id"])


def test_sweep_waits_a_minute(
    named: int, tasks: Site, later: Later, to_deliver: Later
) -> None:
    jobs.sweep(tasks)
    assert later == to_deliver == []


def test_sweep_finds_what_was_posted_and_not_delivered(
    make: Factory, database: Database, tasks: Site, to_deliver: Later
) -> None:
    make.follow("bob", "alice")
    assert reading.build(database, "bob")["references"] == []
    posted = make.micropost("alice")
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=70), tick=True):
        jobs.sweep(tasks)
        assert to_deliver == [("deliver", "alice")]
        jobs.deliver(tasks, "alice")
        to_deliver.clear()
        jobs.sweep(tasks)
    assert to_deliver == []
    held = database.timelines.find_one({"_id": "bob"}) or {}
    assert held["references"] == [ids.spell(posted["id"])]


def test_sweep_finds_a_mention_whose_task_was_lost(
    named: int, tasks: Site, later: Later, after_a_minute: None
) -> None:
    jobs.sweep(tasks)
    assert later == [("mention", named)]
    jobs.mention(tasks, named)
    assert later[1:] == [("mails",)]
    later.clear()
    # The mail that is due now, and nothing else.
    jobs.sweep(tasks)
    assert later == [("mails",)]
    jobs.send_mails(tasks)
    later.clear()
    jobs.sweep(tasks)
    assert later == []


def test_sweep_leaves_dead_letters_to_people(
    named: int, tasks: Site, later: Later, database: Database, after_a_minute: None
) -> None:
    dead_letters.add(database, "mention", [named], "ValueError: x", 6)
    jobs.sweep(tasks)
    assert later == []
    letter = dead_letters.find(database, dead_letters.key("mention", [named]))
    assert letter is not None
    assert (letter["name"], letter["arguments"]) == ("mention", [named])
    dead_letters.remove(database, letter["_id"])
    assert dead_letters.find(database, letter["_id"]) is None
    jobs.sweep(tasks)
    assert later == [("mention", named)]


def test_sweep_does_not_fill_a_queue_that_is_long(
    named: int, tasks: Site, later: Later, waiting: list[int], after_a_minute: None
) -> None:
    waiting[0] = jobs.ENOUGH + 1
    jobs.sweep(tasks)
    assert later == []


def test_sweep_is_bounded(
    make: Factory,
    tasks: Site,
    later: Later,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(jobs, "SWEPT", 3)
    made = [make.micropost("alice", f"@bob {number}")["id"] for number in range(5)]
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=70), tick=True):
        jobs.sweep(tasks)
    assert later == [("mention", id) for id in made[:3]]  # the longest first


def _broken(*arguments: Any) -> None:
    raise ConnectionError("there is no queue")


def test_sweep_finishes_what_moderators_began_though_nothing_can_be_queued(
    named: int, tasks: Site, database: Database, after_a_minute: None
) -> None:
    query = {"_id": named}
    database.microposts.update_one(query, {"$set": {"undone.moderated": 1}})
    with pytest.raises(ConnectionError):
        jobs.sweep(replace(tasks, later=_broken))
    left = undone.find(database, "microposts", MODERATED, before=ids.MAXIMUM)
    assert left == []


def test_sweep_queues_though_nothing_can_be_finished(
    named: int,
    tasks: Site,
    later: Later,
    after_a_minute: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hidden, "finish", _broken)
    with pytest.raises(ConnectionError):
        jobs.sweep(tasks)
    assert later == [("mention", named)]


def test_what_a_sweep_finishes_is_bounded(
    make: Factory, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hidden, "FINISHED", 2)
    made = [one["id"] for one in make.microposts(3)]
    for place, id in enumerate(made):
        update = {"$set": {"undone.moderated": 3 - place}}
        database.microposts.update_one({"_id": id}, update)
    assert hidden.finish(database) == 2
    left = undone.find(database, "microposts", MODERATED, before=ids.MAXIMUM)
    assert left == made[:1]  # the longest first


def test_purge_goes_on_until_nothing_is_left(
    make: Factory,
    tasks: Site,
    later: Later,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(jobs, "PURGED", 50)
    make.microposts(160)
    assert not accounts.delete(database, "alice", limit=10)
    assert database.microposts.count_documents({"author": "alice"}) > 100
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=70), tick=True):
        jobs.sweep(tasks)
    assert later == [("purge", "alice")]
    runs = 0
    while later:
        later.clear()
        jobs.purge(tasks, "alice")
        runs += 1
    assert runs > 2
    assert database.microposts.count_documents({"author": "alice"}) == 0
    left = database.users.find_one({"_id": "alice"}) or {}
    assert set(left) == {"_id", "folded", "deleted", "undone"}
    before = ids.now() + 1
    found = undone.find(database, "users", users.PURGE, before=before)
    assert found == []


def test_small_account_is_purged_at_once(make: Factory, database: Database) -> None:
    make.microposts(5)
    make.follow("bob", "alice")
    assert accounts.delete(database, "alice")
    assert (users.find(database, "bob") or {})["counts"]["following"] == 0
    before = ids.now() + 1
    found = undone.find(database, "users", users.PURGE, before=before)
    assert found == []


def test_many_dead_letters_hide_nothing_from_sweep(
    named: int,
    make: Factory,
    tasks: Site,
    later: Later,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(jobs, "SWEPT", 1)
    other = make.micropost("alice", "@bob again")["id"]
    dead_letters.add(database, "mention", [named], "ValueError: x", 6)
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=70), tick=True):
        jobs.sweep(tasks)
    assert later == [("mention", other)]


def test_periodic_tasks_on_an_empty_store(tasks: Site, later: Later) -> None:
    for job, seconds in jobs.PERIODIC.values():
        assert seconds >= 10
        job(tasks)
    assert later == []
