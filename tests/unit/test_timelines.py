"""Timelines: what is sent to them, what is pulled, and what a reader finds."""

import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import islice
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine
from pymongo import monitoring

from microblog.paging import PageQuery, cut
from microblog.store import (
    Database,
    Document,
    bulk,
    deliveries,
    follows,
    ids,
    marks,
    memory,
    microposts,
    public,
    reading,
    references,
    shapes,
    timelines,
    users,
)
from microblog.store.walks import Start
from tests.factories import Factory
from tests.unit.conftest import Interruption

MANY = 1000  # followers; nobody here has as many
DAY = 86_400


class Commands(Interruption):
    """Notes which commands of the client of `interrupted` are sent, on what."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[tuple[str, Any]] = []

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        """Called by the driver in the thread that sends the command."""
        name = event.command_name
        if event.database_name != "admin":  # Not what makes a connection.
            self.sent.append((name, event.command.get(name)))
        super().started(event)


@pytest.fixture
def interruption() -> Commands:
    """Works for the client of `interrupted`, and counts what that one sends."""
    return Commands()


def is_settled(database: Database) -> bool:
    """Whether nothing is to be delivered."""
    return not deliveries.waiting(database, ids.MAXIMUM)


def fresh(database: Database) -> Database:
    """The database as a process that remembers nothing has it."""
    return Database(database.client, database.name, database.changes)


def shown(
    database: Database, reader: str = "alice", start: Start | None = None
) -> list[int]:
    """The ids in the reader's timeline, as a process finds them that has just
    started."""
    database = fresh(database)
    user = users.seen(database, reader)
    assert user is not None
    return [one["id"] for one in reading.walk(database, user, start or Start())]


def stored(database: Database, reader: str = "alice") -> Document:
    """The document of the reader's timeline."""
    document = database.timelines.find_one({"_id": reader})
    assert document is not None
    return document


def spelled(numbers: Iterable[int]) -> list[str]:
    """References to so many microposts."""
    return [ids.spell(number) for number in numbers]


def begin(database: Database, *readers: str) -> None:
    """Empty timelines, which are complete from the beginning of time on."""
    for reader in readers:
        timelines.begin(database, reader, "x")
        built = {"authors": [], "pulled": [], "references": [], "floor": 0}
        timelines.complete(database, reader, "x", built)


def load(database: Database, author: str, new: list[int]) -> list[int]:
    """Microposts with these ids, stored at once, and sent to nobody."""
    documents = [shapes.new_document(id, author, "hello") for id in new]
    assert bulk.insert(database, "microposts", documents).new == documents
    held = [shapes.reference(one) for one in documents]
    references.add_many(database, author, held)
    marks.note(database, min(new), max(new), sorted(new)[-marks.LATEST :])
    return new


def drawn(count: int) -> list[int]:
    """So many ids, in order."""
    return [ids.new() for _ in range(count)]


def post(make: Factory, author: str, push_below: int = MANY) -> int:
    """A micropost that is delivered; its id."""
    made = make.micropost(author)
    deliveries.deliver(make.database, author, push_below)
    return int(made["id"])


# What is sent.


def test_sent_in_order(database: Database) -> None:
    begin(database, "alice")
    timelines.send(database, spelled([1, 2]), ["alice"])
    timelines.send(database, spelled([3]), ["alice"])
    document = stored(database)
    assert document["references"] == spelled([3, 2, 1])
    assert document["newest"] == ids.spell(3)


def test_sent_out_of_order(database: Database) -> None:
    """As when a slow process has drawn an id before a fast one."""
    begin(database, "alice")
    timelines.send(database, spelled([5]), ["alice"])
    timelines.send(database, spelled([3]), ["alice"])
    assert stored(database)["newest"] == ids.spell(5)
    timelines.send(database, spelled([4, 6]), ["alice"])
    assert stored(database)["references"] == spelled([6, 5, 4, 3])
    assert stored(database)["newest"] == ids.spell(6)


