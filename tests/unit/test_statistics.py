"""Statistics: the figures of each day against a plain recount, and catching up."""

import logging
import random
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pymongo
import pytest

from microblog.store import (
    Database,
    Document,
    follows,
    ids,
    mails,
    marks,
    shapes,
    statistics,
    users,
)

NONE = dict.fromkeys(statistics.FIGURES, 0)
DAY = timedelta(days=1)
MILLISECOND = timedelta(milliseconds=1)


def figures(document: Document) -> Document:
    """The six of them."""
    return {name: document[name] for name in statistics.FIGURES}


class Past:
    """Puts things into days that are over, and counts along in its own way."""

    def __init__(self, database: Database):
        self.database = database
        self.last = statistics.last_finished()
        self.counted: dict[date, Document] = defaultdict(lambda: dict(NONE))
        self.were_active: dict[date, set[str]] = defaultdict(set)
        self._numbers = iter(range(1 << ids.BITS))

    def ago(self, days: int, **more: int) -> datetime:
        """A moment of a day before the last that is over, from its midnight."""
        midnight = datetime(self.last.year, self.last.month, self.last.day, tzinfo=UTC)
        return midnight - days * DAY + timedelta(**more)

    def join(self, name: str, moment: datetime) -> None:
        """Somebody registers."""
        joined = {"joined": self._id(moment), "created": moment}
        self.database.users.insert_one(users.new_document(name) | joined)
        self.counted[moment.date()]["users"] += 1

    def post(self, author: str, moment: datetime) -> int:
        """Somebody writes; the id."""
        id = self._id(moment)
        self.database.microposts.insert_one(shapes.new_document(id, author, "abc"))
        marks.note(self.database, id)
        self._act("microposts", author, moment)
        return id

    def follow(self, follower: str, followee: str, moment: datetime) -> None:
        """Somebody follows."""
        at = {"at": self._id(moment), "day": ids.day(ids.at(moment))}
        link = follows.new_document(follower, followee)
        self.database.follows.insert_one(link | at)
        self._act("follows", follower, moment)

    def mail(self, moment: datetime) -> None:
        """A mail is sent."""
        id, state = f"mail {next(self._numbers)}", mails.State.SENT
        mail = {"_id": id, "state": state, "day": statistics.number(moment.date())}
        self.database.mails.insert_one(mail)
        self.counted[moment.date()]["mails"] += 1

    def expected(self, day: date) -> Document:
        """The figures of a day."""
        return {**self.counted[day], "active": len(self.were_active[day])}

    def _act(self, what: str, who: str, moment: datetime) -> None:
        self.counted[moment.date()][what] += 1
        self.were_active[moment.date()].add(who)

    def _id(self, moment: datetime) -> int:
        return ids.at(moment, low=next(self._numbers))


@pytest.fixture
def past(database: Database) -> Past:
    """Days without anything."""
    return Past(database)


