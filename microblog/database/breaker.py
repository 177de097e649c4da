"""Whether the document server answers. While it does not, nobody waits to find out: one
probe does that for all."""

import logging
import threading
import time

from microblog.errors import Unavailable

log = logging.getLogger(__name__)

# What fails is mostly one query, and then the probe finds the server within this time.
GRACE_SECONDS = 0.05


class Breaker:
    """Open: the document server does not answer."""

    def __init__(self) -> None:
        self._closed = threading.Event()
        self._closed.set()
        self._opened = 0.0
        self._lock = threading.Lock()

    @property
    def is_open(self) -> bool:
        """Whether it does not answer, as far as is known."""
        return not self._closed.is_set()

    def open(self) -> None:
        """It has failed somebody."""
        with self._lock:
            if not self.is_open:
                self._opened = time.monotonic()
                self._closed.clear()

    def close(self) -> None:
        """It has answered the probe."""
        with self._lock:
            if self.is_open:
                self._closed.set()
                seconds = time.monotonic() - self._opened
                log.info("document server answers again after %.3f s", seconds)

    def check(self) -> None:
        """Unavailable: it does not answer."""
        if self._closed.is_set():
            return
        left = self._opened + GRACE_SECONDS - time.monotonic()
        if left <= 0 or not self._closed.wait(left):
            raise Unavailable("the document server does not answer")
