"""`microblog import`: what goes in, what is refused, what is met again."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest

from microblog.store import (
    Database,
    Document,
    hidden,
    ids,
    marks,
    public,
    search,
    statistics,
    users,
)
from microblog.store.walks import Start
from tests.factories import PASSWORD, Api, Factory
from tests.functional.answers import OTHER_PASSWORD, assert_problem, log_in, page
from tests.functional.command import Run

TIME = "2020-02-29T12:00:00.123Z"
LINES = [
    {
        "kind": "user",
        "username": "alice",
        "name": "Alice Ölçek",
        "bio": "Two\nlines",
        "password": PASSWORD,
        "email": "alice@example.org",
    },
    {"kind": "user", "username": "bob"},
    {"kind": "follow", "follower": "alice", "followee": "bob"},
    {
        "kind": "micropost",
        "username": "alice",
        "text": "Hi @bob #tag",
        "timestamp": TIME,
        "referenced": "bob",
    },
    {"kind": "micropost", "username": "bob", "text": "snow ❄", "timestamp": TIME},
]


def jsonl(*records: Any) -> str:
    """Records as lines; a string is one as it is."""
    lines = [one if isinstance(one, str) else json.dumps(one) for one in records]
    return "".join(f"{line}\n" for line in lines)


def micropost(text: str, timestamp: str = TIME, **more: str) -> dict[str, str]:
    """A record of a micropost of alice's."""
    record = {"kind": "micropost", "username": "alice", "text": text}
    return {**record, "timestamp": timestamp, **more}


def state(database: Database) -> dict[str, list[Document]]:
    """All that an import can change."""
    return {
        name: sorted(database[name].find(), key=lambda one: str(one["_id"]))
        for name in ("users", "follows", "microposts", "marks")
    }


def test_import_of_a_file(run: Run, tmp_path: Path, anonymous: Api) -> None:
    path = tmp_path / "some.jsonl"
    path.write_text(jsonl(*LINES))
    done = run("import", str(path))
    assert done.status == 0
    assert done.output == (
        "users: 2 new, 0 already there\n"
        "follows: 1 new, 0 already there\n"
        "microposts: 2 new, 0 already there\n"
    )
    token = log_in(anonymous, "alice", PASSWORD).json["access_token"]
    alice = Api(anonymous.app, token)
    user = alice.get("/users/alice").json
    assert (user["name"], user["bio"]) == ("Alice Ölçek", "Two\nlines")
    counts = [user[name] for name in ("microposts", "following", "followers")]
    assert counts == [1, 1, 0]
    (posted,) = page(alice.get("/users/alice/collection"))
    assert (posted["text"], posted["timestamp"]) == ("Hi @bob #tag", TIME)
    assert (posted["referenced"], posted["edited"]) == ("bob", None)
    assert len(page(alice.get("/users/alice/timeline"))) == 2
    assert page(alice.get("/search?text=@bob")) == [posted]
    assert alice.get(posted["href"]).json == posted
    assert run("check").output == "0 found\n"


def test_imported_user_without_a_password_gets_one_by_command(
    run: Run, anonymous: Api
) -> None:
    run("import", text=jsonl(LINES[1]))
    for password in ("", PASSWORD):
        assert_problem(log_in(anonymous, "bob", password), 400)
    assert run("user", "password", "bob", text=PASSWORD).status == 0
    assert log_in(anonymous, "bob", PASSWORD).status_code == 200


@pytest.mark.parametrize("arguments", [["import"], ["import", "-"]])
def test_second_import_changes_nothing(
    run: Run, database: Database, arguments: list[str]
) -> None:
    text = jsonl(*LINES, "", "  ", *LINES)
    assert "users: 2 new, 2 already there" in run(*arguments, text=text).output
    before = state(database)
    done = run(*arguments, text=jsonl(*LINES))
    assert done.status == 0
    assert done.output == (
        "users: 0 new, 2 already there\n"
        "follows: 0 new, 1 already there\n"
        "microposts: 0 new, 2 already there\n"
        "nothing has changed\n"
    )
    assert state(database) == before


