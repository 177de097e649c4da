"""The embedded document server: SecantusDB as a child process on loopback.

One process of those that use a data directory owns the server: the one that holds the
lock. It starts the server and starts it again when it dies. The others read its port
from `server.json`; when the owner ends, one of them takes over on the same port.
"""

import atexit
import contextlib
import fcntl
import importlib.util
import json
import logging
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from microblog.errors import ConfigurationError

log = logging.getLogger(__name__)

ADDRESS = "127.0.0.1"
USER = "microblog"
START_SECONDS = 20.0
STOP_SECONDS = 10.0
POLL_SECONDS = 0.02
LEAST_FREE = 8 << 20  # bytes; an empty store takes about as many
# For the engine, which fails when there is no room at all: of a small disk an eighth.
RESERVE = 64 << 20  # bytes
# A file of ours keeps the server from picking up a stray one. As a replica set of one,
# it would log each changed document whole, for change streams, which nobody here reads.
CONFIGURATION = """\
[server]
standalone = true
"""
# Its journal is kept until a checkpoint: a minute of that can be hundreds of megabytes.
CHECKPOINT_SECONDS = "5"


class EmbeddedServer:
    """The server of one data directory, as one process sees it."""

    def __init__(self, data_dir: Path, port: int = 0):
        self.directory = data_dir.absolute() / "database"
        self.port = port
        self._lock: IO[str] | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._stopped = False

    @property
    def is_owner(self) -> bool:
        return self._lock is not None

    @property
    def pid(self) -> int | None:
        """The server's process id, if this process started it."""
        return self._child.pid if self._child else None

    @property
    def has_room(self) -> bool:
        """Whether the disk has room for what people write."""
        disk = shutil.disk_usage(self.directory)
        return disk.free >= min(RESERVE, disk.total // 8)

    def ensure(self) -> str:
        """The URI of the running server, which is started if it has to be.

        ConfigurationError says in one line why there cannot be one.
        """
        if importlib.util.find_spec("secantus") is None:
            raise ConfigurationError(
                "the embedded document server is not installed: pip install "
                "'microblog[embedded]', or name a MongoDB server in mongodb.uri"
            )
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.directory.chmod(0o700)
            return self._find_or_start()
        except OSError as error:
            raise ConfigurationError(
                f"the data directory {self.directory} cannot be used: "
                f"{error.strerror or error}"
            ) from None

    def look_after(self) -> None:
        """Start the server again if it died, or take over from an owner that ended.

        ConfigurationError: it does not start on the port that its clients know.
        """
        if self._stopped or (self._child and self._child.poll() is None):
            return
        if self.is_owner or self._take_lock():
            log.warning("starting the embedded document server again")
            self._own(self._last_port())

    def end_broken(self) -> None:
        """Kill a server whose engine has failed, if this process started it and the
        disk has room: `look_after` starts it again."""
        if self._child and self.has_room:
            log.error("the engine of the embedded document server has failed")
            self._child.kill()
            self._child.wait()

    def stop(self) -> None:
        """Stop the server if this process started it; the data stays."""
        self._stopped = True
        if self._child:
            _end(self._child, self._last_port())
            self._child = None
        if self._lock:
            self._lock.close()
            self._lock = None

    def _find_or_start(self) -> str:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.is_owner or self._take_lock():
                return self._own()
            if uri := self._others():
                return uri
            time.sleep(POLL_SECONDS * 5)
        raise ConfigurationError(
            f"another process holds {self.directory} but its document server does "
            "not answer"
        )

    def _take_lock(self) -> bool:
        lock = open(self.directory / "lock", "w")  # noqa: SIM115 (held for life)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            return False
        self._lock = lock
        atexit.register(self.stop)
        return True

    def _others(self) -> str | None:
        """The URI of the server that another process runs, once it answers."""
        with contextlib.suppress(
            OSError, ValueError, KeyError, PyMongoError, ConfigurationError
        ):
            port = json.loads((self.directory / "server.json").read_text())["port"]
            password = (self.directory / "password").read_text()
            uri = self._uri(port, password)
            _ping(uri)
            return uri
        return None

    def _own(self, port: int = 0) -> str:
        """Start the server, on `port` and no other if that is given."""
        if not (self.directory / "password").exists():
            self._make_user()
        password = self._password()
        port = self._launch(port or self.port, "--auth")
        uri = self._uri(port, password)
        _ping(uri)
        found = {"port": port, "pid": self.pid}
        _write(self.directory / "server.json", json.dumps(found))
        return uri

    def _password(self) -> str:
        return (self.directory / "password").read_text()

    def _last_port(self) -> int:
        """The port of the last start: clients of a server that died look there."""
        with contextlib.suppress(OSError, ValueError, KeyError):
            return int(json.loads((self.directory / "server.json").read_text())["port"])
        return 0

    def _make_user(self) -> None:
        """The one user, made before authentication is on: no exception for localhost
        exists. The password file appears last, so that a crash starts this again."""
        password = secrets.token_urlsafe(32)
        port = self._launch(0)
        with _client(f"mongodb://{ADDRESS}:{port}/?directConnection=true") as client:
            if client.admin.command("usersInfo")["users"]:
                client.admin.command("dropUser", USER)
            client.admin.command("createUser", USER, pwd=password, roles=["root"])
        if self._child:
            _end(self._child, port)
        _write(self.directory / "password", password)

    def _launch(self, port: int, *options: str) -> int:
        """Start the server; the port it listens on."""
        deadline = time.monotonic() + START_SECONDS
        while True:
            log = self.directory / "server.log"
            self._child = self._spawn(log, port, options)
            while self._child.poll() is None and time.monotonic() < deadline:
                if found := _listening(log):
                    return found
                time.sleep(POLL_SECONDS)
            reason = _reason(log)
            if "busy" not in reason or time.monotonic() > deadline - 15:
                raise ConfigurationError(self._explain(reason, port))
            # The server of a process that has just ended needs a moment to stop.
            time.sleep(0.2)

    def _spawn(self, log: Path, port: int, options: tuple[str, ...]) -> Any:
        arguments = ["--host", ADDRESS, "--port", str(port), "--sync-on-commit"]
        arguments += ["--storage-path", str(self.directory / "data")]
        _write(self.directory / "server.toml", CONFIGURATION)
        arguments += ["--config", str(self.directory / "server.toml"), *options]
        launcher = [sys.executable, "-m", "microblog.database.launcher"]
        with open(log, "wb") as output:
            return subprocess.Popen(  # noqa: S603 (a list of our own words)
                [*launcher, str(os.getpid()), "secantus", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=output,
                env={**os.environ, "SECANTUS_CHECKPOINT_SECONDS": CHECKPOINT_SECONDS},
                start_new_session=True,
            )

    def _explain(self, reason: str, port: int) -> str:
        if "busy" in reason:
            return f"{self.directory} is in use by another program"
        if "in use" in reason:
            return f"port {port} (embedded.port) is in use by another program"
        if shutil.disk_usage(self.directory).free < LEAST_FREE:
            return f"the disk that holds {self.directory} is full"
        return f"the embedded document server does not start: {reason}"

    @staticmethod
    def _uri(port: int, password: str) -> str:
        # With retryWrites, inserts slow down to a fifth within a minute here.
        return (
            f"mongodb://{USER}:{password}@{ADDRESS}:{port}/"
            "?authSource=admin&directConnection=true&retryWrites=false"
        )


def _client(uri: str) -> MongoClient[dict[str, Any]]:
    return MongoClient(uri, serverSelectionTimeoutMS=2000, timeoutMS=5000)


def _ping(uri: str) -> None:
    with _client(uri) as client:
        try:
            client.admin.command("usersInfo")
        except OperationFailure as error:
            raise ConfigurationError(
                f"the embedded document server refuses its password: {error}"
            ) from None


def _end(child: subprocess.Popen[bytes], port: int) -> None:
    child.send_signal(signal.SIGTERM)
    until = time.monotonic() + STOP_SECONDS
    while child.poll() is None and time.monotonic() < until:
        # Its thread that waits for clients learns of its end by the next one, and
        # without one only after two seconds.
        with contextlib.suppress(OSError):
            socket.create_connection((ADDRESS, port), POLL_SECONDS).close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(POLL_SECONDS)
    if child.poll() is None:
        child.kill()
        child.wait()


def _write(path: Path, content: str) -> None:
    """Replace the file as a whole, readable by its owner alone."""
    new = path.with_suffix(".new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "w") as file:
        file.write(content)
    new.replace(path)


def _listening(log: Path) -> int | None:
    for line in log.read_text(errors="replace").splitlines():
        if "listening on" in line:
            return int(line.rsplit(":", 1)[1])
    return None


def _reason(log: Path) -> str:
    """The last line that the server said."""
    lines = [line for line in log.read_text(errors="replace").splitlines() if line]
    return lines[-1].strip() if lines else "it says nothing"
