"""Several threads that have the same to do at once: one does it, in one command, for
all that have come by then; whoever comes meanwhile is in the next."""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Condition, get_ident
from typing import Generic, TypeVar

from pymongo.errors import PyMongoError

Item = TypeVar("Item")
Result = TypeVar("Result")


class Together(Generic[Item, Result]):
    """Those in this process who have the same to do."""

    def __init__(self) -> None:
        self._turn = Condition()
        self._doing: int | None = None  # the thread that does it just now
        self._waiting: list[tuple[Item, Future[Result]]] = []

    def do(self, item: Item, work: Callable[[list[Item]], list[Result]]) -> Result:
        """What came of the item, when this thread or another has done the `work`; an
        error of that is everybody's whose item was with it. If it is that the database
        does not answer, those who wait need not ask again, each in turn."""
        mine: Future[Result] = Future()
        with self._turn:
            self._waiting.append((item, mine))
            # Whoever is interrupted while doing it, by itself, need not wait.
            while not mine.done() and self._doing not in {None, get_ident()}:
                self._turn.wait()
            if mine.done():
                return mine.result()
            before, self._doing = self._doing, get_ident()
            taken, self._waiting = self._waiting, []
        self._do_all(taken, work, before)
        return mine.result()

    def _do_all(
        self,
        taken: list[tuple[Item, Future[Result]]],
        work: Callable[[list[Item]], list[Result]],
        before: int | None,
    ) -> None:
        try:
            results = work([item for item, _ in taken])
            done = list(zip(taken, results, strict=True))
        except BaseException as error:
            with self._turn:
                if _is_silence(error):
                    taken, self._waiting = [*taken, *self._waiting], []
            for _, future in taken:
                future.set_exception(error)
        else:
            for (_, future), result in done:
                future.set_result(result)
        finally:
            with self._turn:
                self._doing = before
                self._turn.notify_all()


def _is_silence(error: BaseException) -> bool:
    # A connection that is lost is no silence: the next one may be answered at once.
    return isinstance(error, PyMongoError) and error.timeout
