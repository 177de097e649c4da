"""Ids that sort by time: milliseconds since 1970, then 16 bits that keep processes
apart. They are the only clock of a micropost and of a follow."""

import re
import secrets
import threading
import time
from datetime import UTC, datetime

BITS = 16
DAY = 86_400_000  # milliseconds
MAXIMUM = 2**63 - 1

_GRAMMAR = re.compile(r"[1-9][0-9]{0,18}", re.ASCII)
_process = secrets.randbits(BITS)
_lock = threading.Lock()
_last = 0


def new(after: int = 0) -> int:
    """An id for now, later than `after` and than the last of this process, even when
    the clock has gone back."""
    global _last
    with _lock:
        now = time.time_ns() // 1_000_000
        milliseconds = max(now, (_last >> BITS) + 1)
        _last = (milliseconds << BITS) | _process
        if _last > after:
            return _last
    # The clock was ahead once: this id only, and not all that come, lies ahead too.
    return (((after >> BITS) + 1) << BITS) | secrets.randbits(BITS)


def now() -> int:
    """The first id of this millisecond: a bound, which uses up no id."""
    return time.time_ns() // 1_000_000 << BITS


def at(moment: datetime, low: int = 0) -> int:
    """The id of a moment, with the given low 16 bits."""
    return (round(moment.timestamp() * 1000) << BITS) | low


def moment(id: int) -> datetime:
    """When the thing with this id was made, to the millisecond, in UTC."""
    seconds, milliseconds = divmod(id >> BITS, 1000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=milliseconds * 1000)


def day(id: int) -> int:
    """The day (UTC) of an id, counted from 1970."""
    return (id >> BITS) // DAY


def of_day(day: int) -> int:
    """The first id of a day."""
    return day * DAY << BITS


def spell(id: int) -> str:
    """The id as a reference: 19 digits, which sort as the ids do. The embedded server
    copies strings far faster than 64-bit integers."""
    return f"{id:019}"


def parse(text: str) -> int | None:
    """The id that `text` spells in decimal, or None."""
    if _GRAMMAR.fullmatch(text) and int(text) <= MAXIMUM:
        return int(text)
    return None
