"""Who is mailed because of a micropost, when, and that nobody is twice."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from microblog.mailing.mentions import announce
from microblog.settings import Settings
from microblog.store import Database, Document, ids, mails, microposts, notices, users
from tests.factories import Factory
from tests.unit.conftest import Interruption

NOON = datetime(2026, 5, 4, 12, 30, tzinfo=UTC)
Announce = Callable[[Document], bool]


@contextmanager
def clock(moment: datetime) -> Iterator[None]:
    """The program's clock at the moment; ids begin anew there."""
    with time_machine.travel(moment, tick=True):
        ids._last = 0
        yield
    ids._last = 0


@pytest.fixture
def reader(make: Factory, database: Database) -> Callable[..., Document]:
    """Makes a user whom mails reach."""

    def one(username: str = "bob", **profile: Any) -> Document:
        make.user(username, email=f"{username}@example.org")
        return users.change(database, username, {"confirmed": True, **profile})

    return one


@pytest.fixture
def tell(database: Database, settings: Settings) -> Announce:
    """Announces a micropost."""
    return lambda micropost: announce(database, settings, micropost["id"])


def waiting(database: Database) -> dict[str, Document]:
    return {mail["_id"]: mail for mail in database.mails.find()}


def is_undone(database: Database, micropost: Document) -> bool:
    return notices.untold(database, micropost["id"]) is not None


def test_who_is_named_is_mailed_once(
    make: Factory, reader: Callable[..., Document], tell: Announce, database: Database
) -> None:
    reader("bob")
    reader("carol")
    micropost = make.micropost("alice", "@bob @carol @Bob @nobody", referenced="bob")
    assert is_undone(database, micropost)
    assert tell(micropost)
    id = micropost["id"]
    assert set(waiting(database)) == {f"mention bob {id}", f"mention carol {id}"}
    mail = waiting(database)[f"mention bob {id}"]
    assert (mail["to"], mail["microposts"], mail["kind"]) == ("bob", [id], "mention")
    assert not is_undone(database, micropost)
    assert not tell(micropost)
    assert len(waiting(database)) == 2


@pytest.mark.parametrize(
    "profile",
    [{"confirmed": False}, {"email": ""}, {"mails": users.NEVER}],
    ids=["unconfirmed", "no address", "never"],
)
def test_who_wants_or_gets_no_mails_is_left_alone(
    make: Factory,
    reader: Callable[..., Document],
    tell: Announce,
    database: Database,
    profile: Document,
) -> None:
    reader(**profile)
    micropost = make.micropost("alice", "@bob")
    assert not tell(micropost)
    assert waiting(database) == {}
    assert not is_undone(database, micropost)


def test_authors_are_not_mailed_about_themselves(
    make: Factory, reader: Callable[..., Document], tell: Announce, database: Database
) -> None:
    reader("alice")
    assert not tell(make.micropost("alice", "@alice", referenced="alice"))
    assert waiting(database) == {}


def test_of_a_deleted_micropost_nobody_is_told(
    make: Factory, reader: Callable[..., Document], tell: Announce, database: Database
) -> None:
    reader()
    micropost = make.micropost("alice", "@bob")
    microposts.delete(database, micropost)
    assert not tell(micropost)
    assert waiting(database) == {}


def test_of_an_old_micropost_nobody_is_told(
    make: Factory, reader: Callable[..., Document], tell: Announce, database: Database
) -> None:
    reader()
    with clock(NOON):
        micropost = make.micropost("alice", "@bob")
    with clock(NOON + notices.MAILED + timedelta(hours=1)):
        assert not tell(micropost)
    assert waiting(database) == {}
    assert not is_undone(database, micropost)


