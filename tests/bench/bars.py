"""What the site has to reach, and whether it does."""

from dataclasses import dataclass
from typing import Any

from tests.bench.jobs import COMPARED, JOBS, TITLES, WRITING
from tests.bench.loads import Figures

TIMELINES = ("timeline_10", "timeline_100", "timeline_1000")
# A job, what it is compared with, and at least which part of that it reaches.
RATIOS = [
    ("user_json", "ceiling_json", 0.35),
    ("user_json", "kinto_list", 4.0),
    ("user_html", "ceiling_html", 0.3),
    ("user_html", "kinto_list", 4.0),
    *((name, "ceiling_json", 0.3) for name in TIMELINES),
    *((name, "kinto_list", 3.5) for name in TIMELINES),
    ("micropost_json", "ceiling_micropost", 0.4),
    ("front_html", "ceiling_html", 0.25),
    ("tag_html", "ceiling_html", 0.25),
    ("posting", "kinto_post", 0.3),
    ("random_user_json", "user_json", 0.5),
    ("random_user_html", "user_html", 0.5),
    ("random_timeline", "timeline_100", 0.5),
    ("random_micropost", "micropost_json", 0.5),
    ("followers_much", "followers_hundred", 0.5),
]
TAIL, SPREAD, GROWTH = 3.0, 1.3, 1.25
WORDS_P50, WORDS_P99, COMMON_P50 = 60.0, 300.0, 100.0
BYTES, MEGABYTES = 3072.0, 150.0
UPDATES, DELIVERED = 1000.0, 2.0
GROWING = [
    job.name for job in [*JOBS, *WRITING] if not job.name.startswith(("random", "foll"))
]


@dataclass(frozen=True)
class Verdict:
    """A bar and what was measured; `value` None: it was not."""

    title: str
    value: float | None
    limit: float
    at_least: bool = True
    size: int = 0

    @property
    def said(self) -> str:
        """One word, or three."""
        if self.value is None:
            return "not measured"
        within = self.value >= self.limit if self.at_least else self.value <= self.limit
        return "met" if within else "missed"


class Results:
    """All figures, by job and size."""

    def __init__(self, figures: list[Figures]):
        self.figures = figures
        self._found = {(one.name, one.size): one for one in figures}
        # Constants and Kinto have no size.
        self.sizes = sorted({one.size for one in figures if one.size})

    def get(self, name: str, size: int) -> Figures | None:
        """What was measured of a job."""
        return self._found.get((name, size))

    def rate(self, name: str, size: int) -> float | None:
        """Requests a second."""
        found = self.get(name, size)
        return found.rate if found else None

    def compared(self, name: str, reference: str, size: int) -> float | None:
        """How many times as fast a job is as a constant or Kinto."""
        found = self.get(name, size)
        return found.compared.get(reference) if found else None

    def ratio(self, name: str, other: str, size: int) -> float | None:
        """How many times as fast the one job is as the other; each against the
        constant, because the machine was not the same at both times."""
        one, two = self.get(name, size), self.get(other, size)
        if one is None or two is None:
            return None
        for reference in COMPARED:
            if reference in one.compared and reference in two.compared:
                return one.compared[reference] / two.compared[reference]
        return one.rate / two.rate


def verdicts(results: Results, site: dict[str, Any]) -> list[Verdict]:
    """Every bar. `site`: what was measured of the site as a whole."""
    found = []
    for size in results.sizes:
        found += _at(results, size)
    if len(results.sizes) > 1:
        small, large = results.sizes[0], results.sizes[-1]
        for name in GROWING:
            growth = one.growth if (one := results.get(name, large)) else None
            title = f"{TITLES[name]}: time at {large:,} ÷ time at {small:,}"
            found.append(Verdict(title, growth, GROWTH, False))
    sized = (one.megabytes or 0 for one in results.figures if one.size)
    memory = max(sized, default=0) or None
    return [
        *found,
        Verdict("bytes of disk a micropost", site.get("bytes"), BYTES, False),
        Verdict("MB of the web process at most", memory, MEGABYTES, False),
        Verdict("timeline updates a second", site.get("updates"), UPDATES),
        Verdict(
            "s until 965 timelines have it", site.get("delivered"), DELIVERED, False
        ),
    ]


def _at(results: Results, size: int) -> list[Verdict]:
    found = [
        Verdict(
            f"{TITLES[name]} ÷ {TITLES[other]}",
            results.compared(name, other, size)
            if other in COMPARED
            else results.ratio(name, other, size),
            limit,
            size=size,
        )
        for name, other, limit in RATIOS
    ]
    page = results.get("user_json", size)
    tail = page.p99 / page.p50 if page else None
    found.append(Verdict("a user's page, JSON: p99 ÷ p50", tail, TAIL, False, size))
    first = TIMELINES[0]
    ratios = [
        ratio for name in TIMELINES if (ratio := results.ratio(name, first, size))
    ]
    spread = max(ratios) / min(ratios) if len(ratios) == len(TIMELINES) else None
    title = "timelines: time of the slowest ÷ of the fastest"
    found.append(Verdict(title, spread, SPREAD, False, size))
    words = results.get("search_words", size)
    common = results.get("search_common", size)
    for title, value, limit in (
        (
            "search, words of 5 letters: p50, ms",
            words.p50 if words else None,
            WORDS_P50,
        ),
        (
            "search, words of 5 letters: p99, ms",
            words.p99 if words else None,
            WORDS_P99,
        ),
        ("search, “the”: p50, ms", common.p50 if common else None, COMMON_P50),
    ):
        found.append(Verdict(title, value, limit, False, size))
    return found
