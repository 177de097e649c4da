"""Plots as SVG, written by hand: bars of requests a second."""

from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

from tests.bench.bars import GROWING, Results
from tests.bench.jobs import JOBS, TITLES, WRITING

LEFT, WIDTH, ROW, BAR, RIGHT, TOP = 230, 420, 34, 18, 90, 46
COLOURS = ("#2f6f9f", "#d98c3f")
STYLE = (
    "text{font:12px sans-serif;fill:#222}"
    ".title{font-weight:bold;font-size:14px}"
    ".limit{stroke:#a03030;stroke-width:2}"
    "rect.ground{fill:#fff}"
)


@dataclass(frozen=True)
class Row:
    """A line of a plot: bars beside each other, and a mark at what they are held to."""

    title: str
    values: list[float]
    mark: float | None = None


def bars(title: str, key: list[str], rows: list[Row], mark: str = "") -> str:
    """A plot of horizontal bars. `key`: what each bar of a row is; `mark`: what the
    marks are."""
    height = TOP + sum(_height(row) for row in rows) + 12
    whole = LEFT + WIDTH + RIGHT
    most = max([*(v for row in rows for v in row.values), *_marks(rows)], default=1)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {whole} {height}" '
        f'width="{whole}" height="{height}" role="img">',
        f"<title>{escape(title)}</title><style>{STYLE}</style>",
        '<rect class="ground" width="100%" height="100%"/>',
        f'<text class="title" x="12" y="20">{escape(title)}</text>',
        _legend(key, mark),
    ]
    y = TOP
    for row in rows:
        parts.append(_row(row, y, WIDTH / most))
        y += _height(row)
    return "\n".join([*parts, "</svg>\n"])


def _height(row: Row) -> int:
    return max(ROW, BAR * len(row.values) + 10)


def _marks(rows: list[Row]) -> list[float]:
    return [row.mark for row in rows if row.mark is not None]


def _legend(key: list[str], mark: str) -> str:
    parts, x = [], LEFT
    for colour, name in zip(COLOURS, key, strict=False):
        parts.append(f'<rect x="{x}" y="28" width="10" height="10" fill="{colour}"/>')
        parts.append(f'<text x="{x + 14}" y="37">{escape(name)}</text>')
        x += 30 + 7 * len(name)
    if mark:
        parts.append(f'<line class="limit" x1="{x}" x2="{x}" y1="26" y2="40"/>')
        parts.append(f'<text x="{x + 6}" y="37">{escape(mark)}</text>')
    return "".join(parts)


def _row(row: Row, y: int, scale: float) -> str:
    middle = y + BAR * len(row.values) / 2 + 4
    title = escape(row.title)
    parts = [f'<text x="{LEFT - 8}" y="{middle}" text-anchor="end">{title}</text>']
    for number, value in enumerate(row.values):
        top = y + BAR * number
        length = max(1.0, value * scale)
        parts.append(
            f'<rect x="{LEFT}" y="{top}" width="{length:.1f}" height="{BAR - 3}" '
            f'fill="{COLOURS[number % len(COLOURS)]}"/>'
            f'<text x="{LEFT + length + 5:.1f}" y="{top + 12}">{value:,.0f}</text>'
        )
    if row.mark is not None:
        x, end = LEFT + row.mark * scale, y + BAR * len(row.values)
        parts.append(
            f'<line class="limit" x1="{x:.1f}" x2="{x:.1f}" y1="{y - 3}" y2="{end}"/>'
        )
    return "".join(parts)


def _reference(results: Results, name: str, reference: str) -> float | None:
    """What it reached while the job was measured."""
    size = results.sizes[-1]
    rate, ratio = results.rate(name, size), results.compared(name, reference, size)
    return rate / ratio if rate and ratio else None


def write(results: Results, folder: Path) -> list[str]:
    """Write all plots for which there are figures; their file names."""
    size, plots = results.sizes[-1], {}
    rows = [
        Row(job.title, [rate], _reference(results, job.name, job.ceiling))
        for job in JOBS
        if job.ceiling and (rate := results.rate(job.name, size))
    ]
    title = f"Requests a second, {size:,} microposts"
    plots["ceiling.svg"] = bars(title, ["microblog"], rows, "constant from Pyramid")
    rows = [
        Row(job.title, [ours], theirs)
        for job in [*JOBS, *WRITING]
        if (ours := results.rate(job.name, size))
        and (theirs := _reference(results, job.name, job.kinto))
    ]
    plots["kinto.svg"] = bars(title, ["microblog"], rows, "Kinto, list of 20 or post")
    small = results.sizes[0]
    rows = [
        Row(TITLES[name], [few, many])
        for name in GROWING
        if (few := results.rate(name, small)) and (many := results.rate(name, size))
    ]
    if small != size:
        key = [f"{small:,} microposts", f"{size:,}"]
        plots["growth.svg"] = bars("Requests a second by size", key, rows)
    for name, plot in plots.items():
        (folder / name).write_text(plot, encoding="utf-8")
    return list(plots)
