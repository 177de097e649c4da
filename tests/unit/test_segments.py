"""The index of microposts: sealed, merged, cleared up, with nothing lost on the way."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from microblog.store import (
    Database,
    Document,
    accounts,
    erasures,
    microposts,
    postings,
    search,
    segments,
)
from microblog.store.walks import Start
from tests.factories import Factory

AT_ONCE = timedelta(0)

Lists = dict[int, list[int]]


def found(database: Database, text: str) -> list[str]:
    """The texts that a search finds, newest first."""
    return [one["text"] for one in search.walk(database, text, "", Start())]


def held(database: Database) -> dict[int, set[int]]:
    """The hashes in the index, of each micropost."""
    every: dict[int, set[int]] = {}
    for bucket in database.postings.find():
        for key, listed in postings.unpacked(bucket["lists"]).items():
            for id in listed:
                every.setdefault(id, set()).add(key)
    return every


def waiting(database: Database) -> int:
    return len(list(segments.waiting(database, Start())))


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Segments of two microposts, in several buckets each."""
    monkeypatch.setattr(segments, "LEAST", 2)
    monkeypatch.setattr(segments, "MOST", 2)
    monkeypatch.setattr(postings, "AVERAGE", 4)


@hypothesis_settings(max_examples=100)
@given(
    st.dictionaries(
        st.integers(0, 2**32 - 1),
        st.sets(st.integers(0, 2**63 - 1), min_size=1).map(sorted),
    )
)
def test_lists_come_out_as_they_went_in(lists: Lists) -> None:
    packed = postings.document(1, 0, lists)["lists"]
    assert {key: list(ids) for key, ids in postings.unpacked(packed).items()} == lists
    for key, ids in lists.items():
        assert list(postings.of_gram(packed, key)) == ids
    assert 7 in lists or list(postings.of_gram(packed, 7)) == []


@pytest.mark.parametrize(
    ("number", "buckets"), [(0, 1), (2048, 1), (2049, 2), (4097, 4), (1 << 24, 1 << 13)]
)
def test_buckets_are_a_power_of_two(number: int, buckets: int) -> None:
    assert postings.buckets(number) == buckets


@pytest.mark.usefixtures("small")
def test_merges_until_few_are_left(make: Factory, database: Database) -> None:
    made = [make.micropost(text=f"text number {n}") for n in range(33)]
    segments.tend(database, least=1, pause=AT_ONCE)
    segments.tend(database, least=1, pause=AT_ONCE)
    live = segments.live(database)
    assert sum(one.microposts for one in live) == 33
    assert 1 < len(live) < 5
    # Nothing is left of those that were merged, and nothing waits.
    numbers = {int(bucket["_id"].split(".")[0]) for bucket in database.postings.find()}
    assert numbers == {one.number for one in live}
    assert list(database.segments.find({"_id": {"$ne": 0}})) == []
    assert waiting(database) == 0
    assert held(database) == {
        one["id"]: postings.of_micropost({**one, "_id": one["id"]}) for one in made
    }
    assert found(database, "number") == [one["text"] for one in reversed(made)]
    assert found(database, "number 17") == ["text number 17"]


def test_few_are_not_sealed(make: Factory, database: Database) -> None:
    make.microposts(3)
    segments.tend(database)
    assert segments.live(database) == []
    assert waiting(database) == 3


@pytest.mark.usefixtures("small")
def test_what_is_sealed_waits_on_for_those_who_search_meanwhile(
    make: Factory, database: Database
) -> None:
    made = make.micropost(text="some words")
    segments.tend(database, least=1)
    segments.tend(database, least=1)
    assert len(segments.live(database)) == 1
    assert waiting(database) == 1
    assert found(database, "words") == ["some words"]
    changed = microposts.change(database, made, {"text": "other words"})
    segments.settle(database, AT_ONCE)
    assert waiting(database) == 1, "what was edited meanwhile is not indexed yet"
    assert found(database, "other") == [changed["text"]]
    assert found(database, "some words") == []
    segments.tend(database, least=1, pause=AT_ONCE)
    assert waiting(database) == 0
    assert found(database, "words") == ["other words"]


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    ("module", "name", "calls"),
    [
        (postings, "write", 0),
        (postings, "write", 5),
        (segments, "_enter", 0),
        (segments, "_enter", 9),
        (segments, "_let_go", 0),
        (postings, "remove", 0),
    ],
)
def test_killed_in_the_middle(
    make: Factory,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    module: object,
    name: str,
    calls: int,
) -> None:
    for n in range(20):
        make.micropost(text=f"text number {n}")
    real, left = getattr(module, name), [None] * calls

    def die(*args: object, **kwargs: object) -> object:
        if left:
            left.pop()
            return real(*args, **kwargs)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module, name, die)
        with pytest.raises(KeyboardInterrupt):
            segments.tend(database, least=1, pause=AT_ONCE)
    assert len(found(database, "number")) == 20
    monkeypatch.setattr(segments, "LOST", AT_ONCE)
    segments.tend(database, least=1, pause=AT_ONCE)
    segments.tend(database, least=1, pause=AT_ONCE)
    assert len(found(database, "number")) == 20
    assert waiting(database) == 0
    numbers = {int(bucket["_id"].split(".")[0]) for bucket in database.postings.find()}
    assert numbers == {one.number for one in segments.live(database)}


