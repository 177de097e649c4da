"""`microblog backup` and `microblog restore`: all of the data, as files."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from microblog.commands.context import Context
from microblog.commands.progress import shown
from microblog.database import failures
from microblog.errors import BadBackup
from microblog.store import Document
from microblog.store import backup as store
from microblog.store.restore import Restore, checked

Directory = click.Path(path_type=Path)


class _Backup(click.Group):
    """Takes `backup DIR` for `backup to DIR`."""

    def parse_args(self, context: click.Context, arguments: list[str]) -> list[str]:
        if arguments and arguments[0] not in {*self.commands, "-h", "--help"}:
            arguments = ["to", *arguments]
        return super().parse_args(context, arguments)


@click.group(cls=_Backup)
def backup() -> None:
    """Write all of the data to files, or look whether they are whole.

    `backup DIR` is short for `backup to DIR`.
    """


@backup.command()
@click.argument("directory", type=Directory)
@click.option(
    "--with-logins",
    is_flag=True,
    help="Tokens, sessions, and the keys that sign links, too.",
)
@click.option(
    "--only-deletions",
    is_flag=True,
    help="Only who was deleted, for `restore --deletions-of`.",
)
@click.pass_obj
def to(
    context: Context, directory: Path, with_logins: bool, only_deletions: bool
) -> None:
    """Write a backup to DIRECTORY, which is new or empty. The site may run."""
    with _said(directory), failures():
        manifest = store.take(
            context.database,
            directory,
            shown,
            with_logins=with_logins,
            only_deletions=only_deletions,
        )
    _tell(manifest)


@backup.command()
@click.argument("directory", type=Directory)
def verify(directory: Path) -> None:
    """Look whether the backup in DIRECTORY is whole."""
    with _said(directory):
        _tell(checked(directory))


@click.command()
@click.argument("directory", type=Directory)
@click.option(
    "--deletions-of",
    "newer",
    type=Directory,
    help="A newer backup: whoever was deleted by then is deleted again.",
)
@click.pass_obj
def restore(context: Context, directory: Path, newer: Path | None) -> None:
    """Read the backup in DIRECTORY into an empty store. The site must not run.

    Run again after an interruption, it goes on.
    """
    with _said(directory), failures():
        begun = Restore(context.database, directory, newer)
        begun.write(shown)
    for name, count in begun.written.items():
        click.echo(f"{name}: {count} restored")
    click.echo("all is restored")


def _tell(manifest: Document) -> None:
    for name, told in manifest["collections"].items():
        click.echo(f"{name}: {told['documents']}")
    click.echo(f"whole, of {manifest['began']}")


@contextmanager
def _said(directory: Path) -> Iterator[None]:
    """What is wrong with files is said in a line."""
    try:
        yield
    except OSError as error:
        where = error.filename or directory
        raise BadBackup(f"{where}: {error.strerror or error}") from None
