"""`microblog backup` and `microblog restore`: what comes back, and what is refused."""

import json
import re
import shutil
import stat
import subprocess
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import pytest

from microblog import store
from microblog.store import (
    Database,
    Document,
    accounts,
    backup,
    bulk,
    dead_letters,
    follows,
    hidden,
    idempotency,
    ids,
    keys,
    mails,
    marks,
    microposts,
    restore,
    segments,
    sessions,
    shapes,
    statistics,
    tokens,
    users,
    version,
)
from microblog.store.check import check
from tests.factories import Factory
from tests.functional.command import Done, Run

Other = tuple[Path, Database]
SECRETS = ("tokens", "sessions", "keys")


@pytest.fixture
def populated(database: Database, make: Factory) -> Database:
    """Something of everything that a backup holds."""
    make.follow("alice", "bob")
    make.follow("carol", "alice")
    made = make.microposts(46)
    microposts.change(database, made[-1], {"text": "edited, for @bob #tag"})
    make.micropost("bob", "naïve 🦊 \u202e\u0000\r\n", referenced="alice")
    users.change(database, "bob", {"name": "Bób", "email": "bob@example.org"})
    make.micropost("gone", "canary of gone")
    make.follow("bob", "gone")
    accounts.delete(database, "gone")
    make.token("alice")
    alice = make.user("alice")
    sessions.create(database, alice, idle=1000, lifetime=1000, agent="a browser")
    keys.find(database, "links")
    idempotency.claim(database, "alice", "key", b"request")
    dead_letters.add(database, "deliver", ["alice"], "it broke", 5)
    statistics.keep(database, datetime.now(UTC).date() - timedelta(days=1))
    database.searches.insert_one({"_id": "2026-01-01", "count": 3})
    hidden.hide(database, made[3]["id"], "judge", "spam")
    return database


UNDONE = {"undone", "undelivered"}


def whole(database: Database, name: str) -> dict[Any, Document]:
    """A collection by `_id`, without what is still to be done."""
    return {
        one["_id"]: {key: one[key] for key in one if key not in UNDONE}
        for one in database[name].find()
    }


def hashes(directory: Path) -> dict[str, Any]:
    """Counts and hashes of a backup."""
    return dict(json.loads((directory / "manifest.json").read_text())["collections"])


def assert_same(one: Database, other: Database, *, logins: bool = False) -> None:
    """All that people have made is there, and all that is computed of it."""
    for name in ("microposts", "users", "names", "follows", "statistics", "searches"):
        assert whole(one, name) == whole(other, name)
    for name in ("idempotency", "dead_letters", "notices"):
        assert whole(one, name) == whole(other, name)
    for name in SECRETS:
        assert whole(one, name)
        assert whole(other, name) == (whole(one, name) if logins else {})
    assert sorted(map(str, check(other))) == []


@pytest.mark.parametrize("logins", [False, True])
def test_OP_4_round_trip_into_a_second_database(
    run: Run,
    populated: Database,
    other: Other,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    logins: bool,
) -> None:
    ini, restored = other
    monkeypatch.setattr(marks, "LINKS_STEP", 1)
    options = ["--with-logins"] if logins else []
    done = run("backup", *options, str(tmp_path / "one"))
    assert done.status == 0, done.errors
    assert "microposts: 46\n" in done.output
    assert run("backup", "verify", str(tmp_path / "one")) == Done(0, done.output, "")
    assert hashes(tmp_path / "one").keys() >= ({*SECRETS} if logins else {"users"})
    assert (hashes(tmp_path / "one").keys() & {*SECRETS} == {*SECRETS}) == logins
    done = run("restore", str(tmp_path / "one"), ini=ini)
    assert done.status == 0, done.errors
    assert "microposts: 47 restored" in done.output  # The hidden one, too.
    assert done.output.endswith("all is restored\n")
    assert_same(populated, restored, logins=logins)
    followed = sorted(link["at"] for link in populated.follows.find())
    assert sorted(marks.steps(restored, marks.FOLLOWS)) == followed != []
    assert run("backup", *options, str(tmp_path / "two"), ini=ini).status == 0
    assert hashes(tmp_path / "two") == hashes(tmp_path / "one")


