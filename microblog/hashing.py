"""Hashing aside: a password takes a quarter of a second of a core, and who reads should
not wait for who logs in.

It is done by threads of its own, on any core of the site and behind all others, and for
so many requests at once that threads of the web server are always left.
"""

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, TypeVar

from microblog.errors import Unavailable
from microblog.i18n import _

THREADS = 2
NICENESS = 2
# In the environment of a web server that is kept on one core: those of the whole site.
CORES = "MICROBLOG_RUN_CORES"

Result = TypeVar("Result")


class Aside:
    """The hashing of one process."""

    def __init__(self, places: int):
        """`places`: requests that may hash at once; the next is told to come again."""
        self._places = threading.Semaphore(max(1, places))
        self._pool = ThreadPoolExecutor(
            THREADS, thread_name_prefix="hashing", initializer=_step_aside
        )

    def run(self, work: Callable[..., Result], *arguments: Any) -> Result:
        """What `work` returns. Unavailable: too many others hash."""
        if not self._places.acquire(blocking=False):
            raise Unavailable(_("many are logging in just now; try again in a moment"))
        try:
            return self._pool.submit(work, *arguments).result()
        finally:
            self._places.release()


def _step_aside() -> None:
    """Let this thread run on every core of the site, and let others run before it."""
    with suppress(OSError):
        if cores := os.environ.get(CORES):
            os.sched_setaffinity(0, map(int, cores.split(",")))
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
