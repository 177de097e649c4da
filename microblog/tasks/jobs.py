"""The tasks: what each does. Every one may run twice, and is bounded in what one run
touches; what it leaves, the next run takes up."""

from collections.abc import Callable
from dataclasses import dataclass
from threading import Event
from typing import Any

from microblog.database import Connection
from microblog.mailing import mentions as naming
from microblog.mailing import outbox
from microblog.settings import Settings
from microblog.store import (
    Database,
    accounts,
    dead_letters,
    ids,
    mails,
    microposts,
    repair,
    statistics,
    undone,
    users,
)
from microblog.store.walks import MINUTE

PURGED = 1000  # documents of a deleted account in a run
PURGED_AT_ONCE = 10  # deleted accounts in a run by hand
SWEPT = 500  # tasks of a kind that a sweep queues again
DAYS = 31  # of statistics in a run
ENOUGH = 1000  # tasks that wait: what is undone is probably among them


@dataclass(frozen=True)
class Site:
    """What the tasks of a process work with."""

    settings: Settings
    connection: Connection
    later: Callable[..., None]  # queues a task: its name, its arguments
    waiting: Callable[[], int]  # tasks in the queue
    stopping: Event  # set when what takes long has to end

    @property
    def database(self) -> Database:
        """The database. Unavailable: not now."""
        return self.connection.database


def mention(site: Site, micropost: int) -> None:
    """Have those mailed whom a micropost names."""
    if naming.announce(site.database, site.settings, micropost):
        site.later("mails")


def send_mails(site: Site) -> None:
    """Send the mails that are due."""
    outbox.drain(site.database, site.settings, site.stopping)


def send_mail(site: Site, id: str) -> None:
    """Try a mail again that was given up."""
    mails.retry(site.database, id)
    send_mails(site)


def purge(site: Site, username: str) -> None:
    """Remove more of what a deleted account has left."""
    if not accounts.purge(site.database, username, PURGED):
        site.later("purge", username)


def purge_some(site: Site) -> None:
    """Remove more of what the accounts deleted longest ago have left."""
    found = undone.find(
        site.database, "users", users.PURGE, before=ids.now() + 1, limit=PURGED_AT_ONCE
    )
    for username in found:
        purge(site, username)


def sweep(site: Site) -> None:
    """Queue again what has been undone for long enough: its task was lost."""
    database, waiting = site.database, site.waiting()
    outbox.recover(database)
    if mails.due(database, 1):
        site.later("mails")
    if waiting > ENOUGH:
        return
    # Of a task that is in no queue, all but what is just being done is lost.
    before = ids.now() - (MINUTE if waiting else MINUTE // 12)
    for name, collection, work in (
        ("mention", "microposts", microposts.MAILS),
        ("purge", "users", users.PURGE),
    ):
        found = undone.find(database, collection, work, before=before, limit=SWEPT)
        keys = {dead_letters.key(name, [id]): id for id in found}
        given_up = dead_letters.among(database, keys)
        for key, id in keys.items():
            if key not in given_up:
                site.later(name, id)


def mend(site: Site) -> None:
    """Mend what is half written: of late, and of a few users more."""
    repair.recent(site.database)
    repair.some_users(site.database)


def prune(site: Site) -> None:
    """Remove references to what is gone."""
    repair.prune(site.database)


def count(site: Site) -> None:
    """Compute the statistics of days that have ended."""
    statistics.catch_up(site.database, limit=DAYS)


Job = Callable[..., Any]

# What a request or another task asks for, by the name of the task.
ASKED: dict[str, Job] = {
    "mention": mention,
    "mails": send_mails,
    "mail": send_mail,
    "purge": purge,
}
# What happens by itself, and every how many seconds.
PERIODIC: dict[str, tuple[Job, float]] = {
    "sweep": (sweep, 20.0),
    "repair": (mend, 600.0),
    "prune": (prune, 3600.0),
    "statistics": (count, 900.0),
}
# What an operator can have done at once.
BY_HAND: dict[str, Job] = {
    **{name: job for name, (job, _seconds) in PERIODIC.items()},
    "purge": purge_some,
}
