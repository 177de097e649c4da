"""Several threads that have something for the same document at once: the first to come
writes, in one update, what all of them have by then."""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Lock, RLock
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Together(Generic[Item]):
    """Writers of one document, in this process."""

    def __init__(self) -> None:
        # Whoever is interrupted while writing, by itself, must not wait for itself.
        self._writing = RLock()
        self._adding = Lock()
        self._waiting: list[tuple[Item, Future[None]]] = []

    def write(self, item: Item, write: Callable[[list[Item]], None]) -> None:
        """Return when the item is written, by this thread or another; an error of that
        is everybody's whose item was with it."""
        mine: Future[None] = Future()
        with self._adding:
            self._waiting.append((item, mine))
        with self._writing:
            if not mine.done():
                self._write_all(write)
        mine.result()

    def _write_all(self, write: Callable[[list[Item]], None]) -> None:
        with self._adding:
            taken, self._waiting = self._waiting, []
        try:
            write([item for item, _ in taken])
        except BaseException as error:
            for _, future in taken:
                future.set_exception(error)
        else:
            for _, future in taken:
                future.set_result(None)
