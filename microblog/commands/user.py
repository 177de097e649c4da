"""`microblog user`: accounts, by hand."""

import sys

import click

from microblog import bodies, passwords, usernames
from microblog.commands.context import Context
from microblog.database import failures
from microblog.errors import Invalid, NotFound
from microblog.logins import set_password
from microblog.store import accounts, users
from microblog.views.inputs import Body, Email, Name, NewUsername


class NewUser(Body):
    """Whom an operator adds; the same rules as for who registers."""

    username: NewUsername
    name: Name
    email: Email


@click.group()
def user() -> None:
    """Add users, set passwords, disable users, name administrators."""


@user.command()
@click.argument("username")
@click.option("--name", default="", help="The name that is shown.")
@click.option("--email", default="")
@click.pass_obj
def add(context: Context, username: str, name: str, email: str) -> None:
    """Add a user. The password comes from a prompt, or from standard input."""
    new = _checked(username, name, email)
    hashed = passwords.hash(
        _password(context, username), context.settings.password_cost
    )
    with failures():
        users.create(
            context.database, username, name=new.name, email=new.email, password=hashed
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


@user.command()
@click.argument("username")
@click.option("--revoke", is_flag=True, help="No longer.")
@click.pass_obj
def admin(context: Context, username: str, revoke: bool) -> None:
    """Make a user an administrator, who sees /admin."""
    with failures():
        if not usernames.is_username(username):
            raise NotFound(f"there is no user {username!r}")
        users.change(context.database, username, {"admin": not revoke})
    click.echo(f"{username} is {'no ' if revoke else 'an '}administrator")


@user.command()
@click.argument("username")
@click.pass_obj
def disable(context: Context, username: str) -> None:
    """Let a user log in no more, and end all logins. What the user wrote stays."""
    with failures():
        if not usernames.is_username(username):
            raise NotFound(f"there is no user {username!r}")
        accounts.disable(context.database, username)
    click.echo(f"{username} is disabled; all sessions and tokens have ended")


@user.command()
@click.argument("username")
@click.pass_obj
def enable(context: Context, username: str) -> None:
    """Let a disabled user log in again."""
    with failures():
        if not usernames.is_username(username):
            raise NotFound(f"there is no user {username!r}")
        accounts.enable(context.database, username)
    click.echo(f"{username} may log in again")


def _checked(username: str, name: str, email: str) -> NewUser:
    given = {"username": username, "name": name, "email": email}
    return bodies.checked(NewUser, given, "argument")


def _password(context: Context, username: str) -> str:
    """A password that may be chosen."""
    settings = context.settings
    try:
        return passwords.checked(
            _entered(),
            minimum=settings.password_minimum,
            unlike=(username, settings.site_name, "microblog"),
        )
    except ValueError as error:
        raise Invalid.field("password", error.args[0]) from None


def _entered() -> str:
    """What is typed at the terminal, twice, or one line of input."""
    if sys.stdin.isatty():
        typed = click.prompt("Password", hide_input=True, confirmation_prompt=True)
        return str(typed)
    return sys.stdin.readline().rstrip("\r\n")
