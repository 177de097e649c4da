"""Hands tasks to the broker, in a thread: a broker that is slow or gone delays
nobody. What is lost on the way, `sweep` finds again."""

import logging
import queue
import threading
import time
from contextlib import suppress
from typing import Any

from microblog.settings import Settings
from microblog.tasks.broker import application

log = logging.getLogger(__name__)

MOST = 10_000  # tasks that wait for the broker
PAUSE_SECONDS = 1.0  # between two of those that are sent `once`
CLOSE_SECONDS = 2.0


class Sender:
    """The tasks of one process on their way to the broker."""

    def __init__(self, settings: Settings):
        self.celery = application(settings)
        self._waiting: queue.Queue[tuple[str, tuple[Any, ...]] | None]
        self._waiting = queue.Queue(MOST)
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._due: dict[Any, float] = {}  # when the next of those alike may be sent

    def send(self, name: str, *arguments: Any) -> None:
        """Have the task done, some time soon."""
        try:
            self._waiting.put_nowait((name, arguments))
        except queue.Full:
            log.warning("task %s: the broker is too slow; left to sweep", name)
            return
        with self._lock:
            # Started late: a process that forks, or sends nothing, needs no thread.
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="tasks", daemon=True
                )
                self._thread.start()

    def send_once(self, name: str, *arguments: Any) -> None:
        """As `send`, but of many alike within PAUSE_SECONDS only the first at once, and
        one more in the end: for a task that does all there is to do."""
        key, now = (name, arguments), time.monotonic()
        with self._lock:
            due = self._due.get(key, 0.0)
            if now < due - PAUSE_SECONDS:
                return  # One more is on its way already.
            for old in [key for key, due in self._due.items() if due < now]:
                del self._due[old]
            self._due[key] = max(now, due) + PAUSE_SECONDS
        if due <= now:
            self.send(name, *arguments)
        else:
            timer = threading.Timer(due - now, self.send, (name, *arguments))
            timer.daemon = True
            timer.start()

    def flush(self) -> None:
        """Wait until everything is handed over, or has failed to be."""
        self._waiting.join()

    def close(self) -> None:
        """Hand over what waits, for a moment; then let go."""
        if self._thread is not None:
            with suppress(queue.Full):
                self._waiting.put_nowait(None)
            self._thread.join(CLOSE_SECONDS)
        self.celery.close()

    def _run(self) -> None:
        while True:
            item = self._waiting.get()
            try:
                if item is None:
                    return
                name, arguments = item
                self.celery.send_task(name, arguments, retry=False)
            except Exception as error:
                reason = f"{type(error).__name__}: {error}"
                log.warning("task not handed over, left to sweep: %.300s", reason)
            finally:
                self._waiting.task_done()
