"""`microblog check` and `microblog indexes`: finding, mending, leaving alone."""

from collections.abc import Callable
from typing import Any

import pytest

from microblog.database import Connection
from microblog.settings import Settings
from microblog.store import Database, follows, ids, shapes, users
from tests.factories import Api, Factory
from tests.functional.command import Done, Run


def _miscount(database: Database) -> None:
    database.users.update_one({"_id": "alice"}, {"$inc": {"counts.microposts": 3}})


def _lose_references(database: Database) -> None:
    database.users.update_one({"_id": "alice"}, {"$set": {"microposts": []}})


def _lose_index(database: Database) -> None:
    database.microposts.update_one({}, {"$unset": {"undone": ""}})


def _lose_marks(database: Database) -> None:
    database.marks.delete_many({})


def _lose_user(database: Database) -> None:
    database.users.delete_one({"_id": "bob"})


def _lose_reference_and_count(database: Database) -> None:
    document = shapes.new_document(ids.new(), "alice", "without a reference")
    database.microposts.insert_one(document)


def _delete_halfway(database: Database) -> None:
    users.mark_deleted(database, "alice")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (_miscount, "user alice: microposts is 6, not 3"),
        (_lose_references, "user alice: references do not match"),
        (_lose_reference_and_count, "user alice: microposts is 3, not 4"),
        (_lose_index, "is not found by search"),
        (_lose_marks, "marks: "),
        (_lose_user, "follow alice bob: one of the two does not exist"),
        (_delete_halfway, "user alice: deleted, but not purged"),
    ],
)
def test_DI_5_check_finds_and_repair_mends(
    run: Run,
    make: Factory,
    database: Database,
    damage: Callable[[Database], None],
    words: str,
) -> None:
    make.follow("alice", "bob")
    make.microposts(3)
    assert run("check") == Done(0, "0 found\n", "")
    damage(database)
    found = run("check")
    assert found.status == 1
    assert words in found.output
    assert found.output.splitlines()[-1].endswith(" found")
    # What mends one thing can show another; the second run finds the last of it.
    assert words in run("check", "--repair").output
    run("check", "--repair")
    assert run("check", "--repair") == Done(0, "0 mended, 0 left\n", "")
    assert run("check") == Done(0, "0 found\n", "")


def test_DI_5_repair_mends_in_one_run(
    run: Run, make: Factory, database: Database
) -> None:
    make.microposts(3)
    _lose_references(database)
    done = run("check", "--repair")
    assert (done.status, done.output.splitlines()[-1]) == (0, "1 mended, 0 left")
    assert run("check").status == 0


def test_repair_leaves_what_only_the_operator_can_decide(
    run: Run, make: Factory, database: Database
) -> None:
    make.micropost("ghost")
    database.users.delete_one({"_id": "ghost"})
    for arguments in (["check"], ["check", "--repair"], ["check", "--repair"]):
        done = run(*arguments)
        assert done.status == 1
        assert "there is no user ghost; left alone" in done.output
    assert database.microposts.find_one({}) is not None


def test_repair_makes_counts_right_that_others_see(
    run: Run, alice: Api, make: Factory, database: Database
) -> None:
    make.follow("bob", "alice")
    make.user("carol")
    database.follows.insert_one(follows.new_document("carol", "alice"))
    assert alice.get("/users/alice").json["followers"] == 1
    assert run("check", "--repair").status == 0
    assert alice.get("/users/alice").json["followers"] == 2


def test_indexes(run: Run, database: Database) -> None:
    database.users.drop_index("folded_1")
    done = run("indexes")
    assert done.status == 0
    assert "users.folded_1" in done.output.splitlines()
    assert "folded_1" in database.users.index_information()
    again = run("indexes")
    assert (again.status, again.output) == (0, done.output)


def test_command_finds_the_embedded_server_that_runs(
    run: Run, settings: Settings, application: Any
) -> None:
    """And leaves it running."""
    connection: Connection = application.registry["connection"]
    if connection.server is None:
        assert settings.mongodb_uri.get_secret_value()
        return
    pid = connection.server.pid
    assert run("check").status == 0
    assert connection.server.pid == pid
    assert connection.database.command("ping")["ok"] == 1
