"""Tags: the microposts with a tag, in either direction, by few commands."""

import pytest

from microblog.store import (
    Database,
    Document,
    bulk,
    ids,
    marks,
    microposts,
    shapes,
    tags,
)
from microblog.store.walks import Start
from tests.factories import Factory
from tests.unit.conftest import Interruption

YEAR = 365 * 24 * 60 * 60_000 << ids.BITS


def walk(database: Database, tag: str, start: Start | None = None) -> list[str]:
    """The texts that a walk finds."""
    return [one["text"] for one in tags.walk(database, tag, start or Start())]


def test_nothing_before_the_first(database: Database) -> None:
    assert walk(database, "tag") == []


@pytest.mark.parametrize("tag", ["straße", "STRASSE", "Straße"])
def test_without_regard_to_case(make: Factory, database: Database, tag: str) -> None:
    for text in ("#straße", "no street", "see #Strasse, #other", "#straßenbahn"):
        make.micropost(text=text)
    assert walk(database, tag) == ["see #Strasse, #other", "#straße"]


def test_outward_form(make: Factory, database: Database) -> None:
    made = make.micropost(text="#one")
    assert list(tags.walk(database, "one", Start())) == [made]


@pytest.mark.parametrize("descending", [True, False])
def test_goes_on_where_it_stopped(
    make: Factory, database: Database, descending: bool
) -> None:
    made = [
        make.micropost(text=f"{n} #{'even' if n % 2 == 0 else 'odd'}")
        for n in range(20)
    ]
    expected = made[::2][::-1] if descending else made[::2]
    seen: list[Document] = []
    while True:
        start = Start(seen[-1]["id"] if seen else None, descending, 3)
        walked = tags.walk(database, "even", start)
        piece = [one for one, _ in zip(walked, range(3), strict=False)]
        if not piece:
            break
        seen += piece
    assert seen == expected


def test_edited_and_deleted_ones(make: Factory, database: Database) -> None:
    first, second = make.micropost(text="#one"), make.micropost(text="#one again")
    microposts.change(database, first, {"text": "#two"})
    microposts.delete(database, second)
    assert walk(database, "one") == []
    assert walk(database, "two") == ["#two"]


def test_rare_tag_of_years_ago_costs_few_commands(
    database: Database, interrupted: Database, interruption: Interruption
) -> None:
    newest = ids.now()
    old = shapes.new_document(newest - 5 * YEAR, "alice", "#rare")
    new = shapes.new_document(newest, "alice", "#other")
    bulk.insert(database, "microposts", [old, new])
    marks.note(database, old["_id"], newest, pushed=[new["_id"]])
    counted = 0

    def count() -> None:
        nonlocal counted
        counted += 1
        interruption.before("find", "microposts", count)

    interruption.before("find", "microposts", count)
    assert walk(interrupted, "rare") == ["#rare"]
    assert counted <= 10
