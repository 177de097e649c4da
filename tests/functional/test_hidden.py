"""A hidden micropost: seen by its author and by moderators, nowhere else."""

import itertools
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from microblog.errors import NotFound
from microblog.store import (
    Database,
    bulk,
    check,
    erasures,
    hidden,
    ids,
    microposts,
    notices,
    references,
    repair,
    search,
    segments,
    users,
)
from microblog.store.changes import Collection
from microblog.store.walks import MINUTE, Start
from tests.browsing import Browser
from tests.factories import PASSWORD, Api, Factory
from tests.functional.answers import assert_problem
from tests.functional.command import Run

TEXT = "a lantern that nobody wants #word"
WHY = "it sells lanterns"
# Every address that shows it to who follows its author.
PAGES = (
    *("/", "/users/alice", "/users/alice/feed", "/tags/word", "/tags/word/feed"),
    *("/search?text=lantern", "/users/alice/microposts/ID"),
)
LISTS = (
    *("/users/alice/collection", "/users/bob/timeline", "/search?text=lantern"),
    "/users/alice/collection/ID",
)


@pytest.fixture
def log_in(application: Any, make: Factory) -> Callable[..., Browser]:
    """Makes browsers of users, who are made with a role."""

    def log_in(name: str, role: str = "") -> Browser:
        make.user(name)
        users.change(make.database, name, {"role": role})
        browser = Browser(application)
        assert browser.log_in(name).status_code == 303
        return browser

    return log_in


@pytest.fixture
def id(make: Factory) -> int:
    """Of alice's micropost between two others; bob follows her, and has it."""
    make.follow("bob", "alice")
    make.micropost("alice", "before")
    id = make.micropost("alice", TEXT)["id"]
    make.micropost("alice", "after")
    make.deliver()
    return int(id)


def seen(clients: dict[str, Browser | Api], id: int) -> set[tuple[str, str]]:
    """Who sees the text, and where."""
    found = set()
    for who, client in clients.items():
        for path in LISTS if isinstance(client, Api) else PAGES:
            answer = client.get(path.replace("ID", str(id)))
            if TEXT in answer.text or "lantern that nobody" in answer.text:
                found.add((who, path))
            else:
                assert answer.status_code == (404 if "ID" in path else 200)
    return found


def test_AZ_3_hidden_on_every_path_at_once(
    run: Run,
    browser: Browser,
    bob: Api,
    log_in: Callable[..., Browser],
    make: Factory,
    id: int,
) -> None:
    """By another process than the one that has just remembered it, and back again."""
    reader = log_in("bob")
    clients: dict[str, Browser | Api] = {"stranger": browser, "app": bob, "bob": reader}
    everywhere = {
        *(("stranger", path) for path in PAGES),
        *(("bob", path) for path in PAGES),
        *(("app", path) for path in LISTS),
    }
    assert seen(clients, id) == everywhere
    assert bob.get("/users/alice").json["microposts"] == 3
    assert run("micropost", "hide", "alice", str(id), WHY).status == 0
    assert seen(clients, id) == set()
    assert bob.get("/users/alice").json["microposts"] == 2
    missing = bob.get(f"/users/alice/collection/{id + 1}")
    assert_problem(missing, 404)
    gone = bob.get(f"/users/alice/collection/{id}")
    assert gone.text.replace(str(id), "") == missing.text.replace(str(id + 1), "")
    assert list(check.check(make.database)) == []
    assert run("micropost", "show", "alice", str(id)).status == 0
    make.deliver()
    assert seen(clients, id) == everywhere
    assert [one["text"] for one in bob.get("/users/alice/collection").json["result"]][
        1
    ] == TEXT
    assert list(check.check(make.database)) == []