@pytest.mark.parametrize("most", [4, 100])
def test_sent_twice_is_read_once(
    make: Factory, database: Database, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    """Also where what stands there twice leaves no room for others."""
    monkeypatch.setattr(timelines, "MOST", most)
    make.follow("alice", "bob")
    assert shown(database) == []
    made = [make.micropost("bob")["id"] for _ in range(6)]
    for some in (made[:3], made[:3], made[1:5], made[3:]):
        timelines.send(database, spelled(some), ["alice"])
    assert len(stored(database)["references"]) == min(most, 13)
    assert shown(database) == made[::-1]
    assert shown(database, start=Start(descending=False)) == made


def test_holds_the_newest_hundred(database: Database) -> None:
    begin(database, "alice")
    for first in range(1, 150, 50):
        timelines.send(database, spelled(range(first, first + 50)), ["alice"])
    assert stored(database)["references"] == spelled(range(150, 50, -1))
    timelines.send(database, spelled([7]), ["alice"])  # Too old by now.
    assert stored(database)["references"] == spelled(range(150, 50, -1))


def test_sent_to_each_of_many(database: Database) -> None:
    """More than are written at once, of whom some have newer ones already."""
    readers = [f"reader_{number}" for number in range(2 * timelines.PIECE + 3)]
    begin(database, *readers)
    timelines.send(database, spelled([9]), readers[::2])
    timelines.send(database, spelled([5]), readers)
    for reader in readers:
        newer = [9] if reader in readers[::2] else []
        assert stored(database, reader)["references"] == spelled([*newer, 5])


def test_a_timeline_that_is_not_there_is_not_made(
    database: Database, interrupted: Database, interruption: Commands
) -> None:
    """And so many of them cost a command or two."""
    readers = [f"reader_{number}" for number in range(timelines.PIECE)]
    interruption.sent.clear()
    timelines.send(interrupted, spelled([1]), readers)
    assert len(interruption.sent) <= 2
    timelines.tell(interrupted, "bob", readers)
    timelines.forget(interrupted, readers[0])
    timelines.note_reading(interrupted, readers[0])
    assert list(database.timelines.find()) == []


def test_told_that_somebody_is_pulled(database: Database) -> None:
    readers = [f"reader_{number}" for number in range(timelines.PIECE + 2)]
    begin(database, *readers)
    for author in ("bob", "carol", "bob"):
        timelines.tell(database, author, readers)
    for reader in readers:
        assert stored(database, reader)["pulled"] == ["bob", "carol"]


def test_forgotten_and_built_anew(make: Factory, database: Database) -> None:
    make.follow("alice", "bob")
    made = make.micropost("bob")["id"]  # Sent to nobody.
    begin(database, "alice")
    assert shown(database) == []
    timelines.forget(database, "alice")
    assert "floor" not in stored(database)
    assert shown(database) == [made]
    document = stored(database)
    assert (document["floor"], document["authors"]) == (0, ["bob"])
    assert document["references"] == [ids.spell(made)]
    assert document["newest"] == ids.spell(made)
    assert "building" not in document


def test_one_building_that_another_has_begun_again_is_not_completed(
    database: Database,
) -> None:
    built = {"authors": ["bob"], "pulled": [], "references": ["1"], "floor": 0}
    timelines.begin(database, "alice", "first")
    timelines.begin(database, "alice", "second")
    timelines.complete(database, "alice", "first", built)
    assert "floor" not in stored(database)
    timelines.complete(database, "alice", "second", built)
    assert stored(database)["authors"] == ["bob"]


def test_what_another_process_is_building_is_not_begun_again(
    make: Factory, database: Database
) -> None:
    """Begun again by whoever asks, it would never be built while many ask. Whoever does
    not come to an end was killed, and another one builds it."""
    make.follow("alice", "bob")
    made = post(make, "bob")
    building = timelines.new_building()
    timelines.begin(database, "alice", building)
    assert shown(database) == [made]
    assert stored(database)["building"] == building
    timelines.complete(database, "alice", building, reading.computed(database, "alice"))
    assert shown(database) == [made]
    assert "building" not in stored(database)
    timelines.begin(database, "alice", timelines.new_building())
    with time_machine.travel(datetime.now(UTC) + timelines.BUILDING, tick=True):
        assert shown(database) == [made]
        assert "building" not in stored(database)
        assert stored(database)["floor"] == 0


def test_many_who_ask_at_once_have_it_built_once(
    make: Factory, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    make.follow("alice", "bob")
    made, reader = post(make, "bob"), make.user("alice")
    built: list[str] = []

    def slow(database: Database, reader: str) -> Document:
        built.append(reader)
        time.sleep(0.2)
        return computed(database, reader)

    computed = reading.computed
    monkeypatch.setattr(reading, "computed", slow)
    process = fresh(database)

    def read(_number: int) -> list[int]:
        return [one["id"] for one in reading.walk(process, reader, Start())]

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(read, range(8))) == [[made]] * 8
    assert built == ["alice"]


def test_a_reading_is_noted_once_a_day(
    make: Factory, database: Database, interrupted: Database, interruption: Commands
) -> None:
    make.follow("alice", "bob")

    def read() -> int:
        """How often the timeline is written by it."""
        interruption.sent.clear()
        shown(interrupted)
        return interruption.sent.count(("update", "timelines"))

    with time_machine.travel(1_900_000_000, tick=False) as clock:
        assert read() == 2  # Begun and completed.
        assert stored(database)["read"] == 1_900_000_000 // DAY
        assert read() == 0
        clock.shift(DAY)
        assert read() == 1
        assert stored(database)["read"] == 1_900_000_000 // DAY + 1
        assert read() == 0


def test_those_that_nobody_reads_are_dropped(database: Database) -> None:
    readers = {f"reader_{age}": age for age in (0, 29, 30, 31, 32, 400)}
    begin(database, *readers)
    for reader, age in readers.items():
        read = {"$set": {"read": timelines.today() - age}}
        database.timelines.update_one({"_id": reader}, read)
    assert timelines.drop_unread(database, 30, 2) == 2
    assert timelines.drop_unread(database, 30, 2) == 1
    assert timelines.drop_unread(database, 30, 2) == 0
    left = {one["_id"] for one in database.timelines.find()}
    assert left == {"reader_0", "reader_29", "reader_30"}


def test_one_that_is_read_while_others_are_dropped_stays(
    database: Database, interrupted: Database, interruption: Commands
) -> None:
    begin(database, "alice", "bob")
    long_ago = {"$set": {"read": timelines.today() - 31}}
    database.timelines.update_many({"_id": {"$in": ["alice", "bob"]}}, long_ago)
    interruption.before(
        "delete", "timelines", lambda: timelines.note_reading(database, "alice")
    )
    timelines.drop_unread(interrupted, 30, 10)
    assert interruption.came
    assert [one["_id"] for one in database.timelines.find()] == ["alice"]


def test_all_are_dropped(database: Database) -> None:
    begin(database, *(f"reader_{number}" for number in range(timelines.PIECE + 1)))
    timelines.drop_all(database)
    assert database.timelines.find_one() is None


# What a reader finds.


def test_ones_own_and_those_of_whom_one_follows(
    make: Factory, database: Database
) -> None:
    make.follow("alice", "bob")
    make.follow("bob", "carol")
    assert shown(database) == []
    first, _other, third = (post(make, name) for name in ("bob", "carol", "alice"))
    assert shown(database) == [third, first]
    assert shown(database, start=Start(descending=False)) == [first, third]
    assert shown(database, start=Start(third)) == [first]
    assert shown(database, start=Start(first, descending=False)) == [third]


def test_not_sent_yet_is_not_there_yet(make: Factory, database: Database) -> None:
    make.follow("alice", "bob")
    assert shown(database) == []
    made = make.micropost("bob")["id"]
    assert shown(database) == []
    deliveries.deliver(database, "bob", MANY)
    assert shown(database) == [made]


def test_as_it_is_now(make: Factory, database: Database) -> None:
    """Without deleted ones, and edited ones as they are edited."""
    make.follow("alice", "bob")
    made = [make.micropost("bob") for _ in range(3)]
    assert len(shown(database)) == 3
    microposts.delete(database, made[1])
    changed = microposts.change(database, made[0], {"text": "changed"})
    user = make.user("alice")
    assert list(reading.walk(database, user, Start())) == [made[2], changed]


def test_somebody_with_many_followers_is_pulled(
    make: Factory, database: Database
) -> None:
    readers = [f"reader_{number}" for number in range(timelines.PIECE + 2)]
    for reader in readers[:-1]:
        make.follow(reader, "bob")
        assert shown(database, reader) == []
    first = post(make, "bob", len(readers))
    assert "pulled" not in make.user("bob")
    assert stored(database, readers[0])["references"] == [ids.spell(first)]
    make.follow(readers[-1], "bob")
    second = post(make, "bob", len(readers))
    assert make.user("bob")["pulled"] == users.TOLD
    # Those who have followed before are told; whoever comes finds it.
    for reader in readers[:-1]:
        assert stored(database, reader)["pulled"] == ["bob"]
    third = make.micropost("bob")["id"]
    assert is_settled(database)
    for reader in readers:
        assert shown(database, reader) == [third, second, first]
    assert stored(database, readers[-1])["pulled"] == ["bob"]
    assert stored(database, readers[0])["references"] == [ids.spell(first)]


def test_who_is_pulled_stays_so(make: Factory, database: Database) -> None:
    for reader in ("alice", "carol"):
        make.follow(reader, "bob")
    first = post(make, "bob", 2)
    follows.delete(database, "carol", "bob")
    second = post(make, "bob", 2)
    assert make.user("bob")["counts"]["followers"] == 1
    assert make.user("bob")["pulled"] == users.TOLD
    assert shown(database) == [second, first]


def test_followers_are_told_by_the_next_delivery_if_one_was_killed(
    make: Factory, database: Database
) -> None:
    make.follow("alice", "bob")
    assert shown(database) == []
    made = make.micropost("bob")["id"]
    users.set_pulled(database, "bob", users.TELLING)
    assert shown(database) == []
    deliveries.deliver(database, "bob", MANY)
    assert make.user("bob")["pulled"] == users.TOLD
    assert shown(database) == [made]


def test_a_pulled_author_is_a_second_old_at_most(
    make: Factory, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a process that goes on; ones own are there at once."""
    now = [1000.0]
    fake = SimpleNamespace(monotonic=lambda: now[0])
    monkeypatch.setattr(memory, "time", fake)
    process = fresh(database)

    def read() -> list[int]:
        return [one["id"] for one in reading.walk(process, make.user(), Start())]

    make.follow("alice", "bob")
    first = post(make, "bob", 1)
    assert read() == [first]
    second = post(make, "bob", 1)
    assert read() in ([first], [second, first])
    third = post(make, "alice")
    assert read() in ([third, first], [third, second, first])
    now[0] += memory.CONTENT_SECONDS
    assert read() == [third, second, first]


def test_who_comes_back_finds_everything(make: Factory, database: Database) -> None:
    make.follow("alice", "bob")
    make.follow("alice", "carol")
    made = [post(make, name) for name in ("bob", "carol")]
    assert shown(database) == made[::-1]
    long_ago = {"$set": {"read": timelines.today() - 31}}
    database.timelines.update_one({"_id": "alice"}, long_ago)
    assert timelines.drop_unread(database, 30, 10) == 1
    made += [post(make, name) for name in ("bob", "alice", "carol")]
    assert database.timelines.find_one({"_id": "alice"}) is None
    assert shown(database) == made[::-1]
    made.append(post(make, "bob"))
    assert shown(database) == made[::-1]


def test_goes_on_beyond_the_newest_hundred(
    make: Factory, database: Database, interrupted: Database, interruption: Commands
) -> None:
    """Which the first page does not pay for."""
    authors = ("alice", "bob", "carol", "dave", "erin")
    for author in authors:
        make.follow("alice", author) if author != "alice" else make.user(author)
    made = drawn(250)
    for place, author in enumerate(authors):
        load(database, author, made[place :: len(authors)])
    assert shown(database) == made[::-1]
    assert shown(database, start=Start(descending=False)) == made
    for place in (0, 49, 50, 149, 150, 151, 248):
        assert shown(database, start=Start(made[place])) == made[:place][::-1]
        upward = Start(made[place], descending=False)
        assert shown(database, start=upward) == made[place + 1 :]
    interruption.sent.clear()
    process = fresh(interrupted)
    reader = users.seen(process, "alice")
    assert reader is not None
    page = list(islice(reading.walk(process, reader, Start()), 21))
    assert [one["id"] for one in page] == made[-21:][::-1]
    # The reader, the timeline, who is gone, and the microposts.
    assert len(interruption.sent) == 4
    interruption.sent.clear()
    page = list(islice(reading.walk(process, reader, Start()), 21))
    assert len(page) == 21
    assert interruption.sent == []


@pytest.mark.parametrize("is_pulled", [False, True])
@pytest.mark.parametrize("order", ["newest", "oldest"])
def test_one_who_posts_much_hides_nobody(
    make: Factory, database: Database, is_pulled: bool, order: str
) -> None:
    """Page by page everything is there."""
    made = drawn(75)
    for author, new in (
        ("bob", made[:5]),
        ("dave", made[5:15]),
        ("carol", made[15:]),  # 60 in a row, of which 40 are embedded.
    ):
        make.follow("alice", author)
        load(database, author, new)
    if is_pulled:
        users.set_pulled(database, "carol", users.TOLD)
    reader, seen, cursor = make.user("alice"), [], None
    while True:
        query: Document = {"size": "20", "order": order}
        if cursor:
            query["cursor"] = str(cursor)
        process = fresh(database)
        piece = cut(
            PageQuery.model_validate(query),
            lambda start, process=process: reading.walk(process, reader, start),
            "id",
        )
        seen += [one["id"] for one in piece.items]
        cursor = piece.next
        if cursor is None:
            break
    assert seen == sorted(made, reverse=order == "newest")


# What is to be delivered.


def waiting(make: Factory, author: str = "bob") -> list[str] | None:
    """What an author has to deliver, as the author's document says."""
    user = make.user(author)
    found: list[str] | None = user.get("undelivered")
    assert (found is None) == ("deliver" not in user.get("undone", {}))
    return found


def note(database: Database, author: str, *new: int) -> None:
    """As a post does."""
    update = deliveries.noted({}, new)
    assert database.users.update_one({"_id": author}, update).matched_count


def test_noted_until_it_is_delivered(make: Factory, database: Database) -> None:
    make.follow("alice", "bob")
    assert is_settled(database)
    first, second = (make.micropost("bob")["id"] for _ in range(2))
    assert waiting(make) == spelled([first, second])
    assert make.user("bob")["undone"]["deliver"] == first
    assert not is_settled(database)
    deliveries.deliver(database, "bob", MANY)
    assert waiting(make) is None
    assert is_settled(database)
    third = make.micropost("bob")["id"]
    assert waiting(make) == spelled([third])
    assert make.user("bob")["undone"]["deliver"] == third


def test_nothing_to_deliver(make: Factory, database: Database) -> None:
    before = make.user("bob")
    deliveries.deliver(database, "bob", MANY)
    assert make.user("bob") == before
    deliveries.deliver(database, "nobody", MANY)
    assert is_settled(database)


def test_the_newest_hundred_wait(make: Factory, database: Database) -> None:
    make.user("bob")
    for id in range(1, 2 * timelines.MOST + 6):
        note(database, "bob", id)
    assert waiting(make) == spelled(range(6, 2 * timelines.MOST + 6))
    assert make.user("bob")["undone"]["deliver"] == 1


def test_only_the_newest_hundred_are_sent(make: Factory, database: Database) -> None:
    make.follow("alice", "bob")
    begin(database, "alice")
    new = range(1, timelines.MOST + 4)
    note(database, "bob", *reversed(new))
    deliveries.deliver(database, "bob", MANY)
    assert stored(database)["references"] == spelled(new)[:2:-1]
    assert waiting(make) is None


def test_more_than_a_hundred_at_once_are_all_there(
    make: Factory, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timelines, "MOST", 6)
    make.follow("alice", "bob")
    assert shown(database) == []
    made = [make.micropost("bob")["id"] for _ in range(9)]
    deliveries.deliver(database, "bob", MANY)
    assert len(stored(database)["references"]) == 6
    assert shown(database) == made[::-1]
    assert shown(database, start=Start(descending=False)) == made


@pytest.mark.parametrize("noted", [(3, 2, 4, 5, 6), (2, 3, 4, 5, 5)])
def test_noted_in_disorder_or_twice_is_sent_in_order_and_once(
    make: Factory, database: Database, noted: tuple[int, ...]
) -> None:
    make.follow("alice", "bob")
    begin(database, "alice")
    for id in noted:
        note(database, "bob", id)
    deliveries.deliver(database, "bob", MANY)
    assert stored(database)["references"] == spelled(sorted({*noted}, reverse=True))


def test_posted_while_others_are_delivered(
    make: Factory, database: Database, interrupted: Database, interruption: Commands
) -> None:
    """Before, and between, the two writes that say they are."""
    make.follow("alice", "bob")
    assert shown(database) == []
    first = make.micropost("bob")["id"]
    other: list[int] = []

    def come() -> None:
        other.append(make.micropost("bob")["id"])
        if len(other) == 1:
            interruption.before("update", "users", come)

    interruption.before("update", "users", come)
    deliveries.deliver(interrupted, "bob", MANY)
    assert len(other) == 2
    assert waiting(make) == spelled(other)
    assert deliveries.waiting(database, ids.MAXIMUM) == ["bob"]
    deliveries.deliver(database, "bob", MANY)
    assert is_settled(database)
    assert shown(database) == [*other[::-1], first]


def test_delivered_by_two_workers_at_once(
    make: Factory, database: Database, interrupted: Database, interruption: Commands
) -> None:
    make.follow("alice", "bob")
    assert shown(database) == []
    made = make.micropost("bob")["id"]
    interruption.before(
        "update", "users", lambda: deliveries.deliver(database, "bob", MANY)
    )
    deliveries.deliver(interrupted, "bob", MANY)
    assert interruption.came
    assert waiting(make) is None
    assert shown(database) == [made]


def test_a_restore_leaves_only_the_note(make: Factory, database: Database) -> None:
    """A backup has no references: the next delivery ends it, else every sweep would
    queue the author again."""
    make.user("bob")
    note(database, "bob", 7)
    database.users.update_one({"_id": "bob"}, {"$unset": {"undelivered": ""}})
    assert deliveries.waiting(database, ids.MAXIMUM) == ["bob"]
    deliveries.deliver(database, "bob", MANY)
    assert is_settled(database)


def test_those_who_have_waited_longest_come_first(
    make: Factory, database: Database
) -> None:
    for author, id in (("bob", 30), ("carol", 10), ("dave", 20), ("erin", 40)):
        make.user(author)
        note(database, author, id)
    note(database, "carol", 50)
    assert deliveries.waiting(database, ids.MAXIMUM) == ["carol", "dave", "bob", "erin"]
    assert deliveries.waiting(database, 30) == ["carol", "dave"]
    assert deliveries.waiting(database, 10) == []


# The public timeline.


def test_an_old_one_that_is_imported_hides_none_of_the_others(
    make: Factory, database: Database
) -> None:
    """When deleted ones have left room among the newest 100."""
    make.user("bob")
    made = load(database, "bob", drawn(marks.LATEST + 5))
    for id in made[-3:]:
        gone = {"id": id, "author": "bob", "text": "hello"}
        microposts.delete(database, gone)
    marks.forget_latest(database, made[-3:])
    old = load(database, "bob", [made[0] - (1 << 40)])
    found = public.walk(fresh(database), Start())
    assert [one["id"] for one in found] == [*made[:-3][::-1], *old]
