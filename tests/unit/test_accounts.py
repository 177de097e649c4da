"""The end of an account: out at once, and everything of it purged."""

import pytest

from microblog.store import (
    Database,
    accounts,
    backup,
    collection,
    dead_letters,
    follows,
    idempotency,
    ids,
    mails,
    notices,
    sessions,
    tokens,
    users,
)
from microblog.store.check import check
from microblog.store.walks import Start
from tests.factories import Factory

# Why collections need not be purged of a user.
SPARED = {
    **dict.fromkeys(("users", "deleted"), "says that the name is taken, and no more"),
    **dict.fromkeys(("tokens", "sessions"), "end first, with the logins"),
    **dict.fromkeys(("postings", "segments", "erasures", "marks"), "go by microposts"),
    "hidden_since": "hidden microposts, in a backup",
    **dict.fromkeys(("statistics", "searches", "runs"), "figures"),
    "audit": "the moderators', for audit.days",
    "applications": "of who is no user yet",
    **dict.fromkeys(("keys", "version", "workers", "heartbeats"), "the site's own"),
    "limits": "under a hash that names nobody, for hours",
    **dict.fromkeys(
        ("messages", "messages.broadcast", "messages.routing"), "the queue, soon over"
    ),
}


def log_in(database: Database, username: str) -> str:
    """A session of the user's."""
    user = {"_id": username}
    return sessions.create(database, user, idle=60, lifetime=60, agent="a browser")


@pytest.fixture
def populated(make: Factory, database: Database) -> Database:
    """Bob has something of everything, also in what belongs to others."""
    make.microposts(3, "bob")
    make.micropost("alice", "hello @bob", referenced="bob")
    make.follow("alice", "bob")
    make.follow("bob", "alice")
    make.follow("bob", "carol")
    claimed = idempotency.claim(database, "bob", "key", b"body")
    made = make.micropost("bob", "a canary")
    idempotency.settle(database, claimed, made)
    return database


def test_nothing_of_it_is_left(populated: Database) -> None:
    token = tokens.create(populated, "bob", 60)
    session = log_in(populated, "bob")
    notices.note(populated, "bob", ids.new(), users.AT_ONCE)
    mails.add(populated, "mention bob 1", mails.Kind.MENTION, to="bob", microposts=[1])
    dead_letters.add(populated, "purge", ["bob"], "no", 1)
    accounts.delete(populated, "bob")
    assert users.find(populated, "bob") is None
    assert tokens.find(populated, token) is None
    assert sessions.find(populated, session, 60) is None
    assert populated.microposts.find_one({"author": "bob"}) is None
    assert populated.follows.find_one({}) is None
    assert not accounts.has_leftovers(populated, "bob")
    everything = [
        (name, document)
        for name in populated.list_collection_names()
        for document in populated[name].find()
    ]
    assert not any("canary" in str(document) for _, document in everything)
    # The name is taken for ever, and others have written it.
    naming = [one for one in everything if "bob" in str(one[1])]
    assert {name for name, _ in naming} == {"users", "microposts"}
    assert {one["_id"] for name, one in naming if name == "users"} == {"alice", "bob"}


def test_what_was_hidden_in_data_that_is_not_migrated_goes_too(
    populated: Database,
) -> None:
    """There it has a collection of its own, which a backup keeps."""
    held = {"author": "bob", "text": "a canary", "hidden": {"by": "judge"}}
    populated.hidden.insert_many(
        [{"_id": 1, **held}, {"_id": 2, **held, "author": "alice"}]
    )
    accounts.delete(populated, "bob")
    assert [one["_id"] for one in populated.hidden.find()] == [2]
    populated.hidden.insert_one({"_id": 1, **held})
    assert accounts.has_leftovers(populated, "bob")
    assert accounts.purge(populated, "bob")
    assert [one["_id"] for one in populated.hidden.find()] == [2]


def test_others_keep_what_is_theirs(populated: Database) -> None:
    accounts.delete(populated, "bob")
    alice = users.find(populated, "alice")
    assert alice is not None
    assert alice["counts"] == {"microposts": 1, "following": 0, "followers": 0}
    (kept,) = collection.walk(populated, alice, Start())
    assert (kept["text"], kept["referenced"]) == ("hello @bob", "bob")
    assert list(check(populated)) == []


@pytest.mark.parametrize("limit", [0, 1, 3])
def test_purge_stops_and_goes_on(populated: Database, limit: int) -> None:
    accounts.delete(populated, "bob", limit=limit)
    assert users.find(populated, "bob") is None
    assert accounts.has_leftovers(populated, "bob")
    assert not accounts.purge(populated, "bob", limit=1)
    assert accounts.purge(populated, "bob")
    assert not accounts.has_leftovers(populated, "bob")
    assert accounts.purge(populated, "bob")
    assert list(check(populated)) == []


def test_what_came_in_too_late_is_found(populated: Database) -> None:
    """A follow, a token and a session that were under way when the account ended."""
    accounts.delete(populated, "bob")
    log_in(populated, "bob")
    assert accounts.has_leftovers(populated, "bob")
    sessions.delete_all(populated, "bob")
    follows.create(populated, "alice", "bob")
    tokens.create(populated, "bob", 60)
    log_in(populated, "bob")
    assert accounts.has_leftovers(populated, "bob")
    for finding in check(populated):
        assert finding.mend is not None
        finding.mend()
    assert list(check(populated)) == []
    assert not accounts.has_leftovers(populated, "bob")


def test_of_nobody_is_nothing(populated: Database) -> None:
    before = populated.users.count_documents({})
    accounts.delete(populated, "nobody")
    assert populated.users.count_documents({}) == before
    assert users.existing(populated, ["nobody"]) == set()


def test_every_collection_is_purged_or_spared() -> None:
    """Whoever adds one decides whether it goes with the account."""
    purged = {collection for collection, _field in accounts.LEFT}
    assert purged & {*SPARED} == set()
    assert backup.COLLECTIONS.keys() == purged | {*SPARED}
