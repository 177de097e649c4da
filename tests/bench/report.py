"""Says what was measured: a table, the verdict of each bar, the machine."""

import json
import os
import platform
import re
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.bench.bars import Results, Verdict
from tests.bench.jobs import TITLES
from tests.bench.loads import CONNECTIONS, Figures

LIBRARIES = ("pyramid", "waitress", "cornice", "pymongo", "SecantusDB")
HEAD = (
    "| microposts | job | requests/s | p50 ms | p99 ms | of Pyramid | × Kinto "
    "| web CPU ms | database CPU ms | commands | web MB |\n"
    "| ---: | --- " + "| ---: " * 9 + "|"
)


def machine() -> dict[str, str]:
    """What it was measured on."""
    processor = re.search(
        r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "processor": processor[1] if processor else platform.machine(),
        "memory": f"{memory:.0f} GB",
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "python": platform.python_version(),
        **{name: version(name) for name in LIBRARIES},
    }


def table(results: Results) -> str:
    """Every job at every size, as Markdown."""
    order = list(TITLES)
    figures = sorted(results.figures, key=lambda one: (order.index(one.name), one.size))
    return "\n".join([HEAD, *map(_row, figures)])


def _row(one: Figures) -> str:
    kinto = [ratio for name, ratio in one.compared.items() if name.startswith("kinto")]
    ceiling = [ratio for name, ratio in one.compared.items() if "ceiling" in name]
    title = TITLES[one.name] + (f" ({one.note})" if one.note else "")
    if one.failed:
        title += f" — **{one.failed} answers failed**"
    cells = [
        f"{one.size:,}" if one.size else "",
        title,
        f"{one.rate:,.0f}",
        f"{one.p50:.1f}",
        f"{one.p99:.1f}",
        _number(ceiling[0] if ceiling else None, 2),
        _number(kinto[0] if kinto else None, 2),
        _number(one.web_ms, 2),
        _number(one.database_ms, 2),
        _number(one.commands, 2),
        _number(one.megabytes, 0),
    ]
    return f"| {' | '.join(cells)} |"


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def verdicts(found: list[Verdict]) -> str:
    """The verdict of every bar, as Markdown."""
    lines = [
        "| microposts | bar | measured | wanted | verdict |",
        "| ---: | --- | ---: | ---: | --- |",
    ]
    for one in found:
        size = f"{one.size:,}" if one.size else ""
        sign = "≥" if one.at_least else "≤"
        said = f"**{one.said}**" if one.said == "missed" else one.said
        value = "" if one.value is None else _short(one.value)
        limit = f"{sign} {_short(one.limit)}"
        lines.append(f"| {size} | {one.title} | {value} | {limit} | {said} |")
    return "\n".join(lines)


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"


def summary(found: list[Verdict]) -> str:
    """How many bars were met, in a line."""
    said = [one.said for one in found]
    words = ("met", "missed", "not measured")
    return ", ".join(f"{said.count(word)} {word}" for word in words)


def write(
    folder: Path,
    results: Results,
    found: list[Verdict],
    site: dict[str, Any],
    *,
    plots: list[str],
    profiles: list[str],
    settings: dict[str, Any],
) -> None:
    """Write README.md and results.json. `site`: what was measured of the whole;
    `settings`: how it was measured."""
    now, tested = datetime.now(UTC).strftime("%Y-%m-%d"), machine()
    document = {
        "date": now,
        "machine": tested,
        "settings": settings,
        "site": site,
        "jobs": [one.as_dict() for one in results.figures],
        "bars": [{**one.__dict__, "verdict": one.said} for one in found],
    }
    text = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
    (folder / "results.json").write_text(text, encoding="utf-8")
    parts = [
        "# Measured",
        f"By `make bench` on {now}; generated, do not edit. {summary(found)}.",
        _how(tested, settings),
        "## Jobs",
        table(results),
        _notes(site),
        "## Bars",
        verdicts(found),
        _pictures(plots),
        _profiles(profiles) if profiles else "",
    ]
    if (folder / "simulation.md").exists():
        parts.append(
            "How timelines would do at another size: [simulation](simulation.md)."
        )
    if (folder / "tries.md").exists():
        parts.append("What held figures back, and what was done: [tries](tries.md).")
    text = "\n\n".join(part for part in parts if part) + "\n"
    (folder / "README.md").write_text(text, encoding="utf-8")


def _how(tested: dict[str, str], settings: dict[str, Any]) -> str:
    libraries = ", ".join(f"{name} {tested[name]}" for name in LIBRARIES)
    cores = (
        "The web server has a core of its own; the document server, the worker and wrk "
        "share the other."
        if settings["cores"] > 1
        else "There was only one core, which everything shared."
    )
    return (
        f"{tested['processor']}, {settings['cores']} cores, {tested['memory']}, "
        f"{tested['system']}; Python {tested['python']}, {libraries}. {cores} One web "
        f"process with 4 threads, and 8 for who posts. wrk: {CONNECTIONS} connections, "
        f"a warm-up and the median of {settings['runs']} runs of "
        f"{settings['seconds']} s, in turns with what a job is compared "
        "with, so that ratios hold while the machine is slower "
        f"at times: others used {settings['busy']:.0f} % of it before the start, "
        f"and its host kept {settings['stolen']:.0f} % from it meanwhile. Data: "
        f"{settings['data']}, {settings['users']:,} users, and one whom "
        f"{settings['followers']:,} more follow.\n\n"
        "“of Pyramid”: against a Pyramid application of the same build that answers "
        "a constant of the same size. “× Kinto”: against a list of 20 records, or a "
        "post, of the same size by Kinto on its memory backends. “commands”: of the "
        "document server, for one request. Pages are asked for without compression."
    )


def _notes(site: dict[str, Any]) -> str:
    lines = []
    if site.get("bytes"):
        lines.append(f"A micropost takes {site['bytes']:,.0f} bytes on disk.")
    lines += site.get("notes", [])
    return "\n".join(lines)


def _pictures(plots: list[str]) -> str:
    return "\n\n".join(f"![{name.partition('.')[0]}]({name})" for name in plots)


def _profiles(profiles: list[str]) -> str:
    lines = [f"- [{TITLES[name]}](profiles/{name}.svg)" for name in profiles]
    said = "Flame graphs of who holds the interpreter of the web process, by py-spy:"
    return f"## Where the time goes\n\n{said}\n\n" + "\n".join(lines)
