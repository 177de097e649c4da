"""The public timeline: the newest microposts of everybody, at most a hundred."""

from itertools import islice

import pytest

from microblog.store import Database, follows, marks, microposts, timelines
from microblog.store.walks import Start
from tests.factories import Factory


def ids_of(database: Database, start: Start | None = None) -> list[int]:
    """The ids that a walk finds."""
    walked = timelines.walk_public(database, start or Start())
    return [one["id"] for one in walked]


def test_nothing_before_the_first(database: Database) -> None:
    assert ids_of(database) == []


def test_of_everybody_newest_first(make: Factory, database: Database) -> None:
    made = [make.micropost(name, "hi") for name in ("alice", "bob", "carol", "bob")]
    assert list(timelines.walk_public(database, Start())) == made[::-1]


def test_ends_after_a_hundred(make: Factory, database: Database) -> None:
    made = [one["id"] for one in make.microposts(marks.LATEST + 5)]
    assert ids_of(database) == made[:4:-1]
    assert ids_of(database, Start(descending=False)) == made[5:]


@pytest.mark.parametrize("descending", [True, False])
def test_goes_on_where_it_stopped(
    make: Factory, database: Database, descending: bool
) -> None:
    made = [one["id"] for one in make.microposts(50)]
    seen: list[int] = []
    while True:
        start = Start(seen[-1] if seen else None, descending)
        piece = list(islice(timelines.walk_public(database, start), 20))
        if not piece:
            break
        seen += [one["id"] for one in piece]
    assert seen == sorted(made, reverse=descending)


def test_as_they_are_now(make: Factory, database: Database) -> None:
    """Without deleted ones, and edited ones as they are edited."""
    first, second, third = make.microposts(3)
    microposts.delete(database, second)
    changed = microposts.change(database, first, {"text": "changed"})
    assert list(timelines.walk_public(database, Start())) == [third, changed]


def test_noted_twice_is_shown_once(make: Factory, database: Database) -> None:
    made = make.micropost()
    place = {"id": made["id"], "author": "alice"}
    marks.note(database, made["id"], latest=[place])
    assert ids_of(database) == [made["id"]]


def test_followed_among(make: Factory, database: Database) -> None:
    names = [f"f_{letter}{other}" for letter in "abcdef" for other in "abcdef"]
    for name in names[::3]:
        make.follow("alice", name)
    make.follow(names[1], "alice")
    assert follows.followed_among(database, "alice", names) == set(names[::3])
    assert follows.followed_among(database, "alice", []) == set()
    assert follows.followed_among(database, "bob", names) == set()
