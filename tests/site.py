"""A whole site in processes of its own, to be killed."""

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from coverage import Coverage

from tests.factories import PASSWORD

START_SECONDS = 30
COVERAGE_SETTINGS = Path(__file__).parents[1] / "setup.cfg"
# One address and few users do it all.
UNLIMITED = ("limits.register", "limits.post", "limits.follow")
LOG = """
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


class Site:
    """A web server with its embedded document server, started as an operator would."""

    def __init__(self, directory: Path, settings: str = ""):
        """`settings`: more lines of its ini file."""
        self.directory = directory
        self.data_dir = directory / "var"
        self.ini = directory / "site.ini"
        settings += "".join(f"\n{one} = 0" for one in UNLIMITED if one not in settings)
        self.ini.write_text(
            "[app:main]\nuse = egg:microblog\nhttp_host = 127.0.0.1\nhttp_port = 0\n"
            f"password.cost = 4\n{settings}\n[server:main]\nuse = egg:microblog\n{LOG}"
        )
        self.log = directory / "log"
        self.port = 0
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        """The environment of every process of the site."""
        return {**os.environ, "DATA_DIR": str(self.data_dir)}

    def start(self) -> None:
        """Start the web server, and wait until it and its database answer."""
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "pyramid.scripts.pserve", str(self.ini)],
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            if "http://127.0.0.1:" in (said := self.log.read_text()):
                self.port = int(said.split("http://127.0.0.1:", 1)[1].split()[0])
                return
            time.sleep(0.05)
        pytest.fail(f"the site does not start: {self.log.read_text()}")

    def start_worker(self) -> subprocess.Popen[bytes]:
        """Start a worker, and wait until it works. Its coverage counts, if that of this
        process does."""
        environment = self.environment
        if Coverage.current():
            environment["COVERAGE_PROCESS_START"] = str(COVERAGE_SETTINGS)
        log = self.directory / "worker.log"
        before = log.stat().st_size if log.exists() else 0
        with open(log, "ab") as output:
            worker = subprocess.Popen(
                [sys.executable, "-m", "microblog", "-c", str(self.ini), "worker"],
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and worker.poll() is None:
            if re.search(rb"worker \S+ is ready", log.read_bytes()[before:]):
                return worker
            time.sleep(0.05)
        worker.kill()
        worker.wait()
        pytest.fail(f"the worker does not start: {log.read_text()}")

    def stop(self) -> int:
        """Stop the web server by SIGTERM; its exit status."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(START_SECONDS)

    def database_pid(self) -> int:
        """The process id of the embedded document server."""
        found = json.loads((self.data_dir / "database" / "server.json").read_text())
        return int(found["pid"])

    def command(self, *arguments: str, text: str = "") -> tuple[int, str]:
        """Exit status and output of a `microblog` command on the same data."""
        done = subprocess.run(
            [sys.executable, "-m", "microblog", "-c", str(self.ini), *arguments],
            env=self.environment,
            input=text,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    def request(
        self, method: str, path: str, body: Any = None, token: str = "", **more: str
    ) -> tuple[int, Any]:
        """Status and JSON of an answer; status 0: the connection broke."""
        headers = {"Content-Type": "application/json", **more}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(
                method, path, json.dumps(body) if body is not None else None, headers
            )
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException):
            return 0, None
        finally:
            connection.close()
        return answer.status, json.loads(content) if content else None

    def register(self, username: str) -> str:
        """A new user's token."""
        user = {"username": username, "password": PASSWORD}
        assert self.request("POST", "/api/users", user)[0] == 201
        return str(self.request("POST", "/api/token", user)[1]["access_token"])
