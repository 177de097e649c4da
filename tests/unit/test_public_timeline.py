"""The public timeline: the microposts of everybody."""

from itertools import islice

import pytest

from microblog.store import Database, bulk, ids, marks, microposts, public, shapes
from microblog.store.walks import Start
from tests.factories import Factory
from tests.unit.conftest import Interruption

YEAR = 365 * 86_400_000  # milliseconds


def ids_of(database: Database, start: Start | None = None) -> list[int]:
    """The ids that a walk finds."""
    walked = public.walk(database, start or Start())
    return [one["id"] for one in walked]


def test_nothing_before_the_first(database: Database) -> None:
    assert ids_of(database) == []


def test_of_everybody_newest_first(make: Factory, database: Database) -> None:
    made = [make.micropost(name, "hi") for name in ("alice", "bob", "carol", "bob")]
    assert list(public.walk(database, Start())) == made[::-1]


def test_goes_on_beyond_the_newest_hundred(make: Factory, database: Database) -> None:
    made = [one["id"] for one in make.microposts(marks.LATEST + 5)]
    assert ids_of(database) == made[::-1]
    assert ids_of(database, Start(descending=False)) == made


@pytest.mark.parametrize("held", [0, 3])
def test_whole_though_the_marks_hold_few(
    make: Factory, database: Database, held: int
) -> None:
    """As after a repair that has taken out many, or with marks of an older version."""
    made = [one["id"] for one in make.microposts(10)]
    marks.forget_latest(database, made[: 10 - held])
    assert len(marks.latest(marks.microposts(database) or {})) == held
    assert ids_of(database) == made[::-1]
    assert ids_of(database, Start(made[4], descending=False)) == made[5:]


@pytest.mark.parametrize("descending", [True, False])
def test_goes_on_where_it_stopped(
    make: Factory, database: Database, descending: bool
) -> None:
    made = [one["id"] for one in make.microposts(50)]
    seen: list[int] = []
    while True:
        start = Start(seen[-1] if seen else None, descending)
        piece = list(islice(public.walk(database, start), 20))
        if not piece:
            break
        seen += [one["id"] for one in piece]
    assert seen == sorted(made, reverse=descending)


def test_as_they_are_now(make: Factory, database: Database) -> None:
    """Without deleted ones, and edited ones as they are edited."""
    first, second, third = make.microposts(3)
    microposts.delete(database, second)
    changed = microposts.change(database, first, {"text": "changed"})
    assert list(public.walk(database, Start())) == [third, changed]


def test_years_without_a_micropost_cost_few_reads(
    make: Factory,
    database: Database,
    interrupted: Database,
    interruption: Interruption,
) -> None:
    made = make.microposts(marks.LATEST + 3)
    old = shapes.new_document(ids.now() - (18 * YEAR << ids.BITS), "alice", "old")
    bulk.insert(database, "microposts", [old])
    marks.note(database, old["_id"])
    reads = 0

    def count() -> None:
        nonlocal reads
        reads += 1
        interruption.before("find", "microposts", count)

    interruption.before("find", "microposts", count)
    assert ids_of(interrupted, Start(made[0]["id"])) == [old["_id"]]
    assert 0 < reads <= 60


def test_noted_twice_is_shown_once(make: Factory, database: Database) -> None:
    made = make.micropost()
    marks.note(database, made["id"], pushed=[made["id"]])
    assert ids_of(database) == [made["id"]]
