"""A document server beside the site, as an operator runs one: `mongodb.uri` names it.

    server = DocumentServer(tmp_path / "elsewhere")
    server.start()
    site = Site(tmp_path, f"mongodb.uri = {server.uri()}")      # or
    site = Site(tmp_path, f"mongodb.uri = {server.uri(proxy.port)}")

It keeps its port and its data through `stop`, `kill` and `start`, and knows the test
commands: `configureFailPoint`, `replSetStepDown`.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pymongo import MongoClient

START_SECONDS = 30


class DocumentServer:
    """A SecantusDB in a process of its own."""

    def __init__(self, directory: Path):
        directory.mkdir(exist_ok=True)
        self.directory = directory
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    def uri(self, port: int = 0) -> str:
        """Its URI; `port`: of a proxy before it."""
        options = "directConnection=true&retryWrites=false"
        return f"mongodb://127.0.0.1:{port or self.port}/?{options}"

    def client(self) -> MongoClient[dict[str, object]]:
        """A client, to be closed: for `configureFailPoint`."""
        return MongoClient(self.uri())

    def start(self) -> None:
        """Start it, and wait until it listens."""
        (self.directory / "empty.toml").write_text("")
        log = self.directory / "log"
        options = ["--sync-on-commit", "--enable-test-commands", "--port"]
        with open(log, "wb") as output:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "secantus", *options, str(self.port)),
                    *("--config", str(self.directory / "empty.toml")),
                    *("--storage-path", str(self.directory / "data")),
                ],
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + START_SECONDS
        while "listening on" not in log.read_text():
            if self.process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"it does not start: {log.read_text()}")
            time.sleep(0.02)

    def signal(self, number: signal.Signals) -> None:
        """Send it SIGSTOP, SIGCONT …"""
        assert self.process is not None
        os.kill(self.process.pid, number)

    def kill(self) -> None:
        """Kill it with -9."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """End it, if it runs; asked to, it would take two seconds."""
        if self.process and self.process.poll() is None:
            self.kill()


def free_port() -> int:
    """A port at which nothing listens."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port
