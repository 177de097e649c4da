"""What faults are put into: a document server that obeys test commands, two web servers
on it, and tables of what came of it."""

import http.client
import json
import os
import re
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pymongo import MongoClient

from microblog.settings import Settings
from microblog.store import Database
from microblog.store.check import check
from tests.faults.document_server import DocumentServer
from tests.site import START_SECONDS, Site

APP = "microblog"  # what web servers call themselves to the document server
WRITES = ["insert", "update", "delete"]
COLLECTION = "/api/users/alice/collection"
MANY = 20  # clients at once
KEY = {"Idempotency-Key": "once"}
# Of the limits, there are tests of their own.
LIMITS = [
    field.alias
    for field in Settings.model_fields.values()
    if field.alias and field.alias.startswith("limits.")
]


class FailingServer(DocumentServer):
    """A document server whose commands fail when a test wants them to."""

    def start(self) -> None:
        super().start()
        self.own = MongoClient[dict[str, Any]](self.uri(), tz_aware=True)

    def stop(self) -> None:
        self.own.close()
        super().stop()

    @property
    def database(self) -> Database:
        """The site's data, by a client that no fault meets."""
        return Database(self.own, "microblog")

    @property
    def replica_uri(self) -> str:
        """Its URI as a replica set, to which drivers repeat what was cut off: as in
        production."""
        return f"mongodb://127.0.0.1:{self.port}/?replicaSet=secantus"

    def fail(self, mode: Any, commands: list[str], **data: Any) -> None:
        """Let commands of web servers fail as MongoDB's `failCommand` has it."""
        data |= {"failCommands": commands, "appName": APP}
        self.own.admin.command(
            "configureFailPoint", "failCommand", mode=mode, data=data
        )

    def heal(self) -> None:
        """Let no command fail any more."""
        self.fail("off", [])

    def empty(self) -> None:
        """Take all out of the store but its version and its keys."""
        for name in self.database.list_collection_names():
            if name not in {"version", "keys"}:
                self.database[name].delete_many({})


class WebServer(Site):
    """A web server on a document server that others look after."""

    def __init__(
        self,
        directory: Path,
        uri: str,
        settings: str = "",
        environment: dict[str, str] | None = None,
    ):
        directory.mkdir()
        lines = [f"mongodb.uri = {uri}", settings]
        lines += [f"{limit} = 0" for limit in LIMITS if f"{limit} " not in settings]
        super().__init__(directory, "\n".join(lines))
        self.more = environment or {}

    @property
    def environment(self) -> dict[str, str]:
        return {**super().environment, **self.more}

    def start(self) -> None:
        """Start it, and wait until it has found its document server."""
        super().start()
        wait_until(lambda: "server is ready" in self.log.read_text())

    def kill(self) -> None:
        """End it by SIGKILL."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def end(self) -> None:
        """Leave nothing behind."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(START_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()

    def assert_calm(self) -> None:
        """It runs, and has said nothing of a mistake."""
        assert self.process is not None
        assert self.process.poll() is None
        said = self.log.read_text()
        assert "Traceback" not in said, said

    def thread_count(self) -> int:
        """How many threads it has."""
        return self._count("task")

    def descriptors(self) -> int:
        """How many it has open."""
        return self._count("fd")

    def memory(self) -> float:
        """What it holds of the machine's memory, in MB."""
        assert self.process is not None
        said = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", said)
        assert found
        return int(found[1]) / 1024

    def _count(self, name: str) -> int:
        assert self.process is not None
        return len(os.listdir(f"/proc/{self.process.pid}/{name}"))


def wait_until(condition: Callable[[], Any], seconds: float = 60.0) -> float:
    """The seconds it took to come true. It fails if it does not within `seconds`."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() < began + seconds, "it never came true"
        time.sleep(0.05)
    return time.monotonic() - began


def at_once(
    one: Callable[[int], tuple[int, Any]], many: int = MANY
) -> list[tuple[int, Any]]:
    """The answers of so many calls that begin together."""
    answers: list[tuple[int, Any]] = []
    barrier = threading.Barrier(many)

    def run(number: int) -> None:
        barrier.wait()
        answers.append(one(number))

    threads = [threading.Thread(target=run, args=(n,)) for n in range(many)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def statuses(answers: list[tuple[int, Any]]) -> Counter[int]:
    """How often each status was answered."""
    return Counter(status for status, _ in answers)


def repair(database: Database) -> list[str]:
    """What `check` finds, after it has mended that; then there is nothing left."""
    said = []
    for finding in check(database):
        said.append(str(finding))
        assert finding.mend is not None, finding
        assert finding.mend() is not False, finding
    # A follow that is taken away leaves a count, for the second look.
    for finding in check(database):
        assert finding.mend is not None, finding
        finding.mend()
    assert list(map(str, check(database))) == []
    return said


def shown(site: Site, token: str) -> dict[str, str]:
    """What the first page of alice's microposts shows: texts by id."""
    status, page = site.request("GET", COLLECTION, None, token)
    assert status == 200, page
    return {one["id"]: one["text"] for one in page["result"]}


def recover(site: Site, token: str) -> None:
    """Wait until the site reads again: after a failure it lets nobody wait for its
    document server, until that has answered a probe."""
    wait_until(lambda: site.request("GET", COLLECTION, None, token)[0] != 503)


def fetch(site: Site, path: str, body: Any = None) -> tuple[int, Any, str]:
    """Status, headers and text of a page, or of what is sent there as JSON."""
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=60)
    kind = {"Content-Type": "application/json"}
    try:
        if body is None:
            connection.request("GET", path)
        else:
            connection.request("POST", path, json.dumps(body), kind)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read().decode()
    finally:
        connection.close()
