"""Idempotency keys: one answer to a request that comes again."""

from datetime import UTC, datetime, timedelta

import pytest

from microblog.errors import KeyReused
from microblog.store import (
    Database,
    Document,
    collection,
    idempotency,
    microposts,
    shapes,
    users,
)
from microblog.store.walks import Start
from tests.factories import Factory
from tests.unit.conftest import Interruption


def test_the_same_request_meets_what_the_first_one_claimed(database: Database) -> None:
    first = idempotency.claim(database, "alice", "key", b"body")
    again = idempotency.claim(database, "alice", "key", b"body")
    assert again["micropost"] == first["micropost"]
    assert "answer" not in again


def test_the_answer_is_kept(database: Database) -> None:
    claimed = idempotency.claim(database, "alice", "key", b"body")
    idempotency.settle(database, claimed, {"id": 7, "text": "$set"})
    again = idempotency.claim(database, "alice", "key", b"body")
    assert again["answer"] == {"id": 7, "text": "$set"}


@pytest.mark.parametrize("body", [b"", b"body ", b"other"])
def test_another_request_with_the_key_is_refused(
    database: Database, body: bytes
) -> None:
    idempotency.claim(database, "alice", "key", b"body")
    with pytest.raises(KeyReused):
        idempotency.claim(database, "alice", "key", body)


@pytest.mark.parametrize("body", [b"body", b"other"])
def test_key_that_is_over_and_stored_still_is_a_new_one(
    database: Database, body: bytes
) -> None:
    """The server removes it once a minute; nobody waits for that."""
    first = idempotency.claim(database, "alice", "key", b"body")
    idempotency.settle(database, first, {"id": 7})
    long_ago = datetime.now(UTC) - timedelta(hours=idempotency.HOURS, seconds=1)
    database.idempotency.update_one({}, {"$set": {"created": long_ago}})
    again = idempotency.claim(database, "alice", "key", body)
    assert "answer" not in again
    assert again["micropost"] != first["micropost"]
    assert database.idempotency.count_documents({}) == 1
    third = idempotency.claim(database, "alice", "key", body)
    assert third["micropost"] == again["micropost"]


def test_key_that_is_over_is_claimed_by_one_of_two(
    database: Database, interrupted: Database, interruption: Interruption
) -> None:
    """Another has claimed it since it was found to be over."""
    idempotency.claim(database, "alice", "key", b"body")
    long_ago = datetime.now(UTC) - timedelta(hours=idempotency.HOURS, seconds=1)
    database.idempotency.update_one({}, {"$set": {"created": long_ago}})
    others: list[Document] = []
    interruption.before(
        "delete",
        "idempotency",
        lambda: others.append(idempotency.claim(database, "alice", "key", b"body")),
    )
    mine = idempotency.claim(interrupted, "alice", "key", b"body")
    assert interruption.came
    assert mine["micropost"] == others[0]["micropost"]


def test_keys_of_two_users_are_two(database: Database) -> None:
    first = idempotency.claim(database, "alice", "key", b"one")
    other = idempotency.claim(database, "bob", "key", b"two")
    assert first["micropost"] != other["micropost"]
    assert database.idempotency.count_documents({}) == 2


def test_retry_under_an_id_that_others_have_passed(
    make: Factory, database: Database
) -> None:
    """The first try died before it stored anything; forty microposts came after it,
    and some of them went."""
    claimed = idempotency.claim(database, "alice", "key", b"body")
    made = make.microposts(60)
    for one in made[-20:]:
        microposts.delete(database, one)
    author = users.find(database, "alice")
    assert author is not None
    late = microposts.create(database, author, "late", None, claimed["micropost"])
    assert late["id"] < made[0]["id"]
    author = users.find(database, "alice")
    assert author is not None
    assert author["counts"]["microposts"] == 41
    assert author["first"] == late["id"]
    walk = collection.walk(database, author, Start())
    shown = [one["id"] for one in walk]
    assert shown == [one["id"] for one in reversed([late, *made[:-20]])]


def test_retry_under_an_id_that_another_micropost_took(
    make: Factory, database: Database
) -> None:
    claimed = idempotency.claim(database, "alice", "key", b"body")
    taken = claimed["micropost"]
    database.microposts.insert_one(shapes.new_document(taken, "bob", "first here"))
    made = microposts.create(database, make.user(), "mine", None, taken)
    assert made["id"] > taken
    assert made["author"] == "alice"
