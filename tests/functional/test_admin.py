"""What administrators see, and nobody else."""

from datetime import UTC, datetime

import pytest

from microblog.store import Database, dead_letters, runs, users, workers
from tests.browsing import Browser
from tests.factories import Factory
from tests.functional.command import Run

EVIL = "<script>alert(1)</script>"


@pytest.fixture
def admin(reader: Browser, run: Run) -> Browser:
    """The user alice, an administrator."""
    done = run("user", "admin", "alice")
    told = "alice is an administrator; all sessions and tokens have ended\n"
    assert (done.status, done.output) == (0, told)
    assert reader.log_in("alice").status_code == 303
    return reader


def test_of_nothing(admin: Browser) -> None:
    page = admin.get("/admin").html
    assert page.find("h1").text == "Tasks"
    said = page.find("main").text
    assert "No worker is running" in said
    assert "None has run yet" in said
    assert "No task was given up" in said


def test_workers_runs_and_what_was_given_up(admin: Browser, database: Database) -> None:
    task = {"name": "mails", "id": "1", "since": datetime.now(UTC)}
    started = datetime.now(UTC)
    workers.note(database, "here:1", started=started, running=[task], waiting=7)
    runs.note(database, "sweep", 0.25, "done")
    runs.set_position(database, "recent", 5)  # of a part of a task: no run of its own
    dead_letters.add(database, "mention", [5], f"ValueError: {EVIL}", 6)
    rows = [row.text for row in admin.get("/admin").html.select("tbody tr")]
    assert len(rows) == 3
    assert all(word in rows[0] for word in ("here:1", "7", "mails"))
    assert all(word in rows[1] for word in ("sweep", "0.25", "done"))
    assert all(word in rows[2] for word in ("mention [5]", EVIL, "6"))
    assert admin.get("/admin").html.find("script", string="alert(1)") is None
    workers.remove(database, "here:1")
    assert len(admin.get("/admin").html.select("tbody tr")) == 2


def test_of_no_concern_to_others(
    browser: Browser, reader: Browser, database: Database
) -> None:
    assert reader.get("/admin").status_code == 403
    answer = browser.get("/admin")
    assert answer.status_code == 303
    assert answer.location.startswith("/login")


def test_ends_at_once(admin: Browser, run: Run) -> None:
    assert admin.get("/admin").status_code == 200
    done = run("user", "admin", "alice", "--revoke")
    told = "alice is no administrator; all sessions and tokens have ended\n"
    assert (done.status, done.output) == (0, told)
    assert admin.get("/admin").status_code == 303
    assert admin.log_in("alice").status_code == 303
    assert admin.get("/admin").status_code == 403


@pytest.mark.parametrize("name", ["nobody", "NO NAME"])
def test_nobody_is_no_administrator(run: Run, name: str) -> None:
    done = run("user", "admin", name)
    assert done.status == 1
    assert "no " in done.errors
    assert "user" in done.errors


def test_AU_7_AZ_4_nobody_makes_oneself_one(
    reader: Browser, make: Factory, database: Database
) -> None:
    form = reader.form("/settings")
    reader.app.post(
        "/settings",
        {**dict(form.submit_fields()), "admin": "on", "role": "administrator"},
        expect_errors=True,
    )
    assert (users.find(database, "alice") or {})["role"] == ""
