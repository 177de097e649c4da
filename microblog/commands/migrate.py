"""`microblog migrate`: bring the data of an earlier version to this one."""

import click

from microblog.commands.context import Context
from microblog.commands.progress import shown
from microblog.database import failures
from microblog.store import migrations, version


@click.command()
@click.pass_obj
def migrate(context: Context) -> None:
    """Bring the data of an earlier version of microblog to this one.

    Step by step; run again after an interruption, it goes on with the step it was in.
    """
    with failures():
        database = context.open(migrating=True).wait()
        for step in migrations.pending(database):
            click.echo(f"step {step.number}: {step.name}")
            migrations.run(database, step, shown)
            click.echo(f"step {step.number} is done")
        click.echo(f"the data is of version {version.mended(database)}")