def test_OP_4_hidden_or_shown_while_it_is_taken_is_hidden(
    run: Run, database: Database, make: Factory, other: Other, tmp_path: Path
) -> None:
    """And lost is none: one that is shown after the microposts were read is not among
    them any more, nor among the hidden."""
    before, after, seen, whole = make.microposts(4)
    for one in (before, whole):
        hidden.hide(database, one["id"], "judge", "spam")

    def progress(name: str, documents: Iterable[Document], _: Any) -> Iterator[Any]:
        if name == backup.HIDDEN_SINCE:
            hidden.show(database, before["id"])
            hidden.hide(database, after["id"], "judge", "spam")
        yield from documents

    backup.take(database, tmp_path / "one", progress)
    ini, restored = other
    assert run("restore", str(tmp_path / "one"), ini=ini).status == 0
    found = [one["id"] for one in hidden.of_author(restored, "alice")]
    assert found == [whole["id"], after["id"], before["id"]]
    (embedded,) = (users.find(restored, "alice") or {})["microposts"]
    assert embedded["id"] == seen["id"]
    assert sorted(map(str, check(restored))) == []
    for one in (before, after, whole):
        hidden.show(restored, one["id"])
    assert (users.find(restored, "alice") or {})["counts"]["microposts"] == 4
    assert sorted(map(str, check(restored))) == []


def test_import_brings_nothing_back_that_was_hidden_before_a_restore(
    run: Run, database: Database, make: Factory, other: Other, tmp_path: Path
) -> None:
    """Not even of who has nothing else."""
    ini, restored = other
    made = make.micropost()
    hidden.hide(database, made["id"], "judge", "spam")
    run("backup", str(tmp_path / "one"))
    assert run("restore", str(tmp_path / "one"), ini=ini).status == 0
    moment = ids.moment(made["id"]).isoformat()
    record = {"kind": "micropost", "username": "alice", "text": "hello"}
    line = json.dumps({**record, "timestamp": moment})
    done = run("import", text=f"{line}\n", ini=ini)
    assert "microposts: 0 new, 1 already there" in done.output
    assert (users.find(restored, "alice") or {})["microposts"] == []
    assert sorted(map(str, check(restored))) == []


def test_OP_4_hidden_in_data_that_is_not_migrated_is_in_it(
    run: Run, database: Database, make: Factory, other: Other, tmp_path: Path
) -> None:
    """There they have a collection of their own."""
    ini, restored = other
    old, new = make.microposts(2)
    hidden.hide(database, new["id"], "judge", "spam")
    kept = {**next(hidden.kept(database)), "_id": old["id"], "text": old["text"]}
    microposts.delete(database, old)
    database.hidden.insert_one(kept)
    run("backup", str(tmp_path / "one"))
    assert run("restore", str(tmp_path / "one"), ini=ini).status == 0
    found = hidden.of_author(restored, "alice")
    assert [one["text"] for one in found] == [new["text"], old["text"]]


def test_OP_4_round_trip_into_a_second_server(
    run: Run, populated: Database, tmp_path: Path
) -> None:
    ini = tmp_path / "second.ini"
    ini.write_text(f"[app:main]\nuse = egg:microblog\ndata_dir = {tmp_path}/second\n")
    assert run("backup", str(tmp_path / "one")).status == 0
    assert run("restore", str(tmp_path / "one"), ini=ini).status == 0
    assert run("check", ini=ini) == Done(0, "0 found\n", "")
    assert run("backup", str(tmp_path / "two"), ini=ini).status == 0
    assert hashes(tmp_path / "two") == hashes(tmp_path / "one")


def test_OP_4_is_for_its_owner_alone_and_of_lines_of_json(
    run: Run, populated: Database, tmp_path: Path
) -> None:
    directory = tmp_path / "one"
    directory.mkdir(mode=0o755)
    assert run("backup", str(directory)).status == 0
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert {stat.S_IMODE(one.stat().st_mode) for one in directory.iterdir()} == {0o600}
    said = subprocess.run(
        ["gzip", "-dc", directory / "microposts.jsonl.gz"],
        capture_output=True,
        check=True,
    )
    lines = [json.loads(line) for line in said.stdout.splitlines()]
    assert [one["text"] for one in lines[:2]] == ["micropost 0", "micropost 1"]
    assert lines[0]["_id"].keys() == {"$numberLong"}
    assert [one.name for one in tmp_path.iterdir() if one.name.startswith(".")] == []