def test_author_and_moderators_see_it(
    alice: Api, log_in: Callable[..., Browser], make: Factory, id: int
) -> None:
    author, moderator = log_in("alice"), log_in("judge", users.MODERATOR)
    path = f"/users/alice/microposts/{id}"
    before = alice.get(f"/users/alice/collection/{id}")
    assert "hidden" not in before.json
    assert author.get(f"{path}/hide").status_code == 403
    assert "Hide" in moderator.get(path).html.select_one("main").text
    assert moderator.send(f"{path}/hide", reason=WHY).location == f"{path}?said=hidden"
    for who in (author, moderator):
        said = who.get(path).html.select_one("main .notice").text
        assert "have hidden" in said
        assert WHY in said
    own = author.get("/users/alice").html
    assert own.select_one(f'.notice a[href="{path}"]')
    assert moderator.get("/users/alice").html.select_one(".notice") is None
    after = alice.get(
        f"/users/alice/collection/{id}", If_None_Match=before.headers["ETag"]
    )
    assert (after.status_code, after.json["hidden"]) == (200, True)
    assert_problem(alice.patch(f"/users/alice/collection/{id}", {"text": "x"}), 403)
    assert author.get(f"{path}/edit").status_code == 403
    assert moderator.send(f"{path}/show").location == f"{path}?said=shown"
    assert author.get(path).html.select_one("main .notice") is None
    assert author.get(f"{path}/show").status_code == 403
    assert moderator.get(f"{path}/show").status_code == 404


def test_reason_is_needed(log_in: Callable[..., Browser], id: int) -> None:
    moderator = log_in("judge", users.MODERATOR)
    path = f"/users/alice/microposts/{id}"
    refused = moderator.send(f"{path}/hide", reason=" \u200b")
    assert refused.status_code == 400
    assert "must not be empty" in refused.html.find(id="reason-error").text
    assert moderator.get(path).status_code == 200


@pytest.mark.parametrize("by", ["api", "page"])
def test_author_deletes_it(
    alice: Api,
    log_in: Callable[..., Browser],
    database: Database,
    id: int,
    by: str,
) -> None:
    hidden.hide(database, id, "judge", WHY)
    if by == "api":
        assert alice.delete(f"/users/alice/collection/{id}").status_code == 204
    else:
        page = f"/users/alice/microposts/{id}/delete"
        assert log_in("alice").send(page).status_code == 303
    assert hidden.find(database, id) is None
    with pytest.raises(NotFound):
        hidden.show(database, id)


@pytest.mark.parametrize("step", ["hide", "show"])
@pytest.mark.parametrize("newer", [0, references.EMBEDDED])
def test_repair_between_the_two_writes_counts_it_once(
    make: Factory, id: int, monkeypatch: pytest.MonkeyPatch, step: str, newer: int
) -> None:
    """Also one that is embedded no more."""
    database = make.database
    make.microposts(newer)
    before = make.user("alice")["counts"]["microposts"]
    settle = hidden._settle

    def late(*arguments: Any) -> None:
        check.mend_user(database, "alice")
        settle(*arguments)

    if step == "hide":
        monkeypatch.setattr(hidden, "_settle", late)
    hidden.hide(database, id, "judge", WHY)
    assert make.user("alice")["counts"]["microposts"] == before - 1
    assert list(check.check(database)) == []
    if step == "show":
        monkeypatch.setattr(hidden, "_settle", late)
        hidden.show(database, id)
        assert make.user("alice")["counts"]["microposts"] == before
        assert list(check.check(database)) == []


