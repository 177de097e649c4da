"""A client in Python: one kept connection, answers as they are."""

import http.client
import json
import statistics
import time
from typing import Any


class Client:
    """One kept connection to a web server."""

    def __init__(self, port: int, authorization: str = ""):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        self.headers = {"Content-Type": "application/json"}
        if authorization:
            self.headers["Authorization"] = authorization

    def answer(self, path: str, body: Any = None) -> tuple[int, bytes]:
        """Status and body of the answer to a GET, or to a POST of a body."""
        method = "GET" if body is None else "POST"
        content = None if body is None else json.dumps(body)
        self.connection.request(method, path, content, self.headers)
        answer = self.connection.getresponse()
        return answer.status, answer.read()

    def read(self, path: str, body: Any = None) -> bytes:
        """The body of the answer. SystemExit: no success."""
        status, said = self.answer(path, body)
        if status not in {200, 201}:
            raise SystemExit(f"{path}: {status} {said[:500]!r}")
        return said

    def json(self, path: str, body: Any = None) -> Any:
        """The same, read as JSON."""
        return json.loads(self.read(path, body))

    def milliseconds(self, path: str) -> float:
        """How long a GET takes."""
        began = time.perf_counter()
        self.read(path)
        return (time.perf_counter() - began) * 1000


def percentiles(times: list[float]) -> tuple[float, float]:
    """The 50th and the 99th."""
    return statistics.median(times), sorted(times)[
        min(len(times) - 1, len(times) * 99 // 100)
    ]
