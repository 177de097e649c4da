"""`microblog check` and `microblog indexes`: the state of the stored data."""

import click

from microblog import store
from microblog.commands.context import Context
from microblog.database import failures
from microblog.store.check import check as find_all


@click.command()
@click.option("--repair", is_flag=True, help="Mend what is found.")
@click.pass_obj
def check(context: Context, repair: bool) -> None:
    """Find what a crash has left half written. Exit status 1: something is, still."""
    left = mended = 0
    with failures():
        for finding in find_all(context.database):
            if repair and finding.mend is not None and finding.mend() is not False:
                mended += 1
            else:
                left += 1
            click.echo(finding)
    click.echo(f"{mended} mended, {left} left" if repair else f"{left} found")
    if left:
        raise click.exceptions.Exit(1)


@click.command()
@click.pass_obj
def indexes(context: Context) -> None:
    """Make the indexes that are missing."""
    with failures():
        for name in store.ensure_indexes(context.database):
            click.echo(name)
