"""Repair and pruning, a bounded piece a run."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo.errors import AutoReconnect

from microblog.store import (
    Database,
    Document,
    accounts,
    ids,
    marks,
    public,
    repair,
    runs,
    shapes,
    users,
)
from microblog.store.changes import ALL
from microblog.store.check import check
from microblog.store.walks import Start
from tests.factories import Factory


def posted_ago(database: Database, author: str, minutes: float, **more: Any) -> int:
    """A micropost that somebody began to post, without what comes after the first
    write."""
    moment = datetime.now(UTC) - timedelta(minutes=minutes)
    document = shapes.new_document(ids.at(moment), author, "half written")
    database.microposts.insert_one({**document, **more})
    return int(document["_id"])


def user(database: Database, name: str) -> Document:
    """The user's document."""
    return users.find(database, name) or {}


def test_half_written_post_is_mended(make: Factory, database: Database) -> None:
    make.microposts(3)
    id = posted_ago(database, "alice", 2)
    assert repair.recent(database) > 0
    alice = user(database, "alice")
    assert id in {one["id"] for one in alice["microposts"]}
    assert alice["counts"]["microposts"] == 4
    assert id in marks.latest(marks.microposts(database) or {})
    assert list(check(database)) == []
    assert repair.recent(database) == 0


def test_what_was_posted_while_its_author_was_purged_is_purged(
    make: Factory, database: Database
) -> None:
    make.user("bob")
    accounts.delete(database, "bob")
    assert not accounts.has_leftovers(database, "bob")
    id = posted_ago(database, "bob", 2)
    marks.note(database, id, pushed=[id])
    assert [one["id"] for one in public.walk(database, Start())] == [id]
    repair.recent(database)
    assert list(public.walk(database, Start())) == []
    assert not accounts.has_leftovers(database, "bob")


def test_lost_answer_to_a_write_of_all_is_forgotten_in_the_end(
    make: Factory, database: Database
) -> None:
    make.user()
    with suppress(AutoReconnect), database.changes.changing("users", [ALL]):
        raise AutoReconnect("the answer is lost")
    seen = database.changes.seen("users", [ALL])
    assert not database.changes.are_as(seen)
    repair.prune(database)
    assert database.changes.are_as(database.changes.seen("users", [ALL]))


def test_post_of_this_minute_is_left_alone(make: Factory, database: Database) -> None:
    make.user()
    posted_ago(database, "alice", 0.5)
    assert repair.recent(database) == 0
    assert user(database, "alice")["microposts"] == []


def test_whole_ones_are_left_alone(make: Factory, database: Database) -> None:
    make.microposts(60)
    rev = user(database, "alice")["rev"]
    runs.set_position(database, "recent", ids.now() - (60_000 << ids.BITS))
    assert repair.recent(database) == 0
    assert user(database, "alice")["rev"] == rev


def test_goes_on_where_it_stopped(
    make: Factory, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repair, "RECENT", 5)
    make.user()
    posted = [posted_ago(database, "alice", minutes) for minutes in range(2, 14)]
    found = [repair.recent(database) for _ in range(4)]
    assert found[:3] != [0, 0, 0]
    assert found[-1] == 0
    assert user(database, "alice")["counts"]["microposts"] == len(posted)
    assert list(check(database)) == []


def test_over_days_that_it_did_not_run(make: Factory, database: Database) -> None:
    make.user()
    days = [posted_ago(database, "alice", 60 * 24 * day + 5) for day in (0, 1, 5)]
    runs.set_position(database, "recent", days[-1] - 1)
    repair.recent(database)
    assert [one["id"] for one in user(database, "alice")["microposts"]] == days


def test_micropost_of_nobody_is_no_obstacle(make: Factory, database: Database) -> None:
    posted_ago(database, "nobody", 2)
    assert repair.recent(database) == 0


def test_every_user_has_a_turn(
    make: Factory, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repair, "USERS", 3)
    names = ["ann", "bea", "cat", "dan", "eve", "fay", "guy"]
    for name in names:
        make.user(name)
    wrong = {"counts.following": 9}
    database.users.update_many({}, {"$set": wrong})
    mended = [repair.some_users(database) for _ in range(3)]
    assert mended == [3, 3, 1]
    assert all(user(database, name)["counts"]["following"] == 0 for name in names)
    # And from the first again.
    database.users.update_one({"_id": "ann"}, {"$set": wrong})
    assert repair.some_users(database) == 1


def test_large_accounts_are_left_to_check(
    make: Factory, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repair, "LARGE", 5)
    make.user()
    database.users.update_one({"_id": "alice"}, {"$set": {"counts.following": 9}})
    assert repair.some_users(database) == 0
    assert user(database, "alice")["counts"]["following"] == 9


def test_dead_references_are_pruned(make: Factory, database: Database) -> None:
    made = make.microposts(25)
    database.microposts.delete_one({"_id": made[-1]["id"]})
    assert repair.prune(database) == 2  # one of the public timeline, one user
    alice = user(database, "alice")
    assert made[-1]["id"] not in {one["id"] for one in alice["microposts"]}
    assert alice["counts"]["microposts"] == 24
    assert list(check(database)) == []
    assert repair.prune(database) == 0
