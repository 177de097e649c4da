"""A real worker on a real site: killed, stopped, without its queue, with tasks that
fail."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from microblog.database.embedded import EmbeddedServer
from microblog.store import Database, dead_letters, shapes, users
from microblog.store.changes import Changes
from tests.site import START_SECONDS, Site

Spawn = Callable[[], subprocess.Popen[bytes]]


@pytest.fixture
def data(site: Site) -> Iterator[Database]:
    """The site's database."""
    uri = EmbeddedServer(site.data_dir).ensure()  # Finds the one that runs.
    with MongoClient[dict[str, Any]](uri, tz_aware=True) as client:
        changes = Changes(site.data_dir / "database" / "changes")
        yield Database(client, "microblog", changes)


@pytest.fixture
def spawn(site: Site) -> Iterator[Spawn]:
    """Starts workers; those that are left are stopped."""
    started: list[subprocess.Popen[bytes]] = []

    def spawn() -> subprocess.Popen[bytes]:
        started.append(site.start_worker())
        return started[-1]

    yield spawn
    for worker in started:
        if worker.poll() is None:
            worker.send_signal(signal.SIGTERM)
            worker.wait(START_SECONDS)


def wait_until(met: Callable[[], bool], seconds: float) -> bool:
    """Whether it was met in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if met():
            return True
        time.sleep(0.1)
    return False


def confirmed(data: Database, username: str) -> None:
    """A user whom mails reach."""
    users.create(data, username, email=f"{username}@example.org")
    data.users.update_one({"_id": username}, {"$set": {"confirmed": True}})


def mailed(site: Site) -> list[str]:
    """The subjects' ids: of each mail, whom it went to and its Message-ID."""
    found = [
        message_from_bytes(path.read_bytes())
        for path in (site.data_dir / "mail").glob("*.eml")
    ]
    return sorted(f"{one['To']} {one['Message-ID']}" for one in found)


def post(site: Site, token: str, text: str) -> None:
    """Post as alice."""
    path = "/api/users/alice/collection"
    assert site.request("POST", path, {"text": text}, token)[0] == 201


def undone(data: Database) -> int:
    """How many microposts still name somebody who is to be mailed."""
    return data.microposts.count_documents({"undone.mails": {"$gt": 0}})


def mails_in(data: Database, *states: str) -> int:
    """How many mails are in one of the states."""
    return data.mails.count_documents({"state": {"$in": list(states)}})


def test_mail_within_a_moment(site: Site, data: Database, spawn: Spawn) -> None:
    token = site.register("alice")
    confirmed(data, "bob")
    spawn()
    post(site, token, "hello @bob")
    assert wait_until(lambda: len(mailed(site)) == 1, 15)
    assert undone(data) == 0
    assert "bob@example.org" in mailed(site)[0]


def deleted(folder: Path) -> bool:
    """Whether it is gone: the web process may still be adding to it."""
    shutil.rmtree(folder, ignore_errors=True)
    return not folder.exists()


def test_what_was_posted_without_worker_and_queue_is_done(
    site: Site, data: Database, spawn: Spawn
) -> None:
    token = site.register("alice")
    readers = [f"reader_{a}{b}" for a in "abcdefghjk" for b in "abcdefghjk"]
    for reader in readers:
        confirmed(data, reader)
    for reader in readers:
        post(site, token, f"hello @{reader}")
    waiting = site.data_dir / "tasks" / "waiting"
    # One for each who is named, and a few that deliver.
    assert wait_until(lambda: len(list(waiting.iterdir())) > 100, 20)
    assert wait_until(lambda: deleted(site.data_dir / "tasks"), 20)
    assert undone(data) == 100
    began = time.monotonic()
    spawn()
    assert wait_until(lambda: len(mailed(site)) == 100, 120)
    print(f"done after {time.monotonic() - began:.0f} s")
    time.sleep(3)
    assert len(mailed(site)) == len(set(mailed(site))) == 100
    assert undone(data) == 0


@pytest.mark.long
def test_killed_worker_loses_nothing_and_mails_nobody_twice(
    site: Site, data: Database
) -> None:
    token = site.register("alice")
    readers = [f"reader_{a}{b}" for a in "abcdefghjk" for b in "abcdefghjk"]
    for reader in readers:
        confirmed(data, reader)
    for kill in range(20):
        for reader in readers[kill * 5 : kill * 5 + 5]:
            post(site, token, f"hello @{reader}")
        worker = site.start_worker()
        # In the middle of the first tasks, a little later each time.
        time.sleep(0.02 * kill)
        worker.kill()
        worker.wait()
    worker = site.start_worker()
    try:
        assert wait_until(lambda: undone(data) == 0, 150)
        assert wait_until(lambda: not mails_in(data, "waiting", "sending"), 150)
        # Ten minutes later: what was cut off after the last dot, before its answer.
        past = {"$set": {"next": datetime(2026, 1, 1, tzinfo=UTC)}}
        data.mails.update_many({"state": "handed"}, past)
        assert wait_until(lambda: not mails_in(data, "handed"), 60)
    finally:
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(START_SECONDS) == 0
    # Of those, a person is told.
    failed = [mail["_id"] for mail in data.mails.find({"state": "failed"})]
    told = {letter["arguments"][0] for letter in data.dead_letters.find()}
    assert set(failed) <= told
    sent = mailed(site)
    assert len(sent) == len(set(sent))
    assert len(set(sent)) >= 100 - len(failed)
    assert data.mails.count_documents({}) == 100


