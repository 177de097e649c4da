"""The queue of the embedded default, and the way of a task into it."""

import logging
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from celery import Celery

from microblog import settings as settings_module
from microblog.settings import Settings
from microblog.tasks import broker
from microblog.tasks.sender import PAUSE_SECONDS, Sender


@pytest.fixture
def site(tmp_path: Path) -> Settings:
    """Settings of a site whose tasks wait in a folder."""
    return settings_module.read({"data_dir": str(tmp_path)}, environment={})


@pytest.fixture
def celery(site: Settings) -> Iterator[Celery]:
    """Its application."""
    application = broker.application(site)
    yield application
    application.close()


@pytest.fixture
def sender(site: Settings) -> Iterator[Sender]:
    """What a web server sends tasks with."""
    sender = Sender(site)
    yield sender
    sender.close()


def take(celery: Celery, most: int = 1000) -> list[tuple[str, tuple[object, ...]]]:
    """Tasks out of the queue, as a worker would take them."""
    taken = []
    with celery.connection_for_read() as connection:
        queue = connection.SimpleQueue(broker.QUEUE)
        while len(taken) < most:
            try:
                message = queue.get(block=False)
            except queue.Empty:
                break
            message.ack()
            arguments, _options, _more = message.payload
            taken.append((message.headers["task"], tuple(arguments)))
        queue.close()
    return taken


def test_many_alike_within_a_second_are_two(
    celery: Celery, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, timers = [100.0], []

    class Timer:
        daemon = False

        def __init__(self, seconds: float, send: Any, arguments: Any) -> None:
            timers.append((seconds, lambda: send(*arguments)))

        def start(self) -> None:
            """It rings when the test says so."""

    monkeypatch.setattr("microblog.tasks.sender.threading.Timer", Timer)
    monkeypatch.setattr("microblog.tasks.sender.time.monotonic", lambda: now[0])
    for _ in range(20):
        sender.send_once("deliver", "alice")
    sender.flush()
    assert take(celery) == [("deliver", ("alice",))]
    ((seconds, ring),) = timers
    assert seconds == PAUSE_SECONDS
    now[0] += seconds
    ring()
    sender.send_once("deliver", "alice")
    sender.flush()
    assert take(celery) == [("deliver", ("alice",))]
    assert len(timers) == 2
    now[0] += 3 * PAUSE_SECONDS
    sender.send_once("deliver", "bob")
    sender.flush()
    assert take(celery) == [("deliver", ("bob",))]
    assert list(sender._due) == [("deliver", ("bob",))]


def test_each_once(celery: Celery, sender: Sender) -> None:
    for number in range(300):
        sender.send("mention", number)
    sender.flush()
    first = take(celery, 100)
    sender.send("mails")
    sender.flush()
    rest = take(celery)
    assert len(first) == 100
    assert rest.pop() == ("mails", ())  # It came last.
    assert sorted(first + rest) == [("mention", (number,)) for number in range(300)]
    assert take(celery) == []


def test_two_workers_take_each_once(
    celery: Celery, sender: Sender, site: Settings
) -> None:
    for number in range(400):
        sender.send("mention", number)
    sender.flush()
    other, taken = broker.application(site), []

    def work(application: Celery) -> None:
        taken.extend(take(application))

    workers = [
        threading.Thread(target=work, args=[one], name=f"worker {number}")
        for number, one in enumerate((celery, other))
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    other.close()
    assert sorted(number for _, (number,) in taken) == list(range(400))


def test_queue_that_is_removed_under_a_running_site(
    celery: Celery, sender: Sender, site: Settings
) -> None:
    sender.send("mails")
    sender.flush()
    shutil.rmtree(site.data_dir / "tasks")
    assert take(celery) == []
    sender.send("mention", 1)
    sender.flush()
    assert take(celery) == [("mention", (1,))]


def test_message_that_cannot_be_read_stops_nothing(
    celery: Celery, sender: Sender, site: Settings
) -> None:
    sender.send("mails")
    sender.flush()
    waiting = site.data_dir / "tasks" / "waiting"
    (waiting / "1_x.microblog.msg").touch()
    (waiting / "2_x.microblog.msg").write_text('{"half')
    assert take(celery) == [("mails", ())]
    assert list(waiting.iterdir()) == []


def test_queue_is_private(sender: Sender, site: Settings) -> None:
    sender.send("mails")
    sender.flush()
    assert (site.data_dir / "tasks" / "waiting").stat().st_mode & 0o777 == 0o700


def test_broker_that_is_gone_delays_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ini = {"data_dir": str(tmp_path), "celery.broker_url": "redis://127.0.0.1:9/0"}
    sender = Sender(settings_module.read(ini, environment={}))
    with caplog.at_level(logging.WARNING):
        sender.send("mails")
        sender.flush()
    sender.close()
    assert "left to sweep" in caplog.text


@pytest.mark.parametrize(
    ("ini", "expected"),
    [
        ({}, broker.FOLDER),
        ({"mongodb.uri": "mongodb://h/?a=b"}, "mongodb://h/microblog?a=b"),
        (
            {"mongodb.uri": "mongodb://u:p@h/?a=b"},
            "mongodb://u:p@h/microblog?a=b&authSource=admin",
        ),
        (
            {"mongodb.uri": "mongodb://u:p@h/x?authSource=y"},
            "mongodb://u:p@h/microblog?authSource=y",
        ),
        (
            {"mongodb.uri": "mongodb+srv://u:p@h/other", "mongodb.database": "m"},
            "mongodb+srv://u:p@h/m?authSource=other",
        ),
        (
            {"mongodb.uri": "mongodb://h", "celery.broker_url": "redis://h/1"},
            "redis://h/1",
        ),
    ],
)
def test_address_of_the_broker(ini: dict[str, str], expected: str) -> None:
    assert broker.url(settings_module.read(ini, environment={})) == expected
