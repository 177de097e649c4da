"""Somebody who asks for one page over and over, and notes how that went."""

import http.client
import threading
import time
from typing import Self

from tests.faults.ledger import Answer
from tests.site import Site


class Probe:
    """Asks from `with` on, until its end."""

    def __init__(self, site: Site, path: str, pause: float = 0.05):
        """`pause`: seconds between two requests."""
        self.site = site
        self.path = path
        self.pause = pause
        self.answers: list[Answer] = []
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._done.set()
        self._thread.join()

    def since(self, moment: float) -> list[Answer]:
        """What was asked for after that moment (`time.monotonic()`)."""
        return [one for one in list(self.answers) if one.at - one.seconds >= moment]

    def wait_for(self, status: int, seconds: float = 60) -> float:
        """How many seconds it takes from now until an answer has the status."""
        started = time.monotonic()
        while not any(one.status == status for one in self.since(started)):
            assert time.monotonic() < started + seconds, f"no {status}: {self.path}"
            time.sleep(0.01)
        return time.monotonic() - started

    def _run(self) -> None:
        while not self._done.wait(self.pause):
            started = time.monotonic()
            status = get(self.site, self.path)
            ended = time.monotonic()
            self.answers.append(Answer(ended, ended - started, status))


def get(site: Site, path: str, seconds: float = 60) -> int:
    """The status of an answer to a GET; 0: the connection broke."""
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=seconds)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()
    return answer.status
