"""Users: made once, changed by revision, gone when they are deleted."""

from collections.abc import Iterable

import pytest

from microblog.errors import Conflict, NotFound, Stale
from microblog.store import Database, Document, ids, microposts, references, users
from tests.factories import Factory


def read(database: Database, username: str = "alice") -> Document:
    """The document of a user who is there."""
    document = users.find(database, username)
    assert document is not None
    return document


def references_to(numbers: Iterable[int], rev: int = 1) -> list[Document]:
    """References to microposts with those ids."""
    return [
        {"id": id, "text": f"text {id}", "referenced": None, "edited": None, "rev": rev}
        for id in numbers
    ]


def embedded(database: Database) -> list[int]:
    """The ids that the document of alice embeds, in order."""
    return [one["id"] for one in read(database)["microposts"]]


def test_create_answers_with_what_is_stored(database: Database) -> None:
    made = users.create(database, "alice", name="Alice", email="a@example.org")
    assert read(database) == made
    assert (made["rev"], made["password"], made["microposts"]) == (1, None, [])
    assert made["counts"] == {"microposts": 0, "following": 0, "followers": 0}


@pytest.mark.parametrize("name", ["alice", "a1ice", "al_ice", "aiice"])
def test_name_or_one_like_it_is_taken(database: Database, name: str) -> None:
    made = users.create(database, "alice")
    with pytest.raises(Conflict):
        users.create(database, name)
    assert list(database.users.find()) == [made]


def test_deleted_user_is_gone_and_keeps_the_name(database: Database) -> None:
    users.create(database, "alice", name="secret", password="hash")
    users.mark_deleted(database, "alice")
    assert users.find(database, "alice") is None
    assert users.find_many(database, ["alice"]) == {}
    assert users.existing(database, ["alice", "nobody"]) == {"alice"}
    assert users.gone(database) == {"alice"}
    (left,) = database.users.find()
    assert set(left) == {"_id", "folded", "deleted", "undone"}
    for name in ("alice", "a1ice"):
        with pytest.raises(Conflict):
            users.create(database, name)


def test_nothing_is_written_to_a_deleted_user(database: Database) -> None:
    users.create(database, "alice")
    users.mark_deleted(database, "alice")
    left = list(database.users.find())
    references.add(database, [references.New("alice", references_to([1])[0], True)])
    references.add_many(database, "alice", references_to([1, 2]))
    references.replace(database, "alice", references_to([1], rev=2)[0])
    references.remove(database, "alice", 1)
    users.add_counts(database, "alice", following=1)
    with pytest.raises(NotFound):
        users.change(database, "alice", {"name": "back"})
    assert list(database.users.find()) == left


def test_many_are_found_in_pieces(make: Factory, database: Database) -> None:
    names = [f"u_{letter}{other}" for letter in "abcdef" for other in "abcdefgh"]
    for name in names[::2]:
        make.user(name)
    assert set(users.find_many(database, names)) == set(names[::2])
    assert users.existing(database, iter(names)) == set(names[::2])
    assert users.gone(database) == set()


def test_change_by_revision(database: Database) -> None:
    users.create(database, "alice")
    assert users.change(database, "alice", {"name": "one"}, 1)["rev"] == 2
    assert users.change(database, "alice", {"name": "two"})["rev"] == 3
    with pytest.raises(Stale):
        users.change(database, "alice", {"name": "three"}, 2)
    with pytest.raises(NotFound):
        users.change(database, "nobody", {"name": "three"})
    assert read(database)["name"] == "two"


def test_password_is_replaced_only_by_another_hash_of_itself(
    database: Database,
) -> None:
    users.create(database, "alice", password="old hash")
    users.replace_password(database, "alice", "old hash", "dearer hash")
    users.replace_password(database, "alice", "old hash", "too late")
    assert (read(database)["password"], read(database)["rev"]) == ("dearer hash", 1)


@pytest.mark.parametrize("pushed", [[1, 2, 3], [3, 1, 2], [2, 3, 1]])
def test_references_are_sorted_in_whatever_order_they_come(
    database: Database, pushed: list[int]
) -> None:
    users.create(database, "alice")
    for reference in references_to(pushed):
        references.add(database, [references.New("alice", reference, False)])
    references.add_many(database, "alice", references_to([6, 4, 5]))
    assert embedded(database) == [6, 5, 4, 3, 2, 1]
    user = read(database)
    assert (user["counts"]["microposts"], user["first"]) == (6, 1)


