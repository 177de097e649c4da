"""`microblog report`, `micropost`, `invitation`, `audit`: moderation, by hand."""

from itertools import islice

import click

from microblog.commands.context import Context
from microblog.database import failures
from microblog.errors import NotFound
from microblog.moderation import Moderation
from microblog.store import Document, audit, ids, invitations, reports
from microblog.store.audit import COMMAND_LINE
from microblog.store.walks import Start

SHOWN = 100


def moderation(context: Context) -> Moderation:
    """What the operator does as a moderator."""
    return Moderation(context.database, COMMAND_LINE, context.settings.audit_days)


@click.group()
def report() -> None:
    """See what users have reported, and end reports."""


@report.command(name="list")
@click.pass_obj
def list_reports(context: Context) -> None:
    """List the open reports, the first of them first."""
    with failures():
        for one in reports.walk(context.database, Start(descending=False)):
            about = f"{one['about']}{_number(one)}"
            reason = " ".join(one["reason"].split())
            click.echo(f"{_when(one['at'])} {one['_id']} about {about}: {reason}")


@report.command()
@click.argument("id")
@click.argument("do", type=click.Choice(["dismiss", "hide", "suspend"]))
@click.argument("why")
@click.pass_obj
def resolve(context: Context, id: str, do: str, why: str) -> None:
    """End a report: dismiss it, hide the micropost, or suspend the user."""
    with failures():
        found = reports.find(context.database, id)
        if found is None:
            raise NotFound(f"there is no report {id!r}")
        acting = moderation(context)
        if do == "dismiss":
            acting.dismiss(found, why)
        elif do == "suspend":
            acting.suspend(found["about"], why)
        elif found["micropost"] is None:
            raise NotFound("the report is about no micropost")
        else:
            acting.hide(found["about"], found["micropost"], why)
    click.echo(f"{id}: done")


@click.group()
def micropost() -> None:
    """Hide microposts, and show them again."""


@micropost.command()
@click.argument("username")
@click.argument("id", type=int)
@click.argument("why")
@click.pass_obj
def hide(context: Context, username: str, id: int, why: str) -> None:
    """Hide a user's micropost. What was begun by a process that crashed, is done."""
    with failures():
        moderation(context).hide(username, id, why)
    click.echo(f"micropost {id} of {username} is hidden")


@micropost.command()
@click.argument("username")
@click.argument("id", type=int)
@click.pass_obj
def show(context: Context, username: str, id: int) -> None:
    """Show a hidden micropost again."""
    with failures():
        moderation(context).show(username, id)
    click.echo(f"micropost {id} of {username} is shown again")


@click.group()
def invitation() -> None:
    """Make invitations, list and revoke them."""


@invitation.command()
@click.option("--uses", default=1, type=click.IntRange(1, invitations.MOST_USES))
@click.option("--days", default=7, type=click.IntRange(1, invitations.MOST_DAYS))
@click.pass_obj
def add(context: Context, uses: int, days: int) -> None:
    """Print a link with which so many can register, within so many days."""
    with failures():
        secret = moderation(context).invite(uses=uses, days=days)
    click.echo(f"{context.settings.url}/register?invitation={secret}")


@invitation.command(name="list")
@click.pass_obj
def list_invitations(context: Context) -> None:
    """List the invitations that are good, the latest first."""
    with failures():
        for one in invitations.all(context.database):
            left = (
                f"{one['left']} of {one['uses']} left until {one['expires']:%Y-%m-%d}"
            )
            click.echo(f"{one['_id'][:8]} by {one['by']}: {left}")


@invitation.command()
@click.argument("id")
@click.pass_obj
def revoke(context: Context, id: str) -> None:
    """Let nobody register with an invitation any more; ID: as `list` prints it."""
    with failures():
        found = [one["_id"] for one in invitations.all(context.database)]
        met = [one for one in found if one.startswith(id)]
        if len(met) != 1:
            raise NotFound(f"there is no invitation {id!r}, or more than one")
        moderation(context).revoke(met[0])
    click.echo(f"invitation {id} is revoked")


@click.command(name="audit")
@click.option("--all", "everything", is_flag=True, help="Not only the last 100.")
@click.pass_obj
def audit_(context: Context, everything: bool) -> None:
    """Print who did what to whom, when and why, the latest first."""
    with failures():
        found = audit.walk(context.database, Start(wanted=SHOWN))
        for one in found if everything else islice(found, SHOWN):
            what = f"{one['who']}: {one['what']} {one['whom']}{_number(one)}".rstrip()
            why = " ".join(one["why"].split())
            click.echo(f"{_when(one['_id'])} {what}" + (f" ({why})" if why else ""))


def _when(id: int) -> str:
    return f"{ids.moment(id):%Y-%m-%d %H:%M:%S}"


def _number(one: Document) -> str:
    return f" {one['micropost']}" if one["micropost"] else ""
