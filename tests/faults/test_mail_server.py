"""Mail servers that refuse, hang or hang up: no mail is lost, none is sent twice."""

import shutil
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from pydantic import SecretStr

from microblog.mailing import outbox
from microblog.mailing.mentions import announce
from microblog.settings import Settings
from microblog.store import Database, Document, dead_letters, mails, users
from microblog.store.mails import State
from tests.factories import Factory
from tests.mail_server import ClosingServer, MailServer

HANG, CLOSE = MailServer.HANG, MailServer.CLOSE


@pytest.fixture
def server() -> Iterator[MailServer]:
    """A mail server."""
    with MailServer() as server:
        yield server


@pytest.fixture
def post(make: Factory, database: Database, settings: Settings) -> Callable[[], str]:
    """Names bob; the id of the mail for him."""
    make.user("bob", email="bob@example.org")
    users.change(database, "bob", {"confirmed": True})

    def one() -> str:
        id = make.micropost("alice", "@bob")["id"]
        announce(database, settings, id)
        return f"mention bob {id}"

    return one


def find(database: Database, id: str) -> Document:
    mail = database.mails.find_one({"_id": id})
    assert mail is not None
    return mail


def letters(database: Database) -> list[str]:
    return [letter["arguments"][0] for letter in dead_letters.newest(database, 10)]


@pytest.mark.parametrize(
    ("command", "answer", "error"),
    [
        ("RCPT", "450 mailbox busy", "450 mailbox busy"),
        ("DATA", "451 later", "451 later"),
        ("RCPT", "421 closing", "421 closing"),
        ("RCPT", HANG, "SMTPServerDisconnected"),
        ("RCPT", CLOSE, "SMTPServerDisconnected"),
        ("DATA", CLOSE, "SMTPServerDisconnected"),
    ],
)
def test_refused_for_now_is_sent_later(
    server: MailServer,
    post: Callable[[], str],
    database: Database,
    settings: Settings,
    command: str,
    answer: str,
    error: str,
) -> None:
    ids = [post(), post()]
    server.answers[command] = [answer]
    sending = server.settings(settings)
    assert outbox.drain(database, sending) == 1
    waiting = find(database, ids[0])
    assert (waiting["state"], waiting["tries"]) == (State.WAITING, 1)
    assert waiting["error"].startswith(error)
    assert waiting["next"] > datetime.now(UTC) + timedelta(seconds=15)
    assert find(database, ids[1])["state"] == State.SENT
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=1), tick=True):
        assert outbox.drain(database, sending) == 1
    assert find(database, ids[0])["state"] == State.SENT
    assert server.recipients == ["bob@example.org"] * 2
    assert letters(database) == []


@pytest.mark.parametrize("command", ["RCPT", "DATA"])
def test_refused_for_good_is_given_up(
    server: MailServer,
    post: Callable[[], str],
    database: Database,
    settings: Settings,
    command: str,
) -> None:
    ids = [post(), post()]
    server.answers[command] = ["550 5.1.1 unknown\x07"]
    assert outbox.drain(database, server.settings(settings)) == 1
    failed = find(database, ids[0])
    assert failed["state"] == State.FAILED
    assert failed["error"] == "550 5.1.1 unknown\N{REPLACEMENT CHARACTER}"
    assert letters(database) == [ids[0]]
    assert find(database, ids[1])["state"] == State.SENT
    # The connection is as good as before.
    assert server.sessions == 1


def test_no_reply_after_the_last_dot_is_for_a_person(
    server: MailServer,
    post: Callable[[], str],
    database: Database,
    settings: Settings,
) -> None:
    """Sent again it could come twice; forgotten, not at all."""
    ids = [post(), post()]
    server.answers["DATA"] = [HANG]
    sending = server.settings(settings)
    assert outbox.drain(database, sending) == 1
    failed = find(database, ids[0])
    assert failed["state"] == State.FAILED
    assert "may have taken it" in failed["error"]
    assert letters(database) == [ids[0]]
    with time_machine.travel(datetime.now(UTC) + timedelta(days=1), tick=True):
        outbox.recover(database)
        assert outbox.drain(database, sending) == 0
    assert len(server.contents) == 2


def test_a_reply_that_makes_no_sense_is_for_a_person(
    server: MailServer,
    post: Callable[[], str],
    database: Database,
    settings: Settings,
) -> None:
    ids = [post(), post()]
    server.answers["DATA"] = ["354 go on"]
    assert outbox.drain(database, server.settings(settings)) == 1
    assert find(database, ids[0])["state"] == State.FAILED
    assert find(database, ids[1])["state"] == State.SENT


def test_server_that_is_not_there_costs_one_try_of_one_mail(
    post: Callable[[], str], database: Database, settings: Settings
) -> None:
    with MailServer() as server:
        gone = server.settings(settings)
    ids = [post(), post(), post()]
    assert outbox.drain(database, gone) == 0
    assert [find(database, id)["tries"] for id in ids] == [1, 0, 0]
    assert mails.due(database, 10) == ids[1:]


