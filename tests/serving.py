"""The web server with an application that answers slowly, or at length, on request.

python -m tests.serving http.header_seconds=1 …
"""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs

import pytest

from microblog import server
from microblog import settings as settings_module

START_SECONDS = 30
SOON = 60  # seconds, for what happens in a few
MB = 1 << 20


class Application:
    """/slow?seconds=, /large?mb= in pieces, /open: how many of these are not finished,
    /address: who asks; every other path answers at once."""

    def __init__(self, settings: Any):
        nothing = SimpleNamespace(close=lambda: None)
        self.registry = {"settings": settings, "connection": nothing, "sender": nothing}
        self.open = 0

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        query = parse_qs(environ["QUERY_STRING"])
        path, length = environ["PATH_INFO"], None
        answer: Any = [b"hello"]
        if path == "/slow":
            self.open += 1
            time.sleep(float(query["seconds"][0]))
            self.open -= 1
        elif path == "/large":
            length = int(query["mb"][0]) * MB
            answer = self._large(length)
        elif path == "/open":
            answer = [b"%d" % self.open]
        elif path == "/address":
            answer = [environ["REMOTE_ADDR"].encode()]
        elif path == "/draining":
            answer = [str(server.is_draining()).encode()]
        length = len(answer[0]) if length is None else length
        start_response("200 OK", [("Content-Length", str(length))])
        return answer

    def _large(self, length: int) -> Iterator[bytes]:
        self.open += 1
        try:
            for _ in range(length // MB):
                yield b"x" * MB
        finally:
            self.open -= 1


class Served:
    """The server in a process of its own."""

    def __init__(
        self, log: Path, *settings: str, before: Callable[[], None] | None = None
    ):
        """`settings`: key=value; `before`: what the process does first."""
        self.log = log
        self.clients: list[socket.socket] = []
        with open(log, "wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.serving", *settings],
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=Path(__file__).parents[1],
                preexec_fn=before,
            )
        self.port = int(self.said(r"http://127\.0\.0\.1:(\d+)")[1])

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid

    def said(self, pattern: str) -> re.Match[str]:
        """Wait until it has said so."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if found := re.search(pattern, self.log.read_text()):
                return found
            time.sleep(0.05)
        pytest.fail(f"it never said {pattern}: {self.log.read_text()}")

    def connect(self, source: str = "127.0.0.1", **options: int) -> socket.socket:
        """A connection from this address; `options`: of the socket, by name. It is
        closed with the server at the latest."""
        client = socket.socket()
        self.clients.append(client)
        for name, value in options.items():
            client.setsockopt(socket.SOL_SOCKET, getattr(socket, name), value)
        client.settimeout(SOON)
        client.bind((source, 0))
        client.connect(("127.0.0.1", self.port))
        return client

    def get(
        self,
        path: str,
        source: str = "127.0.0.1",
        method: str = "GET",
        **headers: str,
    ) -> bytes:
        """The whole answer, over a connection of its own."""
        with self.connect(source) as client:
            client.sendall(request(path, method, Connection="close", **headers))
            return read_all(client)

    def descriptors(self) -> int:
        """How many it has open."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def terminate(self) -> None:
        """Send it SIGTERM."""
        self.process.send_signal(signal.SIGTERM)

    def end(self) -> None:
        """Leave nothing behind."""
        for client in self.clients:
            client.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


def request(path: str, method: str = "GET", **headers: str) -> bytes:
    """A request in bytes; keyword arguments are headers, with _ for -."""
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    head = [f"{method} {path} HTTP/1.1", "Host: localhost", *lines]
    return "".join(f"{line}\r\n" for line in [*head, ""]).encode()


def read_all(client: socket.socket) -> bytes:
    """What comes until the connection ends, one way or the other."""
    pieces = []
    try:
        while piece := client.recv(1 << 16):
            pieces.append(piece)
    except ConnectionResetError:
        pass
    return b"".join(pieces)


def read_answer(client: socket.socket) -> bytes:
    """One answer with a short body, of a connection that stays open."""
    answer = b""
    while b"\r\n\r\n" not in answer:
        piece = client.recv(1 << 16)
        assert piece, answer
        answer += piece
    head, _, body = answer.partition(b"\r\n\r\n")
    found = re.search(rb"(?i)content-length: (\d+)", head)
    assert found, head
    while len(body) < int(found[1]):
        body += client.recv(1 << 16)
    return head + b"\r\n\r\n" + body


def wait_until(condition: Callable[[], bool]) -> None:
    """Fail unless it comes true soon."""
    deadline = time.monotonic() + SOON
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.05)


def main() -> None:
    """Serve on a free port of 127.0.0.1."""
    given = dict(argument.split("=", 1) for argument in sys.argv[1:])
    values = {"http_host": "127.0.0.1", "http_port": "0", **given}
    server.run(Application(settings_module.read(values, environment={})))


if __name__ == "__main__":
    main()
