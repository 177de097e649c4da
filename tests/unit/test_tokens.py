"""Tokens: live for a time, at most twenty, never kept themselves."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from microblog.store import Database, tokens


def stored(database: Database, token: str) -> dict[str, Any]:
    """The document of a token, valid or not."""
    document = database.tokens.find_one({"_id": tokens.digest(token)})
    assert document is not None
    return document


def test_is_found_and_says_whose_it_is(database: Database) -> None:
    token = tokens.create(database, "alice", 60)
    assert token.startswith(tokens.PREFIX)
    found = tokens.find(database, token)
    assert found is not None
    assert (found["user"], found["_id"]) == ("alice", tokens.digest(token))
    assert found["expires"] - found["created"] == timedelta(seconds=60)


@pytest.mark.parametrize("other", ["", "mb_", "\udcff", "x" * 5000])
def test_others_are_not_found(database: Database, other: str) -> None:
    token = tokens.create(database, "alice", 60)
    assert tokens.find(database, token + other + "x") is None
    assert tokens.find(database, other) is None


def test_only_a_digest_is_kept(database: Database) -> None:
    token = tokens.create(database, "alice", 60)
    assert token not in str(stored(database, token))
    assert tokens.find(database, tokens.digest(token)) is None


def test_two_are_never_the_same(database: Database) -> None:
    assert len({tokens.create(database, "alice", 60) for _ in range(50)}) == 50


@pytest.mark.parametrize(("seconds", "valid"), [(-1, False), (0, False), (30, True)])
def test_expired_is_refused_though_it_is_stored_still(
    database: Database, seconds: int, valid: bool
) -> None:
    token = tokens.create(database, "alice", 60)
    expires = datetime.now(UTC) + timedelta(seconds=seconds)
    database.tokens.update_one({}, {"$set": {"expires": expires}})
    assert stored(database, token)
    assert (tokens.find(database, token) is not None) == valid


def test_the_oldest_beyond_twenty_end(database: Database) -> None:
    made = [tokens.create(database, "alice", 60) for _ in range(tokens.MOST + 3)]
    others = tokens.create(database, "bob", 60)
    live = [token for token in made if tokens.find(database, token)]
    assert live == made[3:]
    assert tokens.find(database, others)


def test_use_is_noted_every_ten_minutes(database: Database) -> None:
    token = tokens.create(database, "alice", 3600)
    used = stored(database, token)["used"]
    tokens.find(database, token)
    assert stored(database, token)["used"] == used
    long_ago = used - tokens.USED_EVERY - timedelta(seconds=1)
    database.tokens.update_one({}, {"$set": {"used": long_ago}})
    tokens.find(database, token)
    assert stored(database, token)["used"] >= used


def test_end_of_one_and_of_all(database: Database) -> None:
    first, second, third = (tokens.create(database, "alice", 60) for _ in range(3))
    others = tokens.create(database, "bob", 60)
    tokens.delete(database, tokens.digest(first))
    tokens.delete(database, tokens.digest(first))
    assert tokens.find(database, first) is None
    assert tokens.find(database, second)
    tokens.delete_all(database, "alice")
    assert tokens.find(database, second) is None
    assert tokens.find(database, third) is None
    assert tokens.find(database, others)
