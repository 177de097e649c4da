"""Starts programs on a core of their own, and reads what they use."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from microblog import settings as settings_module
from microblog.database import Connection

START_SECONDS = 60.0
STOP_SECONDS = 60.0
LISTENING = re.compile(rb"http://127\.0\.0\.1:(\d+)")

INI = """
[app:main]
use = egg:microblog
site.url = http://localhost:6543
http_host = 127.0.0.1
http_port = 0
http.threads = 4
password.cost = 12
# One client does it all; limits count as they do for many.
http.connections = 1000
limits.register = 1000000000
limits.login_network = 1000000000
limits.post = 1000000000
limits.follow = 1000000000
limits.search = 1000000000
{settings}
[server:main]
use = egg:microblog
[loggers]
keys = root, microblog
[handlers]
keys = console
[formatters]
keys =
[logger_root]
level = WARNING
handlers = console
[logger_microblog]
level = INFO
handlers =
qualname = microblog
[handler_console]
class = StreamHandler
args = (sys.stderr,)
"""

ALL = sorted(os.sched_getaffinity(0))
WEB = {ALL[0]}  # for the web process alone
OTHERS = {ALL[1] if len(ALL) > 1 else ALL[0]}  # for whatever else takes part


def pin(pid: int, cores: set[int]) -> None:
    """Keep a process, with all its threads, on these cores."""
    for thread in os.listdir(f"/proc/{pid}/task"):
        with contextlib.suppress(ProcessLookupError):
            os.sched_setaffinity(int(thread), cores)


@contextlib.contextmanager
def all_cores() -> Iterator[None]:
    """Use every core meanwhile: for work that nobody measures."""
    os.sched_setaffinity(0, ALL)
    try:
        yield
    finally:
        os.sched_setaffinity(0, OTHERS)


def cpu_seconds(pid: int) -> float:
    """The processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def megabytes(pid: int) -> float:
    """The memory that a process holds."""
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


class Machine:
    """How much of the machine was used since this was made."""

    def __init__(self) -> None:
        self._then = self._ticks()

    @staticmethod
    def _ticks() -> list[int]:
        line = Path("/proc/stat").read_text().splitlines()[0]
        return [int(field) for field in line.split()[1:9]]

    def shares(self) -> tuple[float, float]:
        """Of all processor time, in percent: used here, and kept by the host."""
        spent = [
            now - then for now, then in zip(self._ticks(), self._then, strict=True)
        ]
        whole = sum(spent) or 1
        *_, stolen = spent
        idle = spent[3] + spent[4]
        return 100 * (whole - idle - stolen) / whole, 100 * stolen / whole


class Program:
    """A program that runs until it is stopped; its output is a file."""

    def __init__(
        self,
        arguments: Sequence[str],
        log: Path,
        ready: re.Pattern[bytes],
        cores: set[int],
        environment: dict[str, str] | None = None,
    ):
        """Start it, and wait until its output says `ready`. SystemExit: why not."""
        with open(log, "wb") as output:
            self.process = subprocess.Popen(
                arguments,
                env={**os.environ, **(environment or {})},
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        # Before it has made any thread: each inherits the cores of who made it.
        pin(self.pid, cores)
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            if found := ready.search(log.read_bytes()):
                self.port = int(found[1]) if ready.groups else 0
                pin(self.pid, cores)
                return
            time.sleep(0.05)
        self.stop()
        raise SystemExit(f"{arguments[2]} does not start:\n{log.read_text()[-2000:]}")

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid

    @property
    def url(self) -> str:
        """Where it is reached, if it is a web server."""
        return f"http://127.0.0.1:{self.port}"

    def stop(self) -> None:
        """End it by SIGTERM, or at last by SIGKILL."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Site:
    """A site in a directory: its document server, which this process owns, its
    `database`, and its programs once they are started."""

    def __init__(self, directory: Path, settings: str = ""):
        """`settings`: more lines of its ini file."""
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self.ini = directory / "site.ini"
        self.ini.write_text(INI.format(settings=settings))
        self.data_dir = directory / "data"
        checked = settings_module.read({"data_dir": str(self.data_dir)}, environment={})
        self.connection = Connection(checked, seconds=None).open()
        self.database = self.connection.wait()
        self.web: Program | None = None
        self.worker: Program | None = None

    @property
    def database_pid(self) -> int:
        """The process id of the document server."""
        server = self.connection.server
        assert server is not None
        assert server.pid is not None
        return server.pid

    @property
    def environment(self) -> dict[str, str]:
        """What its programs need to know."""
        return {"DATA_DIR": str(self.data_dir)}

    def start_web(self) -> Program:
        """Start the web server."""
        self.web = Program(
            [sys.executable, "-m", "pyramid.scripts.pserve", str(self.ini)],
            self.directory / "web.log",
            LISTENING,
            WEB,
            self.environment,
        )
        return self.web

    def start_worker(self) -> Program:
        """Start the worker."""
        self.worker = Program(
            [sys.executable, "-m", "microblog", "-c", str(self.ini), "worker"],
            self.directory / "worker.log",
            re.compile(rb"worker \S+ is ready"),
            OTHERS,
            self.environment,
        )
        return self.worker

    def stop_worker(self) -> None:
        """Stop the worker, if it runs."""
        if self.worker:
            self.worker.stop()
            self.worker = None

    def command(self, *arguments: str) -> str:
        """The output of a `microblog` command on the data. SystemExit: it failed."""
        done = subprocess.run(
            [sys.executable, "-m", "microblog", "-c", str(self.ini), *arguments],
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            said = (done.stdout + done.stderr)[-2000:]
            raise SystemExit(f"microblog {arguments[0]} failed:\n{said}")
        return done.stdout

    def stop(self) -> None:
        """Stop everything; the data stays."""
        self.stop_worker()
        if self.web:
            self.web.stop()
            self.web = None
        self.connection.close()
