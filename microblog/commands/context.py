"""What the commands share: the settings, and the database once one needs it."""

from microblog.database import Connection, failures
from microblog.settings import Settings
from microblog.store import Database


class Context:
    """The site that a command works on."""

    def __init__(self, settings: Settings):
        self.settings = settings
        self._connection: Connection | None = None

    @property
    def database(self) -> Database:
        """The database, ready for long work; the embedded server is started if no
        other process runs it. ConfigurationError, Unavailable: why there is none."""
        if self._connection is None:
            self._connection = Connection(self.settings, seconds=None).open()
        with failures():
            return self._connection.wait()

    def close(self) -> None:
        """Close the connection; stop the embedded server if it was started here."""
        if self._connection:
            self._connection.close()
