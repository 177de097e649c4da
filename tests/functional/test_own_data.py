"""Own data: the export of all that is held about oneself, and what one brings."""

import json
import re
import time
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from threading import Event
from typing import Any

import pytest
import time_machine
from webtest import TestApp, TestResponse, Upload

import microblog
from microblog import downloads
from microblog.errors import NotFound, Unavailable
from microblog.portable import export, loading
from microblog.settings import Settings
from microblog.store import (
    Database,
    Document,
    accounts,
    dead_letters,
    exports,
    files,
    hidden,
    idempotency,
    imports,
    invitations,
    leases,
    mails,
    microposts,
    notices,
    reading,
    reports,
    sessions,
    users,
)
from microblog.tasks import jobs
from microblog.tasks.jobs import Site
from tests.archives import in_zip, note, outbox, script, tweet, unfit
from tests.browsing import Browser, form_of
from tests.factories import PASSWORD, Api, Factory
from tests.functional.answers import assert_problem

PAGE = "/settings/data"
ASKED = {"password": PASSWORD}


@pytest.fixture
def later() -> list[tuple[Any, ...]]:
    """The tasks that sweep has queued."""
    return []


@pytest.fixture
def work(
    application: Any, settings: Settings, later: list[tuple[Any, ...]]
) -> Callable[..., Site]:
    """Does a task as a worker does; without a name, makes what it works with."""
    connection = application.registry["connection"]

    def work(name: str = "", *arguments: Any, stopping: bool = False) -> Site:
        event = Event()
        if stopping:
            event.set()
        site = Site(settings, connection, lambda *a: later.append(a), lambda: 0, event)
        if name:
            jobs.ASKED[name](site, *arguments)
        return site

    return work


def contents(answer: TestResponse) -> dict[str, str]:
    """The files of an export by their names."""
    assert answer.status_code == 200
    assert answer.content_type == "application/zip"
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="alice.zip"'
    with zipfile.ZipFile(BytesIO(answer.body)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name).decode() for name in archive.namelist()}


def fetched(api: Api, work: Callable[..., Site]) -> dict[str, str]:
    """A new export of alice's by the API."""
    started = api.post("/users/alice/export", ASKED)
    assert started.status_code == 202, started.text
    assert started.json["state"] == "waiting"
    work("export", "alice")
    state = api.get("/users/alice/export").json
    assert state["state"] == "ready"
    answer = api.get(state["href"])
    assert len(answer.body) == state["bytes"]
    return contents(answer)


@pytest.fixture
def populated(make: Factory, database: Database, reader: Browser) -> Database:
    """Of everything that is held about alice something with a canary in it."""
    users.change(
        database,
        "alice",
        {
            "name": "canary-name",
            "bio": "canary-bio <b>é</b>",
            "email": "canary-email@example.org",
            "theme": "dark",
        },
    )
    make.follow("alice", "canary_followee")
    make.follow("canary_follower", "alice")
    make.micropost("alice", "canary-micropost", referenced="canary_followee")
    edited = make.micropost("alice", "before")
    microposts.change(database, edited, {"text": "canary-edited"})
    sessions.create(
        database, make.user("alice"), idle=999, lifetime=999, agent="canary-agent"
    )
    make.token("alice")
    idempotency.claim(database, "alice", "canary-key", b"request")
    mails.add(
        database,
        "canary-mail",
        mails.Kind.MENTION,
        to="alice",
        address="canary-address",
    )
    notices.note(
        database, "alice", make.micropost("bob", "hello @alice")["id"], users.AT_ONCE
    )
    dead_letters.add(database, "mention", ["alice"], "canary-error", 5)
    reports.create(database, "alice", "bob", None, "canary-report")
    reports.close(database, "bob", None, "dismiss", "boss")
    reports.create(database, "nosy", "alice", None, "what nosy has told")
    reports.close(database, "alice", None, "suspend", "boss")
    suspended = {"by": "boss", "why": "canary-suspension"}
    users.change(database, "alice", {"suspended": suspended})
    gone = make.micropost("alice", "canary-hidden")["id"]
    hidden.hide(database, gone, "boss", "canary-why")
    secret = invitations.create(database, "alice", uses=3, days=5)
    database.imports.insert_one(
        {
            "_id": "alice",
            "asked": datetime.now(UTC),
            "expires": datetime.now(UTC) + timedelta(days=1),
            "name": "canary-upload",
        }
    )
    reading.build(database, "alice")
    make.micropost("bob", "of bob alone")
    users.change(database, "bob", {"email": "bob@example.org"})
    database.heartbeats.insert_one({"_id": "invitation", "secret": secret})
    return database


