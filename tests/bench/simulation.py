"""Simulates three designs of timelines at ten million users, without any server.

    .venv/bin/python tests/bench/simulation.py [--users 10000] [--write docs/bench]

Push: a reference to a micropost goes to all followers. Pull: a page reads the documents
of all followees. Hybrid: authors with fewer followers than a threshold push to active
readers; the others are pulled. The same options give the same figures.
"""

import argparse
import csv
import gzip
import math
import random
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable
from itertools import accumulate
from pathlib import Path
from statistics import NormalDist, fmean
from typing import NamedTuple

EXPONENT = 2.276  # of Twitter's follower counts: Kwak et al., WWW 2010
SPREAD, SAMPLE = 1.0, 5000  # of the followees: a log-normal's sigma; readers looked at
POSTS, PAGE = 1000, 20  # microposts a second, on a page
PUSH = (0.6, 1.0)  # milliseconds for one $push with $slice
READ, TEXT = 0.6, 2.5 / 20  # for a document by primary key, for one of 20 in a query
TIMELINE = 100 * (8 + 11)  # bytes: ids, and what BSON adds to each
EVERYBODY = 1 << 62  # a threshold that nobody reaches
POWERS = (0, 0.5, 1, 1.5, 1.75, 2)  # of followers, in proportion to which people post
SVG = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 380" font-size="13"
 font-family="sans-serif"><rect width="640" height="380" fill="#fff"/>