def test_beyond_the_hourly_limit_the_rest_comes_in_a_digest(
    make: Factory,
    reader: Callable[..., Document],
    database: Database,
    settings: Settings,
) -> None:
    reader()
    few = settings.model_copy(update={"mail_hourly": 2})
    with clock(NOON):
        made = [make.micropost("alice", f"@bob {number}") for number in range(4)]
        answers = [announce(database, few, one["id"]) for one in made]
    assert answers == [True, True, False, False]
    hour = notices.hour(made[0]["id"])
    digest = waiting(database).pop(f"digest bob hour {hour} 0")
    assert digest["microposts"] == [one["id"] for one in made[2:]]
    assert digest["next"] == NOON.replace(hour=13, minute=0)
    assert len(waiting(database)) == 3


def test_more_than_a_notice_can_hold_are_not_mailed(
    make: Factory, reader: Callable[..., Document], tell: Announce, database: Database
) -> None:
    reader()
    micropost = make.micropost("alice", "@bob")
    full = [{"micropost": number, "how": "at once"} for number in range(notices.MOST)]
    hour = notices.hour(micropost["id"])
    database.notices.insert_one({"_id": f"bob {hour}", "notices": full})
    assert not tell(micropost)
    assert waiting(database) == {}
    assert notices.overflowed(database, "bob", [hour])
    assert not notices.overflowed(database, "bob", [hour + 1])


@pytest.mark.parametrize(
    ("posted", "due"),
    [
        ("2026-05-04T05:59:59", "2026-05-04T06:00"),
        ("2026-05-04T06:00:01", "2026-05-05T06:00"),
        ("2026-05-04T23:30:00", "2026-05-05T06:00"),
    ],
)
def test_daily_digests_go_out_at_six(
    make: Factory,
    reader: Callable[..., Document],
    tell: Announce,
    database: Database,
    posted: str,
    due: str,
) -> None:
    reader(mails=users.DAILY)
    with clock(datetime.fromisoformat(posted).replace(tzinfo=UTC)):
        assert not tell(make.micropost("alice", "@bob 1"))
    [digest] = waiting(database).values()
    assert digest["_id"].startswith("digest bob day ")
    assert digest["next"] == datetime.fromisoformat(due).replace(tzinfo=UTC)


def test_two_of_a_day_are_in_one_digest(
    make: Factory, reader: Callable[..., Document], tell: Announce, database: Database
) -> None:
    reader(mails=users.DAILY)
    with clock(NOON):
        first = make.micropost("alice", "@bob 1")
        tell(first)
    with clock(NOON + timedelta(hours=3)):
        second = make.micropost("alice", "@bob 2")
        tell(second)
    [digest] = waiting(database).values()
    assert digest["microposts"] == [first["id"], second["id"]]


def test_a_digest_that_is_late_is_due_now(
    make: Factory, reader: Callable[..., Document], tell: Announce, database: Database
) -> None:
    reader(mails=users.DAILY)
    with clock(NOON):
        micropost = make.micropost("alice", "@bob")
    with clock(NOON + timedelta(days=2)):
        assert tell(micropost)
        assert mails.due(database, 10) == list(waiting(database))


def test_what_the_reader_wants_later_changes_no_mail_of_before(
    make: Factory, reader: Callable[..., Document], tell: Announce, database: Database
) -> None:
    """The first try was cut off; the second finds other wishes."""
    reader()
    micropost = make.micropost("alice", "@bob")
    tell(micropost)
    users.change(database, "bob", {"mails": users.DAILY})
    query = {"_id": micropost["id"]}
    database.microposts.update_one(query, {"$set": {"undone.mails": micropost["id"]}})
    assert tell(micropost)
    assert list(waiting(database)) == [f"mention bob {micropost['id']}"]


class CutOffError(BaseException):
    """The process ends here. The driver lets no other exception out."""


