"""What is measured without wrk: searches one after another, and many logins at once."""

import signal
import statistics
import threading
import time
from collections import Counter

from tests.bench import loads, people
from tests.bench.client import Client, percentiles
from tests.bench.generator import PASSWORD
from tests.bench.jobs import READER, World, collection
from tests.bench.loads import Figures, Target
from tests.bench.processes import cpu_seconds, megabytes
from tests.bench.stores import FOLDER

SEARCHES = 200
COMMON = "the"  # in most texts
LOGINS = 50
LOGINS_SECONDS = 120  # at most, until all have been answered
BUSY = 503
AGAIN_SECONDS = 1.0


def search_words(world: World) -> Figures:
    """Searches for words of five letters."""
    words = world.draw.choices(world.facts["words"], k=SEARCHES)
    return _searches("search_words", world, words)


def search_common(world: World) -> Figures:
    """Searches for what is in most texts."""
    return _searches("search_common", world, [COMMON] * (SEARCHES // 5))


def _searches(name: str, world: World, sought: list[str]) -> Figures:
    client = world.client()
    client.milliseconds("/api/search?text=hello")
    pids = world.web.pid, world.site.database_pid
    before = [cpu_seconds(pid) for pid in pids]
    times = [client.milliseconds(f"/api/search?text={one}") for one in sought]
    web, database = (
        1000 * (cpu_seconds(pid) - was) / len(times)
        for pid, was in zip(pids, before, strict=True)
    )
    return Figures(
        name,
        world.size,
        1000 / statistics.mean(times),
        *percentiles(times),
        web_ms=web,
        database_ms=database,
        megabytes=megabytes(world.web.pid),
    )


def logins(world: World, seconds: int) -> list[Figures]:
    """How a page is read before, and how while many log in at once."""
    target = Target(collection(world.author), world.authorization(READER))
    before = loads.once(world.loaded, [target], seconds, FOLDER)
    reading = loads.start(world.web.url, [target], LOGINS_SECONDS, FOLDER)
    took, answers = _log_in(world.web.port)
    said = ", ".join(f"{count} × {answer}" for answer, count in answers.items())
    reading.send_signal(signal.SIGINT)
    found = loads.finish(reading)
    during = Figures(
        "during_logins",
        world.size,
        found["requests"] / found["seconds"],
        found["p50"],
        found["p99"],
        failed=found["failed"],
        megabytes=megabytes(world.web.pid),
        note=f"{LOGINS} logins in {took:.1f} s, answered {said}",
    )
    return [
        loads.combine("before_logins", world.size, [before], world.web.pid),
        during,
    ]


def _log_in(port: int) -> tuple[float, Counter[str]]:
    """Log in many times at once: how long that takes, and with which answers. Who is
    told to come again later (503) does so."""
    answers: Counter[str] = Counter()
    login = {"username": people.LOGS_IN, "password": PASSWORD}
    began = time.monotonic()

    def one() -> None:
        status = BUSY
        while status == BUSY and time.monotonic() - began < LOGINS_SECONDS:
            try:
                status, _ = Client(port).answer("/api/token", login)
                answers[str(status)] += 1
            except OSError as error:
                answers[type(error).__name__] += 1
            if status == BUSY:
                time.sleep(AGAIN_SECONDS)

    threads = [threading.Thread(target=one) for _ in range(LOGINS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LOGINS_SECONDS)
    return time.monotonic() - began, answers