CANARIES = """
    name bio email micropost edited agent key mail address error report hidden why
    upload suspension
""".split()


def test_PR_1_AZ_4_export_has_all_that_is_held_and_no_secret(
    populated: Database, alice: Api, work: Callable[..., Site], reader: Browser
) -> None:
    found = fetched(alice, work)
    everything = "\n".join(found.values())
    for canary in CANARIES:
        assert f"canary-{canary}" in everything, canary
    for name in ("canary_followee", "canary_follower"):
        assert name in everything
    # Whatever goes with the account, by the table of the purge.
    for name, _owner in accounts.LEFT:
        if name not in {"microposts", "follows", "files", "exports"}:
            assert any(one.startswith(f"held/{name}") for one in found), name
            assert found.get(f"held/{name}.json") != "[]\n", name
    user = populated.users.find_one({"_id": "alice"}) or {}
    account = json.loads(found["account.json"])
    left_out = {"password", "microposts", "folded", "undelivered", "undone"}
    assert user.keys() - account["user"].keys() == left_out
    assert (len(account["sessions"]), len(account["tokens"])) == (2, 2)
    secrets = [
        user["password"],
        reader.cookie,
        alice.token,
        *(one["_id"] for one in populated.tokens.find()),
        *(one["_id"] for one in populated.sessions.find()),
        *(one["_id"] for one in populated.invitations.find()),
        (populated.heartbeats.find_one({"_id": "invitation"}) or {})["secret"],
    ]
    assert [secret for secret in secrets if secret in everything] == []
    # Of others nothing but what alice has seen.
    for foreign in ("nosy", "boss", "of bob alone", "bob@example.org"):
        assert foreign not in everything


def test_PR_1_export_is_for_programs_and_for_people(
    populated: Database, alice: Api, work: Callable[..., Site]
) -> None:
    found = fetched(alice, work)
    for name, content in found.items():
        if name.endswith(".json"):
            json.loads(content)
    lines = found["microposts.json"].splitlines()
    assert [lines[0], lines[-1]] == ["[", "]"]
    assert [json.loads(line.rstrip(","))["text"] for line in lines[1:-1]] == [
        "canary-micropost",
        "canary-edited",
    ]
    pages = {name: one for name, one in found.items() if name.endswith(".html")}
    assert set(pages) == {"index.html", "microposts/0001.html"}
    for content in pages.values():
        # What a browser would load or run; all links lead to files beside it.
        assert not re.search(r"<script|<img|<iframe|@import|\son\w+=", content)
        for address in re.findall(r'(?:href|src)="([^"]*)"', content):
            assert "//" not in address
            place = address.removeprefix("../")
            assert place in found, address
    assert "canary-bio &lt;b&gt;é&lt;/b&gt;" in pages["index.html"]
    assert "canary-edited" in pages["microposts/0001.html"]


def test_PR_1_AZ_2_nobody_else_gets_it(
    application: Any,
    alice: Api,
    bob: Api,
    anonymous: Api,
    work: Callable[..., Site],
) -> None:
    fetched(alice, work)
    for path in ("/users/alice/export", "/users/alice/export/archive"):
        assert_problem(bob.get(path), 403)
        assert_problem(anonymous.get(path), 401)
    assert_problem(bob.post("/users/alice/export", ASKED), 403)
    wish = {"username": "alice", **ASKED, "scope": "read"}
    only_reads = Api(alice.app, alice.post("/token", wish).json["access_token"])
    assert_problem(only_reads.get("/users/alice/export/archive"), 403)
    browser = Browser(application)
    browser.log_in("bob")
    for page in ("/settings/export", "/settings/not-imported"):
        assert browser.get(page).status_code == 404
        assert Browser(application).get(page).status_code == 303


