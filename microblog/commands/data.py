"""`microblog import` and `export`: users, follows, microposts as JSON Lines."""

import json
import os
import sys
from collections.abc import Iterator
from typing import Any, BinaryIO

import click

from microblog import usernames
from microblog.commands.context import Context
from microblog.commands.loading import Loader
from microblog.database import failures
from microblog.errors import NotFound
from microblog.store import Document, collection, follows, ids, users
from microblog.store.walks import Start


@click.command("import")
@click.argument("file", type=click.File("rb"), default="-")
@click.pass_obj
def import_(context: Context, file: BinaryIO) -> None:
    """Read users, follows and microposts from FILE (-: standard input).

    Run again, it changes nothing. Lines that cannot be read are reported, the rest goes
    in; exit status 1.
    """
    with failures():
        loader = Loader(context.database, context.settings)
        try:
            for number, line in _lines(file):
                loader.load(number, line)
        finally:
            loader.flush()
    for name, (new, known) in loader.totals().items():
        click.echo(f"{name}: {new} new, {known} already there")
    if not any(new for new, _ in loader.totals().values()):
        click.echo("nothing has changed")
    for number, reason in sorted(loader.bad):
        click.echo(f"{_name(file)}: line {number}: {reason}", err=True)
    if loader.bad:
        click.echo(f"{len(loader.bad)} bad lines left out", err=True)
        raise click.exceptions.Exit(1)


def _name(file: BinaryIO) -> str:
    """What an error calls the file."""
    return click.format_filename(getattr(file, "name", "-"))


def _lines(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """The numbered lines of the file, with a progress bar on a terminal."""
    try:
        size = os.fstat(file.fileno()).st_size
    except (OSError, AttributeError):
        size = 0
    # A bar whose length is unknown (a pipe) shows how much has been read; it must have
    # something to iterate over then, but is moved on by bytes and not by lines.
    progress: Any = click.progressbar(
        file, length=size or None, label="importing", file=sys.stderr, show_pos=True
    )
    with progress as bar:
        for number, line in enumerate(file, 1):
            yield number, line
            bar.update(len(line))


@click.command()
@click.argument("username")
@click.pass_obj
def export(context: Context, username: str) -> None:
    """Write what a user has made to standard output, as `import` reads it."""
    database = context.database
    with failures():
        user = (
            users.find(database, username) if usernames.is_username(username) else None
        )
        if user is None:
            raise NotFound(f"there is no user {username!r}")
        profile = {field: user[field] for field in ("name", "bio", "email")}
        _write("user", {"username": username, **profile})
        for link in follows.walk_following(database, user, Start(descending=False)):
            names = {"follower": link["follower"], "followee": link["followee"]}
            _write("follow", names)
        for one in collection.walk(database, user, Start(descending=False)):
            _write("micropost", _micropost(one))


def _micropost(micropost: Document) -> dict[str, Any]:
    moment = ids.moment(micropost["id"])
    record = {
        "username": micropost["author"],
        "text": micropost["text"],
        "timestamp": moment.isoformat(timespec="milliseconds"),
    }
    if micropost["referenced"]:
        record["referenced"] = micropost["referenced"]
    return record


def _write(kind: str, record: dict[str, Any]) -> None:
    given = {key: value for key, value in record.items() if value != ""}
    click.echo(json.dumps({"kind": kind, **given}, ensure_ascii=False))
