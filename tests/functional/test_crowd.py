"""Fifty who log in at once hinder nobody who reads."""

import http.client
import statistics
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.factories import PASSWORD
from tests.site import Site

MANY = 50
# They all come from one address, to one account.
SETTINGS = """
http.connections = 200
limits.login = 0
limits.login_network = 0
limits.login_account = 0
limits.login_all = 0
"""


@pytest.fixture
def dear(tmp_path: Path) -> Iterator[Site]:
    """A site at which a password costs what it costs in production."""
    site = Site(tmp_path, SETTINGS)
    ini = site.ini.read_text()
    site.ini.write_text(ini.replace("password.cost = 4", "password.cost = 12"))
    site.start()
    yield site
    site.stop()


def ask(site: Site, method: str, path: str, body: str | None = None) -> tuple[int, str]:
    """Status and Retry-After of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=60)
    connection.request(method, path, body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status, answer.getheader("Retry-After", "")


def test_RL_3_fifty_logins_at_once(dear: Site) -> None:
    dear.register("alice")
    login = f'{{"username": "alice", "password": "{PASSWORD}"}}'
    answers, took, reads = [], [], []
    over = threading.Event()

    def log_in() -> None:
        begun = time.monotonic()
        answers.append(ask(dear, "POST", "/api/token", login))
        if answers[-1][0] == 200:
            took.append(time.monotonic() - begun)

    def read() -> None:
        while not over.is_set():
            begun = time.monotonic()
            status, _ = ask(dear, "GET", f"/users/alice?size={len(reads) % 100 + 1}")
            reads.append((status, time.monotonic() - begun))

    reader = threading.Thread(target=read)
    reader.start()
    crowd = [threading.Thread(target=log_in) for _ in range(MANY)]
    for one in crowd:
        one.start()
    for one in crowd:
        one.join()
    over.set()
    reader.join()
    assert len(answers) == MANY
    assert {status for status, _ in answers} == {200, 503}
    assert all(int(after) > 0 for status, after in answers if status == 503)
    assert {status for status, _ in reads} == {200}
    # Behind a hash, a page would take longer than the hash.
    assert statistics.median(seconds for _, seconds in reads) < min(took), reads
    assert ask(dear, "POST", "/api/token", login)[0] == 200
