"""Microposts: the truth about each, and the walk over those of one author."""

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from microblog.errors import NotFound, Stale
from microblog.store import (
    Database,
    Document,
    bulk,
    collection,
    ids,
    microposts,
    references,
    shapes,
    users,
)
from microblog.store.walks import Start
from tests.factories import Factory


def read(database: Database, username: str = "alice") -> Document:
    """The document of a user who is there."""
    document = users.find(database, username)
    assert document is not None
    return document


def stored(database: Database, id: int) -> Document:
    """The truth about a micropost."""
    document = database.microposts.find_one({"_id": id})
    assert document is not None
    return document


def test_create_stores_the_truth_and_embeds_a_reference(
    make: Factory, database: Database
) -> None:
    make.user("bob")
    made = make.micropost(text="Hi @bob #Tag", referenced="bob")
    document = stored(database, made["id"])
    assert (document["mentions"], document["tags"]) == (["bob"], ["tag"])
    assert made == shapes.shown(document)
    assert read(database)["microposts"] == [shapes.reference(document)]
    assert made == microposts.find(database, read(database), made["id"])


def test_taken_id_draws_another(make: Factory, database: Database) -> None:
    taken = make.micropost("bob", "first here")["id"]
    made = microposts.create(database, make.user(), "mine", id=taken)
    assert made["id"] > taken
    assert stored(database, taken)["author"] == "bob"
    assert stored(database, made["id"])["text"] == "mine"


def test_second_try_stores_nothing_twice(make: Factory, database: Database) -> None:
    author, id = make.user(), ids.new()
    made = [microposts.create(database, author, "once", id=id) for _ in range(3)]
    assert made == [made[0]] * 3
    assert read(database)["counts"]["microposts"] == 1
    assert database.microposts.count_documents({}) == 1


def test_id_is_later_than_those_of_a_clock_that_is_ahead(
    make: Factory, database: Database
) -> None:
    ahead = ids.new() + (60_000 << ids.BITS)
    microposts.create(database, make.user(), "from another server", id=ahead)
    made = make.micropost(text="after it")
    assert made["id"] > ahead
    assert [one["text"] for one in read(database)["microposts"]] == [
        "after it",
        "from another server",
    ]


@pytest.mark.parametrize("number", [0, 50])
def test_find(make: Factory, database: Database, number: int) -> None:
    """One that is embedded, and one that is not."""
    made = make.microposts(51)
    make.user("bob")
    id = made[number]["id"]
    assert microposts.find(database, read(database), id) == made[number]
    assert microposts.find(database, read(database), id + 1) is None
    assert microposts.find(database, read(database, "bob"), id) is None


@pytest.mark.parametrize("number", [0, 50])
def test_change_is_seen_everywhere(
    make: Factory, database: Database, number: int
) -> None:
    made = make.microposts(51)[number]
    changed = microposts.change(database, made, {"text": "new #tag"}, 1)
    assert (changed["text"], changed["rev"]) == ("new #tag", 2)
    assert changed["edited"] is not None
    document = stored(database, made["id"])
    assert shapes.outdated(document) == {}
    assert document["tags"] == ["tag"]
    assert microposts.find(database, read(database), made["id"]) == changed
    walk = collection.walk(database, read(database), Start())
    assert [one for one in walk if one["id"] == made["id"]] == [changed]


def test_change_of_a_part_keeps_the_rest(make: Factory, database: Database) -> None:
    made = make.micropost(text="same", referenced="alice")
    changed = microposts.change(database, made, {"referenced": None})
    assert (changed["text"], changed["referenced"]) == ("same", None)


def test_stale_and_deleted(make: Factory, database: Database) -> None:
    made = make.micropost()
    microposts.change(database, made, {"text": "two"}, 1)
    with pytest.raises(Stale):
        microposts.change(database, made, {"text": "three"}, 1)
    with pytest.raises(Stale):
        microposts.delete(database, made, 1)
    assert stored(database, made["id"])["text"] == "two"
    microposts.delete(database, made, 2)
    with pytest.raises(NotFound):
        microposts.change(database, made, {"text": "three"})
    microposts.delete(database, made)
    assert read(database)["counts"]["microposts"] == 0


def test_nobody_changes_what_another_wrote(make: Factory, database: Database) -> None:
    made = make.micropost("bob")
    with pytest.raises(Stale):
        microposts.change(database, {**made, "author": "alice"}, {"text": "mine"})
    with pytest.raises(Stale):
        microposts.delete(database, {**made, "author": "alice"})
    assert shapes.shown(stored(database, made["id"])) == made


@pytest.mark.parametrize("deleted", [1, 20, 21, 35, 60])
def test_deletions_of_the_newest_leave_a_page(
    make: Factory, database: Database, deleted: int
) -> None:
    made = make.microposts(60)
    for one in reversed(made[60 - deleted :]):
        microposts.delete(database, one)
    left = [one["id"] for one in reversed(made[: 60 - deleted])]
    user = read(database)
    held = [one["id"] for one in user["microposts"]]
    assert held == left[: len(held)]
    assert len(held) >= min(references.PAGE, len(left))
    walk = collection.walk(database, user, Start())
    assert [one["id"] for one in walk] == left


def test_mends_what_is_computed_unless_the_text_has_changed(
    make: Factory, database: Database
) -> None:
    made = make.micropost(text="some #tag")
    database.microposts.update_one({}, {"$set": {"tags": [], "mentions": ["bob"]}})
    found = shapes.outdated(stored(database, made["id"]))
    assert set(found) == {"tags", "mentions"}
    microposts.change(database, made, {"text": "another #other"})
    microposts.set_computed(database, made["id"], found)
    assert stored(database, made["id"])["tags"] == ["other"]
    database.microposts.update_one({}, {"$set": {"tags": []}})
    again = shapes.outdated(stored(database, made["id"]))
    microposts.set_computed(database, made["id"], again)
    assert shapes.outdated(stored(database, made["id"])) == {}


@hypothesis_settings(
    max_examples=25, deadline=None, suppress_health_check=list(HealthCheck)
)
@given(
    gaps=st.lists(st.sampled_from([1, 2, 50, 10**6, 10**13]), max_size=120),
    descending=st.booleans(),
    wanted=st.integers(1, 101),
    place=st.none() | st.integers(0, 119),
    aside=st.integers(-1, 1),
)
def test_walk_from_anywhere(
    make: Factory,
    database: Database,
    gaps: list[int],
    descending: bool,
    wanted: int,
    place: int | None,
    aside: int,
) -> None:
    """However unevenly the microposts lie in time."""
    for name in ("users", "microposts"):
        database[name].delete_many({})
    make.user()
    numbers = [10**17 + sum(gaps[: number + 1]) for number in range(len(gaps))]
    documents = [shapes.new_document(id, "alice", "text") for id in numbers]
    if documents:
        bulk.insert(database, "microposts", documents)
        held = [shapes.reference(one) for one in documents]
        references.add_many(database, "alice", held)
    beyond = None
    if place is not None and numbers:
        beyond = numbers[place % len(numbers)] + aside
    start = Start(beyond, descending, wanted)
    found = list(collection.walk(database, read(database), start))
    ahead = [id for id in numbers if start.includes(id)]
    assert [one["id"] for one in found] == sorted(ahead, reverse=descending)
    assert all(one["author"] == "alice" for one in found)
