"""`microblog mail`: the mails of a site that has no mail server."""

from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import click

from microblog.commands.context import Context
from microblog.errors import NotFound
from microblog.mailing import smtp


@click.command()
@click.argument("number", type=int, required=False)
@click.option("--raw", is_flag=True, help="Show the whole file of mail NUMBER.")
@click.pass_obj
def mail(context: Context, number: int | None, raw: bool) -> None:
    """List the mails that were written to files because mail.host is not set, newest
    last; or show mail NUMBER of the list."""
    folder = smtp.folder(context.settings)
    paths = sorted(folder.glob("*.eml"))
    if number is None and raw:
        raise click.UsageError("--raw needs the number of a mail")
    if number is None:
        _list(folder, paths)
        return
    if not 1 <= number <= len(paths):
        where = click.format_filename(folder)
        raise NotFound(f"there is no mail {number} in {where}")
    content = paths[number - 1].read_bytes()
    click.echo(content if raw else _readable(_parsed(content)), nl=False)


def _list(folder: Path, paths: list[Path]) -> None:
    if not paths:
        click.echo(f"no mails in {click.format_filename(folder)}")
    for number, path in enumerate(paths, 1):
        message = _parsed(path.read_bytes())
        date = message["Date"].datetime.strftime("%Y-%m-%d %H:%M:%S")
        click.echo(f"{number:4}  {date}  {message['To']}  {message['Subject']}")


def _readable(message: EmailMessage) -> str:
    """The message as a person reads it."""
    headers = [f"{name}: {message[name]}" for name in ("From", "To", "Subject", "Date")]
    part = message.get_body(("plain",))
    text = part.get_content() if part else ""
    return "\n".join([*headers, "", *text.splitlines(), ""])


def _parsed(content: bytes) -> EmailMessage:
    return message_from_bytes(content, policy=policy.default)
