"""The one connection of a process to its document server.

Until the server answers and the indexes are there, asking for the database raises
Unavailable; for a request also later, whenever it does not answer. A thread sees to
that, and to the embedded server for as long as the process lives: the server's life
hangs on the thread that started it.
"""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from pymongo.errors import ConfigurationError as BadUri
from pymongo.errors import InvalidURI, OperationFailure, PyMongoError

from microblog import store
from microblog.database.breaker import Breaker
from microblog.database.client import Listener, connect
from microblog.database.embedded import EmbeddedServer
from microblog.errors import ConfigurationError, Unavailable
from microblog.settings import Settings
from microblog.store import Database, heartbeats
from microblog.store.changes import Changes
from microblog.store.memory import Kept

log = logging.getLogger(__name__)

REQUEST_SECONDS = 2.5  # who asks is answered within three
_NONE = Changes()  # while there is no database, nothing is remembered of it
WATCH_SECONDS = 0.5
AWAY_SECONDS = 0.1  # between two looks, while it does not answer
START_SECONDS = 2.0  # before the next try, when it could not be started
PROBE_SECONDS = 2.0  # less than an operation of a request
INTERNAL_ERROR = 1  # what the embedded server says when its engine has failed


class Connection:
    """The document server of `settings`, found or started, watched and closed."""

    def __init__(
        self,
        settings: Settings,
        seconds: float | None = REQUEST_SECONDS,
        *,
        migrating: bool = False,
    ):
        """`seconds`: how long one operation may take; None for long work. `migrating`:
        it is made to migrate the data."""
        self.settings = settings
        self.seconds = seconds
        self.migrating = migrating
        self.server = (
            None
            if settings.mongodb_uri.get_secret_value()
            else EmbeddedServer(settings.data_dir, settings.embedded_port)
        )
        self._database: Database | None = None
        self._probed: Database | None = None
        self._breaker = Breaker()
        self._ready = threading.Event()
        self._first_try = threading.Event()
        self._closing = threading.Event()
        self._waking = threading.Event()
        self._failure: ConfigurationError | None = None
        self._said = ""
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
    def was_ready(self) -> bool:
        """Whether the database has ever been ready."""
        return self._ready.is_set()

    @property
    def answering(self) -> Database:
        """The database, for who cannot wait for it. Unavailable: it is not ready, or
        does not answer just now."""
        self._breaker.check()
        return self.database

    @property
    def is_away(self) -> bool:
        """Whether it does not answer, as far as is known."""
        return self._breaker.is_open or not self._ready.is_set()

    @property
    def kept(self) -> dict[str, Kept]:
        """What is remembered of the database, by name."""
        return {} if self._database is None else self._database.memory.kept()

    @property
    def has_room(self) -> bool:
        """Whether there is room for more on the disk, where that is known."""
        return self.server is None or self.server.has_room

    def suspect(self) -> None:
        """It has failed somebody: nobody else is to wait for it before it has answered
        a probe."""
        self._breaker.open()
        self._waking.set()

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
            self.close()
            raise self._failure
        return self

    def wait(self, seconds: float = 60.0) -> Database:
        """The database once it is ready. Unavailable: not within `seconds`."""
        self._ready.wait(seconds)
        return self.database

    def close(self) -> None:
        """Close the connections, and stop the server if this process started it."""
        self._closing.set()
        self._waking.set()
        self._thread.join()
        self._ready.clear()
        for database in (self._database, self._probed):
            if database is not None:
                database.client.close()
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
            self._tell(error)
        finally:
            self._first_try.set()
        pause = WATCH_SECONDS
        while True:
            self._waking.wait(pause)
            self._waking.clear()
            if self._closing.is_set():
                return
            try:
                self._look_after()
            except Exception as error:
                # Whatever it is: with this thread the embedded server would end.
                self._breaker.open()
                self._tell(error)
                cannot = isinstance(error, ConfigurationError)
                pause = START_SECONDS if cannot else AWAY_SECONDS
            else:
                self._breaker.close()
                self._said, pause = "", WATCH_SECONDS

    def _tell(self, error: Exception) -> None:
        """Log it, unless it is what was said last."""
        if self._said != (said := _brief(error)):
            log.warning("document server: %s", said)
            self._said = said

    def _connect(self) -> None:
        uri = self.settings.mongodb_uri.get_secret_value()
        if self.server:
            uri = self.server.ensure()
        try:
            threads = max(
                self.settings.http_threads + self.settings.http_writing_threads,
                self.settings.worker_threads,
            )
            is_watched = self.settings.metrics_listen or self.settings.tracing_endpoint
            listeners = [Listener()] if is_watched else []
            client = connect(uri, self.seconds, threads, event_listeners=listeners)
            # Known from requests by its name. What fails is known at once, so that the
            # embedded server can be started again.
            watch = connect(
                uri, PROBE_SECONDS, appname="microblog-watch", retryReads=False
            )
        except ValueError as error:
            raise BadUri(str(error)) from None
        # Whoever writes to an embedded server is on this machine, and tells.
        changes = Changes(self.server.directory / "changes") if self.server else None
        name = self.settings.mongodb_database
        self._probed = Database(watch, name)
        self._database = Database(client, name, changes)
        if self.server:
            self._ensure_indexes()

    def _look_after(self) -> None:
        if self._database is None:
            self._connect()
        if self.server:
            self.server.look_after()
        if self._ready.is_set():
            self._probe()
        else:
            self._ensure_indexes()

    def _probe(self) -> None:
        """Read something: a server whose disk was full still answers a ping."""
        if self._probed is None:
            return
        try:
            heartbeats.look(self._probed)
        except OperationFailure as error:
            if self.server and error.code == INTERNAL_ERROR:
                self.server.end_broken()
            raise

    def _ensure_indexes(self) -> None:
        if self._database is None:
            return
        # One that does not answer must not be waited for as long as an index may take.
        self._database.client.admin.command("ping")
        store.ensure_indexes(self._database, migrating=self.migrating)
        self._ready.set()
        log.info("document server is ready")


def _brief(error: Exception) -> str:
    """One line of an error, without the server's whole answer."""
    said = " ".join(str(error).partition(", full error:")[0].split())
    return f"{type(error).__name__}: {said[:300]}"


@contextmanager
def failures(connection: Connection | None = None) -> Iterator[None]:
    """Every error of the driver leaves as Unavailable, and makes the connection that is
    given suspect."""
    try:
        yield
    except PyMongoError as error:
        log.warning("document server: %s", _brief(error))
        if connection is not None:
            connection.suspect()
        raise Unavailable("the document server does not answer") from error


def tween_factory(handler: Callable[[Any], Any], registry: Any) -> Callable[[Any], Any]:
    """Inside the exception views, so that they see what `failures` raises."""
    connection = registry["connection"]

    def tween(request: Any) -> Any:
        with failures(connection):
            return handler(request)

    return tween


def includeme(config: Any) -> None:
    """`request.database`, and Unavailable for whatever the driver raises."""
    settings = config.registry["settings"]
    connection = Connection(settings).open()
    config.registry["connection"] = connection
    if connection.server and settings.is_secure:
        log.warning(
            "the embedded document server is a beta, which its makers advise against "
            "for data that matters: name a MongoDB server in mongodb.uri"
        )
    # Not kept: what has failed once is not waited for twice.
    config.add_request_method(
        lambda request: connection.answering, "database", property=True
    )
    config.add_tween(
        "microblog.database.tween_factory", under="pyramid.tweens.excview_tween_factory"
    )