<text x="320" y="368" text-anchor="middle">threshold, in followers</text>"""

Groups = list[tuple[float, float]]  # a count, and what weighs who has this count


class Row(NamedTuple):
    """What one design does."""

    name: str
    pushes: tuple[float, float, float]  # a post: mean, 99th percentile, maximum
    documents: tuple[float, float, float]  # a page: mean, median, 99th percentile
    pulled: float  # of these, documents of authors
    texts: float  # of these, microposts
    missed: list[float]  # of the authors' documents, not cached, for each lifetime
    accounts: float  # that are pulled
    bytes: float  # a user

    def cached(self) -> float:
        """Documents a page, with a cache of the longest lifetime."""
        return self.documents[0] - self.pulled + self.missed[-1]

    def milliseconds(self, reads: float, documents: float) -> str:
        """The cost of a post and of the pages read meanwhile, from and to."""
        page = (documents - self.texts) * READ + self.texts * TEXT
        low, high = (self.pushes[0] * push + reads * page for push in PUSH)
        return f"{low:,.0f} to {high:,.0f}"


def mean_followers(least: int, most: int) -> float:
    """The mean of the power law from `least` on, nobody having more than `most`."""
    tail = EXPONENT - 2
    return float(least * (1 + (1 - (least / most) ** tail) / tail))


def draw_followers(users: int, least: int, seed: int) -> Groups:
    """How many accounts have how many followers: a discrete power law as in Clauset,
    Shalizi and Newman 2009, appendix D."""
    draw, power = random.Random(seed).random, -1 / (EXPONENT - 1)
    drawn = (int((least - 0.5) * (1 - draw()) ** power + 0.5) for _ in range(users))
    return sorted(Counter(min(count, users - 1) for count in drawn).items())


def size(groups: Groups) -> float:
    """How many accounts there are, or how many posts."""
    return sum(weight for _, weight in groups)


def total(groups: Groups) -> float:
    """All links to these accounts, or all pushes of these posts."""
    return sum(count * weight for count, weight in groups)


def percentile(groups: Groups, share: float) -> float:
    """The count that this share of all does not exceed."""
    heights = list(accumulate(weight for _, weight in groups))
    return groups[min(bisect_right(heights, share * heights[-1]), len(groups) - 1)][0]


def weigh(posts: Groups, power: float, boost: float = 1, large: float = 0) -> Groups:
    """The same groups, by how many posts they write."""
    return [(c, n * c**power * (boost if c >= large else 1)) for c, n in posts]


def sample_readers(groups: Groups, limits: list[int], seed: int) -> dict[int, Groups]:
    """How many followees at or above each limit readers have.

    A link leads to an account in proportion to its followers.
    """
    draw, links, users = random.Random(seed + 1).random, total(groups), size(groups)
    below = [total([group for group in groups if group[0] < x]) / links for x in limits]
    ranks = ((number + 0.5) / SAMPLE for number in range(SAMPLE))
    spread = [math.exp(NormalDist(0, SPREAD).inv_cdf(rank)) for rank in ranks]
    scale = links / users / fmean(spread)
    found: list[Counter[float]] = [Counter() for _ in limits]
    for one in spread:
        followees = min(max(1, round(one * scale)), round(users) - 1)
        between = Counter(bisect_right(below, draw()) for _ in range(followees))
        for place, counter in enumerate(found):
            followees -= between[place]
            counter[followees] += 1
    return {x: sorted(one.items()) for x, one in zip(limits, found, strict=True)}


def simulate(
    design: tuple[str, int, float],
    groups: Groups,
    posts: Groups,
    readers: Groups,
    options: argparse.Namespace,
) -> Row:
    """One design: its name, its threshold, the part of followers that it pushes to."""
    name, threshold, active = design
    users, written = size(groups), size(posts)
    small = [group for group in posts if group[0] < threshold]
    pushed = [(0.0, written - size(small)), *((c * active, n) for c, n in small)]
    pulled = [group for group in groups if group[0] >= threshold]
    mean, texts = total(pulled) / users, PAGE * total(small) / total(posts)
    other = texts + (2 if threshold else 1)  # the reader's own, and the timeline
    middle, high = (percentile(readers, share) for share in (0.5, 0.99))
    # An author's document is read when it is asked for after its lifetime.
    rates = [(options.pages * count / users, n) for count, n in pulled]
    missed = [
        sum(n * rate / (1 + rate * lifetime) for rate, n in rates) / options.pages
        for lifetime in options.lifetimes
    ]
    return Row(
        name,
        (total(pushed) / written, percentile(pushed, 0.99), pushed[-1][0]),
        (mean + other, middle + other, high + other),
        *(mean, texts, missed, size(pulled)),
        TIMELINE * active if threshold else 0,
    )


def listed(values: Iterable[float]) -> str:
    """Whole numbers for one cell."""
    return ", ".join(f"{value:,.0f}" for value in values)


def markdown(*rows: list[str]) -> str:
    """A table; the first row is its head."""
    head, *body = (f"| {' | '.join(row)} |\n" for row in rows)
    return head + "| --- " * len(rows[0]) + "|\n" + "".join(body) + "\n"


def tables(groups: Groups, posts: Groups, options: argparse.Namespace) -> str:
    """What the designs do, then what they cost."""
    limits = [0, *sorted(options.threshold), EVERYBODY]
    readers, share = sample_readers(groups, limits, options.seed), options.active
    names = ["pull", *(f"hybrid, {limit:,}" for limit in limits[1:-1])]
    designs = [("push to all", EVERYBODY, 1.0), ("push to active", EVERYBODY, share)]
    designs += [(*one, share) for one in zip(names, limits[:-1], strict=True)]
    ends = " and ".join(f"{lifetime:g}" for lifetime in options.lifetimes)
    done = ["design", "pushes a post: mean, p99, max"]
    done += ["documents a page: mean, p50, p99"]
    done += ["bytes a user", "writes a second", "reads a second"]
    costs = ["design", "accounts pulled", f"of them read a second, cached {ends} s"]
    costs += ["documents a page, cached", "ms a post and its pages", "the same, cached"]
    first, second = [done], [costs]
    for one in designs:
        row = simulate(one, groups, posts, readers[one[1]], options)
        read, fewer = row.documents[0], row.cached()
        rates = (row.bytes, row.pushes[0] * POSTS, read * POSTS * options.reads)
        first.append([row.name, listed(row.pushes), listed(row.documents)])
        first[-1] += [f"{value:,.0f}" for value in rates]
        missed = listed(part * options.pages for part in row.missed)
        second.append([row.name, f"{row.accounts:,.0f}", missed, f"{fewer:,.1f}"])
        second[-1] += [row.milliseconds(options.reads, x) for x in (read, fewer)]
    return markdown(*first) + markdown(*second)


def measured(path: Path, thresholds: list[int]) -> str:
    """What thresholds would do to a graph of links `follower,followee`."""
    with gzip.open(path, "rt") as lines:
        links = [(row[0], row[1]) for row in csv.reader(lines) if row[0].isdigit()]
    followers = Counter(followee for _, followee in links)
    people = sorted({person for link in links for person in link})
    groups: Groups = sorted(Counter(followers[one] for one in people).items())
    head = ["threshold", "accounts pulled", "their documents a page: mean, p50, p99"]
    rows = [head + [f"pushes, posts as followers^{power:g}" for power in POWERS]]
    for limit in [*sorted(thresholds), EVERYBODY]:
        large = Counter(one for one, followee in links if followers[followee] >= limit)
        pulled: Groups = sorted(Counter(large[one] for one in people).items())
        few = listed(percentile(pulled, share) for share in (0.5, 0.99))
        above = size([group for group in groups if group[0] >= limit])
        name = "none" if limit == EVERYBODY else f"{limit:,}"
        mean = large.total() / len(people)
        rows.append([name, f"{above:,.0f}", f"{mean:.1f}, {few}"])
        for posts in (weigh(groups, power) for power in POWERS):
            small = total([group for group in posts if group[0] < limit])
            rows[-1].append(f"{small / size(posts):.1f}")
    count = f"{len(people):,} people, {len(links):,} links"
    return f"### A measured graph: {count}\n\n" + markdown(*rows)


def plot(groups: Groups, options: argparse.Namespace) -> str:
    """Pushes and documents over the threshold, both scales logarithmic, as SVG."""
    limits = [round(10 ** (step / 8)) for step in range(12, 49)]
    designs = [("", limit, options.active) for limit in limits]
    rows = [simulate(one, groups, groups, [(0, 1)], options) for one in designs]
    parts = [SVG]
    for x, number in ((123, 100), (248, 1000), (373, 10_000), (498, 100_000)):
        parts.append(f'<path d="M{x} 20V320" stroke="#ddd"/>')
        parts.append(f'<text x="{x}" y="340" text-anchor="middle">{number:,}</text>')
    for y, number in ((320, 1), (220, 10), (120, 100), (20, 1000)):
        parts.append(f'<path d="M60 {y}H623" stroke="#ddd"/>')
        parts.append(f'<text x="54" y="{y + 4}" text-anchor="end">{number:,}</text>')
    lines = {
        ("pushes a post", "#b3261e"): [row.pushes[0] for row in rows],
        ("documents a page", "#1f5fa8"): [row.documents[0] for row in rows],
        ("documents a page, cached", "#1b7a3d"): [row.cached() for row in rows],
    }
    for place, ((name, color), values) in enumerate(lines.items()):
        pairs = [pair for pair in zip(limits, values, strict=True) if pair[1] >= 1]
        steps = [(math.log10(x) * 125 - 127, math.log10(y)) for x, y in pairs]
        dots = " ".join(f"{x:.0f},{320 - 100 * y:.1f}" for x, y in steps)
        stroke = f'fill="none" stroke="{color}" stroke-width="2"'
        parts.append(f'<polyline points="{dots}" {stroke}/>')
        where = f'x="430" y="{265 + 20 * place}"'
        parts.append(f'<text {where} fill="{color}">{name}</text>')
    return "\n".join([*parts, "</svg>\n"])


def report(options: argparse.Namespace) -> tuple[str, str]:
    """All tables, and the plot of the first graph."""
    users, parts, plots = options.users, [], []
    for mean in options.mean:
        bounds = range(1, min(users, 500))
        least = min(bounds, key=lambda x: abs(mean_followers(x, users - 1) - mean))
        groups = draw_followers(users, least, options.seed)
        plots.append(plot(groups, options))
        drawn = f"{users:,} users, {least} followers or more, mean"
        drawn += f" {total(groups) / users:.1f}, largest {groups[-1][0]:,}"
        more = f"from {options.large:,} followers on {options.boost:g} times as much"
        for boost, who in ((1, "all post alike"), (options.boost, more)):
            posts = weigh(groups, options.power, boost, options.large)
            parts.append(f"### {drawn}; {who}\n\n" + tables(groups, posts, options))
    if options.edges:
        parts.append(measured(options.edges, options.threshold))
    return "\n".join(parts).rstrip() + "\n", plots[0]


def main() -> None:
    """Print the tables; with --write, put them into the document too."""
    parser = argparse.ArgumentParser(description=__doc__)
    numbers = {"users": 10_000_000, "seed": 1, "active": 0.4, "reads": 10.0}
    numbers |= {"pages": 1000.0, "power": 0.0, "boost": 5.0, "large": 1000}
    lists: dict[str, list[float]] = {"mean": [159.0, 35.2], "lifetimes": [1.0, 2.0]}
    lists |= {"threshold": [50, 100, 200, 1000, 10_000, 100_000]}
    for name, value in numbers.items():
        parser.add_argument(f"--{name}", type=type(value), default=value)
    for name, many in lists.items():
        parser.add_argument(f"--{name}", type=type(many[0]), default=many, nargs="+")
    parser.add_argument("--edges", type=Path, help="follower,followee in a .csv.gz")
    parser.add_argument("--write", type=Path, help="the directory of simulation.md")
    options = parser.parse_args()
    text, picture = report(options)
    print(text)
    if options.write:
        (options.write / "simulation.svg").write_text(picture)
        document = options.write / "simulation.md"
        head, mark, _ = document.read_text().partition("<!-- figures -->\n")
        document.write_text(f"{head}{mark}\n{text}")


if __name__ == "__main__":
    main()
