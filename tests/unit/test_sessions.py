"""Sessions: live while they are used, for a time, at most twenty, never kept
themselves."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from microblog.logins import set_password
from microblog.settings import Settings
from microblog.store import Database, Document, sessions, tokens
from tests.factories import PASSWORD, Factory

HOUR = 3600


def begin(database: Database, username: str = "alice", **more: Any) -> str:
    """The secret of a new session: a day, or an hour without use."""
    given = {"idle": HOUR, "lifetime": 24 * HOUR, "agent": "a browser", **more}
    return sessions.create(database, {"_id": username}, **given)


def stored(database: Database, secret: str) -> Document:
    """The document of a session, valid or not."""
    document = database.sessions.find_one({"_id": sessions.digest(secret)})
    assert document is not None
    return document


def age(database: Database, secret: str, **past: float) -> None:
    """Move a session into the past."""
    by, old = timedelta(**past), stored(database, secret)
    times = {field: old[field] - by for field in ("created", "used", "expires", "ends")}
    database.sessions.update_one({"_id": old["_id"]}, {"$set": times})


def test_holds_what_a_page_needs(database: Database) -> None:
    user = {"_id": "alice", "theme": "dark", "language": "de"}
    secret = sessions.create(
        database, user, idle=HOUR, lifetime=24 * HOUR, agent="x" * 300
    )
    found = sessions.find(database, secret, HOUR)
    assert found == stored(database, secret)
    assert found["_id"] == sessions.digest(secret)
    shown = [found[field] for field in ("user", "theme", "language", "agent")]
    assert shown == ["alice", "dark", "de", "x" * 200]
    assert found["expires"] - found["created"] == timedelta(hours=1)
    assert found["ends"] - found["created"] == timedelta(hours=24)
    assert secret not in str(found)
    assert len(secret) == 43


def test_of_a_user_without_preferences(database: Database) -> None:
    found = sessions.find(database, begin(database), HOUR)
    assert found is not None
    assert (found["theme"], found["language"]) == ("", "")


@pytest.mark.parametrize("other", ["", "x", "\udcff", "x" * 5000])
def test_others_are_not_found(database: Database, other: str) -> None:
    secret = begin(database)
    assert sessions.find(database, secret + other + "x", HOUR) is None
    assert sessions.find(database, sessions.digest(secret), HOUR) is None


def test_ends_after_a_pause(database: Database) -> None:
    secret = begin(database)
    age(database, secret, minutes=61)
    assert sessions.find(database, secret, HOUR) is None
    assert sessions.of_user(database, "alice") == []


def test_use_lets_it_live_until_its_absolute_end(database: Database) -> None:
    secret = begin(database)
    for _ in range(24):
        age(database, secret, minutes=59)
        found = sessions.find(database, secret, HOUR)
        assert found is not None
        written = stored(database, secret)["expires"]
        assert abs(found["expires"] - written) < timedelta(milliseconds=1)
        assert found["expires"] <= found["ends"]
    age(database, secret, minutes=59)
    assert sessions.find(database, secret, HOUR) is None


def test_use_is_written_every_ten_minutes(database: Database) -> None:
    secret = begin(database)
    age(database, secret, minutes=9)
    before = stored(database, secret)
    assert sessions.find(database, secret, HOUR) == before == stored(database, secret)
    age(database, secret, minutes=2)
    found = sessions.find(database, secret, HOUR)
    assert found is not None
    assert found["used"] > before["used"]
    assert found["expires"] > before["expires"]


def test_short_pause_is_prolonged_in_time(database: Database) -> None:
    secret = begin(database, idle=120)
    for _ in range(5):
        age(database, secret, seconds=90)
        assert sessions.find(database, secret, 120) is not None


def test_the_oldest_beyond_twenty_end(database: Database) -> None:
    made = [begin(database) for _ in range(sessions.MOST + 3)]
    others = begin(database, "bob")
    live = [secret for secret in made if sessions.find(database, secret, HOUR)]
    assert live == made[3:]
    assert sessions.find(database, others, HOUR)


@pytest.mark.parametrize("kind", ["sessions", "tokens"])
def test_those_of_a_user_the_last_used_first(database: Database, kind: str) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    for number, user in enumerate(("alice", "alice", "bob", "alice")):
        used = now - timedelta(minutes=10 * (number % 2), seconds=number)
        expires = now + timedelta(hours=1 if number < 3 else -1)
        database[kind].insert_one(
            {"_id": str(number), "user": user, "used": used, "expires": expires}
        )
    module: Any = {"sessions": sessions, "tokens": tokens}[kind]
    found = module.of_user(database, "alice")
    assert [one["_id"] for one in found] == ["0", "1"]
    assert not module.delete_of(database, "bob", "0")
    assert module.delete_of(database, "alice", "0")
    assert not module.delete_of(database, "alice", "0")
    assert [one["_id"] for one in module.of_user(database, "alice")] == ["1"]


def test_end_of_one_and_of_all(database: Database) -> None:
    first, second = begin(database), begin(database)
    others = begin(database, "bob")
    sessions.delete(database, sessions.digest(first))
    assert sessions.find(database, first, HOUR) is None
    assert sessions.find(database, second, HOUR)
    sessions.delete_all(database, "alice")
    assert sessions.find(database, second, HOUR) is None
    assert sessions.find(database, others, HOUR)


def test_preferences_reach_every_session_of_the_user(database: Database) -> None:
    secrets = [begin(database), begin(database), begin(database, "bob")]
    sessions.set_preferences(database, "alice", "dark", "de")
    chosen = [stored(database, secret)["theme"] for secret in secrets]
    assert chosen == ["dark", "dark", ""]
    assert stored(database, secrets[0])["language"] == "de"


def test_new_password_ends_all(
    make: Factory, database: Database, settings: Settings
) -> None:
    make.user()
    secret = begin(database)
    set_password(database, settings, "alice", PASSWORD)
    assert sessions.find(database, secret, HOUR) is None
