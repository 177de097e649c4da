"""Logging in while the password changes, or the account ends."""

import pytest

from microblog import passwords
from microblog.errors import BadCredentials
from microblog.logins import authenticate, issue_token
from microblog.settings import Settings
from microblog.store import Database, accounts, tokens, users
from tests.factories import PASSWORD, Factory
from tests.unit.conftest import Interruption


def stored_password(database: Database) -> str:
    """The hash of alice's password."""
    document = users.find(database, "alice")
    assert document is not None
    return str(document["password"])


def test_new_password_between_login_and_new_hash_stays(
    make: Factory,
    database: Database,
    settings: Settings,
    interrupted: Database,
    interruption: Interruption,
) -> None:
    make.user()
    dearer = settings.model_copy(update={"password_cost": 5})
    chosen = passwords.hash("another one, just chosen", 4)
    interruption.before(
        "update",
        "users",
        lambda: users.change(database, "alice", {"password": chosen}),
    )
    with pytest.raises(BadCredentials):
        issue_token(interrupted, dearer, "alice", PASSWORD)
    assert interruption.came
    assert stored_password(database) == chosen
    assert database.tokens.find_one({}) is None


def test_account_that_ends_between_login_and_new_hash_gets_no_token(
    make: Factory,
    database: Database,
    settings: Settings,
    interrupted: Database,
    interruption: Interruption,
) -> None:
    make.user()
    dearer = settings.model_copy(update={"password_cost": 5})
    interruption.before("update", "users", lambda: accounts.delete(database, "alice"))
    with pytest.raises(BadCredentials):
        issue_token(interrupted, dearer, "alice", PASSWORD)
    assert interruption.came
    assert database.tokens.find_one({}) is None


def test_login_whose_new_hash_came_too_late_is_one_still(
    make: Factory,
    database: Database,
    settings: Settings,
    interrupted: Database,
    interruption: Interruption,
) -> None:
    make.user()
    dearer = settings.model_copy(update={"password_cost": 5})
    interruption.before("update", "users", make.micropost)
    assert authenticate(interrupted, dearer, "alice", PASSWORD)["_id"] == "alice"
    assert interruption.came
    token = issue_token(database, dearer, "alice", PASSWORD)
    assert tokens.find(database, token)
    assert not passwords.is_outdated(stored_password(database), 5)
