"""Whether the document server answers, as a process keeps it in mind."""

import threading
import time

import pytest

from microblog.database import breaker
from microblog.database.breaker import Breaker
from microblog.errors import Unavailable


@pytest.fixture
def opened() -> Breaker:
    """One that is open, and has been for long enough to be sure."""
    opened = Breaker()
    opened.open()
    opened._opened -= breaker.GRACE_SECONDS
    return opened


def test_AV_3_closed_lets_everybody_through() -> None:
    Breaker().check()


def test_AV_3_open_lets_nobody_through_until_it_is_closed(opened: Breaker) -> None:
    for _ in range(2):
        with pytest.raises(Unavailable):
            opened.check()
    opened.close()
    opened.check()


def test_AV_3_open_lets_nobody_wait(
    opened: Breaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wait(seconds: float) -> bool:
        raise AssertionError("it waits")

    monkeypatch.setattr(opened._closed, "wait", wait)
    with pytest.raises(Unavailable):
        opened.check()


def test_AV_3_more_failures_give_no_more_time(opened: Breaker) -> None:
    since = opened._opened
    opened.open()
    assert opened._opened == since


def test_AV_3_what_was_one_query_hits_nobody_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The probe, which comes at once, finds the server; meanwhile others wait."""
    monkeypatch.setattr(breaker, "GRACE_SECONDS", 60)
    one, passed = Breaker(), threading.Event()
    one.open()

    def ask() -> None:
        one.check()
        passed.set()

    thread = threading.Thread(target=ask)
    thread.start()
    time.sleep(0.05)
    assert not passed.is_set()
    one.close()
    thread.join(30)
    assert passed.is_set()
