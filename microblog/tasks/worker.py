"""The worker: does the tasks of a site, and sets the periodic ones going.

Threads, not processes: tasks wait for the database and for mail servers, and one
process of 100 MB does.
"""

import logging
import os
import socket
import threading
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from celery import signals
from celery.beat import EmbeddedService, Scheduler
from celery.exceptions import Retry

from microblog import metrics, tracing
from microblog.database import Connection, failures
from microblog.errors import MicroblogError
from microblog.settings import Settings
from microblog.store import Document, dead_letters, runs, workers
from microblog.tasks.broker import BACKOFF_SECONDS, QUEUE, RETRIES, application
from microblog.tasks.jobs import ASKED, PERIODIC, Job, Site

log = logging.getLogger(__name__)

CLOSE_SECONDS = 5.0


class Worker:
    """One process that works on the tasks of a site."""

    def __init__(self, settings: Settings, connection: Connection):
        self.settings = settings
        self.celery = application(settings)
        self.connection = connection
        stopping = threading.Event()
        self.site = Site(settings, connection, self._later, self.waiting, stopping)
        self.name = f"{socket.gethostname()}:{os.getpid()}"
        self.running: dict[str, Document] = {}
        for name, job in ASKED.items():
            self._add(name, job)
        for name, (job, _seconds) in PERIODIC.items():
            self._add(name, self._noted(name, job))
        self.celery.conf.beat_schedule = {
            name: {
                "task": name,
                "schedule": seconds,
                # One that is that late, another has overtaken.
                "options": {"expires": seconds},
            }
            for name, (_job, seconds) in PERIODIC.items()
        }

    def run(self) -> int:
        """Work until SIGTERM or Ctrl-C, finish what is in hand; the exit status."""
        # The program's own logging is set up already.
        signals.setup_logging.connect(_leave_logging)
        # It means tasks that are pickled; these are JSON.
        warnings.filterwarnings("ignore", "You're running the worker with superuser")
        signals.worker_ready.connect(self._begin, weak=False)
        signals.worker_shutting_down.connect(self._stop, weak=False)
        tell_no_more = metrics.serve(
            self.settings.metrics_listen, self.connection, metrics.WAITING
        )
        trace_no_more = tracing.start(self.settings.tracing_endpoint)
        pulse = threading.Thread(target=self._pulse, name="pulse", daemon=True)
        # Not the scheduler with a file, which is one more thing to lose: after a start
        # everything periodic is due once.
        beat = EmbeddedService(self.celery, thread=True, scheduler_cls=Scheduler)
        pulse.start()
        beat.start()
        worker = self.celery.Worker(
            pool="threads",
            concurrency=self.settings.worker_threads,
            hostname=f"microblog@{self.name}",
            queues=[QUEUE],
            without_gossip=True,
            without_mingle=True,
            without_heartbeat=True,
            quiet=True,
        )
        try:
            worker.start()
        finally:
            self.site.stopping.set()
            # Neither waits for a broker that is gone.
            beat.service.stop(wait=False)
            pulse.join(CLOSE_SECONDS)
            tell_no_more()
            trace_no_more()
        return int(worker.exitcode or 0)

    def waiting(self) -> int:
        """How many tasks wait in the queue."""
        with self.celery.pool.acquire(block=True) as connection:
            found = connection.default_channel.queue_declare(
                queue=QUEUE, passive=True, durable=True
            )
        return int(found.message_count)

    def _waiting(self) -> int:
        waiting = self.waiting()
        metrics.WAITING.set(waiting)
        return waiting

    def _later(self, name: str, *arguments: Any) -> None:
        self.celery.send_task(name, arguments)

    def _begin(self, **more: Any) -> None:
        """What is periodic is due after a start."""
        log.info("worker %s is ready", self.name)
        for name, (_job, seconds) in PERIODIC.items():
            self.celery.send_task(name, expires=seconds)

    def _stop(self, **more: Any) -> None:
        """What takes long ends soon; the next start goes on."""
        self.site.stopping.set()

    def _add(self, name: str, job: Job) -> None:
        def run(task: Any, *arguments: Any) -> None:
            self._do(task, name, job, arguments)

        self.celery.task(run, name=name, bind=True, max_retries=RETRIES)

    def _do(self, task: Any, name: str, job: Job, arguments: tuple[Any, ...]) -> None:
        """Do a task; one that fails is tried again, and given up in the end."""
        id, began = task.request.id, time.monotonic()
        if self.site.stopping.is_set():
            log.info("task %s %s left to the next worker", name, id)
            return
        self.running[id] = {"name": name, "id": id, "since": datetime.now(UTC)}
        outcome = "done"
        try:
            with tracing.span(f"task {name}"), failures():
                job(self.site, *arguments)
        except Exception as error:
            outcome = f"failed: {_reason(error)}"
            self._fail(task, name, arguments, error)
        finally:
            del self.running[id]
            seconds = time.monotonic() - began
            metrics.TASKS.labels(name, outcome.partition(":")[0]).observe(seconds)
            log.info("task %s %s %.3f s %s", name, id, seconds, outcome)

    def _fail(
        self, task: Any, name: str, arguments: tuple[Any, ...], error: Exception
    ) -> None:
        tries = task.request.retries
        if name in PERIODIC:
            log.warning("task %s failed", name, exc_info=error)
        elif tries < RETRIES:
            # It comes again by itself; `Retry` would only be logged.
            with suppress(Retry):
                task.retry(exc=error, countdown=BACKOFF_SECONDS * 2**tries)
        else:
            metrics.GIVEN_UP.labels(name).inc()
            log.error("task %s %s is given up", name, arguments, exc_info=error)
            with failures():
                dead_letters.add(
                    self.site.database,
                    name,
                    list(arguments),
                    _reason(error),
                    tries + 1,
                )

    def _noted(self, name: str, job: Job) -> Job:
        """A periodic task that leaves a note of each run."""

        def run(site: Site) -> None:
            began, outcome = time.monotonic(), "done"
            try:
                job(site)
            except Exception as error:
                outcome = f"failed: {_reason(error)}"
                raise
            finally:
                with suppress(MicroblogError), failures():
                    seconds = time.monotonic() - began
                    runs.note(site.database, name, round(seconds, 3), outcome)

        return run

    def _pulse(self) -> None:
        """Say every few seconds that this process lives, and what it does."""
        started = datetime.now(UTC)
        while True:
            self._quietly(
                lambda: workers.note(
                    self.site.database,
                    self.name,
                    started=started,
                    running=list(self.running.values()),
                    waiting=self._waiting(),
                )
            )
            if self.site.stopping.wait(workers.EVERY_SECONDS):
                break
        self._quietly(lambda: workers.remove(self.site.database, self.name))

    def _quietly(self, say: Callable[[], None]) -> None:
        try:
            with failures():
                say()
        except Exception as error:
            log.debug("worker's state is not told: %s", _reason(error))


def _reason(error: Exception) -> str:
    """An error in one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]


def _leave_logging(**more: Any) -> None:
    """Celery sets up no logging when somebody else does."""