def test_PR_1_AU_5_it_asks_for_the_password_again(
    alice: Api, reader: Browser, database: Database
) -> None:
    for body in ({"password": "not the one that it is"}, {"password": ""}):
        assert_problem(alice.post("/users/alice/export", body), 400, "password")
    assert_problem(alice.post("/users/alice/export", {}), 400, "password")
    answer = reader.send(PAGE, password="not the one that it is")
    assert answer.status_code == 400
    assert answer.html.find(id="password-error").text == "Password is wrong."
    assert database.exports.find_one() is None


def test_PR_1_export_from_the_page(
    reader: Browser, work: Callable[..., Site], make: Factory
) -> None:
    make.micropost("alice", "canary-micropost")
    assert reader.send(PAGE, password=PASSWORD).location == f"{PAGE}?said=export"
    page = reader.get(PAGE)
    assert "It is being made" in page.text
    assert page.html.find(href="/settings/export") is None
    assert reader.get("/settings/export").status_code == 404
    work("export", "alice")
    assert reader.get(PAGE).html.find(href="/settings/export")
    answer = reader.get("/settings/export")
    assert "canary-micropost" in contents(answer)["microposts.json"]
    head = reader.app.head("/settings/export")
    assert (head.content_length, head.body) == (len(answer.body), b"")


def test_PR_1_link_expires_and_the_file_with_it(
    alice: Api, database: Database, work: Callable[..., Site]
) -> None:
    fetched(alice, work)
    state = alice.get("/users/alice/export").json
    left = datetime.fromisoformat(state["expires"]) - datetime.now(UTC)
    assert timedelta(hours=47) < left <= timedelta(hours=48)
    # What the server removes by itself.
    for name in ("exports", "files"):
        indexes = database[name].index_information().values()
        assert any(one.get("expireAfterSeconds") == 0 for one in indexes)
        (found,) = database[name].find()
        assert timedelta(hours=47) < found["expires"] - datetime.now(UTC)
        assert found["expires"] - datetime.now(UTC) < timedelta(hours=50)
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=48, seconds=5)):
        # The token is of a day.
        database.tokens.update_many(
            {}, {"$set": {"expires": datetime.now(UTC) + timedelta(days=1)}}
        )
        assert alice.get("/users/alice/export").json["state"] == "none"
        assert_problem(alice.get(state["href"]), 404)


def test_PR_1_PR_2_it_goes_with_the_account(
    alice: Api, database: Database, work: Callable[..., Site]
) -> None:
    fetched(alice, work)
    assert database.files.find_one() is not None
    assert accounts.delete(database, "alice")
    for name in ("exports", "imports", "files"):
        assert database[name].find_one() is None
    # Asked for at the last moment.
    exports.ask(database, "alice")
    work("export", "alice")
    assert database.files.find_one() is None


@pytest.fixture
def limited(application: Any, settings: Settings) -> Iterator[Any]:
    """The application with limits that are soon reached, on the same store."""
    few = {"limits_export": 2, "limits_import": 2, "limits_download": 2}
    made = microblog.application(settings.model_copy(update=few))
    made.registry["connection"].wait()
    yield made
    made.registry["connection"].close()


