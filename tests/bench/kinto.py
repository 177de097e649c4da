"""Kinto on its memory backends, with a collection as long as a page of ours."""

import base64
import http.client
import json
import re
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.bench.loads import Target
from tests.bench.processes import WEB, Program, all_cores
from tests.bench.stores import FOLDER

REQUIREMENTS = Path(__file__).parent / "kinto-requirements.txt"
BUCKET = "/v1/buckets/bench"
READ = f"{BUCKET}/collections/read/records"
WRITTEN = f"{BUCKET}/collections/written/records"
AUTHORIZATION = "Basic " + base64.b64encode(b"alice:quiet lantern").decode()
READY_SECONDS = 30
# The usual light set-up: nothing on disk, Basic authentication without a database of
# passwords; and no line of log for each request, which our site has not either.
INI = """
[app:main]
use = egg:kinto
kinto.storage_backend = kinto.core.storage.memory
kinto.cache_backend = kinto.core.cache.memory
kinto.permission_backend = kinto.core.permission.memory
kinto.userid_hmac_secret = bench
multiauth.policies = basicauth
multiauth.policy.basicauth.use = kinto.core.authentication.BasicAuthAuthenticationPolicy
[server:main]
use = egg:waitress#main
host = 127.0.0.1
port = {port}
threads = 4
[loggers]
keys = root
[handlers]
keys = console
[formatters]
keys =
[logger_root]
level = WARNING
handlers = console
[handler_console]
class = StreamHandler
args = (sys.stderr,)
"""


def install() -> Path:
    """The Python of Kinto's environment. CalledProcessError: it cannot be made."""
    environment = FOLDER / "kinto-venv"
    python, stamp = environment / "bin" / "python", environment / "installed"
    wanted = REQUIREMENTS.read_text()
    if not (stamp.exists() and stamp.read_text() == wanted):
        pip = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        with all_cores():
            _run([sys.executable, "-m", "venv", str(environment)])
            _run([*pip, "-r", str(REQUIREMENTS)])
        stamp.write_text(wanted)
    return python


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)


class Kinto:
    """A running Kinto that holds `microposts` as records."""

    def __init__(self, python: Path, microposts: list[dict[str, Any]]):
        """OSError, SystemExit: it does not start."""
        ini = FOLDER / "kinto.ini"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        ini.write_text(INI.format(port=port))
        self.records = [_record(one) for one in microposts]
        self.program = Program(
            [str(python), "-m", "pyramid.scripts.pserve", str(ini)],
            FOLDER / "kinto.log",
            re.compile(rb"Serving on|Starting server"),
            WEB,
        )
        self.program.port = port
        self._fill()

    @property
    def list(self) -> Target:
        """A list of all records, as many as a page of ours has."""
        return Target(f"{READ}?_limit={len(self.records)}", AUTHORIZATION)

    @property
    def post(self) -> Target:
        """A new record of the size of a micropost, in a collection of its own."""
        body = json.dumps({"data": self.records[0]})
        return Target(WRITTEN, AUTHORIZATION, "POST", body=body)

    def stop(self) -> None:
        """End it."""
        self.program.stop()

    def _fill(self) -> None:
        until = time.monotonic() + READY_SECONDS
        while True:
            try:
                self._send("PUT", BUCKET, {})
                break
            except OSError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.1)
        for address in (READ, WRITTEN):
            self._send("PUT", address.removesuffix("/records"), {})
        for record in self.records:
            self._send("POST", READ, {"data": record})

    def _send(self, method: str, path: str, body: Any) -> None:
        headers = {"Authorization": AUTHORIZATION, "Content-Type": "application/json"}
        connection = http.client.HTTPConnection("127.0.0.1", self.program.port)
        connection.request(method, path, json.dumps(body), headers)
        answer = connection.getresponse()
        said = answer.read()
        connection.close()
        if answer.status not in {200, 201}:
            raise SystemExit(f"Kinto: {method} {path}: {answer.status} {said!r}")


def _record(micropost: dict[str, Any]) -> dict[str, Any]:
    """A micropost without what Kinto adds to each record itself: id and time."""
    return {key: micropost[key] for key in micropost if key not in {"id", "timestamp"}}