def test_the_newest_forty_are_embedded(database: Database) -> None:
    users.create(database, "alice")
    references.add_many(database, "alice", references_to(range(100, 130)))
    for reference in references_to(range(130, 150)):
        references.add(database, [references.New("alice", reference, False)])
    assert embedded(database) == list(range(149, 109, -1))
    references.add_many(database, "alice", references_to([50, 60, 155]))
    assert embedded(database) == [155, *range(149, 110, -1)]
    user = read(database)
    assert (user["counts"]["microposts"], user["first"]) == (53, 50)


def test_again_changes_nothing(database: Database) -> None:
    users.create(database, "alice")
    references.add_many(database, "alice", references_to([1, 2]))
    before = read(database)
    references.add_many(database, "alice", references_to([1, 2]))
    references.add(database, [references.New("alice", references_to([2])[0], True)])
    assert read(database) == before
    references.add_many(database, "alice", references_to([2, 3]))
    assert read(database)["counts"]["microposts"] == 3


def test_old_ones_do_not_hide_what_lies_between(database: Database) -> None:
    """Of sixty, deletions have left the newest thirty embedded."""
    users.create(database, "alice")
    references.add_many(database, "alice", references_to(range(100, 160)))
    for id in range(150, 160):
        references.remove(database, "alice", id)
    assert embedded(database) == list(range(149, 119, -1))
    references.add_many(database, "alice", references_to([50, 145000, 99]))
    assert embedded(database) == [145000, *range(149, 119, -1)]
    assert read(database)["counts"]["microposts"] == 53


def test_later_edit_stays(make: Factory, database: Database) -> None:
    id = make.micropost()["id"]
    for rev in (3, 2):
        edited = {**references_to([id], rev=rev)[0], "text": f"edit {rev}"}
        references.replace(database, "alice", edited)
    (shown,) = read(database)["microposts"]
    assert (shown["text"], shown["rev"]) == ("edit 3", 3)


def test_derived_values_are_set_at_their_revision_only(
    make: Factory, database: Database
) -> None:
    rev = make.user()["rev"]
    made = make.micropost()
    counts = {"microposts": 9, "following": 9, "followers": 9}
    right: Document = {"counts": counts, "first": 1, "references": references_to([1])}
    assert not references.set_derived(database, "alice", rev, **right)
    assert embedded(database) == [made["id"]]
    assert references.set_derived(database, "alice", rev + 1, **right)
    assert (embedded(database), read(database)["counts"]) == ([1], counts)


def test_every_write_goes_up_by_one(make: Factory, database: Database) -> None:
    """The revision is the ETag of a user, whose counts are shown."""
    make.user()
    seen = [read(database)["rev"]]
    made = make.micropost()
    seen.append(read(database)["rev"])
    microposts.change(database, made, {"text": "new"})
    seen.append(read(database)["rev"])
    make.follow("alice", "bob")
    seen.append(read(database)["rev"])
    microposts.delete(database, made)
    seen.append(read(database)["rev"])
    assert seen == [1, 2, 3, 4, 5]


def test_first_is_the_oldest_of_all(make: Factory, database: Database) -> None:
    first = make.micropost()["id"]
    make.micropost()
    assert read(database)["first"] == first
    older = ids.at(ids.moment(first)) - (1 << ids.BITS)
    references.add_many(database, "alice", references_to([older]))
    assert read(database)["first"] == older


@pytest.mark.parametrize("is_pushed", [True, False])
def test_what_is_pushed_is_noted_by_the_same_update(
    make: Factory, database: Database, is_pushed: bool
) -> None:
    """In order and out of order; what is known already is not delivered again."""
    make.user("alice")
    for id in (2, 4, 3, 4):
        reference = references_to([id])[0]
        references.add(database, [references.New("alice", reference, is_pushed)])
    user = make.user("alice")
    noted = [ids.spell(id) for id in (2, 4, 3)] if is_pushed else None
    assert user.get("undelivered") == noted
    assert user.get("undone") == ({"deliver": 2} if is_pushed else None)
    assert [one["id"] for one in user["microposts"]] == [4, 3, 2]
    assert user["counts"]["microposts"] == 3
    assert user["newest"] == 4