def test_PR_1_RL_1_exports_and_imports_are_throttled(
    limited: Any, make: Factory, database: Database
) -> None:
    api = Api(TestApp(limited), make.token("alice"), "alice")
    browser = Browser(limited)
    browser.log_in("alice")
    full = (time.time() // 3600 + 1) * 3600
    with time_machine.travel(full + 1, tick=True):
        for left in (1, 0):
            answer = api.post("/users/alice/export", ASKED)
            assert answer.headers["RateLimit"].startswith(f'"export";r={left};')
            database.exports.delete_many({})
        assert_problem(api.post("/users/alice/export", ASKED), 429)
        assert browser.send(PAGE, password=PASSWORD).status_code == 429
        for status in (303, 303, 429):
            assert bring(browser, outbox([])).status_code == status
            database.imports.delete_many({})


def test_export_of_many_takes_little_memory(
    make: Factory,
    database: Database,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Peaks are alike: in memory is a page at a time."""
    monkeypatch.setattr(export, "PAGE", 100)
    peaks = []
    for username, count in (("alice", 300), ("bob", 1_500)):
        make.user(username)
        archive = outbox([note(number) for number in range(count)])
        loading.Loading(database, username, lambda changed: None).load(BytesIO(archive))
        del archive
        user = users.find(database, username) or {}
        tracemalloc.start()
        file = files.Writer(database, username, datetime.now(UTC) + timedelta(hours=1))
        export.write(database, settings, user, file)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] * 1.5 + (1 << 20)


def test_one_worker_makes_it(
    alice: Api,
    database: Database,
    work: Callable[..., Site],
    later: list[tuple[Any, ...]],
) -> None:
    alice.post("/users/alice/export", ASKED)
    claimed = leases.claim(database, "exports", "alice", exports.MAKE)
    assert claimed
    work("export", "alice")
    assert alice.get("/users/alice/export").json["state"] == "waiting"
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=3), tick=True):
        # The worker that had claimed it is dead.
        jobs.sweep(work())
        assert later == [("export", "alice")]
        work("export", "alice")
    assert alice.get("/users/alice/export").json["state"] == "ready"
    assert not leases.finish(database, "exports", claimed, {})


def test_worker_that_ends_leaves_it_to_the_next(
    alice: Api, database: Database, work: Callable[..., Site]
) -> None:
    alice.post("/users/alice/export", ASKED)
    work("export", "alice", stopping=True)
    assert database.files.find_one() is None
    assert alice.get("/users/alice/export").json["state"] == "waiting"
    work("export", "alice")
    assert alice.get("/users/alice/export").json["state"] == "ready"


def test_export_that_was_given_up_can_be_asked_for_again(
    alice: Api, reader: Browser, database: Database
) -> None:
    alice.post("/users/alice/export", ASKED)
    dead_letters.add(database, "export", ["alice"], "ValueError", 6)
    assert alice.get("/users/alice/export").json["state"] == "failed"
    assert "could not be made" in reader.get(PAGE).text
    assert reader.send(PAGE, password=PASSWORD).status_code == 303
    assert alice.get("/users/alice/export").json["state"] == "waiting"
    assert dead_letters.newest(database, 1) == []


def test_failure_leaves_no_pieces(
    alice: Api,
    database: Database,
    work: Callable[..., Site],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_pages = export._write_pages

    def fail(*arguments: Any) -> None:
        make_pages(*arguments)
        raise ValueError("of a page")

    monkeypatch.setattr(files, "PIECE", 100)
    alice.post("/users/alice/export", ASKED)
    with monkeypatch.context() as patch:
        patch.setattr(export, "_write_pages", fail)
        with pytest.raises(ValueError, match="of a page"):
            work("export", "alice")
    assert database.files.find_one() is None
    work("export", "alice")
    answer = alice.get(alice.get("/users/alice/export").json["href"])
    assert len(contents(answer)) > 5
    # One piece is lost: nothing, rather than a part.
    database.files.delete_one({})
    assert_problem(alice.get("/users/alice/export/archive"), 404)


def bring(browser: Browser, content: bytes, name: str = "archive.zip") -> TestResponse:
    """Send an archive by the form of the page."""
    form = form_of(browser.get(PAGE), "/settings/import")
    form["file"] = Upload(name, content)
    return form.submit(expect_errors=True)


def kept(database: Database, author: str) -> list[Document]:
    """What is the same of a micropost wherever it is."""
    found = sorted(database.microposts.find({"author": author}), key=lambda o: o["_id"])
    return [
        {
            "at": one["_id"] >> 16,
            **{key: one[key] for key in ("text", "referenced", "edited", "tags")},
        }
        for one in found
    ]


def test_export_comes_into_another_site_once(
    alice: Api,
    make: Factory,
    database: Database,
    other: Any,
    run: Any,
    work: Callable[..., Site],
    tmp_path: Any,
) -> None:
    for number in range(60):
        make.micropost(
            "alice", f"№ {number}\n#tag", referenced="bob" if number else None
        )
    microposts.change(database, make.micropost("alice", "a"), {"text": "edited"})
    make.user("bob")
    fetched(alice, work)
    path = tmp_path / "alice.zip"
    path.write_bytes(alice.get("/users/alice/export/archive").body)
    ini, another = other
    there = Factory(another, make.settings)
    there.user("alice")
    there.user("bob")
    command = ("import", "--user", "alice", str(path))
    assert run(*command, ini=ini).output.startswith("microposts: 61 new, 0 already")
    assert kept(another, "alice") == kept(database, "alice")
    # Again, there and here, nothing is new.
    for where in (ini, None):
        done = run(*command, **({"ini": where} if where else {}))
        assert done.output == "microposts: 0 new, 61 already there\nleft out: 0\n"
    assert run("check", ini=ini).output == "0 found\n"


def test_archive_by_the_page(
    reader: Browser, database: Database, work: Callable[..., Site]
) -> None:
    users.change(database, "alice", {"language": "de"})
    assert bring(reader, outbox([*unfit(), note(1)])).location == f"{PAGE}?said=import"
    assert "It is being read" in reader.get(PAGE).text
    again = bring(reader, outbox([]))
    assert again.status_code == 400
    assert "must wait" in again.html.find(id="file-error").text
    work("import", "alice")
    page = reader.get(PAGE)
    assert "Microposts: 1 new, 0 already there. Left out: 9." in page.text
    reasons = [one.text for one in page.html.select(".reasons li")]
    assert reasons[:2] == [
        "Number 1: is a boost of another's post",
        "Number 2: is a poll",
    ]
    assert reasons[3] == "Number 4: is 299 characters long, 255 are allowed"
    left = reader.get("/settings/not-imported")
    assert left.headers["Content-Disposition"].endswith('"not-imported.jsonl"')
    found = [json.loads(line) for line in left.body.splitlines()]
    assert [one["original"] for one in found] == unfit()
    # The archive itself is not kept.
    brought = imports.find(database, "alice") or {}
    assert database.files.count_documents({}) == brought["left"]["pieces"]
    assert bring(reader, script([tweet()])).status_code == 303
    work("import", "alice")
    assert "Microposts: 1 new" in reader.get(PAGE).text
    assert reader.get("/settings/not-imported").status_code == 404
    assert database.files.find_one() is None


def test_what_has_no_room_in_the_list_is_counted(
    reader: Browser, work: Callable[..., Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("microblog.tasks.own_data.MOST_LEFT", 1)
    bring(reader, outbox([*unfit(), note()]))
    work("import", "alice")
    assert "with the last of them: 8." in reader.get(PAGE).text
    assert reader.get("/settings/not-imported").body.count(b"\n") == 1


def test_RL_1_archive_is_taken_in_parts(
    reader: Browser, database: Database, work: Callable[..., Site]
) -> None:
    """So many new microposts each time it is brought."""
    site = work()
    few = replace(site, settings=site.settings.model_copy(update={"import_most": 1}))
    content = outbox([note(number) for number in range(250)])
    bring(reader, content)
    jobs.ASKED["import"](few, "alice")
    page = reader.get(PAGE).text
    assert "bring it again for what comes after these 200." in page
    assert "Microposts: 200 new, 0 already there." in page
    bring(reader, content)
    jobs.ASKED["import"](few, "alice")
    page = reader.get(PAGE).text
    assert "bring it again" not in page
    assert "Microposts: 50 new, 200 already there." in page


def test_lease_of_an_import_is_renewed_while_nothing_is_new(
    reader: Browser,
    database: Database,
    work: Callable[..., Site],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One brings one's own export: nobody else begins with it meanwhile."""
    content = outbox([note(number) for number in range(450)])
    bring(reader, content)
    work("import", "alice")
    bring(reader, content)
    is_stored, ends = microposts.is_stored, set()

    def observed(*arguments: Any) -> bool:
        ends.add((imports.find(database, "alice") or {})["leased"])
        return is_stored(*arguments)

    monkeypatch.setattr(microposts, "is_stored", observed)
    work("import", "alice")
    assert len(ends) >= 3
    assert "0 new, 450 already there" in reader.get(PAGE).text


def test_RL_1_downloads_are_throttled(
    alice: Api, limited: Any, make: Factory, work: Callable[..., Site]
) -> None:
    fetched(alice, work)  # the first
    api = Api(TestApp(limited), make.token("alice"), "alice")
    path = "/users/alice/export/archive"
    assert api.get(path).status_code == 200
    answer = api.get(path)
    assert_problem(answer, 429)
    assert answer.headers["RateLimit-Policy"] == '"download";q=2;w=3600'


def test_RL_4_downloads_at_a_time() -> None:
    held = [downloads.copied(str(n), iter([b"x"])) for n in range(downloads.MOST - 1)]
    with pytest.raises(Unavailable, match="last download has not ended"):
        downloads.copied("0", iter([b"x"]))
    held.append(downloads.copied("another", iter([b"x"])))
    with pytest.raises(Unavailable, match="too many others"):
        downloads.copied("one more", iter([b"x"]))
    held[0].close()
    held[0] = downloads.copied("0", iter([b"x", b"y"]))
    assert held[0].read() == b"xy"
    for file in held:
        file.close()

    def broken() -> Iterator[bytes]:
        raise NotFound("the file is gone")
        yield b""

    for _ in range(downloads.MOST + 1):
        with pytest.raises(NotFound):
            downloads.copied("0", broken())
    downloads.copied("0", iter([])).close()


def test_bad_archive_by_the_page(
    reader: Browser, database: Database, work: Callable[..., Site]
) -> None:
    bring(reader, in_zip({"../outbox.json": outbox([note()])}))
    work("import", "alice")
    page = reader.get(PAGE)
    assert "The file has a file that would lie outside of it." in page.text
    assert database.microposts.find_one() is None


def test_import_task_that_was_lost_or_given_up(
    reader: Browser,
    database: Database,
    work: Callable[..., Site],
    later: list[tuple[Any, ...]],
) -> None:
    bring(reader, outbox([note()]))
    work("import", "alice", stopping=True)
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=3), tick=True):
        jobs.sweep(work())
    assert later == [("import", "alice")]
    dead_letters.add(database, "import", ["alice"], "ValueError", 6)
    assert "could not be read to its end" in reader.get(PAGE).text
    assert bring(reader, outbox([note()])).status_code == 303
    work("import", "alice")
    assert "Microposts: 1 new" in reader.get(PAGE).text


