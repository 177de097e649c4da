"""What unit tests share: a second writer who comes in at a chosen moment."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pymongo import MongoClient, monitoring

from microblog.database.embedded import EmbeddedServer
from microblog.settings import Settings
from microblog.store import Database


class Interruption(monitoring.CommandListener):
    """Lets another writer in just before one command of this client is sent."""

    def __init__(self) -> None:
        self._command: tuple[str, str] | None = None
        self._other: Callable[[], Any] = list

    def before(self, command: str, collection: str, other: Callable[[], Any]) -> None:
        """Call `other` before the next such command on the collection, once."""
        self._command, self._other = (command, collection), other

    @property
    def came(self) -> bool:
        """Whether the moment has come."""
        return self._command is None

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        """Called by the driver in the thread that sends the command."""
        name = event.command_name
        if self._command == (name, event.command.get(name)):
            self._command = None
            self._other()

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        """Nothing to do."""

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        """Nothing to do."""


@pytest.fixture
def interruption() -> Interruption:
    """Works for the client of `interrupted`."""
    return Interruption()


@pytest.fixture
def interrupted(
    settings: Settings, database: Database, interruption: Interruption
) -> Iterator[Database]:
    """The same database by a client of its own, for the writer who is interrupted."""
    uri = settings.mongodb_uri.get_secret_value()
    if not uri:
        uri = EmbeddedServer(settings.data_dir, 0).ensure()  # Finds the one that runs.
    client: MongoClient[dict[str, Any]] = MongoClient(
        uri, tz_aware=True, event_listeners=[interruption]
    )
    yield Database(client, database.name, database.changes)
    client.close()
