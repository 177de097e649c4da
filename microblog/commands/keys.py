"""`microblog keys`: what the site signs with."""

import click

from microblog.commands.context import Context
from microblog.database import failures
from microblog.store import keys as store


@click.group()
def keys() -> None:
    """Draw new keys for what the site signs."""


@keys.command()
@click.pass_obj
def rotate(context: Context) -> None:
    """Sign with new keys. Links in mails and open forms that were signed by the present
    ones count until the next rotation; logins are not concerned."""
    with failures():
        names = store.rotate(context.database)
    click.echo(f"new keys: {', '.join(names) or 'none is in use yet'}")