def test_of_an_old_one_the_others_are_not_counted_anew(
    make: Factory, id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of an author of many, that takes longer than a request may."""
    database = make.database
    make.microposts(references.EMBEDDED)
    before = make.user("alice")["counts"]["microposts"]
    with monkeypatch.context() as reading:
        reading.setattr(check, "mend_user", _crash)
        hidden.hide(database, id, "judge", WHY)
        assert make.user("alice")["counts"]["microposts"] == before - 1
        hidden.show(database, id)
    assert make.user("alice")["counts"]["microposts"] == before
    assert list(check.check(database)) == []


@pytest.mark.parametrize("step", ["hide", "show"])
def test_what_a_crash_has_left_is_finished_within_its_minute(
    bob: Api, make: Factory, id: int, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """By whoever sweeps, or at once by a moderator who does it again."""
    database = make.database
    begin = hidden.show if step == "show" else partial(hidden.hide, by="judge", why=WHY)
    if step == "show":
        hidden.hide(database, id, "judge", WHY)
    for mend in (hidden.finish, lambda database: begin(database, id)):
        with monkeypatch.context() as crashing:
            crashing.setattr(hidden, "_settle", _crash)
            with pytest.raises(ZeroDivisionError):
                begin(database, id)
        assert hidden.finish(database) == 0  # Somebody may just be doing it.
        assert list(check.check(database)) != []
        long_ago = {"undone.moderated": ids.now() - MINUTE - 1}
        database.microposts.update_one({"_id": id}, {"$set": long_ago})
        mend(database)
        make.deliver()
        listed = {
            one["text"] for one in bob.get("/users/alice/collection").json["result"]
        }
        assert (TEXT in listed) == (step == "show")
        assert list(check.check(database)) == []
        assert hidden.finish(database) == 0
        (
            hidden.hide(database, id, "judge", WHY)
            if step == "show"
            else hidden.show(database, id)
        )


def test_what_a_crash_has_left_reaches_the_timelines(
    make: Factory, bob: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where it is the 41st of its author, and not embedded."""
    database = make.database
    make.follow("bob", "alice")
    texts = [one["text"] for one in make.microposts(references.EMBEDDED + 1)]
    oldest = min(one["_id"] for one in database.microposts.find())
    hidden.hide(database, oldest, "judge", WHY)
    make.deliver()

    def read() -> list[str]:
        answer = bob.get("/users/bob/timeline?size=100")
        return [one["text"] for one in answer.json["result"]]

    assert read() == texts[:0:-1]
    with monkeypatch.context() as crashing:
        crashing.setattr(hidden, "_settle", _crash)
        with pytest.raises(ZeroDivisionError):
            hidden.show(database, oldest)
    hidden.show(database, oldest)
    make.deliver()
    assert read() == texts[::-1]


def _crash(*arguments: Any, **more: Any) -> None:
    raise ZeroDivisionError


def test_whoever_reads_by_its_id_finds_none(make: Factory, id: int) -> None:
    """Index, repair, mails and import leave it as it is."""
    database = make.database
    document = database.microposts.find_one({"_id": id})
    assert document
    segments.tend(database, least=1)
    hidden.hide(database, id, "judge", WHY)
    found = search.walk(database, "lantern", "", Start())
    assert list(found) == []
    erasures.drain(database, pause=timedelta(0))
    assert repair.prune(database) == 1  # The public timeline has it.
    assert repair.prune(database) == 0
    assert list(notices.naming(database, "bob", [id])) == []
    segments.note(database, id)
    microposts.set_computed(database, id, {"tags": []})
    assert list(search.walk(database, "lantern", "", Start())) == []
    assert bulk.insert(database, "microposts", [document]).known == [document]
    with pytest.raises(NotFound):
        microposts.create(database, make.user("alice"), TEXT, None, id)
    assert list(check.check(database)) == []
    hidden.show(database, id)
    assert [one["id"] for one in search.walk(database, "lantern", "", Start())] == [id]
    assert list(check.check(database)) == []


@pytest.mark.parametrize("step", ["hide", "show"])
@pytest.mark.parametrize("asking", [1, 2, 3])
def test_whoever_imports_it_meets_what_is_just_hidden_or_shown(
    make: Factory, id: int, monkeypatch: pytest.MonkeyPatch, step: str, asking: int
) -> None:
    """Before any of the reads that look for it."""
    database = make.database
    document = database.microposts.find_one({"_id": id})
    assert document
    if step == "show":
        hidden.hide(database, id, "judge", WHY)
    asked, find = itertools.count(1), Collection.find

    def late(collection: Any, query: Any, *more: Any) -> Any:
        if "_id" in query and next(asked) == asking:
            if step == "show":
                hidden.show(database, id)
            else:
                hidden.hide(database, id, "judge", WHY)
        return find(collection, query, *more)

    monkeypatch.setattr(Collection, "find", late)
    assert microposts.is_stored(database, document)


def test_goes_with_the_account(make: Factory, id: int, alice: Api) -> None:
    hidden.hide(make.database, id, "judge", WHY)
    assert alice.delete("/users/alice", {"password": PASSWORD}).status_code == 204
    assert hidden.find(make.database, id) is None