def test_OP_4_what_is_written_between_two_collections_is_consistent(
    run: Run, populated: Database, make: Factory, other: Other, tmp_path: Path
) -> None:
    """Before each collection is read, somebody comes, posts, is followed, and somebody
    else goes."""
    ini, restored = other
    came: list[str] = []

    def write(name: str, documents: Any, length: int | None) -> Iterator[Document]:
        came.append(name)
        make.micropost(f"before_{name}", "I have just come")
        make.follow(f"before_{name}", "alice")
        make.follow("bob", f"before_{name}")
        if len(came) > 1:
            accounts.delete(populated, f"before_{came[-2]}")
        yield from documents

    backup.take(populated, tmp_path / "one", write)
    assert came[:2] == ["hidden", "microposts"]
    done = run("restore", str(tmp_path / "one"), ini=ini)
    assert done.status == 0, done.errors
    assert sorted(map(str, check(restored))) == []
    there = {one["_id"] for one in populated.microposts.find({"author": "alice"})}
    assert whole(restored, "microposts").keys() >= there


def test_PR_2_old_backup_brings_no_deleted_account_back(
    run: Run, populated: Database, make: Factory, other: Other, tmp_path: Path
) -> None:
    ini, restored = other
    make.micropost("carol", "canary of carol")
    make.follow("bob", "carol")
    assert run("backup", "--with-logins", str(tmp_path / "old")).status == 0
    accounts.delete(populated, "carol")
    accounts.delete(populated, "alice")
    newer = tmp_path / "newer"
    assert run("backup", "--only-deletions", str(newer)).output.startswith(
        "deleted: 3\n"
    )
    done = run("restore", str(newer), ini=ini)
    assert (done.status, done.output) == (1, "")
    assert done.errors == f"microblog: {newer} holds deletions alone\n"
    arguments = ["restore", str(tmp_path / "old"), "--deletions-of", str(newer)]
    done = run(*arguments, ini=ini)
    assert done.status == 0, done.errors
    for name in ("alice", "carol", "gone"):
        assert users.find(restored, name) is None
        assert restored.users.find_one({"_id": name})  # It stays taken.
        assert not accounts.has_leftovers(restored, name)
    assert [one["author"] for one in restored.microposts.find()] == ["bob"]
    assert restored.sessions.find_one({}) is None
    bob = users.find(restored, "bob")
    assert bob is not None
    assert bob["counts"] == {"microposts": 1, "following": 0, "followers": 0}
    assert list(check(restored)) == []


def test_mails_that_were_due_are_not_sent_after_a_restore(
    run: Run, populated: Database, other: Other, tmp_path: Path
) -> None:
    """They may have been, after the backup."""
    ini, restored = other
    now = datetime.now(UTC)
    for id, state, due in (
        ("sent", mails.State.SENT, now),
        ("due", mails.State.WAITING, now),
        ("later", mails.State.WAITING, now + timedelta(hours=5)),
    ):
        fresh = {"_id": id, "to": "bob", "state": state, "next": due}
        populated.mails.insert_one({**fresh, "expires": now + mails.KEPT})
    run("backup", str(tmp_path / "one"))
    assert run("restore", str(tmp_path / "one"), ini=ini).status == 0
    assert whole(restored, "mails").keys() == {"sent", "later"}
    assert restored.microposts.find_one({"undone": {"$exists": True}}) is None


