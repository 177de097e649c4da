"""`microblog migrate`: step by step, killed anywhere, never back."""

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from microblog.store import (
    Database,
    accounts,
    deliveries,
    hidden,
    ids,
    microposts,
    migrations,
    search,
    version,
)
from microblog.store.walks import Start
from tests.factories import Factory
from tests.functional.command import Done, Run

DONE = f"the data is of version {version.VERSION}\n"
# The command, killed after the first finding was mended.
KILLED = """
import os, signal, sys
from microblog.commands import main
from microblog.store import migrations

def killing(name, items, length):
    yield next(iter(items))
    os.kill(os.getpid(), signal.SIGKILL)

run = migrations.run
migrations.run = lambda database, step, shown: run(database, step, killing)
main(sys.argv[1:])
"""


@pytest.fixture
def old(make: Factory, database: Database) -> Database:
    """Data of the first version, of two users whose counts are wrong."""
    for name in ("alice", "bob"):
        make.micropost(name)
        database.users.update_one({"_id": name}, {"$inc": {"counts.microposts": 3}})
    database.version.insert_one({"_id": version.DATA, "version": 0, "mended": 0})
    return database


def _counts(database: Database) -> list[int]:
    found = database.users.find({}).sort("_id", 1)
    return [user["counts"]["microposts"] for user in found]


def test_steps_lead_to_the_version_of_the_program() -> None:
    numbers = [step.number for step in migrations.STEPS]
    assert numbers == list(range(1, version.VERSION + 1))


def test_migrate(run: Run, old: Database) -> None:
    """Each step once, in order; run again, it finds nothing to do."""
    done = run("migrate")
    assert done.status == 0, done.errors
    said = [line for line in done.output.splitlines() if line]
    steps = range(1, version.VERSION + 1)
    assert [line for line in said if " is done" in line] == [
        f"step {number} is done" for number in steps
    ]
    assert said[-1] == DONE.strip()
    assert version.mended(old) == version.VERSION
    assert _counts(old) == [1, 1]
    assert run("migrate") == Done(0, DONE, "")


def test_killed_in_the_middle(run: Run, old: Database, ini: Path) -> None:
    """What is done stays; the step is not noted, and done when it is run again."""
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, "-c", str(ini), "migrate"],
        env=os.environ,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    # The data is this version's: an older program refuses it from now on.
    assert version.mended(old) == 0
    assert old.version.find_one({"_id": version.DATA})["version"] == version.VERSION  # type: ignore[index]
    assert sorted(_counts(old)) == [1, 4]
    assert run("migrate").status == 0
    assert version.mended(old) == version.VERSION
    assert _counts(old) == [1, 1]


def test_newer_data_is_left_alone(run: Run, old: Database) -> None:
    newer = {"_id": version.DATA, "version": version.VERSION + 1, "mended": 0}
    old.version.replace_one({"_id": version.DATA}, newer)
    done = run("migrate")
    assert done.status == 1
    assert f"version {version.VERSION + 1}, written by a newer" in done.errors
    assert old.version.find_one({"_id": version.DATA}) == newer
    assert _counts(old) == [4, 4]


def test_what_must_be_migrated_first_is_not_served(
    run: Run, old: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor marked: until it is migrated, the older program can go on."""
    monkeypatch.setattr(version, "SERVED", 1)
    before = old.version.find_one({"_id": version.DATA})
    for command in (["check"], ["check", "--repair"], ["worker"]):
        done = run(*command)
        assert done.status == 1
        assert "run microblog migrate" in done.errors
    assert old.version.find_one({"_id": version.DATA}) == before
    assert _counts(old) == [4, 4]
    assert run("migrate").status == 0
    assert run("check") == Done(0, "0 found\n", "")


def test_until_then_each_start_says_so(
    run: Run, old: Database, caplog: pytest.LogCaptureFixture
) -> None:
    said = "the data is of an earlier version: run microblog migrate"
    for command, told in (("check", True), ("migrate", False), ("check", False)):
        caplog.clear()
        run(command)
        assert (said in caplog.messages) == told, command


def test_step_2_indexes_what_had_grams(
    run: Run, make: Factory, database: Database
) -> None:
    made = [make.micropost(text=f"text number {n}") for n in range(3)]
    old_fields = {"$set": {"grams": ["num", "tex"]}, "$unset": {"undone": ""}}
    database.microposts.update_many({}, old_fields)
    database.microposts.create_index([("grams", 1), ("_id", -1)])
    database.version.insert_one({"_id": version.DATA, "version": 1, "mended": 1})
    new = make.micropost(text="number of this version")
    assert [one["id"] for one in search.walk(database, "number", "", Start())] == [
        new["id"]
    ]
    assert run("migrate").status == 0
    everything = [new["id"], *(one["id"] for one in reversed(made))]
    assert [
        one["id"] for one in search.walk(database, "number", "", Start())
    ] == everything
    assert all("grams" not in one for one in database.microposts.find())
    assert "grams_1__id_-1" not in database.microposts.index_information()
    assert run("check") == Done(0, "0 found\n", "")


def test_step_3_puts_hidden_microposts_away(
    run: Run, make: Factory, database: Database
) -> None:
    """Those that were in a collection of their own, and one that was there and shown:
    whoever hid it was killed. Of who has left since, nothing comes back."""
    seen, both, alone = make.microposts(3)
    about = {"by": "judge", "why": "spam", "at": datetime(2026, 1, 2, tzinfo=UTC)}
    for one in (both, alone):
        held = {key: value for key, value in one.items() if key != "id"}
        database.hidden.insert_one({"_id": one["id"], **held, "hidden": about})
    microposts.delete(database, alone)
    of_gone = {**make.micropost("gone"), "hidden": about}
    accounts.delete(database, "gone")
    accounts.purge(database, "gone")
    # It was just being hidden, by a process of the program of before.
    database.hidden.insert_one({"_id": of_gone.pop("id"), **of_gone})
    database.version.insert_one({"_id": version.DATA, "version": 2, "mended": 2})
    assert run("migrate").status == 0
    assert list(database.hidden.find()) == []
    assert hidden.of_author(database, "gone") == []
    found = hidden.of_author(database, "alice")
    assert [one["text"] for one in found] == [alone["text"], both["text"]]
    assert found[0]["hidden"] == about
    assert [one["id"] for one in make.user("alice")["microposts"]] == [seen["id"]]
    assert run("check") == Done(0, "0 found\n", "")


def test_step_4_what_waits_to_be_delivered_is_handed_over(
    run: Run, old: Database
) -> None:
    """Of data that has deliveries of its own; of users who are gone, nothing."""
    micropost = old.microposts.find_one({"author": "bob"})
    assert micropost is not None
    old.users.update_many({}, {"$unset": {"undelivered": "", "undone": ""}})
    spelled = [ids.spell(micropost["_id"])]
    waiting = {"bob": spelled, "alice": [], "gone": spelled}
    old.deliveries.insert_many(
        [{"_id": name, "references": held} for name, held in waiting.items()]
    )
    assert run("migrate").status == 0
    assert deliveries.waiting(old, ids.MAXIMUM) == ["bob"]
    bob = old.users.find_one({"_id": "bob"}) or {}
    assert bob["undelivered"] == spelled
    assert "deliveries" not in old.list_collection_names()