def test_the_slower_of_two_makes_nothing(
    make: Factory, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make.micropost(text="some words")
    document = database.microposts.find_one({"_id": made["id"]})
    assert document is not None
    making = segments._announce(database, 1, [(made["id"], 1)])
    assert making is not None
    assert not segments.add(database, [document], [(made["id"], 1)])
    # Both have seen that nothing was announced.
    monkeypatch.setattr(segments, "_announced", lambda database: [])
    assert not segments.add(database, [document])


@pytest.mark.usefixtures("small")
def test_two_do_not_merge_the_same(make: Factory, database: Database) -> None:
    for n in range(2 * segments.MERGED):
        make.micropost(text=f"text number {n}")
    while segments._seal(database, 1):
        segments.settle(database, AT_ONCE)
    old = segments.live(database)
    assert len(old) == segments.MERGED
    retired = [(one.number, one.buckets) for one in old]
    making = segments._announce(database, 8, (), retired)
    assert making is not None
    assert not segments._merge_all(database, old, lambda: False)
    database.segments.delete_one({"_id": making["_id"]})
    assert segments._merge_all(database, old, lambda: False)
    segments.settle(database, AT_ONCE)
    # By then they are gone.
    assert not segments._merge_all(database, old, lambda: False)
    assert len(segments.live(database)) == 1
    assert len(found(database, "number")) == 2 * segments.MERGED


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("how", ["deleted", "edited", "purged"])
def test_PR_2_what_is_gone_leaves_the_index(
    make: Factory, database: Database, how: str
) -> None:
    kept = make.micropost("bob", text="words that stay")
    gone = make.micropost("alice", text="words of a secret")
    segments.tend(database, least=1, pause=AT_ONCE)
    assert held(database)[gone["id"]] >= postings.hashes(["sec", "ecr", "@ali"])
    left: set[int] = set()
    if how == "deleted":
        microposts.delete(database, gone)
    elif how == "edited":
        changed = microposts.change(database, gone, {"text": "words of peace"})
        left = postings.of_micropost({**changed, "_id": gone["id"]})
    else:
        accounts.delete(database, "alice")
    erasures.drain(database, AT_ONCE)
    assert held(database).get(gone["id"], set()) <= left
    assert held(database)[kept["id"]] == postings.of_micropost(
        {**kept, "_id": kept["id"]}
    )
    assert database.erasures.find_one({}) is None
    assert found(database, "words that") == ["words that stay"]


def test_erasures_wait_while_a_segment_is_made(
    make: Factory, database: Database
) -> None:
    gone = make.micropost(text="some words")
    document: Document = {**gone, "_id": gone["id"]}
    making = segments._announce(database, 1)
    assert making is not None
    microposts.delete(database, gone)
    erasures.drain(database, AT_ONCE)
    assert database.erasures.find_one({}) is not None
    # It was read before the deletion.
    lists = {key: [gone["id"]] for key in postings.of_micropost(document)}
    postings.write(database, [postings.document(making["_id"], 0, lists)])
    assert segments._enter(database, making, 1, gone["id"], gone["id"])
    erasures.drain(database)
    assert database.erasures.find_one({}) is not None, "it is not old enough"
    erasures.drain(database, AT_ONCE)
    assert database.erasures.find_one({}) is None
    assert held(database) == {}
    assert found(database, "words") == []


def test_does_not_overwrite_what_another_has_erased(
    make: Factory, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (make.micropost(text="the same words") for _ in range(2))
    segments.tend(database, least=1, pause=AT_ONCE)
    microposts.delete(database, first)
    microposts.delete(database, second)
    read = postings.read

    def read_late(database: Database, wanted: object) -> object:
        """Another process erases, after this one has read."""
        monkeypatch.setattr(postings, "read", read)
        listed = list(read(database, wanted))  # type: ignore[arg-type]
        erasures.drain(database, AT_ONCE)
        return listed

    monkeypatch.setattr(postings, "read", read_late)
    erasures.drain(database, AT_ONCE)
    erasures.drain(database, AT_ONCE)
    assert not {first["id"], second["id"]} & held(database).keys()
