"""`microblog worker` and `microblog tasks`: what requests do not wait for."""

import click

from microblog.commands.context import Context
from microblog.database import failures
from microblog.errors import ConfigurationError, NotFound
from microblog.store import Document, dead_letters, mails
from microblog.tasks.jobs import BY_HAND
from microblog.tasks.worker import Worker

SHOWN = 100
TASK_SECONDS = 60.0  # how long one operation of the database may take


@click.command()
@click.pass_obj
def worker(context: Context) -> None:
    """Do the tasks of the site until Ctrl-C or SIGTERM."""
    context.set_up_logging()
    if context.settings.site_readonly:
        raise ConfigurationError("site.readonly is true: a worker would write")
    worker = Worker(context.settings, context.open(TASK_SECONDS))
    raise click.exceptions.Exit(worker.run())


@click.group(invoke_without_command=True)
@click.pass_context
def tasks(click_context: click.Context) -> None:
    """List the tasks that were given up."""
    if click_context.invoked_subcommand is None:
        with failures():
            _list(click_context.obj)


def _list(context: Context) -> None:
    letters = dead_letters.newest(context.database, SHOWN)
    for letter in letters:
        moment = letter["at"].strftime("%Y-%m-%d %H:%M:%S")
        click.echo(f"{letter['_id']}  {moment}  {letter['error']}")
    click.echo(f"{len(letters)} given up" if letters else "none was given up")


@tasks.command()
@click.argument("task", required=False)
@click.option("--all", "everything", is_flag=True, help="All that were given up.")
@click.pass_obj
def requeue(context: Context, task: str | None, everything: bool) -> None:
    """Queue a task again that was given up: as `microblog tasks` prints it."""
    if (task is None) is not everything:
        raise click.UsageError("Name one task, or --all.")
    with failures():
        if task is not None:
            letter = dead_letters.find(context.database, task)
            if letter is None:
                raise NotFound(f"there is no task {task!r} that was given up")
            _queue(context, letter)
            return
        while letters := dead_letters.newest(context.database, SHOWN):
            for one in letters:
                _queue(context, one)


def _queue(context: Context, letter: Document) -> None:
    """Queue it first, and forget then that it was given up: a crash loses nothing."""
    if letter["name"] == "mail":
        mails.retry(context.database, *letter["arguments"])
        context.celery.send_task("mails")
    else:
        context.celery.send_task(letter["name"], letter["arguments"])
    dead_letters.remove(context.database, letter["_id"])
    click.echo(f"queued: {letter['_id']}")


@tasks.command()
@click.argument("name", type=click.Choice(sorted(BY_HAND)))
@click.pass_obj
def run(context: Context, name: str) -> None:
    """Do one run of a task now, in this process."""
    with failures():
        BY_HAND[name](context.site)
    click.echo(f"{name}: done")
