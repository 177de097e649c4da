"""`microblog user`: accounts, by hand."""

import sys

import click

from microblog import passwords, usernames
from microblog.commands.context import Context
from microblog.database import failures
from microblog.errors import Invalid, NotFound
from microblog.security import set_password
from microblog.store import users


@click.group()
def user() -> None:
    """Add users, set passwords."""


@user.command()
@click.argument("username")
@click.option("--name", default="", help="The name that is shown.")
@click.option("--email", default="")
@click.pass_obj
def add(context: Context, username: str, name: str, email: str) -> None:
    """Add a user. The password comes from a prompt, or from standard input."""
    try:
        usernames.checked(username)
    except ValueError as error:
        raise Invalid.field("username", str(error)) from None
    hashed = passwords.hash(
        _password(context, username), context.settings.password_cost
    )
    with failures():
        users.create(
            context.database, username, name=name, email=email, password=hashed
        )
    click.echo(f"user {username} added")


@user.command()
@click.argument("username")
@click.pass_obj
def password(context: Context, username: str) -> None:
    """Set a user's password, and end all of the user's tokens."""
    with failures():
        known = usernames.is_username(username) and users.find(
            context.database, username
        )
        if not known:
            raise NotFound(f"there is no user {username!r}")
        new = _password(context, username)
        set_password(context.database, context.settings, username, new)
    click.echo(f"password of {username} set; all tokens have ended")


def _password(context: Context, username: str) -> str:
    """A password that may be chosen, from the terminal (twice) or one line of input."""
    if sys.stdin.isatty():
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    settings = context.settings
    try:
        return passwords.checked(
            password,
            minimum=settings.password_minimum,
            unlike=(username, settings.site_name, "microblog"),
        )
    except ValueError as error:
        raise Invalid.field("password", str(error)) from None
