"""Loads a web server with wrk, and reads off what that costs its processes."""

import json
import re
import shutil
import statistics
import subprocess
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from pymongo.database import Database

from tests.bench.processes import cpu_seconds, megabytes

SCRIPT = Path(__file__).parent / "wrk" / "requests.lua"
CONNECTIONS = 8
MISSING = (
    "bench: wrk is not installed; on Debian and Ubuntu: apt-get install wrk\n"
    "(elsewhere: the package `wrk` of the system, or https://github.com/wg/wrk)"
)


class Target(NamedTuple):
    """One request that a load sends, again and again."""

    path: str
    authorization: str = ""
    method: str = "GET"
    accept: str = ""
    body: str = ""


@dataclass
class Run:
    """What one run of wrk has shown."""

    rate: float  # requests a second
    p50: float  # milliseconds
    p99: float
    web_ms: float  # processor time of one request
    database_ms: float | None
    commands: float | None  # of the document server, of one request
    length: int  # bytes of an answer with its head
    failed: int  # answers of 400 and more, and none
    note: str = ""


@dataclass
class Figures:
    """What was measured of one job: the medians of its runs."""

    name: str
    size: int
    rate: float
    p50: float
    p99: float
    rates: list[float] = field(default_factory=list)  # of each run
    web_ms: float | None = None
    database_ms: float | None = None
    commands: float | None = None
    megabytes: float | None = None  # of the web process, afterwards
    length: int = 0
    failed: int = 0
    note: str = ""
    # How many times as fast as what ran just before or after, by its name.
    compared: dict[str, float] = field(default_factory=dict)
    growth: float | None = None  # its time against that at the smallest size

    def as_dict(self) -> dict[str, Any]:
        """For results.json."""
        return asdict(self)


@dataclass
class Loaded:
    """The processes that a load goes to."""

    url: str
    web: int
    database: int | None = None
    store: Database[dict[str, Any]] | None = None


def require() -> None:
    """SystemExit: wrk is missing, and how to get it."""
    if shutil.which("wrk") is None:
        raise SystemExit(MISSING)


def start(url: str, targets: list[Target], seconds: int, folder: Path) -> Any:
    """Start wrk for `seconds`; `finish` reads what it says. SIGINT ends it early."""
    lines = [
        "\t".join([one.method, one.path, one.authorization, one.accept, one.body])
        for one in targets
    ]
    file = folder / "targets.tsv"
    file.write_text("".join(f"{line}\n" for line in lines))
    command = ["wrk", "--latency", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s"]
    command += ["--timeout", "30s", "-s", str(SCRIPT), url, "--", str(file)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def finish(process: Any) -> dict[str, Any]:
    """What wrk has measured, once it has ended."""
    said = process.communicate()[0]
    found = re.search(r"^RESULT (.*)$", said, re.MULTILINE)
    if not found:
        raise SystemExit(f"wrk failed:\n{said}")
    result: dict[str, Any] = json.loads(found[1])
    if not result["requests"]:
        # Held to have answered one at the end: no figure can be better than that.
        result |= {"requests": 1, "p50": 1000 * result["seconds"]}
        result |= {"p99": result["p50"], "note": "no answer within a run"}
    return result


def once(loaded: Loaded, targets: list[Target], seconds: int, folder: Path) -> Run:
    """Load a web server for some seconds."""
    before = _used(loaded)
    found = finish(start(loaded.url, targets, seconds, folder))
    web, database, commands = (
        (after - was) / found["requests"]
        for after, was in zip(_used(loaded), before, strict=True)
    )
    has_store = loaded.database is not None
    return Run(
        rate=found["requests"] / found["seconds"],
        p50=found["p50"],
        p99=found["p99"],
        web_ms=1000 * web,
        database_ms=1000 * database if has_store else None,
        commands=commands if has_store else None,
        length=found["bytes"] // found["requests"],
        failed=found["failed"],
        note=found.get("note", ""),
    )


def combine(name: str, size: int, runs: list[Run], web: int) -> Figures:
    """The figures of some runs. `web`: the process that they went to."""

    def middle(values: list[Any]) -> Any:
        return None if None in values else statistics.median(values)

    return Figures(
        name,
        size,
        rate=middle([run.rate for run in runs]),
        p50=middle([run.p50 for run in runs]),
        p99=middle([run.p99 for run in runs]),
        rates=[run.rate for run in runs],
        web_ms=middle([run.web_ms for run in runs]),
        database_ms=middle([run.database_ms for run in runs]),
        commands=middle([run.commands for run in runs]),
        megabytes=megabytes(web),
        length=int(middle([run.length for run in runs])),
        failed=sum(run.failed for run in runs),
        note=next((run.note for run in runs if run.note), ""),
    )


def ratio(ones: list[Run], others: list[Run]) -> float:
    """How many times as fast the ones were, each against the other of its round."""
    pairs = zip(ones, others, strict=True)
    return statistics.median(one.rate / other.rate for one, other in pairs)


def _used(loaded: Loaded) -> tuple[float, float, int]:
    """Processor seconds of both processes, and how many commands came so far."""
    if loaded.database is None or loaded.store is None:
        return cpu_seconds(loaded.web), 0.0, 0
    counted = loaded.store.client.admin.command("serverStatus")["opcounters"]
    # "command" is also what drivers ask all the time whether anybody is there.
    commands = sum(number for name, number in counted.items() if name != "command")
    return cpu_seconds(loaded.web), cpu_seconds(loaded.database), commands
