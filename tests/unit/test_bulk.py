"""Inserting many: what is new, what is known, what is refused."""

from typing import Any

import pytest
from pymongo import UpdateOne
from pymongo.errors import BulkWriteError

from microblog.store import Database, Document, bulk, microposts, shapes, users
from microblog.store.changes import Collection


def micropost(id: int, text: str = "text", author: str = "alice") -> Document:
    """A micropost with that id."""
    return shapes.new_document(id, author, text)


def stored(database: Database) -> dict[int, str]:
    """The texts in the store, by id."""
    return {one["_id"]: one["text"] for one in database.microposts.find()}


def test_new_ones(database: Database) -> None:
    result = bulk.insert(database, "microposts", [micropost(1), micropost(2)])
    assert [one["_id"] for one in result.new] == [1, 2]
    assert (result.known, result.refused) == ([], [])


def test_again_changes_nothing(database: Database) -> None:
    for _ in range(2):
        batch = [micropost(id, f"text {id}") for id in range(1, 121)]
        result = bulk.insert(database, "microposts", batch)
    assert (len(result.new), len(result.known)) == (0, 120)
    assert stored(database) == {id: f"text {id}" for id in range(1, 121)}


def test_an_edited_one_is_known(database: Database) -> None:
    made = micropost(1)
    bulk.insert(database, "microposts", [made])
    microposts.change(database, shapes.shown(made), {"text": "edited"})
    assert len(bulk.insert(database, "microposts", [micropost(1)]).known) == 1
    assert stored(database) == {1: "edited"}


def test_another_one_under_the_id_goes_on_to_the_next_free_one(
    database: Database,
) -> None:
    bulk.insert(database, "microposts", [micropost(1, "one"), micropost(2, "two")])
    result = bulk.insert(database, "microposts", [micropost(1, "three")])
    assert [one["_id"] for one in result.new] == [3]
    again = bulk.insert(database, "microposts", [micropost(1, "three")])
    assert [one["_id"] for one in again.known] == [3]
    assert stored(database) == {1: "one", 2: "two", 3: "three"}


def test_the_same_id_twice_in_a_batch(database: Database) -> None:
    batch = [micropost(1, "one"), micropost(1, "two"), micropost(1, "one")]
    result = bulk.insert(database, "microposts", batch)
    assert (len(result.new), len(result.known)) == (2, 1)
    assert stored(database) == {1: "one", 2: "two"}


def test_two_authors_under_one_id(database: Database) -> None:
    batch = [micropost(1), micropost(1, author="bob")]
    assert len(bulk.insert(database, "microposts", batch).new) == 2
    assert stored(database) == {1: "text", 2: "text"}


def test_users_that_are_there_or_look_like_one(database: Database) -> None:
    users.create(database, "alice", name="Alice")
    batch = [users.new_document(name) for name in ("alice", "a1ice", "bob", "b0b")]
    result = bulk.insert(database, "users", batch)
    assert [one["_id"] for one in result.new] == ["bob"]
    assert [one["_id"] for one in result.known] == ["alice"]
    assert [one["_id"] for one in result.refused] == ["a1ice", "b0b"]
    alice = users.find(database, "alice")
    assert alice is not None
    assert alice["name"] == "Alice"


def test_what_can_be_lost_is_not_taken_for_stored(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A majority has not confirmed it, or nobody knows: MongoDB says so beside."""
    said = {"writeErrors": [], "writeConcernErrors": [{"code": 64, "errmsg": "no"}]}

    def write(*arguments: Any, **options: Any) -> None:
        raise BulkWriteError(said)

    monkeypatch.setattr(Collection, "insert_many", write)
    monkeypatch.setattr(Collection, "bulk_write", write)
    with pytest.raises(BulkWriteError):
        bulk.insert_free(database, "microposts", [micropost(1)])
    counted = [UpdateOne({"_id": 1}, {"$inc": {"count": 1}}, upsert=True)]
    with pytest.raises(BulkWriteError):
        bulk.upsert(database, "limits", counted)
    with pytest.raises(BulkWriteError):
        microposts.create(database, users.create(database, "alice"), "text")


def test_other_failures_are_not_taken_for_duplicates(database: Database) -> None:
    database.create_collection("validated", validator={"name": {"$type": "string"}})
    with pytest.raises(BulkWriteError):
        bulk.insert(database, "validated", [{"_id": 1, "name": 5}])
    assert database.validated.find_one({}) is None
    database.drop_collection("validated")
