"""Mails in the store, and how they leave it: by a mail server or into a folder."""

import hashlib
import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine

from microblog.mailing import messages, outbox, smtp
from microblog.mailing.mentions import announce
from microblog.settings import Settings
from microblog.store import Database, Document, dead_letters, mails, users
from microblog.store.mails import Kind, State
from tests.factories import Factory
from tests.mail_server import MailServer
from tests.unit.conftest import Interruption

Post = Callable[..., str]


@pytest.fixture
def server() -> Iterator[MailServer]:
    """A mail server that takes everything."""
    with MailServer() as server:
        yield server


@pytest.fixture
def sending(server: MailServer, settings: Settings) -> Settings:
    """Settings with that mail server."""
    return server.settings(settings, mail_hourly=100)


@pytest.fixture
def post(make: Factory, database: Database, settings: Settings) -> Post:
    """Names bob in a micropost; the id of the mail for him."""
    make.user("bob", email="bob@example.org")
    users.change(database, "bob", {"confirmed": True})

    def one(text: str = "@bob") -> str:
        id = make.micropost("alice", text)["id"]
        announce(database, settings.model_copy(update={"mail_hourly": 100}), id)
        return f"mention bob {id}"

    return one


def states(database: Database) -> Counter[str]:
    return Counter(mail["state"] for mail in database.mails.find())


def find(database: Database, id: str) -> Document:
    mail = database.mails.find_one({"_id": id})
    assert mail is not None
    return mail


def claimed(database: Database, id: str) -> Document:
    mail = mails.claim(database, id)
    assert mail is not None
    return mail


def test_a_mail_leaves_once(
    post: Post, database: Database, sending: Settings, server: MailServer
) -> None:
    id = post()
    assert outbox.drain(database, sending) == 1
    assert outbox.drain(database, sending) == 0
    assert server.recipients == ["bob@example.org"]
    sent = find(database, id)
    assert (sent["state"], sent["address"]) == (State.SENT, "")
    assert mails.sent_on(database, sent["day"]) == 1
    assert not mails.add(database, id, Kind.MENTION, to="bob", microposts=[])


def test_what_is_not_due_waits(
    post: Post, database: Database, sending: Settings, server: MailServer
) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    mails.add_to_digest(database, "bob", "hour 1", 1, later)
    assert outbox.drain(database, sending) == 0
    assert states(database) == {State.WAITING: 1}
    assert server.sessions == 0


def test_what_has_nobody_to_read_it_is_dropped(
    post: Post, database: Database, sending: Settings, server: MailServer
) -> None:
    post()
    users.change(database, "bob", {"mails": users.NEVER})
    assert outbox.drain(database, sending) == 0
    assert states(database) == {State.DROPPED: 1}
    assert server.contents == []


def test_one_connection_is_enough(
    post: Post, database: Database, sending: Settings, server: MailServer
) -> None:
    for number in range(5):
        post(f"@bob {number}")
    assert outbox.drain(database, sending) == 5
    assert server.sessions == 1


def test_everything_arrives_as_it_was_written(
    post: Post, database: Database, sending: Settings, server: MailServer
) -> None:
    text = "@bob\n.\n..\n.a\nÄ 😀\n\u202bשלום"
    post(text)
    outbox.drain(database, sending)
    [message] = server.messages
    plain = message.get_body(("plain",))
    assert plain is not None
    indented = "".join(f"    {line}\n" for line in text.split("\n"))
    assert indented in plain.get_content().replace("\r\n", "\n")


def test_dots_at_the_beginning_of_lines_end_nothing(
    sending: Settings, server: MailServer
) -> None:
    message = messages.EmailMessage(policy=messages.POLICY)
    message["From"], message["To"] = "site@example.org", "bob@example.org"
    message.set_content(".\n..\n.a\nend\n.\n", cte="7bit")
    way = smtp.Server(sending)
    assert way.send(message, lambda: True)
    way.close()
    [sent] = server.messages
    assert sent.get_content().replace("\r\n", "\n") == ".\n..\n.a\nend\n.\n"
    assert server.contents[0].count(b"\n") == server.contents[0].count(b"\r\n")


def test_an_address_beyond_ascii(
    post: Post, database: Database, sending: Settings, server: MailServer
) -> None:
    post()
    users.change(database, "bob", {"email": "jörg@exämple.org"})
    assert outbox.drain(database, sending) == 1
    assert server.recipients == ["jörg@exämple.org"]
    assert "To: jörg@exämple.org\r\n".encode() in server.contents[0]


def test_five_hundred_mails_each_once(
    make: Factory, database: Database, sending: Settings, server: MailServer
) -> None:
    make.user("alice")
    micropost = make.micropost("alice", "hello")["id"]
    names = [f"reader{number}" for number in range(500)]
    known = (users.new_document(name, email=f"{name}@example.org") for name in names)
    database.users.insert_many([{**user, "confirmed": True} for user in known])
    for name in names:
        mails.add(database, f"m {name}", Kind.MENTION, to=name, microposts=[micropost])
    query = {"_id": micropost}
    database.microposts.update_one(query, {"$set": {"mentions": names}})
    assert outbox.drain(database, sending) == 500
    assert Counter(server.recipients) == {f"{name}@example.org": 1 for name in names}
    assert states(database) == {State.SENT: 500}