def test_OP_4_interrupted_restore_goes_on(
    run: Run,
    populated: Database,
    other: Other,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """At whichever batch it stopped, and told until then."""
    ini, restored = other
    run("backup", str(tmp_path / "one"))
    # Made in the same second, the two would be the same.
    populated.searches.insert_one({"_id": "2020-01-01", "count": 1})
    run("backup", str(tmp_path / "another"))
    populated.searches.delete_one({"_id": "2020-01-01"})
    original, count, most = bulk.insert, 0, 0

    def insert(*arguments: Any) -> Any:
        nonlocal count
        count += 1
        if count == most:
            original(*arguments)
            raise KeyboardInterrupt
        return original(*arguments)

    monkeypatch.setattr(bulk, "insert", insert)
    monkeypatch.setattr(restore, "PIECE", 10)
    while most < 30:
        most, count = most + 1, 0
        if run("restore", str(tmp_path / "one"), ini=ini).status == 0:
            break
        done = run("restore", str(tmp_path / "another"), ini=ini)
        assert done.status == 1
        assert "unfinished restore of another backup" in done.errors
        with pytest.MonkeyPatch.context() as patch:
            said: list[str] = []
            patch.setattr(version.log, "warning", said.append)
            version.adopt(restored)
            assert said == ["a restore was not finished: run it again"]
    assert most > 10
    assert_same(populated, restored)


def test_OP_4_interrupted_while_the_index_is_made_goes_on(
    run: Run,
    populated: Database,
    other: Other,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With all else written; what there is of the index is made anew, once."""
    ini, restored = other
    run("backup", str(tmp_path / "one"))
    # A segment is tended after it is entered.
    with monkeypatch.context() as patch:
        patch.setattr(segments, "tend", _interrupt)
        done = run("restore", str(tmp_path / "one"), ini=ini)
    assert (done.status, done.errors.splitlines()[-1]) == (1, "microblog: interrupted")
    assert len(segments.read_live(restored)) == 1
    assert run("restore", str(tmp_path / "one"), ini=ini).status == 0
    assert len(segments.read_live(restored)) == 1
    assert_same(populated, restored)
    assert list(check(restored)) == []


def _interrupt(*arguments: Any, **options: Any) -> None:
    raise KeyboardInterrupt


def _damage(directory: Path) -> None:
    path = directory / "follows.jsonl.gz"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _cut(directory: Path) -> None:
    path = directory / "microposts.jsonl.gz"
    path.write_bytes(path.read_bytes()[:-1])


def _lose(directory: Path) -> None:
    (directory / "users.jsonl.gz").unlink()


def _forget(directory: Path) -> None:
    (directory / "manifest.json").unlink()


def _garble(directory: Path) -> None:
    (directory / "manifest.json").write_text("{")


def _change(**said: Any) -> Callable[[Path], None]:
    def change(directory: Path) -> None:
        path = directory / "manifest.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **said}))

    return change


def _make_file(directory: Path) -> None:
    shutil.rmtree(directory)
    directory.write_text("a file")


ERRORS = {
    "checksum": (_damage, "follows.jsonl.gz is damaged: its checksum is wrong"),
    "cut": (_cut, "microposts.jsonl.gz is damaged: its checksum is wrong"),
    "missing": (_lose, "users.jsonl.gz is missing"),
    "no manifest": (_forget, "is no backup: it has no manifest.json"),
    "no JSON": (_garble, "manifest.json is damaged: it is not JSON"),
    "format": (_change(format="zip"), "is of no format that a microblog has ever"),
    "newer": (_change(format=2), "is of format 2, written by a newer microblog; this"),
    "strange": (_change(collections={"x": {}}), "tells of what is not known here: x"),
    "no list": (_change(collections=1), "is damaged: it tells of no collections"),
    "no directory": (_make_file, "Not a directory"),
    "nothing": (shutil.rmtree, "is no backup: it has no manifest.json"),
}


@pytest.mark.parametrize("which", ERRORS)
def test_OP_4_what_is_not_whole_is_refused(
    run: Run, make: Factory, other: Other, tmp_path: Path, which: str
) -> None:
    """In one line, by `restore` and by `verify`; the store stays as it was."""
    ini, restored = other
    directory = tmp_path / "one"
    make.follow("alice", "bob")
    assert run("backup", str(directory)).status == 0
    harm, words = ERRORS[which]
    harm(directory)
    for command in (["backup", "verify"], ["restore"]):
        done = run(*command, str(directory), ini=ini)
        assert (done.status, done.output) == (1, "")
        assert done.errors.startswith(f"microblog: {directory}")
        assert words in done.errors
        assert done.errors.count("\n") == 1
    assert restored.users.find_one({}) is None
    assert restored.version.find_one({"_id": version.RESTORE}) is None


def test_data_of_a_newer_program_is_refused_and_of_an_older_told(
    run: Run, populated: Database, other: Other, tmp_path: Path
) -> None:
    ini, restored = other
    directory = tmp_path / "one"
    run("backup", str(directory))
    _change(data_version=version.VERSION + 1)(directory)
    done = run("restore", str(directory), ini=ini)
    said = f"microblog: {directory} has data of a newer microblog\n"
    assert done == Done(1, "", said)
    _change(data_version=version.VERSION - 1)(directory)
    assert run("restore", str(directory), ini=ini).status == 0
    assert version.mended(restored) == version.VERSION - 1


@pytest.mark.parametrize("what", ["users", "deleted users"])
def test_OP_4_store_that_is_not_empty_is_refused(
    run: Run, populated: Database, other: Other, tmp_path: Path, what: str
) -> None:
    ini, restored = other
    run("backup", str(tmp_path / "one"))
    users.create(restored, "dora")
    if what == "deleted users":
        accounts.delete(restored, "dora")
    before = whole(restored, "users")
    done = run("restore", str(tmp_path / "one"), ini=ini)
    said = f"microblog: the store is not empty: it has {what}\n"
    assert done == Done(1, "", said)
    assert whole(restored, "users") == before
    assert restored.microposts.find_one({}) is None


def test_OP_4_directory_that_is_not_empty_is_refused(
    run: Run, populated: Database, tmp_path: Path
) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "mine").write_text("keep this")
    for path in (tmp_path / "one", tmp_path / "one" / "mine"):
        done = run("backup", str(path))
        said = f"microblog: {path} exists, and is not an empty directory\n"
        assert done == Done(1, "", said)
    done = run("backup", str(tmp_path / "no" / "such"))
    assert done.status == 1
    assert "No such file or directory" in done.errors
    assert (tmp_path / "one" / "mine").read_text() == "keep this"


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Path]:
    """A disk of 16 KB."""
    path = tmp_path / "tiny"
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(path)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a small disk can be mounted by root alone")
    yield path
    subprocess.run(["umount", "-l", str(path)], check=True)


def test_OP_4_full_disk_leaves_nothing(
    run: Run, populated: Database, tiny: Path
) -> None:
    done = run("backup", str(tiny / "one"))
    assert (done.status, done.output) == (1, "")
    assert done.errors.endswith("No space left on device\n")
    assert list(tiny.iterdir()) == []


def test_help_names_what_backup_can_do(run: Run) -> None:
    said = run("backup", "--help").output
    assert "verify" in said
    assert "--with-logins" in run("backup", "to", "--help").output


def test_every_collection_has_its_place_in_the_table() -> None:
    """Whoever adds one decides whether it is backed up."""
    found = set()
    for module in iter_modules(store.__path__):
        if getattr(import_module(f"microblog.store.{module.name}"), "INDEXES", []):
            found.add(module.name)
    for path in (Path(store.__file__).parent).glob("*.py"):
        source = path.read_text()
        found |= {*re.findall(r"database\.([a-z_]+)\.[a-z_]+\(", source)}
        found |= {*re.findall(r"database\[\"([a-z_]+)\"\]", source)}
    # The last was one, and is read by what migrates.
    together = {"taking", "posting"}
    no_collections = {"changes", "memory", "client", "deliveries", *together}
    assert found - no_collections - backup.COLLECTIONS.keys() == set()
    assert {"users", "version", "keys", "limits"} <= found


def test_collections_of_a_running_site_are_in_the_table(
    populated: Database, run: Run
) -> None:
    assert {*populated.list_collection_names()} <= backup.COLLECTIONS.keys()


def test_days_far_from_today_are_read(
    run: Run, populated: Database, other: Other, tmp_path: Path
) -> None:
    """An import of old microposts, clocks that were ahead, and marks that know of
    neither."""
    ini, restored = other
    alice = users.find(populated, "alice")
    assert alice is not None
    day = 86_400_000 << 16
    for id in (5 * day, 12_000 * day + 1, 12_000 * day + 2, 90_000 * day):
        text = f"of {id}"
        populated.microposts.insert_one(shapes.new_document(id, "alice", text))
    link = {**follows.new_document("bob", "carol"), "at": 7 * day, "day": 7}
    populated.follows.insert_one(link)
    assert "microposts: 50\n" in run("backup", str(tmp_path / "one")).output
    assert run("restore", str(tmp_path / "one"), ini=ini).status == 0
    assert whole(restored, "microposts") == whole(populated, "microposts")
    assert whole(restored, "follows") == whole(populated, "follows")
    assert list(check(restored)) == []
    assert tokens.of_user(restored, "alice") == []
