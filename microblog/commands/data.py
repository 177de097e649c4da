"""`microblog import` and `export`: users, follows, microposts as JSON Lines."""

import json
import os
import sys
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, BinaryIO

import click

from microblog import usernames
from microblog.commands.context import Context
from microblog.commands.loading import Loader
from microblog.database import failures
from microblog.errors import BadArchive, NotFound
from microblog.i18n import plain
from microblog.portable import loading
from microblog.store import Document, collection, follows, ids, segments, users
from microblog.store.walks import Start


@click.command("import")
@click.argument("file", type=click.File("rb"), default="-")
@click.option("--user", "username", help="Whose microposts an archive's posts become.")
@click.option(
    "--left",
    type=click.File("wb", lazy=False),
    help="Where to write what of an archive does not come along, as JSON Lines.",
)
@click.pass_obj
def import_(
    context: Context, file: BinaryIO, username: str | None, left: BinaryIO | None
) -> None:
    """Read users, follows and microposts from FILE (-: standard input).

    Run again, it changes nothing. Lines that cannot be read are reported, the rest goes
    in; exit status 1.

    With --user, FILE is an archive: what a user of a microblog has exported, or one of
    Mastodon (zip, tar.gz, outbox.json) or Twitter (zip, tweets.js). Posts that are not
    public, too long, of others or only media are reported and left out.
    """
    if username is not None:
        _import_archive(context, file, username, left)
        return
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


def _import_archive(
    context: Context, file: BinaryIO, username: str, left: BinaryIO | None
) -> None:
    def tell(changed: loading.Changed) -> None:
        note = "" if changed.left else "imported: "
        reason = f"post {changed.number}: {note}{plain(changed.reason)}"
        click.echo(f"{_name(file)}: {reason}", err=True)
        if left:
            left.write(changed.line)

    if not file.seekable():
        raise click.UsageError("An archive must be a file.")
    with failures():
        if not usernames.is_username(username) or not users.find(
            context.database, username
        ):
            raise NotFound(f"there is no user {username!r}")
        work = loading.Loading(context.database, username, tell)
        try:
            work.load(file)
        except BadArchive as error:
            raise BadArchive(f"{_name(file)} {plain(error.detail)}") from None
        finally:
            # Also of an archive that cannot be read to its end.
            _tell_of(work.report)
        segments.tend(context.database, least=1, pause=timedelta(0))


def _tell_of(report: loading.Report) -> None:
    click.echo(f"microposts: {report.new} new, {report.known} already there")
    click.echo(f"left out: {report.left}")


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
        # An operator exports what nobody sees, too.
        user.pop("suspended", None)
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
