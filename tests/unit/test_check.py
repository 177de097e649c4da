"""`check`: each kind of half-written data is found, mended, and then gone."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from microblog.store import (
    Database,
    accounts,
    ids,
    marks,
    microposts,
    reading,
    references,
    segments,
    tokens,
    users,
)
from microblog.store.check import check
from tests.factories import Factory

Breakage = Callable[[Database], Any]


def wrong_count(database: Database) -> None:
    database.users.update_one({"_id": "alice"}, {"$inc": {"counts.followers": 3}})


def missing_reference(database: Database) -> None:
    database.users.update_one(
        {"_id": "alice"},
        {"$pop": {"microposts": -1}, "$inc": {"counts.microposts": -1}},
    )


def stale_reference(database: Database) -> None:
    database.users.update_one({"_id": "alice"}, {"$set": {"microposts.0.text": "old"}})


def dangling_reference(database: Database) -> None:
    database.microposts.delete_one({"text": "micropost 2"})


def missing_first(database: Database) -> None:
    database.users.update_one({"_id": "alice"}, {"$unset": {"first": ""}})


def wrong_tags(database: Database) -> None:
    database.microposts.update_one({"text": "micropost 1"}, {"$set": {"tags": ["abc"]}})


def missing_postings(database: Database) -> None:
    segments.tend(database, least=1)
    segments.settle(database, timedelta(0))
    bucket = database.postings.find_one({})
    assert bucket is not None
    database.postings.delete_one({"_id": bucket["_id"]})


def missing_marks(database: Database) -> None:
    database.marks.delete_many({})


def missing_latest(database: Database) -> None:
    database.marks.update_one({"_id": "microposts"}, {"$pop": {"references": -1}})


def missing_steps(database: Database) -> None:
    """Of a user who makes one; every 32nd does."""
    step = next(id for id in range(ids.now(), ids.MAXIMUM) if marks.is_step(id))
    for collection in (database.users, database.names):
        collection.update_one({"_id": "bob"}, {"$set": {"joined": step}})


def old_name(database: Database) -> None:
    database.names.update_one({"_id": "bob"}, {"$set": {"name": "Before"}})


def dangling_follow(database: Database) -> None:
    link = {"_id": "alice nobody", "follower": "alice", "followee": "nobody", "at": 1}
    database.follows.insert_one(link)
    users.add_counts(database, "alice", following=1)


def half_deleted_account(database: Database) -> None:
    users.mark_deleted(database, "bob")


def stale_timeline(database: Database) -> None:
    reading.build(database, "bob")
    database.timelines.update_one({"_id": "bob"}, {"$set": {"authors": ["carol"]}})


BREAKAGES = [
    (stale_timeline, "user bob: has a timeline of others than it follows"),
    (wrong_count, "user alice: followers is 4, not 1"),
    (missing_reference, "user alice: microposts is 2, not 3, references do not match"),
    (stale_reference, "user alice: references do not match the microposts"),
    (dangling_reference, "user alice: microposts is 3, not 2, references do not match"),
    (missing_first, "user alice: first is not the oldest micropost"),
    (wrong_tags, "tags do not match its text"),
    (missing_postings, "is not found by search"),
    (missing_marks, "marks: do not enclose all microposts"),
    (missing_latest, "marks: lack 1 of the newest microposts"),
    (missing_steps, "marks: lack steps between users"),
    (old_name, "user bob: is not found by the present name"),
    (dangling_follow, "follow alice nobody: one of the two does not exist"),
    (half_deleted_account, "user bob: deleted, but not purged"),
]


@pytest.fixture
def populated(database: Database, make: Factory) -> Database:
    make.microposts(3)
    make.micropost("bob", "from bob")
    make.follow("bob", "alice")
    assert list(check(database)) == []
    return database


@pytest.mark.parametrize(("breakage", "said"), BREAKAGES)
def test_found_mended_and_gone(
    populated: Database, breakage: Breakage, said: str
) -> None:
    breakage(populated)
    findings = list(check(populated))
    assert said in "\n".join(map(str, findings))
    for finding in check(populated):
        assert finding.mend is not None
        finding.mend()
    # A follow that is removed leaves a count for the second look.
    for finding in check(populated):
        assert finding.mend is not None
        finding.mend()
    assert list(check(populated)) == []


def test_micropost_without_a_user_is_left_to_the_operator(populated: Database) -> None:
    populated.users.delete_one({"_id": "bob"})
    found = [one for one in check(populated) if one.subject.startswith("micropost")]
    assert [(str(one).split(": ")[1], one.mend) for one in found] == [
        ("there is no user bob; left alone", None)
    ]


def test_repair_of_a_user_keeps_what_is_posted_meanwhile(
    populated: Database, make: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A post between reading and writing makes the repair begin again."""
    wrong_count(populated)
    original = references.set_derived
    posted = []

    def post_first(*arguments: Any, **more: Any) -> bool:
        if not posted:
            posted.append(make.micropost(text="meanwhile"))
        return original(*arguments, **more)

    monkeypatch.setattr(references, "set_derived", post_first)
    for finding in check(populated):
        assert finding.mend is not None
        finding.mend()
    assert list(check(populated)) == []
    alice = users.find(populated, "alice")
    assert alice is not None
    assert alice["microposts"][0]["text"] == "meanwhile"


def test_note_under_way_is_not_found(
    populated: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The marks are the last that a post writes."""
    known = marks.microposts(populated)
    assert known is not None
    missing_latest(populated)

    def note(seconds: float) -> None:
        populated.marks.replace_one({"_id": marks.MICROPOSTS}, known)

    monkeypatch.setattr("time.sleep", note)
    assert list(check(populated)) == []


def test_deleted_ones_may_stand_in_latest(populated: Database, make: Factory) -> None:
    made = make.microposts(marks.LATEST)
    for one in made[::10]:
        microposts.delete(populated, one)
    assert list(check(populated)) == []
    # The newest is lost; another stands there twice.
    twice = ids.spell(made[-2]["id"])
    query = {"_id": marks.MICROPOSTS}
    populated.marks.update_one(query, {"$set": {"references.0": twice}})
    (finding,) = check(populated)
    assert str(finding) == "marks: lack 1 of the newest microposts"
    assert finding.mend is not None
    finding.mend()
    assert list(check(populated)) == []


def test_large_account_is_purged_in_pieces(populated: Database, make: Factory) -> None:
    make.microposts(120, "bob")
    tokens.create(populated, "bob", 60)
    accounts.delete(populated, "bob", limit=50)
    assert accounts.has_leftovers(populated, "bob")
    assert populated.tokens.find_one({"user": "bob"}) is None
    accounts.purge(populated, "bob")
    assert not accounts.has_leftovers(populated, "bob")
    assert populated.microposts.find_one({"author": "bob"}) is None
    alice = users.find(populated, "alice")
    assert alice is not None
    assert alice["counts"]["followers"] == 0
    assert list(check(populated)) == []
