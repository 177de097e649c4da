"""Several threads that have the same to do at once: the first to come does it, in one
command, for all that have come by then."""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Lock, RLock
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Together(Generic[Item, Result]):
    """Those in this process who have the same to do."""

    def __init__(self) -> None:
        # Whoever is interrupted while doing it, by itself, must not wait for itself.
        self._doing = RLock()
        self._adding = Lock()
        self._waiting: list[tuple[Item, Future[Result]]] = []

    def do(self, item: Item, work: Callable[[list[Item]], list[Result]]) -> Result:
        """What came of the item, when this thread or another has done the `work`; an
        error of that is everybody's whose item was with it."""
        mine: Future[Result] = Future()
        with self._adding:
            self._waiting.append((item, mine))
        with self._doing:
            if not mine.done():
                self._do_all(work)
        return mine.result()

    def _do_all(self, work: Callable[[list[Item]], list[Result]]) -> None:
        with self._adding:
            taken, self._waiting = self._waiting, []
        try:
            results = work([item for item, _ in taken])
        except BaseException as error:
            for _, future in taken:
                future.set_exception(error)
        else:
            for (_, future), result in zip(taken, results, strict=True):
                future.set_result(result)