def test_sigterm_lets_a_task_in_hand_finish(
    site: Site, data: Database, spawn: Spawn
) -> None:
    token = site.register("alice")
    confirmed(data, "bob")
    worker = spawn()
    post(site, token, "hello @bob")
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(START_SECONDS) == 0
    states = {mail["state"] for mail in data.mails.find()}
    # Done, or given back and not begun.
    assert states <= {"sent", "waiting"}
    assert states or undone(data) == 1
    assert len(mailed(site)) == data.mails.count_documents({"state": "sent"})
    assert data.workers.find_one() is None


def test_task_that_fails_is_given_up_and_queued_again(
    site: Site, data: Database, spawn: Spawn
) -> None:
    site.register("alice")
    # A document that no program of ours writes.
    data.microposts.insert_one({"_id": 1 << 40, "undone": {"mails": 1}, "author": 7})
    dead_letters.add(data, "mention", [1 << 40], "KeyError: 'mentions'", 6)
    status, said = site.command("tasks")
    assert status == 0
    assert "mention [1099511627776]" in said
    assert "KeyError" in said
    assert "1 given up" in said
    status, said = site.command("tasks", "requeue", "mention [1099511627776]")
    assert (status, said) == (0, "queued: mention [1099511627776]\n")
    assert "none was given up" in site.command("tasks")[1]
    spawn()
    log = site.directory / "worker.log"
    assert wait_until(lambda: "task mention" in log.read_text(), 20)
    assert "failed: KeyError" in log.read_text()
    assert site.command("tasks", "requeue", "mention [1]")[0] == 1


def test_worker_tells_what_it_does(site: Site, data: Database, spawn: Spawn) -> None:
    worker = spawn()
    found: list[Any] = []

    def told() -> bool:
        found[:] = data.workers.find()
        return bool(found)

    assert wait_until(told, 15)
    assert found[0]["_id"].endswith(f":{worker.pid}")
    assert found[0]["waiting"] >= 0
    names = {"sweep", "repair", "prune", "statistics"}
    assert wait_until(lambda: names <= {run["_id"] for run in data.runs.find()}, 20)
    outcomes = {run["_id"]: run.get("outcome") for run in data.runs.find()}
    assert {outcomes[name] for name in names} == {"done"}


def test_deleted_account_is_purged_in_pieces(
    site: Site, data: Database, spawn: Spawn
) -> None:
    token = site.register("alice")
    documents = [
        shapes.new_document((1 << 50) + number, "alice", f"micropost {number}")
        for number in range(1500)
    ]
    for start in range(0, 1500, 250):
        data.microposts.insert_many(documents[start : start + 250])
    body = {"password": "quiet lantern over the river"}
    assert site.request("DELETE", "/api/users/alice", body, token)[0] == 204
    assert data.microposts.count_documents({"author": "alice"}) > 1000
    spawn()

    def purged() -> bool:
        return not (data.users.find_one({"_id": "alice"}) or {})["undone"]

    assert wait_until(purged, 120), (site.directory / "worker.log").read_text()
    assert data.microposts.count_documents({"author": "alice"}) == 0
    assert site.request("POST", "/api/users", {"username": "alice", **body})[0] == 409


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_one_signal_ends_the_whole_site(tmp_path: Path, number: int) -> None:
    site = Site(tmp_path, "http.processes = 2\n")
    log = open(tmp_path / "log", "wb")  # noqa: SIM115 (closed below)
    process = subprocess.Popen(
        [sys.executable, "-m", "microblog", "-c", str(site.ini), "run"],
        env=site.environment,
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    log.close()

    def runs() -> bool:
        said = (tmp_path / "log").read_text()
        return said.count("listening on") == 2 and "worker " in said

    if not wait_until(lambda: runs() or process.poll() is not None, START_SECONDS):
        process.kill()
        pytest.fail((tmp_path / "log").read_text())
    children = _family(process.pid)
    assert len(children) == 4  # two web servers, worker, document server
    cores = os.sched_getaffinity(0)
    if len(cores) > 1:
        held = [os.sched_getaffinity(child) for child in children]
        pinned = [one for one in held if len(one) == 1]
        assert len(pinned) == 2
        assert pinned[0] != pinned[1]
    process.send_signal(number)
    assert process.wait(START_SECONDS) == 0, (tmp_path / "log").read_text()
    assert not any(os.path.exists(f"/proc/{child}") for child in children)
    assert "Traceback" not in (tmp_path / "log").read_text()


def _family(parent: int) -> list[int]:
    """The processes that a process has started."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == parent:
            found.append(int(path.parent.name))
    return found


def test_killed_worker_of_a_site_is_started_again() -> None:
    """By `run`; told in a process of its own, since it takes ten seconds."""
    code = (
        "import microblog.commands.run as run\n"
        "run.START_SECONDS = 0.0\n"
        "process = run.Process('this')\n"
        "process.start(); first = process.child.pid; process.child.wait()\n"
        "process.look_after(); print(first != process.child.pid)\n"
        "process.child.wait()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert "True" in done.stdout.splitlines()
