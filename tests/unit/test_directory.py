"""The directory: users by when they joined, and by parts of their names."""

from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microblog.store import (
    Database,
    Document,
    accounts,
    ids,
    marks,
    pieces,
    search,
    users,
)
from microblog.store import names as people
from microblog.store.walks import Ladder, Start
from tests.factories import Factory
from tests.unit.conftest import Interruption

LETTERS = "abcdefghjkmnpqrstuvwxyz"


def names(database: Database, start: Start | None = None) -> list[str]:
    """Everybody, by username."""
    return [one["_id"] for one in users.walk(database, start or Start())]


def found(database: Database, part: str, start: Start | None = None) -> list[str]:
    """Whom a search finds, by username."""
    walked = search.walk_users(database, part, start or Start())
    return [one["_id"] for one in walked]


def crowd(database: Database, count: int, joined: int) -> list[str]:
    """So many users who joined within a second; their usernames in order."""
    pairs = [f"u_{a}{b}" for a in LETTERS for b in LETTERS][:count]
    documents = [
        {**users.new_document(name, name="Ann Crowd"), "joined": joined + number}
        for number, name in enumerate(pairs)
    ]
    for piece in pieces(documents, 100):
        database.users.insert_many(piece)
        people.add(database, piece)
    return pairs


class Count:
    """Counts the reads of users."""

    def __init__(self, interruption: Interruption):
        self.number = 0
        self.interruption = interruption
        interruption.before("find", "users", self)

    def __call__(self) -> None:
        self.number += 1
        self.interruption.before("find", "users", self)


def test_of_nobody(database: Database) -> None:
    assert names(database) == found(database, "a") == found(database, "abc") == []


def test_everybody_by_when_they_joined(make: Factory, database: Database) -> None:
    for name in ("carol", "alice", "bob"):
        make.user(name)
    assert names(database) == ["bob", "alice", "carol"]
    assert names(database, Start(descending=False)) == ["carol", "alice", "bob"]
    accounts.delete(database, "alice")
    assert names(database) == ["bob", "carol"]
    assert found(database, "alice") == []


@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize("part", ["", "an", "crowd"])
def test_goes_on_where_it_stopped(
    database: Database, descending: bool, part: str
) -> None:
    everybody = crowd(database, 150, ids.now())
    seen: list[Document] = []
    while True:
        start = Start(seen[-1]["joined"] if seen else None, descending)
        walked = (
            search.walk_users(database, part, start)
            if part
            else users.walk(database, start)
        )
        piece = list(islice(walked, 20))
        if not piece:
            break
        seen += piece
    assert [one["_id"] for one in seen] == everybody[:: -1 if descending else 1]


@pytest.mark.parametrize("years", [0, 3])
def test_crowd_of_an_import_costs_few_reads(
    make: Factory,
    database: Database,
    interrupted: Database,
    interruption: Interruption,
    monkeypatch: pytest.MonkeyPatch,
    years: int,
) -> None:
    """Just now or years ago, with somebody who joined since."""
    # Which users make a step is drawn by a hash of when they joined: not so here.
    monkeypatch.setattr(marks, "is_step", lambda joined: joined % marks.STEP == 0)
    ago = (years * 365 * 24 * 60 + 1) * 60_000 << ids.BITS
    everybody = crowd(database, 400, ids.now() - ago)
    make.user("alice")
    count = Count(interruption)
    first = list(islice(users.walk(interrupted, Start()), 21))
    assert [one["_id"] for one in first] == ["alice", *everybody[:-21:-1]]
    assert count.number <= 5
    count.number = 0
    assert len(list(islice(search.walk_users(interrupted, "crowd", Start()), 21))) == 21
    assert count.number <= 5


@pytest.mark.parametrize(
    ("part", "usernames"),
    [
        ("al", ["alice", "bob"]),
        ("A", ["alice", "bob"]),
        ("l", ["bob"]),
        ("li", []),
        ("ali", ["alice"]),
        ("LIC", ["alice"]),
        ("bob", ["bob"]),
        ("straß", ["alice"]),
        ("STRASSE", ["alice"]),
        ("z e", ["alice"]),
        ("éa", ["alice"]),
        ("luc", ["bob"]),
        ("l.*", []),
        ("^al", []),
        ("", []),
    ],
)
def test_parts(
    make: Factory, database: Database, part: str, usernames: list[str]
) -> None:
    make.user("alice", name="Liz Éamon-Straße, (q)")
    make.user("bob", name="Jean-Luc Alba")
    make.user("carol")
    expected = sorted(usernames)
    if part in {"l", "li", "z e"}:
        expected = {"l": ["alice", "bob"], "li": ["alice"], "z e": []}[part]
    assert sorted(found(database, part)) == expected


def test_renamed_ones_are_found_by_the_new_name(
    make: Factory, database: Database
) -> None:
    make.user("alice", name="Before")
    changed = users.change(database, "alice", {"name": "After All"})
    stored = database.names.find_one({"_id": "alice"}) or {}
    assert stored["grams"] == sorted(set(stored["grams"]))
    assert changed["name"] == stored["name"] == "After All"
    for part in ("After", "all", "af", "alice", "a"):
        assert found(database, part) == ["alice"]
    assert found(database, "before") == found(database, "be") == []


def test_new_fields(make: Factory, database: Database) -> None:
    user = make.user()
    fields = [user[field] for field in ("mails", "theme", "language")]
    assert fields == ["at once", "", ""]
    chosen = {"mails": "never", "theme": "dark", "language": "de"}
    changed = users.change(database, "alice", chosen)
    assert {**user, **chosen, "rev": 2} == changed


@given(
    known=st.sets(st.integers(1, 1000), max_size=60),
    steps=st.sets(st.integers(1, 1000), max_size=20),
    descending=st.booleans(),
    beyond=st.none() | st.integers(0, 1001),
    span=st.integers(1, 5),
)
def test_ladder_covers_every_id_once(
    known: set[int],
    steps: set[int],
    descending: bool,
    beyond: int | None,
    span: int,
) -> None:
    start = Start(beyond, descending)
    ladder = Ladder(start, 0, 1000, list(steps))
    met: list[int] = []
    while ladder.is_open:
        after, before = ladder.advance(span)
        inside = {id for id in known if after < id < before}
        assert len({id for id in steps if after < id < before}) <= span
        met += sorted(inside, reverse=descending)
    ahead = {id for id in known if start.includes(id)}
    assert met == sorted(ahead, reverse=descending)