@pytest.mark.parametrize(
    ("command", "collection", "hourly"),
    [
        ("find", "microposts", 10),
        ("find", "users", 10),
        ("update", "notices", 10),
        ("find", "notices", 10),
        ("insert", "mails", 10),
        ("update", "mails", 0),
        ("update", "microposts", 10),
        ("update", "microposts", 0),
    ],
)
def test_cut_off_anywhere_nobody_is_missed_or_mailed_twice(
    make: Factory,
    reader: Callable[..., Document],
    interrupted: Database,
    interruption: Interruption,
    database: Database,
    settings: Settings,
    command: str,
    collection: str,
    hourly: int,
) -> None:
    readers = ["bob", "carol", "dave"]
    for name in readers:
        reader(name)
    micropost = make.micropost("alice", "@bob @carol @dave")
    few = settings.model_copy(update={"mail_hourly": hourly})

    def cut() -> None:
        raise CutOffError

    cuts = 0
    for skipped in range(3):
        let_through(interruption, command, collection, skipped, cut)
        try:
            announce(interrupted, few, micropost["id"])
        except CutOffError:
            cuts += 1
            assert is_undone(database, micropost)
    assert cuts
    interruption.before("", "", list)
    announce(interrupted, few, micropost["id"])
    found = waiting(database).values()
    assert sorted(mail["to"] for mail in found) == readers
    assert all(mail["microposts"] == [micropost["id"]] for mail in found)
    assert not is_undone(database, micropost)


def let_through(
    interruption: Interruption,
    command: str,
    collection: str,
    skipped: int,
    other: Callable[[], Any],
) -> None:
    """Call `other` before such a command, after so many of them."""

    def next_one() -> None:
        let_through(interruption, command, collection, skipped - 1, other)

    interruption.before(command, collection, next_one if skipped else other)


def test_a_micropost_is_in_no_second_digest(
    make: Factory,
    reader: Callable[..., Document],
    database: Database,
    settings: Settings,
) -> None:
    """It went into the second one while the first was being sent; the first was refused
    and waits again; then the announcement, cut off, comes once more."""
    reader()
    first, second = make.micropost("alice", "@bob 1"), make.micropost("alice", "@bob 2")
    only_digests = settings.model_copy(update={"mail_hourly": 0})
    announce(database, only_digests, first["id"])
    [id] = waiting(database)
    mail = mails.claim(database, id)
    assert mail is not None
    announce(database, only_digests, second["id"])
    mails.put_off(database, mail, datetime.now(UTC), "450 later")
    query = {"_id": second["id"]}
    database.microposts.update_one(query, {"$set": {"undone.mails": second["id"]}})
    announce(database, only_digests, second["id"])
    contents = [mail["microposts"] for mail in waiting(database).values()]
    assert contents == [[first["id"]], [second["id"]]]


def test_an_edit_mails_only_whom_it_names_anew(
    make: Factory, reader: Callable[..., Document], tell: Announce, database: Database
) -> None:
    for name in ("bob", "carol", "dave"):
        reader(name)
    micropost = make.micropost("alice", "@bob")
    tell(micropost)
    changed = microposts.change(database, micropost, {"text": "@bob @carol"})
    assert is_undone(database, micropost)
    assert tell(micropost)
    changed = microposts.change(database, changed, {"referenced": "dave"})
    assert tell(micropost)
    assert [mail["to"] for mail in waiting(database).values()] == [
        "bob",
        "carol",
        "dave",
    ]


@pytest.mark.parametrize(
    "changes", [{"text": "@bob, again"}, {"text": "nobody"}, {"text": "@alice"}]
)
def test_an_edit_that_names_nobody_new_leaves_nothing_undone(
    make: Factory, tell: Announce, database: Database, changes: Document
) -> None:
    micropost = make.micropost("alice", "@bob")
    tell(micropost)
    microposts.change(database, micropost, changes)
    assert not is_undone(database, micropost)


def test_an_edit_while_the_first_are_told_is_not_lost(
    make: Factory,
    reader: Callable[..., Document],
    interrupted: Database,
    interruption: Interruption,
    database: Database,
    settings: Settings,
) -> None:
    reader("bob")
    reader("carol")
    micropost = make.micropost("alice", "@bob")
    edit = {"text": "@carol"}
    interruption.before(
        "update", "microposts", lambda: microposts.change(database, micropost, edit)
    )
    assert announce(interrupted, settings, micropost["id"])
    assert interruption.came
    assert [mail["to"] for mail in waiting(database).values()] == ["bob", "carol"]
    assert not is_undone(database, micropost)
