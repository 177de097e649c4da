"""Measures everything, prints a table and writes docs/bench.

    python -m tests.bench [--data DIR] [--sizes 2000,200000] [--only NAME,NAME]

DIR has a make_jsonl.py, which writes what `microblog import` reads; without it, data is
made up. Stores are kept under var/bench. A bar that is missed is printed, no failure.
"""

import argparse
import os
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.bench import (
    bars,
    fanout,
    kinto,
    loads,
    plots,
    profiles,
    report,
    singly,
    stores,
)
from tests.bench.bars import Results
from tests.bench.jobs import JOBS, SINGLY, WRITING, World
from tests.bench.loads import Figures
from tests.bench.measuring import Measuring
from tests.bench.processes import ALL, OTHERS, Machine, Site
from tests.bench.references import References

OUTPUT = Path("docs/bench")
FANOUT = "fanout"
NAMES = [*(job.name for job in [*JOBS, *WRITING]), *SINGLY, FANOUT]
MUCH_USED = 10  # percent


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(
        prog="tests.bench",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--data", type=Path, help="a folder with make_jsonl.py")
    add("--sizes", default="2000,200000", help="microposts, smallest first")
    add("--seconds", type=int, default=5, help="of each run")
    add("--runs", type=int, default=3, help="of each job; their median counts")
    add("--followers", type=int, default=100_000, help="of the most followed")
    add("--only", default="", help=f"of {', '.join(NAMES)}")
    add("--no-kinto", action="store_true", help="measure without Kinto")
    add("--fresh", action="store_true", help="load the stores again")
    add("--profile", action="store_true", help="draw flame graphs as well")
    add("--output", type=Path, help="by default docs/bench; var/bench/partly of --only")
    found = parser.parse_args()
    found.sizes = sorted({int(size) for size in found.sizes.split(",")})
    found.only = {name for name in found.only.split(",") if name}
    if unknown := found.only - {*NAMES}:
        parser.error(f"there is no job {min(unknown)}; there are: {', '.join(NAMES)}")
    partly = stores.FOLDER / "partly"
    found.output = found.output or (partly if found.only else OUTPUT)
    return found


def kinto_python(without: bool) -> Path | None:
    """The Python that has Kinto, or None: without, or it cannot be installed."""
    if without:
        return None
    try:
        return kinto.install()
    except (OSError, subprocess.CalledProcessError) as error:
        said = (getattr(error, "stderr", "") or str(error)).strip()[-500:]
        print(f"Kinto cannot be installed, its ratios are not measured: {said}")
        return None


def measure(
    given: argparse.Namespace, kept: stores.Stores, python: Path | None
) -> tuple[list[Figures], list[str]]:
    """What was measured at all sizes, and the profiles that were taken."""
    facts = {size: kept.load(size) for size in given.sizes}
    with ExitStack() as running:
        worlds = []
        for size in given.sizes:
            site = Site(kept.copy(size))
            running.callback(site.stop)
            worlds.append(World(size, facts[size], site))
        references = References(worlds[-1], python)
        running.callback(references.stop)
        measuring = Measuring(worlds, references, given.seconds, given.runs, given.only)
        measuring.reading()
        for world in worlds:
            for name in ("search_words", "search_common"):
                if measuring.wants(name):
                    measuring.keep(getattr(singly, name)(world))
            if measuring.wants("during_logins"):
                for figures in singly.logins(world, given.seconds):
                    measuring.keep(figures)
        measuring.posting()
        measuring.compared()
        folder = given.output / "profiles"
        taken = profiles.take(worlds[-1], folder) if given.profile else []
    return measuring.results, taken


def of_site(kept: stores.Stores, sizes: list[int], only: set[str]) -> dict[str, Any]:
    """What is measured of the site as a whole: disk and the worker."""
    found: dict[str, Any] = {"notes": []}
    if not only and len(sizes) > 1:
        small, large = (kept.load(size)["bytes"] for size in (sizes[0], sizes[-1]))
        found["bytes"] = (large - small) / (sizes[-1] - sizes[0])
    if not only or FANOUT in only:
        found |= fanout.measure(kept)
    return found


def main() -> None:
    """Measure, print, write."""
    given = arguments()
    loads.require()
    busy = busy_before()
    os.sched_setaffinity(0, OTHERS)
    given.output.mkdir(parents=True, exist_ok=True)
    kept = stores.Stores(given.data, given.followers, given.fresh)
    python, machine = kinto_python(given.no_kinto), Machine()
    figures, taken = (
        ([], []) if given.only == {FANOUT} else measure(given, kept, python)
    )
    site = of_site(kept, given.sizes, given.only)
    results = Results(figures)
    found = bars.verdicts(results, site)
    if given.only:
        found = [one for one in found if one.value is not None]
    print(report.table(results), report.verdicts(found), sep="\n\n")
    print(f"\n{report.summary(found)}", *site["notes"], sep="\n")
    settings = {
        "seconds": given.seconds,
        "runs": given.runs,
        "cores": len(ALL),
        "users": stores.USERS,
        "followers": given.followers,
        "data": "made up" if given.data is None else "given by DATA",
        "busy": busy,
        "stolen": machine.shares()[1],
    }
    drawn = plots.write(results, given.output) if results.sizes else []
    report.write(
        given.output,
        results,
        found,
        site,
        plots=drawn,
        profiles=taken,
        settings=settings,
    )
    print(f"written: {given.output}/README.md, results.json")


def busy_before() -> float:
    """How much of the machine others use, in percent; says what will disturb."""
    if len(ALL) == 1:
        print("There is only one core: everything shares it.")
    machine = Machine()
    time.sleep(1)
    used = machine.shares()[0]
    if used > MUCH_USED:
        print(f"Other programs use {used:.0f} % of the machine: figures will differ.")
    return used


if __name__ == "__main__":
    main()
