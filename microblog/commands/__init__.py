"""The `microblog` command: what an operator does at a terminal."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from microblog.commands import (
    backup,
    check,
    data,
    keys,
    mail,
    migrate,
    moderation,
    run,
    statistics,
    user,
    worker,
)
from microblog.commands.context import Context
from microblog.errors import MicroblogError
from microblog.i18n import plain
from microblog.version import VERSION


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "-c",
    "--config",
    "ini",
    default="development.ini",
    show_default=True,
    type=click.Path(path_type=Path),
    help="The ini file of the site.",
)
@click.version_option(VERSION)
@click.pass_context
def cli(context: click.Context, ini: Path) -> None:
    """Run and look after a microblog."""
    context.obj = context.with_resource(_opened(Context(ini)))


@contextmanager
def _opened(context: Context) -> Iterator[Context]:
    try:
        yield context
    finally:
        context.close()


cli.add_command(user.user)
cli.add_command(data.import_)
cli.add_command(data.export)
cli.add_command(check.check)
cli.add_command(check.indexes)
cli.add_command(keys.keys)
cli.add_command(mail.mail)
cli.add_command(migrate.migrate)
cli.add_command(run.run)
cli.add_command(worker.worker)
cli.add_command(worker.tasks)
cli.add_command(statistics.statistics_)
cli.add_command(backup.backup)
cli.add_command(backup.restore)
cli.add_command(moderation.report)
cli.add_command(moderation.micropost)
cli.add_command(moderation.invitation)
cli.add_command(moderation.audit_)


def main(arguments: list[str] | None = None) -> None:
    """Run the command; every failure that has a name ends in one line and status 1."""
    try:
        # Click returns the status that a command ended with, or what it returned.
        sys.exit(cli.main(arguments, prog_name="microblog", standalone_mode=False))
    except click.exceptions.Abort:
        sys.exit("microblog: interrupted")
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except MicroblogError as error:
        sys.exit(f"microblog: {plain(error.detail)}")