def test_two_at_once_send_each_once(
    post: Post, database: Database, sending: Settings, server: MailServer
) -> None:
    for number in range(40):
        post(f"@bob {number}")
    sent: list[int] = []
    threads = [
        threading.Thread(target=lambda: sent.append(outbox.drain(database, sending)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(sent) == 40
    assert len({message["Message-ID"] for message in server.messages}) == 40
    assert len(server.taken) == 40
    assert server.sessions <= outbox.DRAINS + 4


def test_who_finds_no_turn_has_another_look_again(
    post: Post, database: Database, sending: Settings, server: MailServer
) -> None:
    first = post("@bob 1")
    inner: list[int] = []
    added: list[str] = []

    def meanwhile() -> None:
        if not added:
            added.append(post("@bob 2"))
            # The other turn is taken too.
            assert outbox._turns.acquire(blocking=False)
            inner.append(outbox.drain(database, sending))
            outbox._turns.release()

    server.before_reply = meanwhile
    assert outbox.drain(database, sending) == 2
    assert inner == [0]
    assert {find(database, id)["state"] for id in (first, *added)} == {State.SENT}


def test_the_message_id_is_the_same_at_the_second_try(
    post: Post, database: Database, sending: Settings, server: MailServer
) -> None:
    id = post()
    server.answers["DATA"] = ["451 later"]
    assert outbox.drain(database, sending) == 0
    assert find(database, id)["error"] == "451 later"
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=1), tick=True):
        assert outbox.drain(database, sending) == 1
    ids = [
        content.partition(b"Message-ID: ")[2].partition(b"\r\n")[0]
        for content in server.contents
    ]
    assert ids[0] == ids[1]
    assert ids[0].startswith(
        b"<" + hashlib.sha256(id.encode()).hexdigest()[:32].encode()
    )


def test_tries_come_at_longer_and_longer_intervals_for_three_days(
    post: Post, database: Database, settings: Settings
) -> None:
    id = post()
    nowhere = settings.model_copy(update={"mail_host": "127.0.0.1", "mail_port": 1})
    waits: list[timedelta] = []
    begin = now = datetime.now(UTC)
    for _ in range(100):
        with time_machine.travel(now, tick=False):
            outbox.drain(database, nowhere)
        mail = find(database, id)
        if mail["state"] == State.FAILED:
            break
        waits.append(mail["next"] - now)
        now = mail["next"] + timedelta(seconds=1)
    assert timedelta(seconds=24) <= waits[0] <= timedelta(seconds=36)
    assert timedelta(minutes=90) <= waits[-1] <= timedelta(minutes=150)
    assert timedelta(days=2.4) < now - begin < timedelta(days=3.7)
    [letter] = dead_letters.newest(database, 10)
    assert (letter["name"], letter["arguments"]) == ("mail", [id])
    assert letter["error"].startswith("ConnectionRefusedError")


def test_a_mail_that_was_given_up_can_be_sent_after_all(
    post: Post, database: Database, sending: Settings, server: MailServer
) -> None:
    id = post()
    server.answers["RCPT"] = ["550 no such mailbox"]
    outbox.drain(database, sending)
    assert find(database, id)["state"] == State.FAILED
    mails.retry(database, id)
    assert outbox.drain(database, sending) == 1
    assert find(database, id)["state"] == State.SENT


def test_what_was_left_before_the_last_dot_is_sent_by_another(
    post: Post, database: Database, sending: Settings, server: MailServer
) -> None:
    id = post()
    left = claimed(database, id)
    outbox.recover(database)
    assert find(database, id)["state"] == State.SENDING
    with time_machine.travel(datetime.now(UTC) + mails.TURN, tick=True):
        outbox.recover(database)
        assert outbox.drain(database, sending) == 1
    assert not mails.hand(database, left)
    assert states(database) == {State.SENT: 1}


def test_what_was_left_after_the_last_dot_is_for_a_person(
    post: Post, database: Database, sending: Settings, server: MailServer
) -> None:
    id = post()
    assert mails.hand(database, claimed(database, id))
    with time_machine.travel(datetime.now(UTC) + mails.TURN, tick=True):
        outbox.recover(database)
        # It may still be waiting for the reply.
        assert find(database, id)["state"] == State.HANDED
    with time_machine.travel(datetime.now(UTC) + mails.REPLY, tick=True):
        outbox.recover(database)
        assert outbox.drain(database, sending) == 0
    failed = find(database, id)
    assert failed["state"] == State.FAILED
    assert failed["error"] == "the mail server may have taken it"
    assert [one["_id"] for one in dead_letters.newest(database, 10)] == [
        dead_letters.key("mail", [id])
    ]


def test_recovery_leaves_what_is_just_handed_over(
    post: Post,
    database: Database,
    interrupted: Database,
    interruption: Interruption,
) -> None:
    mail = claimed(database, post())
    interruption.before("update", "mails", lambda: mails.hand(database, mail))
    with time_machine.travel(datetime.now(UTC) + mails.TURN, tick=True):
        outbox.recover(interrupted)
    assert interruption.came
    assert states(database) == {State.HANDED: 1}


def test_no_dot_is_sent_after_the_turn_was_over(
    post: Post,
    database: Database,
    interrupted: Database,
    interruption: Interruption,
    sending: Settings,
    server: MailServer,
) -> None:
    """Another process has taken the mail over just before."""
    post()
    sent: list[int] = []

    def over() -> None:
        [mail] = database.mails.find()
        mails.release(database, mail)
        sent.append(outbox.drain(database, sending))

    def second_update() -> None:
        interruption.before("update", "mails", over)

    interruption.before("update", "mails", second_update)
    assert outbox.drain(interrupted, sending) == 0
    assert sent == [1]
    assert len(server.contents) == len(server.taken) == 1


def test_nobody_s_address_or_text_is_logged(
    post: Post,
    database: Database,
    sending: Settings,
    server: MailServer,
    caplog: pytest.LogCaptureFixture,
) -> None:
    ids = [post("@bob secret"), post("@bob secret")]
    server.answers["RCPT"] = ["550 <bob@example.org>: unknown"]
    with caplog.at_level(logging.INFO, "microblog"):
        outbox.drain(database, sending)
    lines = [record.getMessage() for record in caplog.records]
    assert [line.rpartition(",")[0] for line in lines if "mention" in line] == [
        f"mail {ids[0]}: failed",
        f"mail {ids[1]}: sent",
    ]
    assert "secret" not in caplog.text
    assert "bob@" not in caplog.text


@pytest.fixture
def folder(settings: Settings, tmp_path: Path) -> Settings:
    """Settings without a mail server."""
    return settings.model_copy(update={"data_dir": tmp_path / "var"})


def test_without_a_mail_server_mails_are_files(
    post: Post, database: Database, folder: Settings
) -> None:
    post("@bob 1")
    post("@bob 2")
    assert outbox.drain(database, folder) == 2
    path = smtp.folder(folder)
    files = list(path.iterdir())
    assert len(files) == 2
    assert all(file.suffix == ".eml" for file in files)
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    assert path.stat().st_mode & 0o777 == 0o700
    assert states(database) == {State.SENT: 2}


def test_the_same_mail_is_the_same_file(
    post: Post, database: Database, folder: Settings, settings: Settings
) -> None:
    """The process died between the file and the note of it."""
    message = messages.build(database, settings, claimed(database, post()))
    assert message is not None
    way = smtp.Folder(smtp.folder(folder))
    assert way.send(message, lambda: True)
    assert way.send(message, lambda: True)
    assert len(list(way.path.iterdir())) == 1


def test_no_file_is_left_when_the_turn_was_over(
    post: Post, database: Database, folder: Settings, settings: Settings
) -> None:
    message = messages.build(database, settings, claimed(database, post()))
    assert message is not None
    way = smtp.Folder(smtp.folder(folder))
    assert not way.send(message, lambda: False)
    assert list(way.path.iterdir()) == []


def command(ini: Path, *arguments: str, capfd: Any) -> tuple[int, str, str]:
    from microblog import commands

    with pytest.raises(SystemExit) as ended:
        commands.main(["-c", str(ini), "mail", *arguments])
    said = capfd.readouterr()
    code = ended.value.code
    if isinstance(code, str):
        return 1, said.out, code
    return int(code or 0), said.out, said.err


def test_the_command_shows_what_is_in_the_folder(
    post: Post, database: Database, folder: Settings, tmp_path: Path, capfd: Any
) -> None:
    ini = tmp_path / "mail.ini"
    ini.write_text(f"[app:main]\nuse = egg:microblog\ndata_dir = {folder.data_dir}\n")
    where = str(smtp.folder(folder))
    assert command(ini, capfd=capfd) == (0, f"no mails in {where}\n", "")
    post("@bob first ä")
    post("@bob second")
    outbox.drain(database, folder)
    status, listed, _errors = command(ini, capfd=capfd)
    lines = listed.splitlines()
    assert status == 0
    assert [line.split()[0] for line in lines] == ["1", "2"]
    assert all("bob@example.org  @alice named you on microblog" in one for one in lines)
    status, shown, _errors = command(ini, "1", capfd=capfd)
    assert status == 0
    assert shown.startswith(
        "From: microblog <microblog@localhost>\nTo: bob@example.org\n"
    )
    assert "\nSubject: @alice named you on microblog\nDate: " in shown
    assert "\n    @bob first ä\n" in shown
    status, raw, _errors = command(ini, "--raw", "2", capfd=capfd)
    assert status == 0
    assert "\nAuto-Submitted: auto-generated" in raw
    for number in ("0", "3"):
        status, shown, errors = command(ini, number, capfd=capfd)
        assert (status, shown) == (1, "")
        assert errors == f"microblog: there is no mail {number} in {where}"
    assert command(ini, "--raw", capfd=capfd)[0] == 2