def test_day_of_an_import_is_counted_in_pieces(
    run: Run, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many links it has brought: nobody waits for all to be read at once."""
    names = [f"user{letter}{other}" for letter in "abcde" for other in "abcdefgh"]
    people = [{"kind": "user", "username": name} for name in names]
    links = [
        {"kind": "follow", "follower": one, "followee": other}
        for one in names
        for other in names
        if one != other
    ]
    monkeypatch.setattr(marks, "LINKS_STEP", 16)
    assert run("import", text=jsonl(*people, *links)).status == 0
    original, pieces = statistics._by, []

    def count(*arguments: Any) -> Counter[str]:
        found = original(*arguments)
        if arguments[1] == "follows":
            pieces.append(found.total())
        return found

    monkeypatch.setattr(statistics, "_by", count)
    today = statistics.unfinished(database)[-1]
    assert (today["users"], today["follows"]) == (len(names), len(links))
    assert today["active"] == len(names)
    assert max(pieces) < len(links) / 4


def test_import_leaves_those_who_are_there_alone(
    run: Run, alice: Api, database: Database
) -> None:
    before = alice.get("/users/alice").json
    record = {**LINES[0], "password": OTHER_PASSWORD}
    assert run("import", text=jsonl(record)).status == 0
    assert alice.get("/users/alice").json == before
    assert log_in(alice, "alice", PASSWORD).status_code == 200


def test_import_brings_nothing_back_that_was_hidden(
    run: Run, make: Factory, database: Database
) -> None:
    made = make.micropost(text="posted here")
    hidden.hide(database, made["id"], "judge", "spam")
    moment = datetime.fromtimestamp((made["id"] >> ids.BITS) / 1000, UTC)
    done = run("import", text=jsonl(micropost("posted here", moment.isoformat())))
    assert "microposts: 0 new, 1 already there" in done.output
    assert make.user()["microposts"] == []


def test_large_import_fills_a_document_and_the_index(
    run: Run, alice: Api, database: Database
) -> None:
    start = datetime(2021, 1, 1, tzinfo=UTC)
    moments = [start + timedelta(hours=n) for n in range(1100)]
    records = [micropost(f"number {n}", str(one)) for n, one in enumerate(moments)]
    done = run("import", text=jsonl(*records))
    assert "microposts: 1100 new" in done.output
    assert alice.get("/users/alice").json["microposts"] == 1100
    newest = page(alice.get("/users/alice/collection?size=100"))
    expected = [f"number {n}" for n in range(1099, 999, -1)]
    assert [one["text"] for one in newest] == expected
    oldest = page(alice.get("/users/alice/collection?order=oldest&size=1"))
    assert [one["text"] for one in oldest] == ["number 0"]
    found = page(alice.get("/search?text=number 1099"))
    assert [one["text"] for one in found] == ["number 1099"]


def test_imported_ones_stand_in_the_public_timeline_and_the_directory(
    run: Run, database: Database, make: Factory
) -> None:
    make.micropost("carol", "of today")
    run("import", text=jsonl(*LINES, *(micropost(f"number {n}") for n in range(120))))
    newest = list(public.walk(database, Start()))
    assert len(newest) == 123
    assert newest[0]["text"] == "of today"
    joined = [user["_id"] for user in users.walk(database, Start())]
    assert joined == ["bob", "alice", "carol"]
    found = search.walk_users(database, "ölçek", Start())
    assert [user["_id"] for user in found] == ["alice"]
    assert run("check").output == "0 found\n"


def test_bad_lines_are_reported_and_the_rest_goes_in(
    run: Run, tmp_path: Path, database: Database
) -> None:
    path = tmp_path / "some.jsonl"
    bad = [
        "not JSON",
        {"kind": "micropost", "username": "alice", "text": "", "timestamp": TIME},
        {"kind": "follow", "follower": "alice", "followee": "nobody"},
    ]
    path.write_text(jsonl(LINES[0], bad[0], LINES[1], bad[1], bad[2], *LINES[2:]))
    done = run("import", str(path))
    assert done.status == 1
    assert done.output == (
        "users: 2 new, 0 already there\n"
        "follows: 1 new, 0 already there\n"
        "microposts: 2 new, 0 already there\n"
    )
    reported = [line for line in done.errors.splitlines() if " line " in line]
    assert [line.split(": ")[:2] for line in reported] == [
        [str(path), f"line {number}"] for number in (2, 4, 5)
    ]
    for line, reason in zip(
        reported, ("is not JSON", "text: is empty", "no user nobody"), strict=True
    ):
        assert reason in line
    assert "3 bad lines left out" in done.errors
    assert run("check").status == 0


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ("[]", "not a JSON object"),
        ('{"kind": "user", "kind": "user"}', "twice"),
        (b"\xff\xfe".decode("latin-1"), "not JSON"),
        ({"username": "dora"}, "kind"),
        ({"kind": "like", "username": "dora"}, "kind"),
        ({"kind": "user", "username": "admin"}, "username: is reserved"),
        ({"kind": "user", "username": "a1ice"}, "looks like one that is taken"),
        ({"kind": "user", "username": "dora", "password": "x"}, "15 characters"),
        ({"kind": "user", "username": "dora", "admin": True}, "admin"),
        ({"kind": "user", "username": "dora", "email": "x"}, "email"),
        ({"kind": "user", "username": "dora", "name": "a\nb"}, "name"),
        ({"kind": "follow", "follower": "alice", "followee": "alice"}, "themselves"),
        ({"kind": "follow", "follower": "nobody", "followee": "alice"}, "nobody"),
        ({"kind": "follow", "follower": "alice"}, "followee"),
        (micropost("x" * 256), "text"),
        (micropost("x", "2999-01-01T00:00:00Z"), "between 1970 and now"),
        (micropost("x", "1969-12-31T23:59:59Z"), "between 1970 and now"),
        (micropost("x", "1970-01-01T00:00:00Z"), "between 1970 and now"),
        (micropost("x", "1970-01-01T01:00:00+02:00"), "between 1970 and now"),
        (micropost("x", "0001-01-01T00:00:00+14:00"), "timestamp"),
        (micropost("x", "2020-02-30T12:00:00Z"), "timestamp"),
        (micropost("x", "2020-02-29T12:00:00"), "timestamp"),
        (micropost("x", "yesterday"), "timestamp"),
        (micropost("x", "20200229"), "timestamp: must look like"),
        ({**micropost("x"), "timestamp": 1582977600}, "timestamp: must look like"),
        (micropost("x", username="nobody"), "there is no user nobody"),
        (micropost("x", referenced="nobody"), "there is no user nobody"),
        (micropost("x", id="115"), "id"),
        ({"kind": "micropost", "username": "alice", "text": "x"}, "timestamp"),
    ],
)
def test_refused_records(
    run: Run, make: Factory, database: Database, record: Any, reason: str
) -> None:
    make.user("alice")
    before = state(database)
    done = run("import", text=jsonl("", record))
    assert done.status == 1
    (line,) = [line for line in done.errors.splitlines() if "line 2: " in line]
    assert reason in line.partition("line 2: ")[2]
    assert "1 bad lines left out" in done.errors
    assert state(database) == before


def test_user_of_a_later_line_is_known_from_then_on(run: Run) -> None:
    text = jsonl(LINES[2], LINES[0], LINES[2], LINES[1], LINES[2])
    done = run("import", text=text)
    assert done.status == 1
    assert "follows: 1 new, 0 already there" in done.output
    assert "2 bad lines left out" in done.errors


def test_import_of_nothing(run: Run, database: Database) -> None:
    done = run("import")
    assert (done.status, done.output.count("0 new, 0 already there")) == (0, 3)
    assert run("import", "/no/such/file").status == 2


def test_two_microposts_with_the_same_computed_id(run: Run, alice: Api) -> None:
    """Both go in, and are met again in any order."""
    low: dict[int, str] = {}
    for n in range(100_000):
        text = f"micropost {n}"
        key = crc32(f"alice\n{text}".encode()) & 0xFFFF
        if key in low:
            break
        low[key] = text
    pair = [micropost(low[key]), micropost(text)]
    assert "microposts: 2 new" in run("import", text=jsonl(*pair)).output
    for again in (pair, pair[::-1], pair[1:]):
        assert "microposts: 0 new" in run("import", text=jsonl(*again)).output
    found = page(alice.get("/users/alice/collection"))
    assert {one["text"] for one in found} == {low[key], text}
    assert int(found[0]["id"]) == int(found[1]["id"]) + 1
    assert alice.get("/users/alice").json["microposts"] == 2


def test_same_text_at_two_times_is_two_microposts(run: Run, alice: Api) -> None:
    pair = [micropost("x", "2020-01-01T00:00:00.001Z"), micropost("x", TIME)]
    assert "microposts: 2 new" in run("import", text=jsonl(*pair)).output
    same = micropost("x", "2020-02-29T13:00:00.123+01:00")
    assert "microposts: 0 new" in run("import", text=jsonl(same)).output
