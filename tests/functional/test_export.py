"""`microblog export`: what `import` reads."""

import json
from pathlib import Path

from microblog.store import Database, ids, users
from tests.factories import Api, Factory
from tests.functional.answers import page
from tests.functional.command import Run


def test_export_round_trips_into_another_database(
    run: Run, alice: Api, make: Factory, other: tuple[Path, Database]
) -> None:
    path, another = other
    profile = {"name": "Alice Ö", "bio": "Two\nlines", "email": "alice@example.org"}
    alice.patch("/users/alice", profile)
    for name in ("bob", "carol"):
        make.follow("alice", name)
    for n in range(50):
        make.micropost(text=f"№ {n}\n❄ @bob", referenced="bob" if n % 2 else None)
    exports = {name: run("export", name).output for name in ("bob", "carol", "alice")}
    text = "".join(exports.values())
    done = run("import", text=text, ini=path)
    assert (done.status, done.output) == (
        0,
        "users: 3 new, 0 already there\n"
        "follows: 2 new, 0 already there\n"
        "microposts: 50 new, 0 already there\n",
    )
    for name, exported in exports.items():
        assert run("export", name, ini=path).output == exported
    assert run("check", ini=path).output == "0 found\n"
    imported = users.find(another, "alice")
    assert imported is not None
    here = [one["text"] for one in page(alice.get("/users/alice/collection?size=40"))]
    assert [one["text"] for one in imported["microposts"]] == here
    assert imported["password"] is None


def test_export_is_json_lines_without_secrets(
    run: Run, make: Factory, database: Database
) -> None:
    make.user("alice", name="Alice", email="alice@example.org")
    make.follow("alice", "bob")
    make.follow("bob", "alice")
    first = make.micropost(text="é", referenced="bob")
    done = run("export", "alice")
    assert (done.status, done.errors) == (0, "")
    moment = ids.moment(first["id"]).isoformat(timespec="milliseconds")
    assert [json.loads(line) for line in done.output.splitlines()] == [
        {
            "kind": "user",
            "username": "alice",
            "name": "Alice",
            "email": "alice@example.org",
        },
        {"kind": "follow", "follower": "alice", "followee": "bob"},
        {
            "kind": "micropost",
            "username": "alice",
            "text": "é",
            "timestamp": moment,
            "referenced": "bob",
        },
    ]
    assert '"é"' in done.output
    stored = users.find(database, "alice")
    assert stored is not None
    assert stored["password"] not in done.output


def test_import_of_what_was_posted_and_exported_here_changes_nothing(
    run: Run, alice: Api, database: Database
) -> None:
    alice.post("/users/alice/collection", {"text": "posted, not imported"})
    exported = run("export", "alice").output
    again = run("import", "-", text=exported)
    assert again.status == 0
    assert "microposts: 0 new, 1 already there" in again.output
    assert database.microposts.count_documents({}) == 1


def test_second_import_after_an_edit_changes_nothing(
    run: Run, alice: Api, database: Database
) -> None:
    record = (
        '{"kind": "micropost", "username": "alice", "text": "first", '
        '"timestamp": "2026-01-01T00:00:00.123Z"}'
    )
    assert run("import", "-", text=record).status == 0
    href = alice.get("/users/alice/collection").json["result"][0]["href"]
    assert alice.patch(href, {"text": "second"}).status_code == 200
    again = run("import", "-", text=record)
    assert "microposts: 0 new, 1 already there" in again.output
    assert alice.get(href).json["text"] == "second"
    assert database.microposts.count_documents({}) == 1