BOUNDARY = "multipart/form-data; boundary=x"


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        (BOUNDARY, b"--x--", 400),
        (BOUNDARY, b"--x\r\n", 400),
        (BOUNDARY, b"hello", 400),
        (BOUNDARY, b"", 400),
        ("multipart/form-data", b"--x--", 400),
        ("multipart/form-data; boundary=", b"--x--", 400),
        (BOUNDARY, b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n' * 9, 400),
        (
            BOUNDARY,
            b'--x\r\nContent-Disposition: form-data; name="csrf_token"\r\n\r\n\xff'
            b"\r\n--x--",
            400,
        ),
        (
            BOUNDARY,
            b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n'
            + b"a" * 5000
            + b"\r\n--x--",
            400,
        ),
        ("application/json", b"{}", 415),
        ("text/plain", b"a", 415),
    ],
)
def test_IN_1_upload_that_cannot_be_read(
    reader: Browser, database: Database, content_type: str, body: bytes, status: int
) -> None:
    answer = reader.app.post(
        "/settings/import",
        body,
        headers={"Content-Type": content_type},
        expect_errors=True,
    )
    assert answer.status_code == status
    assert answer.content_type == "text/html"
    assert database.imports.find_one() is None


def test_form_without_a_file(reader: Browser, database: Database) -> None:
    form = form_of(reader.get(PAGE), "/settings/import")
    for content in (None, b""):
        if content is not None:
            form["file"] = Upload("", content)
        answer = form.submit(expect_errors=True)
        assert answer.status_code == 400
        assert answer.html.find(id="file-error").text == "File is needed."
    assert database.imports.find_one() is None
