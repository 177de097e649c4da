"""`microblog user`: accounts, by hand."""

import sys

import click

from microblog import bodies, passwords, usernames
from microblog.commands.context import Context
from microblog.commands.moderation import moderation
from microblog.database import failures
from microblog.errors import Invalid, NotFound
from microblog.logins import set_password
from microblog.store import applications, ids, users
from microblog.store.audit import What
from microblog.store.walks import Start
from microblog.views.inputs import Body, Email, Name, NewUsername

ROLES = (users.MODERATOR, users.ADMINISTRATOR)


class NewUser(Body):
    """Whom an operator adds; the same rules as for who registers."""

    username: NewUsername
    name: Name
    email: Email


@click.group()
def user() -> None:
    """Add users, set passwords and roles, suspend, disable, approve."""


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
        moderation(context).note(What.ADD, username)
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
        moderation(context).note(What.PASSWORD, username)
        set_password(context.database, context.settings, username, new)
    click.echo(f"password of {username} set; all tokens have ended")


@user.command()
@click.argument("username")
@click.argument("role", type=click.Choice([*ROLES, "none"]))
@click.pass_obj
def role(context: Context, username: str, role: str) -> None:
    """Let a user moderate, or administrate too; or no more (none)."""
    with failures():
        moderation(context).set_role(username, "" if role == "none" else role)
    has = "no role" if role == "none" else f"the role {role}"
    click.echo(f"{username} has {has}; all sessions and tokens have ended")


@user.command()
@click.argument("username")
@click.option("--revoke", is_flag=True, help="No longer.")
@click.pass_obj
def admin(context: Context, username: str, revoke: bool) -> None:
    """Make a user an administrator: the same as `role`."""
    with failures():
        moderation(context).set_role(username, "" if revoke else users.ADMINISTRATOR)
    one = "no" if revoke else "an"
    click.echo(f"{username} is {one} administrator; all sessions and tokens have ended")


@user.command()
@click.argument("username")
@click.argument("why")
@click.pass_obj
def suspend(context: Context, username: str, why: str) -> None:
    """Let a user log in no more, who is told why; nothing of the user's is seen."""
    with failures():
        moderation(context).suspend(username, why)
    click.echo(f"{username} is suspended; all sessions and tokens have ended")


@user.command()
@click.argument("username")
@click.pass_obj
def restore(context: Context, username: str) -> None:
    """End a suspension."""
    with failures():
        moderation(context).restore(username)
    click.echo(f"{username} is suspended no more")


@user.command()
@click.argument("username")
@click.pass_obj
def disable(context: Context, username: str) -> None:
    """Let a user log in no more, and end all logins. What the user wrote stays."""
    with failures():
        moderation(context).disable(username)
    click.echo(f"{username} is disabled; all sessions and tokens have ended")


@user.command()
@click.argument("username")
@click.pass_obj
def enable(context: Context, username: str) -> None:
    """Let a disabled user log in again."""
    with failures():
        moderation(context).enable(username)
    click.echo(f"{username} may log in again")


@user.command()
@click.pass_obj
def awaiting(context: Context) -> None:
    """List who has registered and awaits approval, the first of them first."""
    with failures():
        found = applications.walk(context.database, Start(descending=False))
        for one in found:
            asked = f"{ids.moment(one['at']):%Y-%m-%d %H:%M}"
            click.echo(f"{asked} {one['username']} {one['profile']['name']}".rstrip())


@user.command()
@click.argument("username")
@click.pass_obj
def approve(context: Context, username: str) -> None:
    """Make a user of who awaits approval."""
    with failures():
        moderation(context).approve(username)
    click.echo(f"{username} may log in")


@user.command()
@click.argument("username")
@click.pass_obj
def reject(context: Context, username: str) -> None:
    """Remove the application of who awaits approval; the name is free again."""
    with failures():
        moderation(context).reject(username)
    click.echo(f"the application of {username} is removed")


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
