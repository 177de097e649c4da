"""Measures every job, on sites of all sizes and on what they are compared with.

The machine may be slower now than a minute ago. So the runs of a job take turns: the
constant, Kinto, each size; then all of them again. Ratios are those within one turn.
"""

import sys
from collections import defaultdict
from dataclasses import dataclass, field

from tests.bench import loads
from tests.bench.jobs import JOBS, TITLES, WRITING, Job, World
from tests.bench.loads import Figures, Loaded, Run, Target
from tests.bench.references import References
from tests.bench.stores import FOLDER

WARM_UP_SECONDS = 1


@dataclass
class Lane:
    """One of those that take turns."""

    loaded: Loaded
    targets: list[Target]
    runs: list[Run] = field(default_factory=list)

    def warm_up(self) -> None:
        """A run that does not count."""
        loads.once(self.loaded, self.targets, WARM_UP_SECONDS, FOLDER)

    def run(self, seconds: int) -> None:
        """One run."""
        self.runs.append(loads.once(self.loaded, self.targets, seconds, FOLDER))


@dataclass
class Measuring:
    """What is to be measured, and what was."""

    worlds: list[World]  # the smallest first
    references: References
    seconds: int
    runs: int
    only: set[str]
    results: list[Figures] = field(default_factory=list)
    _referred: dict[str, list[Run]] = field(default_factory=lambda: defaultdict(list))

    def wants(self, name: str) -> bool:
        """Whether a job is asked for."""
        return not self.only or name in self.only

    def reading(self) -> None:
        """Every job that reads."""
        for job in JOBS:
            if self.wants(job.name):
                self._job(job)

    def posting(self) -> None:
        """The jobs that post."""
        for job in WRITING:
            if self.wants(job.name):
                self._post(job)

    def compared(self) -> None:
        """Keep what the constants and Kinto reached, over all turns."""
        for name, runs in self._referred.items():
            loaded, _ = self.references.lanes[name]
            self.keep(loads.combine(name, 0, runs, loaded.web))

    def _post(self, job: Job) -> None:
        """While a worker works: no turns, for it has work left when the load is
        over."""
        references = self._references(job)
        for lane in references.values():
            lane.warm_up()
            self._run(lane)
        lanes = []
        for world in self.worlds:
            world.site.start_worker()
            lane = Lane(world.loaded, job.targets(world))
            lane.warm_up()
            self._run(lane)
            lanes.append(lane)
            world.site.stop_worker()
        self._note(job, references, lanes)

    def keep(self, figures: Figures) -> None:
        """Note what was measured, and say so: a whole run takes its time."""
        self.results.append(figures)
        said = [f"{figures.rate:.0f} a second"]
        said += [f"p50 {figures.p50:.1f} ms", f"p99 {figures.p99:.1f} ms"]
        said += [f"{ratio:.2f} × {name}" for name, ratio in figures.compared.items()]
        said += [f"{figures.megabytes:.0f} MB"] if figures.megabytes else []
        said += [f"{figures.failed} FAILED"] if figures.failed else []
        said += [figures.note] if figures.note else []
        size = f"{figures.size:>7}" if figures.size else " " * 7
        print(
            f"{size} {TITLES[figures.name]}: {', '.join(said)}",
            file=sys.stderr,
            flush=True,
        )

    def _references(self, job: Job) -> dict[str, Lane]:
        return {
            name: Lane(*self.references.lanes[name])
            for name in (job.ceiling, job.kinto)
            if name in self.references.lanes
        }

    def _job(self, job: Job) -> None:
        references = self._references(job)
        lanes = [Lane(world.loaded, job.targets(world)) for world in self.worlds]
        turns = [*references.values(), *lanes]
        for lane in turns:
            lane.warm_up()
        for _ in range(self.runs):
            for lane in turns:
                lane.run(self.seconds)
        self._note(job, references, lanes)

    def _run(self, lane: Lane) -> None:
        for _ in range(self.runs):
            lane.run(self.seconds)

    def _note(self, job: Job, references: dict[str, Lane], lanes: list[Lane]) -> None:
        for name, reference in references.items():
            self._referred[name] += reference.runs
        for world, lane in zip(self.worlds, lanes, strict=True):
            found = loads.combine(job.name, world.size, lane.runs, world.web.pid)
            for name, reference in references.items():
                found.compared[name] = loads.ratio(lane.runs, reference.runs)
            if lane is not lanes[0]:
                found.growth = loads.ratio(lanes[0].runs, lane.runs)
            self.keep(found)
