"""Two writers at once: whoever comes in between, nothing is lost or counted twice."""

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from microblog.errors import Conflict, MicroblogError, Stale, Throttled
from microblog.store import (
    Database,
    Document,
    bulk,
    follows,
    idempotency,
    ids,
    keys,
    limits,
    marks,
    microposts,
    references,
    shapes,
    users,
)
from microblog.store.check import check
from microblog.store.limits import Limit
from microblog.store.together import Together
from tests.factories import Factory
from tests.unit.conftest import Interruption

MOST = sys.maxsize  # of a limit that binds nobody


def at_once(count: int, call: Callable[[int], Any]) -> list[Any]:
    """What `call` returns for 0 to `count` - 1, or raises, all called in threads."""

    def outcome(number: int) -> Any:
        try:
            return call(number)
        except MicroblogError as error:
            return error

    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(outcome, range(count)))


def read(database: Database, username: str = "alice") -> Document:
    """The document of a user who is there."""
    document = users.find(database, username)
    assert document is not None
    return document


def assert_right(database: Database) -> None:
    """Everything that is computed is what it must be."""
    assert [str(finding) for finding in check(database)] == []


@pytest.mark.parametrize(
    "names",
    [["alice"] * 20, ["al_ice", "a1ice", "allce", "a_lice", "alice"] * 4],
    ids=["same", "confusable"],
)
def test_of_twenty_who_want_one_name_one_gets_it(
    database: Database, names: list[str]
) -> None:
    outcomes = at_once(20, lambda number: users.create(database, names[number]))
    refused = [outcome for outcome in outcomes if isinstance(outcome, Conflict)]
    assert len(refused) == 19
    (stored,) = database.users.find()
    assert stored in outcomes


def test_deletion_goes_on_where_one_was_cut_off(
    make: Factory, database: Database
) -> None:
    first, second = make.microposts(2)
    database.microposts.delete_one({"_id": second["id"]})
    for _ in range(2):
        microposts.delete(database, second)
        assert [one["id"] for one in read(database)["microposts"]] == [first["id"]]


def test_edit_shows_what_one_that_was_cut_off_has_written(
    make: Factory, database: Database
) -> None:
    made = make.micropost()
    query, update = {"_id": made["id"]}, {"$set": {"text": "new"}, "$inc": {"rev": 1}}
    database.microposts.update_one(query, update)
    with pytest.raises(Stale):
        microposts.change(database, made, {"text": "newer"}, rev=1)
    (shown,) = read(database)["microposts"]
    assert (shown["text"], shown["rev"]) == ("new", 2)
    changed = microposts.change(database, made, {"text": "newer"}, rev=2)
    assert (changed["text"], changed["rev"]) == ("newer", 3)


def test_of_edits_of_one_revision_one_wins(make: Factory, database: Database) -> None:
    made = make.micropost()
    outcomes = at_once(
        10,
        lambda number: microposts.change(database, made, {"text": f"edit {number}"}, 1),
    )
    (won,) = [outcome for outcome in outcomes if not isinstance(outcome, Stale)]
    assert won["rev"] == 2
    assert microposts.find(database, read(database), made["id"]) == won
    assert_right(database)


def test_edits_without_a_revision_all_count(make: Factory, database: Database) -> None:
    """And the author's document shows the last of them."""
    made = make.micropost()
    at_once(
        10, lambda number: microposts.change(database, made, {"text": f"edit {number}"})
    )
    (embedded,) = read(database)["microposts"]
    assert embedded["rev"] == 11
    assert_right(database)


def test_of_changes_of_one_revision_of_a_user_one_wins(
    make: Factory, database: Database
) -> None:
    make.user()
    outcomes = at_once(
        10, lambda number: users.change(database, "alice", {"name": f"{number}"}, 1)
    )
    (won,) = [outcome for outcome in outcomes if not isinstance(outcome, Stale)]
    assert read(database) == won


def test_posts_at_once_are_all_counted_and_in_order(
    make: Factory, database: Database
) -> None:
    author = make.user()
    made = at_once(30, lambda n: microposts.create(database, author, f"text {n}"))
    embedded = [one["id"] for one in read(database)["microposts"]]
    assert embedded == sorted((one["id"] for one in made), reverse=True)
    assert_right(database)


@contextmanager
def gathered(together: Together[Any, Any], count: int) -> Iterator[None]:
    """Nobody is done until so many have come, from the threads begun meanwhile."""
    together._doing = 0
    yield
    while len(together._waiting) < count:
        pass
    with together._turn:
        together._doing = None
        together._turn.notify_all()


