"""The tasks: what each does. Every one may run twice, and is bounded in what one run
touches; what it leaves, the next run takes up."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
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
    deliveries,
    erasures,
    exports,
    hidden,
    ids,
    imports,
    mails,
    pieces,
    repair,
    segments,
    shapes,
    statistics,
    timelines,
    undone,
    users,
)
from microblog.store.walks import MINUTE
from microblog.tasks import own_data

PURGED = 1000  # documents of a deleted account in a run
PURGED_AT_ONCE = 10  # deleted accounts in a run by hand
SWEPT = 500  # tasks of a kind that a sweep queues again
DROPPED = 500  # timelines in a run
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


def deliver(site: Site, author: str) -> None:
    """Send what an author has posted to the timelines of the followers."""
    below = site.settings.timelines_push_below
    deliveries.deliver(site.database, author, below)


def deliver_all(site: Site) -> None:
    """Send all that was posted and waits."""
    for author in deliveries.waiting(site.database, ids.MAXIMUM):
        deliver(site, author)


def purge(site: Site, username: str) -> None:
    """Remove more of what a deleted account has left."""
    if not accounts.purge(site.database, username, PURGED):
        site.later("purge", username)


def purge_some(site: Site) -> None:
    """Remove more of what the accounts deleted longest ago have left."""
    found = undone.find(site.database, "users", users.PURGE, before=ids.now() + 1)
    for username in found[:PURGED_AT_ONCE]:
        purge(site, username)


def sweep(site: Site) -> None:
    """Queue again what has been undone for long enough: its task was lost; and finish
    what moderators have begun."""
    try:
        _queue_again(site)
    finally:
        # Last, as it takes long; and without the queue, which it does not need.
        hidden.finish(site.database)


def _queue_again(site: Site) -> None:
    database, waiting = site.database, site.waiting()
    outbox.recover(database)
    if mails.due(database, 1):
        site.later("mails")
    if waiting > ENOUGH:
        return
    # Nothing in the queue: most of it is lost, and what is just being done or about to
    # be tried again suffers no harm by being done twice.
    before = ids.now() - (MINUTE if waiting else MINUTE // 12)
    for author in islice(deliveries.waiting(database, before), SWEPT):
        site.later("deliver", author)
    for name, collection, work in (
        ("mention", "microposts", shapes.MAILS),
        ("purge", "users", users.PURGE),
        (exports.TASK, "exports", exports.MAKE),
        (imports.TASK, "imports", imports.READ),
    ):
        found = undone.find(database, collection, work, before=before)
        for id in islice(_not_given_up(database, name, found), SWEPT):
            site.later(name, id)


def _not_given_up(database: Database, name: str, arguments: list[Any]) -> Iterator[Any]:
    for piece in pieces(arguments, SWEPT):
        keys = {dead_letters.key(name, [argument]): argument for argument in piece}
        given_up = dead_letters.among(database, keys)
        yield from (keys[key] for key in keys if key not in given_up)


def mend(site: Site) -> None:
    """Mend what is half written: of late, and of a few users more."""
    repair.recent(site.database)
    repair.some_users(site.database)


def prune(site: Site) -> None:
    """Remove references to what is gone, and timelines that nobody reads."""
    repair.prune(site.database)
    timelines.drop_unread(site.database, site.settings.timelines_idle, DROPPED)


def count(site: Site) -> None:
    """Compute the statistics of days that have ended."""
    statistics.catch_up(site.database, limit=DAYS)


def index(site: Site) -> None:
    """Let microposts be found by what stands in them, and no more by what stood."""
    is_stopping = site.stopping.is_set
    segments.tend(site.database, is_stopping=is_stopping)
    erasures.drain(site.database, is_stopping=is_stopping)


Job = Callable[..., Any]

# What a request or another task asks for, by the name of the task.
ASKED: dict[str, Job] = {
    "deliver": deliver,
    "mention": mention,
    "mails": send_mails,
    "purge": purge,
    exports.TASK: own_data.make_export,
    imports.TASK: own_data.read_import,
}
# What happens by itself, and every how many seconds.
PERIODIC: dict[str, tuple[Job, float]] = {
    "sweep": (sweep, 20.0),
    "index": (index, 10.0),
    "repair": (mend, 600.0),
    "prune": (prune, 3600.0),
    "statistics": (count, 900.0),
}
# What an operator can have done at once.
BY_HAND: dict[str, Job] = {
    **{name: job for name, (job, _seconds) in PERIODIC.items()},
    "deliver": deliver_all,
    "purge": purge_some,
}
