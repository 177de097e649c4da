"""The `microblog` command: its settings, its help, and `user`."""

from pathlib import Path
from typing import Any

import pytest

from microblog.store import Database, users
from tests.factories import PASSWORD, Api, Factory
from tests.functional.answers import (
    OTHER_PASSWORD,
    assert_problem,
    assert_unauthorized,
    log_in,
)
from tests.functional.command import Run


@pytest.mark.parametrize(
    "command",
    ["", "user", "user add", "user password", "import", "export", "check", "indexes"],
)
def test_help_needs_no_site(run: Run, tmp_path: Path, command: str) -> None:
    done = run(*command.split(), "--help", ini=tmp_path / "nowhere.ini")
    assert (done.status, done.errors) == (0, "")
    assert done.output.startswith(f"Usage: microblog {command}".rstrip())
    assert "--help" in done.output
    assert run(*command.split(), "-h").output == done.output


def test_version(run: Run) -> None:
    done = run("--version", ini=None)
    assert done.status == 0
    assert done.output.startswith("microblog, version ")


@pytest.mark.parametrize(
    "arguments",
    ["nonsense", "user", "user add", "check --mend", "export", "export a b"],
)
def test_unknown_words_end_in_2(run: Run, arguments: str) -> None:
    assert run(*arguments.split()).status == 2


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "No such file or directory"),
        ("[app:main]\nuse = egg:microblog\ncolour = red\n", "colour"),
        ("[app:main]\nuse = egg:microblog\nhttp_port = many\n", "http_port"),
        ("[app:main]\nuse = egg:microblog\nmongodb.uri = mongodb://\n", "mongodb.uri"),
        ("[app:main]\ndata_dir = %(nowhere)s/x\n", "data_dir"),
        ("[server:main]\nuse = egg:microblog\n", "[app:main]"),
        ("use = egg:microblog\n", "section"),
        ("\udcff", "utf-8"),
    ],
)
def test_OP_5_unusable_ini_file_ends_in_one_line_and_1(
    run: Run, tmp_path: Path, content: str | None, reason: str
) -> None:
    path = tmp_path / "unusable.ini"
    if content is not None:
        path.write_text(content, errors="surrogateescape")
    done = run("check", ini=path)
    assert (done.status, done.output) == (1, "")
    (line,) = done.errors.splitlines()
    assert line.startswith("microblog: ")
    assert reason in line


def test_ini_file_by_default(run: Run, ini: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(ini.parent)
    assert "development.ini" in run("check", ini=None).errors
    ini.rename(ini.parent / "development.ini")
    assert run("check", ini=None).status == 0


def test_data_directory_that_is_none(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    path = tmp_path / "unusable.ini"
    path.write_text(f"[app:main]\nuse = egg:microblog\ndata_dir = {tmp_path}/file\n")
    done = run("check", ini=path)
    assert done.status == 1
    assert len(done.errors.splitlines()) == 1
    assert "cannot be used" in done.errors


def test_added_user_can_log_in(run: Run, anonymous: Api) -> None:
    done = run("user", "add", "alice", text=f"{PASSWORD}\nanother line\n")
    assert (done.status, done.output) == (0, "user alice added\n")
    assert log_in(anonymous, "alice", PASSWORD).status_code == 200


def test_added_user_with_a_profile(run: Run, database: Database, bob: Api) -> None:
    options = ["--name", " Alice Ö ", "--email", "alice@example.org"]
    assert run("user", "add", *options, "alice", text=PASSWORD + "\r\n").status == 0
    stored = users.find(database, "alice")
    assert stored is not None
    assert (stored["name"], stored["email"]) == ("Alice Ö", "alice@example.org")
    assert log_in(bob, "alice", PASSWORD).status_code == 200
    assert bob.get("/users/alice").json["name"] == "Alice Ö"


@pytest.mark.parametrize(
    ("arguments", "password", "field"),
    [
        (["admin"], PASSWORD, "username"),
        (["Alice"], PASSWORD, "username"),
        (["a b"], PASSWORD, "username"),
        ([""], PASSWORD, "username"),
        (["a" * 31], PASSWORD, "username"),
        (["alice", "--name", "two\nlines"], PASSWORD, "name"),
        (["alice", "--name", "n" * 51], PASSWORD, "name"),
        (["alice", "--name", "\udcff"], PASSWORD, "name"),
        (["alice", "--email", "nonsense"], PASSWORD, "email"),
        (["alice"], "", "password"),
        (["alice"], "fourteen chars", "password"),
        (["alice"], "passwordpassword", "password"),
        (["alice"], "this is alice, hello", "password"),
        (["alice"], b"\xff\xfe quiet lantern over the river", "password"),
    ],
)
def test_refused_users(
    run: Run, database: Database, arguments: list[str], password: str, field: str
) -> None:
    done = run("user", "add", *arguments, text=password)
    assert (done.status, done.output) == (1, "")
    (line,) = done.errors.splitlines()
    assert line.startswith(f"microblog: {field}: ")
    assert database.users.find_one({}) is None


@pytest.mark.parametrize("name", ["alice", "a1ice"])
def test_user_who_is_there(
    run: Run, make: Factory, anonymous: Api, database: Database, name: str
) -> None:
    make.user("alice")
    done = run("user", "add", name, text=OTHER_PASSWORD)
    assert (done.status, done.output) == (1, "")
    assert "taken" in done.errors
    assert log_in(anonymous, "alice", PASSWORD).status_code == 200
    assert len(list(database.users.find())) == 1


def test_AU_6_new_password_ends_every_token(
    run: Run, alice: Api, bob: Api, anonymous: Api
) -> None:
    second = log_in(anonymous, "alice", PASSWORD).json["access_token"]
    done = run("user", "password", "alice", text=OTHER_PASSWORD)
    assert done.status == 0
    assert "alice" in done.output
    for api in (alice, Api(alice.app, second)):
        assert_unauthorized(api.get("/users/alice"))
    assert bob.get("/users/alice").status_code == 200
    assert_problem(log_in(anonymous, "alice", PASSWORD), 400)
    assert log_in(anonymous, "alice", OTHER_PASSWORD).status_code == 200


def test_refused_passwords_change_nothing(run: Run, alice: Api) -> None:
    for password in ("", "too short", "alice is my name, really"):
        done = run("user", "password", "alice", text=password)
        assert (done.status, done.output) == (1, "")
        assert done.errors.startswith("microblog: password: ")
    assert alice.get("/users/alice").status_code == 200
    assert log_in(alice, "alice", PASSWORD).status_code == 200


@pytest.mark.parametrize("name", ["nobody", "No Name", "gone"])
def test_password_and_export_of_whom_there_is_not(
    run: Run, make: Factory, database: Database, name: str
) -> None:
    make.user("gone")
    users.mark_deleted(database, "gone")
    for command in (["user", "password"], ["export"]):
        done = run(*command, name, text=PASSWORD)
        assert (done.status, done.output) == (1, "")
        assert "there is no user" in done.errors