@pytest.mark.parametrize("seed", range(3))
def test_figures_are_those_of_a_plain_recount(
    database: Database, past: Past, seed: int
) -> None:
    draw = random.Random(seed)
    names = [f"user{letter}" for letter in "abcdefgh"]

    def moment() -> datetime:
        within = draw.choice([timedelta(), DAY - MILLISECOND, draw.random() * DAY])
        exact = past.ago(draw.randrange(6)) + within
        return exact.replace(microsecond=exact.microsecond // 1000 * 1000)

    for name in names:
        past.join(name, moment())
    for _micropost in range(60):
        past.post(draw.choice(names), moment())
    pairs = [(one, other) for one in names for other in names if one != other]
    for one, other in draw.sample(pairs, 30):
        past.follow(one, other, moment())
    for _mail in range(10):
        past.mail(moment())
    days = [past.last - number * DAY for number in range(-1, 7)]
    computed = {day: figures(statistics.compute(database, day)) for day in days}
    assert computed == {day: past.expected(day) for day in days}


def test_a_day_ends_before_the_first_millisecond_of_the_next(
    database: Database, past: Past
) -> None:
    midnight = past.ago(1)
    for moment in (midnight - MILLISECOND, midnight, midnight + DAY - MILLISECOND):
        past.join(f"user{moment.timestamp():.0f}{moment.microsecond}", moment)
        past.post("alice", moment)
        past.follow("alice", f"{moment.timestamp()}", moment)
    count = {"microposts": 2, "users": 2, "active": 1, "follows": 2}
    day = midnight.date()
    assert figures(statistics.compute(database, day)) == {**NONE, **count}
    count = dict.fromkeys(count, 1)
    assert figures(statistics.compute(database, day - DAY)) == {**NONE, **count}
    assert figures(statistics.compute(database, day + DAY)) == NONE


def test_what_is_deleted_is_not_counted(database: Database, past: Past) -> None:
    moment = past.ago(0, hours=12)
    for name in ("alice", "bob"):
        past.join(name, moment)
        id = past.post(name, moment)
    users.mark_deleted(database, "bob")
    database.microposts.delete_one({"_id": id})
    counted = figures(statistics.compute(database, past.last))
    assert counted == {**NONE, "microposts": 1, "users": 1, "active": 1}


def test_nothing_to_catch_up_before_anybody_is_here(database: Database) -> None:
    assert statistics.catch_up(database, limit=10) == []
    assert [figures(one) for one in statistics.unfinished(database)][-1] == NONE


def test_catching_up_begins_with_the_newest_day(database: Database, past: Past) -> None:
    past.join("alice", past.ago(5, hours=1))
    past.post("alice", past.ago(3))
    runs = [
        [one["_id"] for one in statistics.catch_up(database, limit=4)]
        for _run in range(3)
    ]
    days = [str(past.last - number * DAY) for number in range(6)]
    assert runs == [days[:4], days[4:], []]
    stored = statistics.days(database, past.last - 9 * DAY, past.last)
    assert [one["_id"] for one in stored] == days[::-1]
    for one in stored:
        day = date.fromisoformat(one["_id"])
        assert figures(one) == past.expected(day)
        assert one["day"] == statistics.number(day)


def test_catching_up_fills_gaps_and_keeps_the_rest(
    database: Database, past: Past
) -> None:
    past.post("alice", past.ago(6))
    statistics.catch_up(database, limit=10)
    past.post("alice", past.ago(2))
    database.statistics.delete_one({"_id": str(past.last - 3 * DAY)})
    (filled,) = statistics.catch_up(database, limit=10)
    assert filled["_id"] == str(past.last - 3 * DAY)
    (kept,) = statistics.days(database, past.last - 2 * DAY, past.last - 2 * DAY)
    assert figures(kept) == NONE


def test_catching_up_since_a_day(database: Database, past: Past) -> None:
    past.post("alice", past.ago(6))
    found = statistics.catch_up(database, limit=10, since=past.last - DAY)
    assert [one["_id"] for one in found] == [str(past.last), str(past.last - DAY)]
    assert statistics.catch_up(database, limit=10, since=past.last + DAY) == []
    assert len(statistics.catch_up(database, limit=10, since=date.min)) == 5


def test_days_begin_with_the_first_of_user_and_micropost(
    database: Database, past: Past
) -> None:
    past.post("alice", past.ago(1))
    assert len(statistics.missing(database)) == 2
    for number in range(40):
        past.join(f"user{number}", past.ago(2, hours=number))
        marks.note_joined(database, [ids.at(past.ago(2, hours=number))])
    assert len(statistics.missing(database)) == 3


def test_a_day_computed_twice_is_the_same(database: Database, past: Past) -> None:
    past.join("alice", past.ago(0))
    past.post("alice", past.ago(0, hours=2))
    once, twice = (statistics.keep(database, past.last) for _time in range(2))
    assert figures(once) == figures(twice) == past.expected(past.last)
    assert list(database.statistics.find()) == [twice]


def test_a_day_computed_again_has_what_came_later(
    database: Database, past: Past
) -> None:
    statistics.keep(database, past.last)
    past.post("alice", past.ago(0))
    assert statistics.keep(database, past.last)["microposts"] == 1


def test_mails_whose_documents_have_expired_stay_counted(
    database: Database, past: Past
) -> None:
    past.mail(past.ago(0, hours=2))
    assert statistics.keep(database, past.last)["mails"] == 1
    database.mails.delete_many({})
    assert statistics.keep(database, past.last)["mails"] == 1


def test_a_day_is_not_final_right_after_midnight(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was posted in its last second may not be stored yet."""
    midnight = datetime(2026, 11, 24, tzinfo=UTC)
    for minutes, last, unfinished in ((1, 22, [23, 24]), (11, 23, [24])):
        moment = midnight + timedelta(minutes=minutes)
        monkeypatch.setattr(ids, "now", lambda moment=moment: ids.at(moment))
        assert statistics.last_finished() == date(2026, 11, last)
        found = [one["_id"] for one in statistics.unfinished(database)]
        assert found == [f"2026-11-{day}" for day in unfinished]


def test_searches_are_counted(database: Database) -> None:
    for _search in range(3):
        statistics.count_search(database)
    assert statistics.unfinished(database)[-1]["searches"] == 3


def test_a_search_that_cannot_be_counted_is_no_failure(
    caplog: pytest.LogCaptureFixture,
) -> None:
    nowhere: Any = pymongo.MongoClient(
        "mongodb://127.0.0.1:1", serverSelectionTimeoutMS=10
    )
    with caplog.at_level(logging.WARNING):
        statistics.count_search(nowhere["nothing"])
    nowhere.close()
    assert "a search is not counted: ServerSelectionTimeoutError" in caplog.text
