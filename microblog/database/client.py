"""The driver's client, and who listens to it: every command to the document server is
counted, and is a span of a trace."""

import threading
from typing import Any

from pymongo import MongoClient
from pymongo.monitoring import (
    CommandFailedEvent,
    CommandListener,
    CommandStartedEvent,
    CommandSucceededEvent,
)

from microblog import metrics, tracing


class Listener(CommandListener):
    """Told by the driver in the thread that waits for the command."""

    def __init__(self) -> None:
        self._local: Any = threading.local()

    def started(self, event: CommandStartedEvent) -> None:
        """Remember the collection, of which the end does not tell."""
        if tracing.is_on():
            self._local.collection = event.command.get(event.command_name)

    def succeeded(self, event: CommandSucceededEvent) -> None:
        """Count it."""
        self._end(event, "ok")

    def failed(self, event: CommandFailedEvent) -> None:
        """Count it as one that has failed."""
        self._end(event, "failed")

    def _end(
        self, event: CommandSucceededEvent | CommandFailedEvent, outcome: str
    ) -> None:
        seconds = event.duration_micros / 1e6
        metrics.command(event.command_name, outcome).observe(seconds)
        if tracing.is_on():
            collection = getattr(self._local, "collection", None)
            name = event.command_name
            if isinstance(collection, str):
                name = f"{name} {collection}"
            tracing.done(name, seconds, outcome)


def connect(
    uri: str, seconds: float | None, threads: int = 4, **options: Any
) -> MongoClient[dict[str, Any]]:
    """A client that waits for the journal and gives up in time: by default an
    acknowledged write can be lost, and one frozen server hangs every thread."""
    return MongoClient(
        uri,
        journal=True,
        w="majority",
        tz_aware=True,
        timeoutMS=None if seconds is None else int(seconds * 1000),
        connectTimeoutMS=1000,
        serverSelectionTimeoutMS=2000,
        heartbeatFrequencyMS=1000,
        maxPoolSize=threads + 2,
        **{"appname": "microblog", **options},
    )
