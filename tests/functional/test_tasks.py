"""`microblog tasks`: what was given up, and periodic tasks by hand."""

import pytest

from microblog.settings import Settings
from microblog.store import Database, accounts, dead_letters, mails
from microblog.tasks.jobs import BY_HAND
from tests.factories import Factory
from tests.functional.command import Run


def test_nothing_was_given_up(run: Run) -> None:
    done = run("tasks")
    assert (done.status, done.output) == (0, "none was given up\n")
    assert run("tasks", "requeue", "--all").status == 0


def test_list_and_queue_again(run: Run, database: Database, settings: Settings) -> None:
    for id in (1, 2):
        dead_letters.add(database, "mention", [id], f"ValueError: {id}", 6)
    said = run("tasks").output
    assert said.splitlines()[-1] == "2 given up"
    assert "mention [1]" in said
    assert "ValueError: 2" in said
    waiting = settings.data_dir / "tasks" / "waiting"
    before = len(list(waiting.glob("*"))) if waiting.exists() else 0
    done = run("tasks", "requeue", "mention [1]")
    assert (done.status, done.output) == (0, "queued: mention [1]\n")
    assert run("tasks", "requeue", "--all").output == "queued: mention [2]\n"
    assert len(list(waiting.glob("*"))) == before + 2
    assert run("tasks").output == "none was given up\n"


def test_mail_that_was_given_up_is_sent(
    run: Run, make: Factory, database: Database, settings: Settings
) -> None:
    mails.add(database, "reset 1 2", mails.Kind.RESET, to=None, address="a@b.c")
    mail = mails.claim(database, "reset 1 2")
    assert mail is not None
    dead_letters.add(database, "mail", ["reset 1 2"], "550 no", 1)
    mails.fail(database, mail, "550 no")
    assert mails.due(database, 9) == []
    assert run("tasks", "requeue", "--all").output == 'queued: mail ["reset 1 2"]\n'
    assert mails.due(database, 9) == ["reset 1 2"]
    assert run("tasks").output == "none was given up\n"


@pytest.mark.parametrize(
    ("arguments", "status", "reason"),
    [
        (["mention [9]"], 1, "there is no task 'mention [9]' that was given up"),
        ([], 2, "Name one task, or --all"),
        (["x", "--all"], 2, "Name one task, or --all"),
    ],
)
def test_what_cannot_be_queued(
    run: Run, arguments: list[str], status: int, reason: str
) -> None:
    done = run("tasks", "requeue", *arguments)
    assert done.status == status
    assert reason in done.errors


@pytest.mark.parametrize("name", sorted(BY_HAND))
def test_periodic_task_by_hand(run: Run, make: Factory, name: str) -> None:
    make.microposts(3)
    done = run("tasks", "run", name)
    assert (done.status, done.output) == (0, f"{name}: done\n")


def test_repair_by_hand_mends(run: Run, make: Factory, database: Database) -> None:
    make.microposts(3)
    database.users.update_one({"_id": "alice"}, {"$set": {"counts.microposts": 9}})
    assert run("tasks", "run", "repair").status == 0
    assert run("check").output == "0 found\n"


def test_purge_by_hand(run: Run, make: Factory, database: Database) -> None:
    make.microposts(60)
    accounts.delete(database, "alice", limit=10)
    assert database.microposts.count_documents({"author": "alice"}) > 0
    assert run("tasks", "run", "purge").status == 0
    assert database.microposts.count_documents({"author": "alice"}) == 0


def test_task_that_there_is_not(run: Run) -> None:
    done = run("tasks", "run", "nonsense")
    assert done.status == 2
    assert "sweep" in done.errors
