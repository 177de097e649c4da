"""Follows: links, counts, and the lists of both sides."""

from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest

from microblog.store import Database, Document, follows, ids, pieces, users
from microblog.store.walks import Start
from tests.factories import Factory
from tests.unit.conftest import Interruption

NAMES = [f"f_{letter}" for letter in "abcdefgh"]


def counts(database: Database, username: str) -> tuple[int, int]:
    """How many the user follows, and how many follow."""
    document = users.find(database, username)
    assert document is not None
    return document["counts"]["following"], document["counts"]["followers"]


def user(database: Database) -> Document:
    """The document of alice, as it is now."""
    document = users.find(database, "alice")
    assert document is not None
    return document


def test_begin_and_end(make: Factory, database: Database) -> None:
    for name in ("alice", "bob"):
        make.user(name)
    assert follows.create(database, "alice", "bob")
    assert not follows.create(database, "alice", "bob")
    assert follows.exists(database, "alice", "bob")
    assert not follows.exists(database, "bob", "alice")
    assert (counts(database, "alice"), counts(database, "bob")) == ((1, 0), (0, 1))
    assert follows.delete(database, "alice", "bob")
    assert not follows.delete(database, "alice", "bob")
    assert (counts(database, "alice"), counts(database, "bob")) == ((0, 0), (0, 0))


def test_both_may_follow_each_other(make: Factory, database: Database) -> None:
    make.follow("alice", "bob")
    make.follow("bob", "alice")
    assert counts(database, "alice") == counts(database, "bob") == (1, 1)
    assert follows.followees(database, "alice") == ["bob"]


@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize("wanted", [1, 3, 100])
def test_both_lists_in_order_from_anywhere(
    make: Factory, database: Database, descending: bool, wanted: int
) -> None:
    for name in NAMES:
        make.follow("alice", name)
        make.follow(name, "alice")
        make.follow(name, "somebody")
    expected = NAMES[::-1] if descending else NAMES
    start = Start(None, descending, wanted)
    following = list(follows.walk_following(database, user(database), start))
    followers = list(follows.walk_followers(database, user(database), start))
    assert [link["followee"] for link in following] == expected
    assert [link["follower"] for link in followers] == expected
    for number, link in enumerate(following):
        beyond = Start(link["at"], descending, wanted)
        rest = list(follows.walk_following(database, user(database), beyond))
        assert rest == following[number + 1 :]


def test_a_wrong_count_only_makes_the_walk_slower(
    make: Factory, database: Database
) -> None:
    for name in NAMES:
        make.follow("alice", name)
    for wrong in (-3, 0, 10**9):
        database.users.update_one(
            {"_id": "alice"}, {"$set": {"counts.following": wrong}}
        )
        walk = follows.walk_following(database, user(database), Start())
        assert [link["followee"] for link in walk] == NAMES[::-1]


def test_one_who_follows_again_comes_first(make: Factory, database: Database) -> None:
    for name in NAMES:
        make.follow("alice", name)
    follows.delete(database, "alice", NAMES[0])
    follows.create(database, "alice", NAMES[0])
    walk = follows.walk_following(database, user(database), Start())
    assert next(walk)["followee"] == NAMES[0]
    assert counts(database, "alice") == (len(NAMES), 0)


@pytest.mark.parametrize("ago", [0, 30 * 86_400_000])
@pytest.mark.parametrize("descending", [True, False])
def test_a_crowd_is_read_in_small_windows(
    make: Factory,
    interrupted: Database,
    interruption: Interruption,
    ago: int,
    descending: bool,
) -> None:
    """Six hundred who came within a second, and perhaps nobody since."""
    database, crowd = make.database, 600
    make.user("alice")
    born = datetime.now(UTC) - timedelta(days=60)
    database.users.update_one({"_id": "alice"}, {"$set": {"created": born}})
    begun = ids.now() - ((ago + 2000) << ids.BITS)
    links = [
        {
            **follows.new_document(f"f{number}", "alice"),
            "at": begun + (number << ids.BITS),
        }
        for number in range(crowd)
    ]
    for piece in pieces(links, 100):
        database.follows.insert_many(piece)
    times = [link["at"] for link in links]
    users.add_links(database, "alice", "followers", times)
    alice = users.find(database, "alice")
    assert alice is not None
    assert alice["counts"]["followers"] == crowd
    read = 0

    def count() -> None:
        nonlocal read
        read += 1
        interruption.before("find", "follows", count)

    interruption.before("find", "follows", count)
    start = Start(times[300] if not descending else None, descending)
    page = list(islice(follows.walk_followers(interrupted, alice, start), 21))
    expected = times[:-22:-1] if descending else times[301:322]
    assert [link["at"] for link in page] == expected
    assert read <= 4
    seen = [link["at"] for link in follows.walk_followers(interrupted, alice, Start())]
    assert seen == times[::-1]