def test_posts_that_come_together_share_their_commands(
    make: Factory, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of them meets an id that is taken, and all are right."""
    taken = make.micropost("dave", "was here")["id"]
    names, inserted = ["alice", "bob", "carol", "alice"], []
    authors = [make.user(name) for name in names]
    original = bulk.insert_free

    def insert(*arguments: Any) -> Any:
        inserted.append(len(arguments[2]))
        return original(*arguments)

    monkeypatch.setattr(bulk, "insert_free", insert)

    def post(number: int) -> Any:
        id = taken if number == 2 else None
        return microposts.create(database, authors[number], f"text {number}", id=id)

    with ThreadPoolExecutor(4) as threads, gathered(database.posting, 4):
        posts = [threads.submit(post, number) for number in range(4)]
    made = [one.result() for one in posts]
    assert [one["author"] for one in made] == names
    assert len({taken, *(one["id"] for one in made)}) == 5
    assert inserted == [4, 1]
    assert_right(database)


def test_references_of_one_author_that_come_together_are_one_update(
    make: Factory, database: Database
) -> None:
    """All of them counted, newest first, and those delivered that are to be."""
    rev = make.user("alice")["rev"]
    documents = [shapes.new_document(ids.new(), "alice", "hello") for _ in range(3)]
    database.microposts.insert_many(documents)
    one, two, three = map(shapes.reference, documents)
    marks.note(database, one["id"], three["id"], [held["id"] for held in (one, two)])
    marks.note(database, three["id"], pushed=[three["id"]])
    new = (two, True), (three, False), (one, True)
    references.add(database, [references.New("alice", *some) for some in new])
    alice = read(database)
    assert alice["microposts"] == [three, two, one]
    assert (alice["counts"]["microposts"], alice["rev"]) == (3, rev + 1)
    assert sorted(map(int, alice["undelivered"])) == [one["id"], two["id"]]
    assert_right(database)


def test_uses_that_come_together_after_others_have_taken_the_last(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the reading of the counter and its update, by another process: then each
    is counted for itself, as far as there is room."""
    same, free = (
        Limit("post", who, most, 3600) for who, most in (("us", 5), ("all", MOST))
    )
    original = bulk.upsert

    def upsert(*arguments: Any) -> Any:
        for limit in (same, same, free):
            monkeypatch.setattr(bulk, "upsert", original)
            limits.take(Database(database.client, database.name), [limit])
        return original(*arguments)

    limits.take(database, [same])
    monkeypatch.setattr(bulk, "upsert", upsert)

    def take(number: int) -> bool:
        try:
            return bool(limits.take(database, [free, same]))
        except Throttled:
            return False

    with ThreadPoolExecutor(4) as threads, gathered(database.taking, 4):
        taken = [threads.submit(take, number) for number in range(4)]
    assert sum(one.result() for one in taken) == 2
    assert limits.take(database, [free])[0].count == 3
    with pytest.raises(Throttled):
        limits.take(database, [same])


@pytest.mark.parametrize("counted", [0, 2])
def test_uses_that_come_together_share_an_update(
    database: Database, monkeypatch: pytest.MonkeyPatch, counted: int
) -> None:
    """Of eight who want the same, as many as there is room for get it, and of what else
    they want no more is counted."""
    same, wide = Limit("post", "alice", 5, 3600), Limit("post", "all", 100, 3600)
    for _ in range(counted):
        limits.take(database, [same])
    updates = []
    original = bulk.upsert

    def upsert(*arguments: Any) -> Any:
        updates.append(len(arguments[2]))
        return original(*arguments)

    monkeypatch.setattr(bulk, "upsert", upsert)

    def take(number: int) -> Any:
        try:
            return limits.take(database, [wide, same] if number else [wide])
        except Throttled as error:
            return error

    with ThreadPoolExecutor(8) as threads, gathered(database.taking, 8):
        taken = [threads.submit(take, number) for number in range(8)]
    passed = [one for one in taken if not isinstance(one.result(), Throttled)]
    assert updates == [2]
    assert len(passed) == 6 - counted
    assert limits.take(database, [wide])[0].count == len(passed)
    with pytest.raises(Throttled):
        limits.take(database, [same])


def test_of_references_that_come_together_an_old_one_is_embedded_too(
    make: Factory, database: Database
) -> None:
    """By an update of its own: the newest goes in front, and this one does not."""
    for name in ("alice", "bob"):
        make.user(name)
    documents = [
        shapes.new_document(ids.new(), name, "hello") for name in ("alice",) * 2
    ]
    old, new = (shapes.reference(one) for one in documents)
    other = shapes.new_document(ids.new(), "bob", "hello")
    database.microposts.insert_many([*documents, other])
    marks.note(database, old["id"], other["_id"], [old["id"], new["id"], other["_id"]])
    references.add(database, [references.New("alice", new, False)])
    both = ("alice", old), ("bob", shapes.reference(other))
    references.add(database, [references.New(*one, False) for one in both])
    assert read(database)["microposts"] == [new, old]
    assert read(database, "bob")["counts"]["microposts"] == 1
    assert_right(database)


def test_deletions_at_once_leave_the_right_rest(
    make: Factory, database: Database
) -> None:
    made = make.microposts(45)
    at_once(15, lambda number: microposts.delete(database, made[-1 - number]))
    user = read(database)
    assert user["counts"]["microposts"] == 30
    assert len(user["microposts"]) >= references.PAGE
    assert_right(database)


def test_the_same_deleted_twice_at_once_counts_once(
    make: Factory, database: Database
) -> None:
    make.micropost()
    made = make.micropost()
    at_once(8, lambda number: microposts.delete(database, made))
    assert read(database)["counts"]["microposts"] == 1
    assert_right(database)


def test_the_same_follow_at_once_counts_once(make: Factory, database: Database) -> None:
    for name in ("alice", "bob"):
        make.user(name)
    began = at_once(10, lambda number: follows.create(database, "alice", "bob"))
    assert Counter(began) == {True: 1, False: 9}
    assert read(database)["counts"]["following"] == 1
    ended = at_once(10, lambda number: follows.delete(database, "alice", "bob"))
    assert Counter(ended) == {True: 1, False: 9}
    assert_right(database)


def test_one_key_at_once_makes_one_micropost(make: Factory, database: Database) -> None:
    author = make.user()

    def post(number: int) -> Document:
        claimed = idempotency.claim(database, "alice", "key", b"body")
        return microposts.create(database, author, "once", None, claimed["micropost"])

    made = at_once(10, post)
    assert made == [made[0]] * 10
    assert read(database)["counts"]["microposts"] == 1
    assert_right(database)


def test_marks_enclose_what_was_noted_at_once(database: Database) -> None:
    drawn = [ids.new() for _ in range(20)]
    at_once(20, lambda number: marks.note(database, drawn[number]))
    known = marks.microposts(database)
    assert known is not None
    assert (known["oldest"], known["newest"]) == (drawn[0], drawn[-1])


def test_first_notes_at_once_all_stand_in_latest(database: Database) -> None:
    drawn = [ids.new() for _ in range(20)]
    at_once(20, lambda n: marks.note(database, drawn[n], pushed=[drawn[n]]))
    known = marks.microposts(database)
    assert known is not None
    assert marks.latest(known) == drawn[::-1]


def test_a_key_asked_for_at_once_is_one(database: Database) -> None:
    drawn = at_once(20, lambda n: keys.find(database, "x"))
    assert set(drawn) == {keys.find(database, "x")}
    assert len(drawn[0]) == keys.LENGTH


def test_post_between_reading_and_writing_of_a_refill(
    make: Factory,
    database: Database,
    interrupted: Database,
    interruption: Interruption,
) -> None:
    made = make.microposts(45)
    for one in made[-20:]:
        microposts.delete(database, one)
    interruption.before("update", "users", lambda: make.micropost(text="meanwhile"))
    database.users.update_one({"_id": "alice"}, {"$pop": {"microposts": 1}})
    references.refill(interrupted, "alice")
    assert interruption.came
    assert read(database)["microposts"][0]["text"] == "meanwhile"
    assert_right(database)


def test_edit_between_reading_and_writing_of_a_refill(
    make: Factory,
    database: Database,
    interrupted: Database,
    interruption: Interruption,
) -> None:
    """A refill must not show the old text of a micropost that it is about to embed."""
    made = make.microposts(45)
    database.users.update_one(
        {"_id": "alice"}, {"$push": {"microposts": {"$each": [], "$slice": 19}}}
    )
    old = made[10]
    interruption.before(
        "update", "users", lambda: microposts.change(database, old, {"text": "new"})
    )
    references.refill(interrupted, "alice")
    assert interruption.came
    shown = {one["id"]: one["text"] for one in read(database)["microposts"]}
    assert shown[old["id"]] == "new"
    assert_right(database)


def test_refill_between_the_two_writes_of_a_post(
    make: Factory,
    database: Database,
    interrupted: Database,
    interruption: Interruption,
) -> None:
    """The micropost is stored and not counted yet."""
    made = make.microposts(60)

    def delete_many() -> None:
        for one in made[-25:]:
            microposts.delete(database, one)

    interruption.before("update", "users", delete_many)
    microposts.create(interrupted, read(database), "meanwhile")
    assert interruption.came
    user = read(database)
    assert user["counts"]["microposts"] == 36
    assert user["microposts"][0]["text"] == "meanwhile"
    assert_right(database)


def test_post_between_reading_and_writing_of_old_references(
    make: Factory,
    database: Database,
    interrupted: Database,
    interruption: Interruption,
) -> None:
    first = make.micropost()
    old = shapes.new_document(first["id"] - 1, "alice", "old")
    bulk.insert(database, "microposts", [old])
    marks.note(database, old["_id"], pushed=[old["_id"]])
    interruption.before("update", "users", lambda: make.micropost(text="meanwhile"))
    references.add_many(interrupted, "alice", [shapes.reference(old)])
    assert interruption.came
    texts = [one["text"] for one in read(database)["microposts"]]
    assert texts == ["meanwhile", "hello", "old"]
    assert_right(database)


def test_repair_between_the_two_writes_of_a_post(
    make: Factory,
    database: Database,
    interrupted: Database,
    interruption: Interruption,
) -> None:
    author = make.user()

    def repair() -> None:
        for finding in check(database):
            assert finding.mend is not None
            finding.mend()

    interruption.before("update", "users", repair)
    microposts.create(interrupted, author, "once")
    assert interruption.came
    assert read(database)["counts"]["microposts"] == 1
    assert_right(database)
