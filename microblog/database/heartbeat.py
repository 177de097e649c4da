"""The health of the document server, for whoever asks, as often as they like."""

import os
import socket
import threading
import time

import pymongo
from pymongo.errors import PyMongoError

from microblog.database import Connection
from microblog.errors import Unavailable
from microblog.store import heartbeats

BEAT_SECONDS = 1.5
FRESH_SECONDS = 1.0  # for so long nobody asks again
STALE_SECONDS = 3.0  # for so long it counts while somebody asks


class Heartbeat:
    """Writes and reads a document: by one request at a time, while others are told what
    was found before."""

    def __init__(self, connection: Connection):
        self.connection = connection
        self.who = f"{socket.gethostname()}:{os.getpid()}"
        self._lock = threading.Lock()
        self._at = -STALE_SECONDS
        self._good = False

    def is_good(self) -> bool:
        """Whether the document server can be written and read, after BEAT_SECONDS at
        most."""
        age = time.monotonic() - self._at
        if age > FRESH_SECONDS and self._lock.acquire(blocking=False):
            try:
                self._good = self._beat()
                self._at = time.monotonic()
            finally:
                self._lock.release()
        return self._good and time.monotonic() - self._at < STALE_SECONDS

    def _beat(self) -> bool:
        try:
            database = self.connection.answering
            with pymongo.timeout(BEAT_SECONDS):
                if self.connection.settings.site_readonly:
                    heartbeats.look(database)
                    return True
                good = heartbeats.beat(database, self.who)
        except PyMongoError:
            self.connection.suspect()
            return False
        except Unavailable:
            return False
        return good and self.connection.has_room
