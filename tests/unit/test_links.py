"""Links in mails: what each is good for, how long, and that nothing else is."""

from collections.abc import Callable
from typing import Any

import pytest
import time_machine

from microblog.errors import BadLink
from microblog.mailing import links
from microblog.store import Database, Document, accounts, users
from tests.factories import Factory

NOW = 1_800_000_000
ADDRESS = "alice@example.org"
JUNK = [
    "",
    ".",
    "x",
    "..",
    "a.b.c",
    "é.ü.ß",
    "\0",
    "\ud800",
    "\ud800.\ud800.\ud800",
    "WyJhbGljZSJd.x.y",
    "x" * 100_000,
    "." * 100_000,
    "é" * 50_000 + ".a.b",
]
READERS: dict[str, Callable[[Database, str], Any]] = {
    "confirmation": links.read_confirmation,
    "unsubscribe": links.read_unsubscribe,
    "reset": links.read_reset,
}


@pytest.fixture
def user(make: Factory) -> Document:
    return make.user("alice", email=ADDRESS)


def tokens(database: Database, user: Document) -> dict[str, str]:
    """A token of each kind."""
    return {
        "confirmation": links.confirmation(database, "alice", ADDRESS),
        "unsubscribe": links.unsubscribe(database, "alice"),
        "reset": links.reset(database, user),
    }


def test_each_says_what_it_was_made_for(database: Database, user: Document) -> None:
    made = tokens(database, user)
    read = {kind: READERS[kind](database, token) for kind, token in made.items()}
    assert read["confirmation"] == ("alice", ADDRESS)
    assert read["unsubscribe"] == "alice"
    assert read["reset"]["_id"] == "alice"
    assert all(token.isascii() and "/" not in token for token in made.values())
    assert user["password"] not in str(made)


@pytest.mark.parametrize("reader", READERS)
def test_link_of_another_purpose(
    database: Database, user: Document, reader: str
) -> None:
    others = {k: token for k, token in tokens(database, user).items() if k != reader}
    for token in others.values():
        with pytest.raises(BadLink):
            READERS[reader](database, token)


@pytest.mark.parametrize("junk", JUNK, ids=range(len(JUNK)))
@pytest.mark.parametrize("reader", READERS)
def test_junk(database: Database, reader: str, junk: str) -> None:
    with pytest.raises(BadLink, match="too old"):
        READERS[reader](database, junk)


@pytest.mark.parametrize("kind", READERS)
def test_no_character_of_a_link_may_change(
    database: Database, user: Document, kind: str
) -> None:
    token = tokens(database, user)[kind]
    # The last character of a part in base64 holds bits that are not looked at.
    for place in (0, 5, token.index(".") + 1, len(token) - 5):
        other = "A" if token[place] != "A" else "B"
        with pytest.raises(BadLink):
            READERS[kind](database, token[:place] + other + token[place + 1 :])
    for cut in (token[:-1], token[1:], token + "A", token + ".x"):
        with pytest.raises(BadLink):
            READERS[kind](database, cut)


@pytest.mark.parametrize(
    ("kind", "seconds"),
    [
        ("confirmation", links.CONFIRMATION_SECONDS),
        ("reset", links.RESET_SECONDS),
    ],
)
def test_end(database: Database, user: Document, kind: str, seconds: int) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        token = tokens(database, user)[kind]
        clock.shift(seconds)
        assert READERS[kind](database, token)
        clock.shift(1)
        with pytest.raises(BadLink):
            READERS[kind](database, token)
    # Nor is one good that was made in the future, by a clock that was wrong.
    with (
        time_machine.travel(NOW - 3600, tick=False),
        pytest.raises(BadLink),
    ):
        READERS[kind](database, token)


def test_link_to_stop_mails_has_no_end(database: Database, user: Document) -> None:
    with time_machine.travel(NOW, tick=False):
        token = links.unsubscribe(database, "alice")
    with time_machine.travel(NOW + 20 * 365 * 86400, tick=False):
        assert links.read_unsubscribe(database, token) == "alice"


@pytest.mark.parametrize(
    "change", [{"password": "another hash"}, {"email": "a@example.org"}, {"email": ""}]
)
def test_link_for_a_password_is_worth_nothing_after_a_change(
    database: Database, user: Document, change: Document
) -> None:
    token = links.reset(database, user)
    users.change(database, "alice", {"name": "Alice"})
    assert links.read_reset(database, token)["name"] == "Alice"
    users.change(database, "alice", change)
    with pytest.raises(BadLink):
        links.read_reset(database, token)


def test_link_of_a_user_without_a_password(database: Database, make: Factory) -> None:
    user = make.user("alice", email=ADDRESS, password=None)
    assert links.read_reset(database, links.reset(database, user)) == user


def test_link_of_a_deleted_user(database: Database, user: Document) -> None:
    token = links.reset(database, user)
    accounts.delete(database, "alice")
    with pytest.raises(BadLink):
        links.read_reset(database, token)
    assert not users.confirm(database, "alice", ADDRESS)
    assert not users.replace_password(database, "alice", user["password"], "x")
    assert not users.replace_password(database, "alice", None, "x")
