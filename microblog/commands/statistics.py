"""`microblog statistics`: what has happened on the site, day by day."""

import json
import sys
from collections.abc import Iterator
from datetime import datetime

import click

from microblog.commands.context import Context
from microblog.database import failures
from microblog.store import Document, statistics
from microblog.views.statistics import form

Row = tuple[Document, bool]  # the figures of a day, and whether it is over


@click.command(name="statistics")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="The first day.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON Lines.")
@click.option("--again", is_flag=True, help="Compute days anew that are stored.")
@click.pass_obj
def statistics_(
    context: Context, since: datetime | None, as_json: bool, again: bool
) -> None:
    """Print the figures of every day in UTC; those of today are not final.

    Days that are over are computed once and stored; after an import of older
    microposts, --again computes them anew.
    """
    first = since.date() if since else None
    with failures():
        database = context.database
        find = statistics.finished if again else statistics.missing
        with click.progressbar(
            find(database, first), label="computing", file=sys.stderr
        ) as bar:
            for day in bar:
                statistics.keep(database, day)
        known = statistics.finished(database, first)
        stored = statistics.days(database, known[-1], known[0]) if known else []
        unfinished = statistics.unfinished(database)
    rows = [(form(day), True) for day in stored]
    rows += [(form(day), False) for day in unfinished]
    for line in _as_json(rows) if as_json else _as_table(rows):
        click.echo(line)


def _as_json(rows: list[Row]) -> Iterator[str]:
    for figures, finished in rows:
        yield json.dumps({**figures, "finished": finished})


def _as_table(rows: list[Row]) -> Iterator[str]:
    table = [["date", *statistics.FIGURES]]
    table += [[str(value) for value in figures.values()] for figures, _ in rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    marks = ["", *("" if finished else "  so far" for _, finished in rows)]
    for row, mark in zip(table, marks, strict=True):
        cells = [cell.rjust(width) for cell, width in zip(row, widths, strict=True)]
        yield "  ".join(cells) + mark
