"""Several who have the same to do at once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from pymongo.errors import (
    AutoReconnect,
    NetworkTimeout,
    NotPrimaryError,
    PyMongoError,
    ServerSelectionTimeoutError,
)

from microblog.store.together import Together

SECONDS = 10.0  # that a thread may take

Tens = Together[int, int]


class Work:
    """Takes each ten times, and remembers what was done at once."""

    def __init__(self) -> None:
        self.done: list[list[int]] = []

    def __call__(self, items: list[int]) -> list[int]:
        self.done.append(items)
        return [10 * item for item in items]


def failing(items: list[int]) -> list[int]:
    raise OSError("no")


def test_alone_each_does_its_own() -> None:
    together, work = Tens(), Work()
    assert [together.do(item, work) for item in (1, 2)] == [10, 20]
    assert work.done == [[1], [2]]


def during(
    together: Tens,
    work: Callable[[list[int]], list[int]],
    others: Callable[[list[int]], list[int]],
) -> list[object]:
    """What comes of a first, which is held up, and of three who come meanwhile."""
    begun, go_on = Event(), Event()

    def slow(items: list[int]) -> list[int]:
        begun.set()
        assert go_on.wait(SECONDS)
        return work(items)

    def outcome(item: int, how: Callable[[list[int]], list[int]]) -> object:
        try:
            return together.do(item, how)
        except (OSError, PyMongoError) as error:
            return str(error)

    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(outcome, 0, slow)
        assert begun.wait(SECONDS)
        later = [pool.submit(outcome, item, others) for item in (1, 2, 3)]
        while len(together._waiting) < 3:
            pass
        go_on.set()
        return [one.result(SECONDS) for one in (first, *later)]


def test_those_who_come_meanwhile_are_done_at_once_and_each_learns_its_own() -> None:
    work = Work()
    assert during(Tens(), work, work) == [0, 10, 20, 30]
    assert [sorted(items) for items in work.done] == [[0], [1, 2, 3]]


def test_an_error_is_everybodys_who_was_with_it() -> None:
    together, work = Tens(), Work()
    assert during(together, work, failing) == [0, "no", "no", "no"]
    # And nobody's later.
    assert together.do(4, work) == 40
    assert work.done == [[0], [4]]


@pytest.mark.parametrize("kind", [NetworkTimeout, ServerSelectionTimeoutError])
def test_of_a_database_that_does_not_answer_all_hear_at_once(
    kind: type[PyMongoError],
) -> None:
    """Also those who have come meanwhile: they would wait as long again."""
    work = Work()

    def silent(items: list[int]) -> list[int]:
        work(items)
        raise kind("no")

    assert during(Tens(), silent, failing) == ["no"] * 4
    assert work.done == [[0]]


@pytest.mark.parametrize("kind", [AutoReconnect, NotPrimaryError])
def test_of_a_connection_that_is_lost_the_others_are_tried(
    kind: type[PyMongoError],
) -> None:
    """That is known at once, and the next connection may well do it."""
    work = Work()

    def lost(items: list[int]) -> list[int]:
        raise kind("no")

    first, *others = during(Tens(), lost, work)
    assert "no" in str(first)
    assert others == [10, 20, 30]
    assert [sorted(items) for items in work.done] == [[1, 2, 3]]


def test_who_comes_while_it_works_does_not_wait_for_itself() -> None:
    together, work = Tens(), Work()

    def interrupted(items: list[int]) -> list[int]:
        assert together.do(2, work) == 20
        return work(items)

    assert together.do(1, interrupted) == 10
    assert work.done == [[2], [1]]
    with pytest.raises(OSError, match="no"):
        together.do(3, failing)


def test_silence_while_it_works_is_that_of_who_was_interrupted_too() -> None:
    """And of those who wait for it; then the next one works as ever."""
    together, work = Tens(), Work()

    def silent(items: list[int]) -> list[int]:
        work(items)
        raise NetworkTimeout("no")

    def interrupted(items: list[int]) -> list[int]:
        together.do(9, silent)
        return work(items)

    assert during(together, interrupted, failing) == ["no"] * 4
    assert [sorted(items) for items in work.done] == [[1, 2, 3, 9]]
    assert together.do(5, work) == 50
