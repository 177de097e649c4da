"""Sends the mails that are due, each once as far as anybody can know."""

import logging
import secrets
import threading
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial

from microblog.mailing import messages, smtp
from microblog.settings import Settings
from microblog.store import Database, Document, dead_letters, mails
from microblog.store.mails import State

log = logging.getLogger(__name__)

PIECE = 100  # mails looked up at once
DRAINS = 2  # at once in a process; the rest of its threads have other things to do
FIRST, LONGEST = timedelta(seconds=30), timedelta(hours=2)  # until the next try
TRIES = 43  # about three days

_turns = threading.BoundedSemaphore(DRAINS)
_again = threading.Event()
_chance = secrets.SystemRandom()


def drain(
    database: Database, settings: Settings, stopping: threading.Event | None = None
) -> int:
    """Send the mails that are due, until the process is `stopping`; how many were sent.
    When enough others do that in this process, they look again instead."""
    sent, stopping = 0, stopping or threading.Event()
    # Set before the try: who holds a turn looks only after having given it back.
    _again.set()
    while _again.is_set() and _turns.acquire(blocking=False):
        try:
            _again.clear()
            sent += _send_all(database, settings, stopping)
        finally:
            _turns.release()
    return sent


def recover(database: Database) -> None:
    """See to the mails that somebody has begun to send and left."""
    for mail in mails.lost(database, State.SENDING):
        mails.release(database, mail)
    for mail in mails.lost(database, State.HANDED):
        _give_up(database, mail, "the mail server may have taken it")


def _send_all(database: Database, settings: Settings, stopping: threading.Event) -> int:
    sent = 0
    with closing(smtp.way(settings)) as way:
        while due := mails.due(database, PIECE):
            for id in due:
                if stopping.is_set():
                    return sent
                try:
                    sent += _send(database, settings, way, id) == State.SENT
                except smtp.Unreachable as error:
                    log.warning("the mail server takes no mails: %s", error)
                    return sent
    return sent


def _send(
    database: Database, settings: Settings, way: smtp.Way, id: str
) -> State | None:
    """What became of the mail; None: it is another's."""
    began = time.monotonic()
    mail = mails.claim(database, id)
    if mail is None:
        return None
    outcome: State | None = State.WAITING
    try:
        outcome = _try(database, settings, way, mail)
    finally:
        seconds = time.monotonic() - began
        log.info("mail %s: %s, %.3f s", id, outcome or "another's", seconds)
    return outcome


def _try(
    database: Database, settings: Settings, way: smtp.Way, mail: Document
) -> State | None:
    """Unreachable: it waits, as should all."""
    if mail["tries"] >= TRIES:
        return _give_up(database, mail, mail.get("error", "nobody could send it"))
    try:
        message = messages.build(database, settings, mail)
        if message is None:
            mails.drop(database, mail)
            return State.DROPPED
        if not way.send(message, partial(mails.hand, database, mail)):
            return None
    except smtp.ForNow as error:
        mails.put_off(database, mail, _next(mail["tries"]), str(error))
        if isinstance(error, smtp.Unreachable):
            raise
        return State.WAITING
    except (smtp.NotSent, ValueError) as error:
        return _give_up(database, mail, str(error))
    mails.settle(database, mail)
    return State.SENT


def _next(tries: int) -> datetime:
    """When a mail that was refused so many times before is tried again."""
    delay = min(FIRST * (1 << min(tries, 20)), LONGEST)
    return datetime.now(UTC) + delay * _chance.uniform(0.8, 1.2)


def _give_up(database: Database, mail: Document, error: str) -> State:
    # The letter first: a crash in between leaves one too many, and not one too few.
    tries = mail["tries"] + 1
    dead_letters.add(database, "mail", [mail["_id"]], error, tries)
    mails.fail(database, mail, error)
    return State.FAILED
