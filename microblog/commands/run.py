"""`microblog run`: the whole site, as processes of this one that end with it."""

import logging
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import FrameType

import click

from microblog import hashing
from microblog.commands.context import Context
from microblog.settings import Settings, variable

log = logging.getLogger(__name__)

# One that ends that soon at first cannot start; later it is given so long a pause.
START_SECONDS = 10.0
STOP_SECONDS = 60.0  # for a task in hand
LOOK_SECONDS = 0.2


class Process:
    """A program that runs as long as the site does."""

    def __init__(self, module: str, *arguments: str, core: int | None = None):
        """`core`: the only one that it may use; None: any."""
        self.command = [module, *arguments]
        self.core = core
        self.started = 0.0
        self.restarted = self.warned = False
        self.child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it in a session of its own: Ctrl-C is for this process alone."""
        launcher = [sys.executable, "-m", "microblog.database.launcher"]
        self.started, self.warned = time.monotonic(), False
        self.child = subprocess.Popen(  # noqa: S603 (a list of our own words)
            [*launcher, str(os.getpid()), *self.command], start_new_session=True
        )
        if self.core is not None:
            with suppress(OSError):  # It has ended already: that is seen soon.
                os.sched_setaffinity(self.child.pid, {self.core})

    def look_after(self) -> None:
        """Start it again if it has ended, after a pause. Exit: it cannot start."""
        if self.child is None or self.child.poll() is None:
            return
        if not self.warned:
            status = self.child.returncode
            log.warning("%s has ended with status %s", " ".join(self.command), status)
            self.warned = True
        if time.monotonic() - self.started > START_SECONDS:
            self.restarted = True
            self.start()
        elif not self.restarted:
            raise click.exceptions.Exit(1)

    def signal(self, number: int) -> None:
        """Send it a signal, if it still runs."""
        if self.child is not None and self.child.poll() is None:
            self.child.send_signal(number)

    def wait(self, until: float) -> None:
        """Wait until it has ended; end it when the time has come."""
        if self.child is None:
            return
        try:
            self.child.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            log.warning("%s does not end; it is killed", self.command)
            self.child.kill()
            self.child.wait()


@click.command()
@click.pass_obj
def run(context: Context) -> None:
    """Run web servers and a worker, and the embedded document server if there is no
    other, until Ctrl-C or SIGTERM. Where site.readonly is true, there is no worker."""
    context.set_up_logging()
    # This process outlives them, and so does the document server that it starts.
    context.open()
    ini = str(Path(context.ini).absolute())
    processes = _web(ini, context.settings)
    if not context.settings.site_readonly:
        for one in _metrics(context.settings, context.settings.http_processes):
            key, _equals, value = one.partition("=")
            os.environ[variable(key)] = value
        processes.append(Process("microblog", "-c", ini, "worker"))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    try:
        for process in processes:
            process.start()
        while True:
            time.sleep(LOOK_SECONDS)
            for process in processes:
                process.look_after()
    finally:
        _end(processes, context.settings.http_drain_seconds)


def _web(ini: str, settings: Settings) -> list[Process]:
    """The web servers: on the port of the settings and those after it."""
    cores = sorted(os.sched_getaffinity(0))
    pinned = settings.http_pin and len(cores) > 1
    first, several = settings.http_port, settings.http_processes > 1
    os.environ[hashing.CORES] = ",".join(map(str, cores))
    if several:
        # They are one site, whatever the port.
        os.environ["MICROBLOG_SITE_URL"] = settings.url
    return [
        Process(
            "pyramid.scripts.pserve",
            ini,
            # 0: each on any port that is free.
            f"http_port={first and first + number}",
            *_metrics(settings, number),
            # Another site on this machine, on another port, begins at another core.
            core=cores[(first + number) % len(cores)] if pinned else None,
        )
        for number in range(settings.http_processes)
    ]


def _metrics(settings: Settings, number: int) -> list[str]:
    """Where a process tells its figures: on the port of the settings or a later one."""
    if settings.metrics_listen is None:
        return []
    host, first = settings.metrics_listen
    address = f"[{host}]" if ":" in host else host
    return [f"metrics.listen={address}:{first and first + number}"]


def _stop(number: int, frame: FrameType | None) -> None:
    raise SystemExit(0)


def _end(processes: list[Process], drain_seconds: float) -> None:
    """End all: what is in hand is finished; a second signal does not wait for it."""
    until = time.monotonic() + drain_seconds + STOP_SECONDS
    for process in processes:
        process.signal(signal.SIGTERM)
    try:
        for process in processes:
            process.wait(until)
    except SystemExit:
        for process in processes:
            process.signal(signal.SIGKILL)
        raise
