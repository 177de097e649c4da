"""What the commands share: the settings, and the database once one needs it."""

import configparser
from functools import cached_property
from pathlib import Path
from typing import Any

import plaster

from microblog import precautions
from microblog import settings as settings_module
from microblog.database import Connection, failures
from microblog.errors import ConfigurationError
from microblog.settings import Settings
from microblog.store import Database
from microblog.tasks.broker import application
from microblog.tasks.jobs import Site
from microblog.tasks.worker import Worker


class Context:
    """The site of an ini file, which a command works on."""

    def __init__(self, ini: Path):
        self.ini = ini
        self._connection: Connection | None = None

    @cached_property
    def settings(self) -> Settings:
        """The settings, read once a command asks: `--help` does without an ini file.
        ConfigurationError: what is wrong with them."""
        values = _section(self.ini)
        values.pop("use", None)
        checked = settings_module.read(values, source=self.ini.name)
        precautions.take(checked, self.ini, values)
        return checked

    @property
    def database(self) -> Database:
        """The database, ready for long work; the embedded server is started if no
        other process runs it. ConfigurationError, Unavailable: why there is none."""
        with failures():
            return self.open().wait()

    @cached_property
    def celery(self) -> Any:
        """Where tasks are queued."""
        return application(self.settings)

    @property
    def site(self) -> Site:
        """What tasks work with, when they are done in this process."""
        with failures():
            self.open().wait()
        return Worker(self.settings, self.open()).site

    def open(
        self, seconds: float | None = None, *, migrating: bool = False
    ) -> Connection:
        """The connection to the document server, which is started if it has to be;
        `seconds`: how long an operation may take; `migrating`: it is opened to migrate
        its data. ConfigurationError: why it cannot be."""
        if self._connection is None:
            connection = Connection(self.settings, seconds, migrating=migrating)
            self._connection = connection.open()
        return self._connection

    def set_up_logging(self) -> None:
        """Log as the ini file says."""
        plaster.get_loader(f"{self.ini}#main").setup_logging({})

    def close(self) -> None:
        """Close the connection; stop the embedded server if it was started here."""
        if self._connection:
            self._connection.close()


def _section(ini: Path) -> dict[str, Any]:
    """The keys of `[app:main]`. ConfigurationError: they cannot be read, or are
    missing: a command must not work on the defaults' data instead of the site's."""
    try:
        values = dict(plaster.get_settings(f"{ini}#main", "app:main"))
    except OSError as error:
        raise ConfigurationError(f"{ini}: {error.strerror}") from None
    except (configparser.Error, plaster.PlasterError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise ConfigurationError(f"{ini}: {reason}") from None
    if not values:
        raise ConfigurationError(f"{ini}: there is no section [app:main]")
    return values
