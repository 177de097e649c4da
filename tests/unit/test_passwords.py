"""Which passwords may be chosen, and that all of each counts."""

import re

import pytest

from microblog import passwords
from microblog.errors import BadCredentials
from microblog.i18n import plain
from microblog.logins import authenticate, issue_token
from microblog.settings import Settings
from microblog.store import Database, tokens, users
from tests.factories import PASSWORD, Factory

GOOD = [
    PASSWORD,
    "fifteen letters",
    "\U0001f511 emoji are characters too",
    " " * 2 + "spaces at both ends" + " " * 2,
    "x" * 60 + "-and-then-some-more-of-it" * 3,
]
BAD = {
    "fourteen chars": "15 characters at least",
    "": "15 characters at least",
    "a" * 20: "sequence or a repetition",
    "abcabcabcabcabcabc": "sequence or a repetition",
    "abcdefghijklmnopqr": "sequence or a repetition",
    "09876543210987654321": "sequence or a repetition",
    "qwertyuiopasdfghjkl": "sequence or a repetition",
    "momsanaladventure": "many people use",
    "MomsAnalAdventure": "many people use",
    "myname is alicealice": "username",
    "i love microblog so much": "name of the site",
    "here lies a \0 character": "U\\+0000",
    "half a character \ud800": "lone surrogate",
    "é" * 2049: "too long",
}


@pytest.mark.parametrize("password", GOOD)
def test_may_be_chosen(password: str) -> None:
    assert passwords.checked(password, minimum=15, unlike=("alice",)) == password


@pytest.mark.parametrize(("password", "reason"), BAD.items())
def test_may_not_be_chosen(password: str, reason: str) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011 (the words are checked)
        passwords.checked(password, minimum=15, unlike=("alice", "microblog"))
    assert re.search(reason, plain(refused.value.args[0]))


@pytest.mark.parametrize(
    ("chosen", "other"),
    [
        ("\U0001f511" * 64, "\U0001f511" * 63 + "\U0001f512"),
        ("x" * 73, "x" * 72),
        ("a\0b", "a\0c"),
        ("ends with a space ", "ends with a space"),
        ("Case counts", "case counts"),
    ],
)
def test_all_of_it_counts(chosen: str, other: str) -> None:
    stored = passwords.hash(chosen, 4)
    assert passwords.verify(chosen, stored, 4)
    assert not passwords.verify(other, stored, 4)


def test_two_spellings_of_a_letter_are_one() -> None:
    assert passwords.verify("e\u0301", passwords.hash("\u00e9", 4), 4)


def test_stored_form_names_its_scheme_and_its_salt() -> None:
    first, second = passwords.hash("same", 4), passwords.hash("same", 4)
    assert first.startswith("bcrypt-hmac-sha256$")
    assert first != second
    assert "same" not in first


@pytest.mark.parametrize(
    "stored", [None, "", "x", "bcrypt-hmac-sha256$zz$2b$04$x", "$2b$04$" + "a" * 53]
)
def test_unreadable_stored_value_is_nobodys_password(stored: str | None) -> None:
    assert not passwords.verify("anything", stored, 4)


def test_cut_stored_value_is_nobodys_password() -> None:
    assert not passwords.verify("anything", passwords.hash("anything", 4)[:-1], 4)


def test_login_hashes_anew_at_a_higher_cost(
    make: Factory, database: Database, settings: Settings
) -> None:
    make.user("alice")
    dearer = settings.model_copy(update={"password_cost": 5})
    authenticate(database, dearer, "alice", PASSWORD)
    alice = users.find(database, "alice")
    assert alice is not None
    assert "$2b$05$" in alice["password"]
    assert authenticate(database, dearer, "alice", PASSWORD)["rev"] == alice["rev"]


@pytest.mark.parametrize("username", ["alice", "nobody", "Not A Name", "\0", "a\ud800"])
def test_wrong_credentials_are_one_error(
    make: Factory, database: Database, settings: Settings, username: str
) -> None:
    make.user("alice")
    make.user("carol", password=None)
    with pytest.raises(BadCredentials) as error:
        authenticate(database, settings, username, "wrong")
    with pytest.raises(BadCredentials) as without:
        authenticate(database, settings, "carol", "wrong")
    assert error.value.detail == without.value.detail


def test_unknown_users_cost_as_much_as_known_ones(
    make: Factory, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One bcrypt of the same cost each, whoever is asked for."""
    costs: list[bytes] = []
    original = passwords.bcrypt.checkpw

    def counted(password: bytes, hashed: bytes) -> bool:
        costs.append(hashed[:7])
        return original(password, hashed)

    monkeypatch.setattr(passwords.bcrypt, "checkpw", counted)
    make.user("alice")
    for username in ("alice", "nobody"):
        with pytest.raises(BadCredentials):
            authenticate(make.database, settings, username, "wrong")
    assert costs == [b"$2b$04$", b"$2b$04$"]


def test_no_token_of_a_password_that_changed_meanwhile(
    make: Factory,
    database: Database,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make.user("alice")
    original = tokens.create

    def change_first(*arguments: object) -> str:
        users.change(database, "alice", {"password": passwords.hash("new", 4)})
        return original(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(tokens, "create", change_first)
    with pytest.raises(BadCredentials):
        issue_token(database, settings, "alice", PASSWORD)
    assert database.tokens.find_one({}) is None
