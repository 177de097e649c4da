"""Several who write one document at once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from microblog.store.together import Together

SECONDS = 10.0  # that a thread may take


def test_alone_each_writes_its_own() -> None:
    together, written = Together[int](), list[list[int]]()
    for item in (1, 2):
        together.write(item, written.append)
    assert written == [[1], [2]]


def during(together: Together[int], failing: bool) -> tuple[list[list[int]], list[str]]:
    """What is written while a first write is held up, by three who come meanwhile; and
    how it ended for each."""
    written: list[list[int]] = []
    begun, go_on = Event(), Event()

    def slow(items: list[int]) -> None:
        begun.set()
        assert go_on.wait(SECONDS)
        written.append(items)

    def write(items: list[int]) -> None:
        if failing:
            raise OSError("no")
        written.append(sorted(items))

    def outcome(item: int, how: Callable[[list[int]], None]) -> str:
        try:
            together.write(item, how)
        except OSError as error:
            return str(error)
        return "done"

    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(outcome, 0, slow)
        assert begun.wait(SECONDS)
        others = [pool.submit(outcome, item, write) for item in (1, 2, 3)]
        while len(together._waiting) < 3:
            pass
        go_on.set()
        ended = [one.result(SECONDS) for one in (first, *others)]
    return written, ended


def test_those_who_come_meanwhile_are_written_at_once() -> None:
    written, ended = during(Together(), failing=False)
    assert written == [[0], [1, 2, 3]]
    assert ended == ["done"] * 4


def test_an_error_is_everybodys_of_that_write() -> None:
    together = Together[int]()
    written, ended = during(together, failing=True)
    assert written == [[0]]
    assert ended == ["done", "no", "no", "no"]
    # And nobody's later.
    together.write(4, written.append)
    assert written == [[0], [4]]


def test_who_writes_while_it_writes_does_not_wait_for_itself() -> None:
    together, written = Together[int](), list[list[int]]()

    def interrupted(items: list[int]) -> None:
        together.write(2, written.append)
        written.append(items)

    together.write(1, interrupted)
    assert written == [[2], [1]]
    with pytest.raises(OSError, match="no"):
        together.write(3, lambda items: (_ for _ in ()).throw(OSError("no")))
