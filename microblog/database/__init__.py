"""The one connection of a process to its document server.

Until the server answers and the indexes are there, asking for the database raises
Unavailable. A thread sees to both, and to the embedded server for as long as the
process lives: the server's life hangs on the thread that started it.
"""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from pymongo import MongoClient
from pymongo.errors import ConfigurationError as BadUri
from pymongo.errors import InvalidURI, PyMongoError

from microblog import store
from microblog.database.embedded import EmbeddedServer
from microblog.errors import ConfigurationError, Unavailable
from microblog.settings import Settings
from microblog.store import Database
from microblog.store.changes import Changes

log = logging.getLogger(__name__)

REQUEST_SECONDS = 3.0
_NONE = Changes()  # while there is no database, nothing is remembered of it
WATCH_SECONDS = 0.5


class Connection:
    """The document server of `settings`, found or started, watched and closed."""

    def __init__(self, settings: Settings, seconds: float | None = REQUEST_SECONDS):
        """`seconds`: how long one operation may take; None for long work."""
        self.settings = settings
        self.seconds = seconds
        self.server = (
            None
            if settings.mongodb_uri.get_secret_value()
            else EmbeddedServer(settings.data_dir, settings.embedded_port)
        )
        self._client: MongoClient[dict[str, Any]] | None = None
        self._database: Database | None = None
        self._ready = threading.Event()
        self._first_try = threading.Event()
        self._closing = threading.Event()
        self._failure: ConfigurationError | None = None
        self._thread = threading.Thread(
            target=self._watch, name="database", daemon=True
        )

    @property
    def database(self) -> Database:
        """The database, ready for use. Unavailable: not yet."""
        if not self._ready.is_set() or self._database is None:
            raise Unavailable("the document server is not ready yet")
        return self._database

    @property
    def changes(self) -> Changes:
        """The table of changes, whether the database is ready or not."""
        return _NONE if self._database is None else self._database.changes

    def open(self) -> "Connection":
        """Start; wait for the embedded server, not for one elsewhere.

        ConfigurationError: there can be no server with these settings.
        """
        self._thread.start()
        self._first_try.wait()
        if self._failure:
            raise self._failure
        return self

    def wait(self, seconds: float = 60.0) -> Database:
        """The database once it is ready. Unavailable: not within `seconds`."""
        self._ready.wait(seconds)
        return self.database

    def close(self) -> None:
        """Close the connections, and stop the server if this process started it."""
        self._closing.set()
        self._thread.join()
        self._ready.clear()
        if self._client:
            self._client.close()
        if self.server:
            self.server.stop()

    def _watch(self) -> None:
        try:
            self._connect()
        except ConfigurationError as error:
            self._failure = error
            return
        except (BadUri, InvalidURI) as error:
            self._failure = ConfigurationError(f"mongodb.uri: {error}")
            return
        except Exception as error:
            log.warning("document server: %s", _brief(error))
        finally:
            self._first_try.set()
        while not self._closing.wait(WATCH_SECONDS):
            try:
                self._look_after()
            except Exception as error:
                # Whatever it is: with this thread the embedded server would end.
                log.warning("document server: %s", _brief(error))

    def _connect(self) -> None:
        uri = self.settings.mongodb_uri.get_secret_value()
        if self.server:
            uri = self.server.ensure()
        try:
            threads = max(self.settings.http_threads, self.settings.worker_threads)
            self._client = connect(uri, self.seconds, threads)
        except ValueError as error:
            raise BadUri(str(error)) from None
        # Whoever writes to an embedded server is on this machine, and tells.
        changes = Changes(self.server.directory / "changes") if self.server else None
        name = self.settings.mongodb_database
        self._database = Database(self._client, name, changes)
        if self.server:
            self._ensure_indexes()

    def _look_after(self) -> None:
        if self._client is None:
            self._connect()
        if self.server:
            self.server.look_after()
        if not self._ready.is_set():
            self._ensure_indexes()

    def _ensure_indexes(self) -> None:
        if self._client is None or self._database is None:
            return
        # One that does not answer must not be waited for as long as an index may take.
        self._client.admin.command("ping")
        store.ensure_indexes(self._database)
        self._ready.set()
        log.info("document server is ready")


def connect(
    uri: str, seconds: float | None, threads: int = 4
) -> MongoClient[dict[str, Any]]:
    """A client that waits for the journal and gives up in time: by default an
    acknowledged write can be lost, and one frozen server hangs every thread."""
    return MongoClient(
        uri,
        appname="microblog",
        journal=True,
        w="majority",
        tz_aware=True,
        timeoutMS=None if seconds is None else int(seconds * 1000),
        connectTimeoutMS=1000,
        serverSelectionTimeoutMS=2000,
        heartbeatFrequencyMS=1000,
        maxPoolSize=threads + 2,
    )


def _brief(error: Exception) -> str:
    """One line of an error, without the server's whole answer."""
    said = " ".join(str(error).partition(", full error:")[0].split())
    return f"{type(error).__name__}: {said[:300]}"


@contextmanager
def failures() -> Iterator[None]:
    """Every error of the driver leaves as Unavailable."""
    try:
        yield
    except PyMongoError as error:
        log.warning("document server: %s", _brief(error))
        raise Unavailable("the document server does not answer") from error


def tween_factory(handler: Callable[[Any], Any], registry: Any) -> Callable[[Any], Any]:
    """Inside the exception views, so that they see what `failures` raises."""

    def tween(request: Any) -> Any:
        with failures():
            return handler(request)

    return tween


def includeme(config: Any) -> None:
    """`request.database`, and Unavailable for whatever the driver raises."""
    connection = Connection(config.registry["settings"]).open()
    config.registry["connection"] = connection
    config.add_request_method(
        lambda request: connection.database, "database", reify=True
    )
    config.add_tween(
        "microblog.database.tween_factory", under="pyramid.tweens.excview_tween_factory"
    )