def test_server_that_closes_at_once_costs_one_try_of_one_mail(
    post: Callable[[], str], database: Database, settings: Settings
) -> None:
    ids = [post(), post()]
    with ClosingServer() as server:
        closing = {"mail_host": "127.0.0.1", "mail_port": server.port}
        assert outbox.drain(database, settings.model_copy(update=closing)) == 0
    assert [find(database, id)["tries"] for id in ids] == [1, 0]
    assert find(database, ids[0])["error"].startswith("SMTPServerDisconnected")


@pytest.mark.parametrize(
    "more",
    [
        {"mail_tls": "starttls"},
        {"mail_tls": "tls"},
        {"mail_username": "site", "mail_password": SecretStr("Ä")},
    ],
    ids=["no STARTTLS", "no TLS", "no login"],
)
def test_server_that_is_not_as_set_up_gets_nothing(
    server: MailServer,
    post: Callable[[], str],
    database: Database,
    settings: Settings,
    more: dict[str, Any],
) -> None:
    id = post()
    assert outbox.drain(database, server.settings(settings, **more)) == 0
    assert find(database, id)["state"] == State.WAITING
    assert find(database, id)["tries"] == 1
    assert server.contents == []


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate for 127.0.0.1."""
    if not shutil.which("openssl"):
        pytest.skip("no openssl")
    path = tmp_path_factory.mktemp("certificate") / "both.pem"
    words = (
        f"openssl req -x509 -newkey rsa:2048 -nodes -keyout {path} -out {path}.crt "
        "-days 2 -subj /CN=test -addext subjectAltName=IP:127.0.0.1"
    )
    subprocess.run(words.split(), check=True, capture_output=True)
    certificate = path.with_name(f"{path.name}.crt").read_text()
    path.write_text(path.read_text() + certificate)
    return path


@pytest.mark.parametrize("tls", ["starttls", "tls"])
@pytest.mark.parametrize(
    ("is_trusted", "password", "sent"),
    [(True, "right", 1), (True, "wrong", 0), (False, "right", 0)],
    ids=["good", "wrong password", "unknown certificate"],
)
def test_tls_and_login(
    certificate: Path,
    post: Callable[[], str],
    database: Database,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    tls: str,
    is_trusted: bool,
    password: str,
    sent: int,
) -> None:
    id = post()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    if is_trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    secret = {"mail_username": "site", "mail_password": SecretStr(password)}
    with MailServer(**{tls: context}) as server:
        sending = server.settings(settings, mail_tls=tls, **secret)
        assert outbox.drain(database, sending) == sent
    assert len(server.taken) == sent
    assert (find(database, id)["state"] == State.SENT) == bool(sent)
    assert find(database, id)["tries"] == 1 - sent
    assert bool(server.logins) == is_trusted


def test_server_that_closes_between_two_mails_is_found_again(
    server: MailServer,
    post: Callable[[], str],
    database: Database,
    settings: Settings,
) -> None:
    ids = [post(), post(), post()]
    server.hangs_up = True
    assert outbox.drain(database, server.settings(settings)) == 3
    assert {find(database, id)["state"] for id in ids} == {State.SENT}
    assert server.sessions == 3


def test_address_beyond_ascii_needs_a_server_that_takes_it(
    post: Callable[[], str], database: Database, settings: Settings
) -> None:
    ids = [post(), post()]
    users.change(database, "bob", {"email": "jörg@example.org"})
    with MailServer(smtputf8=False) as server:
        assert outbox.drain(database, server.settings(settings)) == 0
    assert {find(database, id)["state"] for id in ids} == {State.FAILED}
    assert "ASCII" in find(database, ids[0])["error"]
    assert server.contents == []


def test_an_address_that_is_none_stops_no_other_mail(
    server: MailServer,
    post: Callable[[], str],
    make: Factory,
    database: Database,
    settings: Settings,
) -> None:
    id = post()
    make.user("carol", email="a,b@example.org")
    users.change(database, "carol", {"confirmed": True})
    announce(database, settings, make.micropost("alice", "@carol @bob")["id"])
    assert outbox.drain(database, server.settings(settings)) == 2
    assert find(database, id)["state"] == State.SENT
    assert len(letters(database)) == 1


def test_a_database_that_fails_before_the_dot_sends_no_dot(
    server: MailServer,
    post: Callable[[], str],
    database: Database,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*arguments: object) -> bool:
        raise ConnectionError("the database is gone")

    id = post()
    monkeypatch.setattr(mails, "hand", fail)
    began = time.monotonic()
    with pytest.raises(ConnectionError):
        outbox.drain(database, server.settings(settings))
    assert time.monotonic() - began < 1
    monkeypatch.undo()
    assert server.contents == []
    assert find(database, id)["state"] == State.SENDING
    with time_machine.travel(datetime.now(UTC) + mails.TURN, tick=True):
        outbox.recover(database)
        assert outbox.drain(database, server.settings(settings)) == 1
