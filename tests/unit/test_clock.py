"""Clocks that were ahead, or have gone back: nothing is hidden until they agree."""

from datetime import timedelta

import pytest
import time_machine

from microblog.errors import ConfigurationError
from microblog.store import Database, follows, ids, users, version
from microblog.store.walks import Start
from tests.factories import Factory

DAY = timedelta(days=1)


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a process that has drawn no id yet."""
    monkeypatch.setattr(ids, "_last", 0)


@pytest.mark.parametrize("ahead", [DAY, -DAY], ids=["ahead", "back"])
def test_F9_links_made_by_another_clock_are_seen(
    make: Factory,
    database: Database,
    fresh: None,
    monkeypatch: pytest.MonkeyPatch,
    ahead: timedelta,
) -> None:
    names = [f"reader{number}" for number in range(30)]
    for name in ("alice", *names):
        make.user(name)
    moment = ids.moment(ids.now())
    for number, name in enumerate(names):
        # The last ones by a clock that is right again.
        with time_machine.travel(moment + ahead if number < 5 else moment):
            monkeypatch.setattr(ids, "_last", 0)
            make.follow(name, "alice")
    alice = users.find(database, "alice")
    assert alice is not None
    for descending in (True, False):
        start = Start(descending=descending)
        links = list(follows.walk_followers(database, alice, start))
        assert sorted(link["follower"] for link in links) == sorted(names)
        times = [link["at"] for link in links]
        assert times == sorted(times, reverse=descending)


def test_F9_who_joined_by_a_clock_ahead_is_in_the_directory(
    make: Factory, database: Database, fresh: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    make.user("alice")
    with time_machine.travel(ids.moment(ids.now()) + DAY):
        make.user("tomorrow")
    monkeypatch.setattr(ids, "_last", 0)
    make.user("bob")
    for descending in (True, False):
        found = [one["_id"] for one in users.walk(database, Start(None, descending))]
        assert sorted(found) == ["alice", "bob", "tomorrow"]
        assert (found[0] == "tomorrow") == descending


def test_F18_data_is_not_taken_back(database: Database) -> None:
    version.adopt(database)
    newer = {"version": version.VERSION + 1, "mended": version.VERSION}
    database.version.update_one({"_id": version.DATA}, {"$set": newer})
    version.note_mended(database, version.VERSION)
    with pytest.raises(ConfigurationError, match="newer microblog"):
        version.adopt(database)
