"""Search finds what a look at every micropost would find."""

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from microblog.store import Database, Document, grams, search, segments
from microblog.store.search import Pause
from microblog.store.walks import Start
from microblog.text import fold, normalise
from tests.factories import Factory

LETTERS = "aAbßİΣς \u0301"
AUTHORS = ("alice", "bob", "al")


def found(
    database: Database, text: str, username: str = "", start: Start | None = None
) -> list[Document]:
    """All that a search finds, past every pause."""
    start = start or Start()
    items: list[Document] = []
    for item in search.walk(database, text, username, start):
        if isinstance(item, Pause):
            return items + found(
                database, text, username, Start(item.id, start.descending)
            )
        items.append(item)
    return items


@pytest.fixture(params=[0, 3, 8])
def texts(
    make: Factory, database: Database, request: pytest.FixtureRequest
) -> list[Document]:
    """The first few are indexed, the others wait."""
    for name in AUTHORS:
        make.user(name)
    written = ["aAbß", "ßab", "straße", "STRASSE", "İaΣ", "Σας", "bab aab", "AAB aab"]
    made = []
    for number, text in enumerate(written):
        made.append(make.micropost(AUTHORS[number % 3], text))
        if number + 1 == request.param:
            segments.tend(database, least=1)
    return made


@hypothesis_settings(
    max_examples=60, deadline=None, suppress_health_check=list(HealthCheck)
)
@given(
    part=st.text(LETTERS, min_size=3, max_size=5).map(normalise),
    username=st.sampled_from(["", "a", "al", "ali", "alice", "BOB", "zzz", "b_"]),
    descending=st.booleans(),
)
def test_equals_a_look_at_every_micropost(
    texts: list[Document],
    database: Database,
    part: str,
    username: str,
    descending: bool,
) -> None:
    if len(fold(part)) < 3:
        part += "abc"
    expected = [
        one
        for one in (reversed(texts) if descending else texts)
        if fold(part) in fold(one["text"]) and username.lower() in one["author"]
    ]
    assert found(database, part, username, Start(descending=descending)) == expected


@pytest.mark.parametrize(
    ("part", "matches"),
    [
        ("STRASSE", ["STRASSE", "straße"]),
        ("Straße", ["STRASSE", "straße"]),
        ("σας", ["Σας"]),
        ("b a", ["bab aab", "AAB aab"]),
    ],
)
def test_without_regard_to_case(
    texts: list[Document], database: Database, part: str, matches: list[str]
) -> None:
    shown = {one["text"] for one in found(database, part)}
    assert shown >= set(matches) - {"AAB aab"}
    assert all(fold(part) in fold(text) for text in shown)


@pytest.mark.parametrize("part", ["(a+)+$", "a.*", "$where", "a{3}", "[abc]", "\\d+"])
def test_patterns_are_plain_text(make: Factory, database: Database, part: str) -> None:
    make.micropost(text="aaa aaaa 123 abc")
    hit = make.micropost(text=f"literally {part} here")
    assert found(database, part) == [hit]


def test_pause_after_many_candidates(
    make: Factory, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "MOST_CANDIDATES", 5)
    wanted = make.micropost("carol", "the same words")
    make.microposts(30)
    for _ in range(10):
        make.micropost(text="the same words")
    items = list(search.walk(database, "same words", "carol", Start()))
    assert found(database, "same words", "car") == [wanted]
    assert items == [wanted] or isinstance(items[-1], Pause)


def test_edits_are_found_by_their_new_text_alone(
    make: Factory, database: Database
) -> None:
    from microblog.store import microposts

    old = make.micropost(text="before the edit")
    new = microposts.change(database, old, {"text": "after all"})
    assert found(database, "after") == [new]
    assert found(database, "before") == []


def test_microposts_beyond_the_mark_are_found(
    make: Factory, database: Database
) -> None:
    """The mark lags by a minute; what was posted since is found all the same."""
    first = make.micropost(text="marked text")
    second = make.micropost(text="newer text")
    assert found(database, "text") == [second, first]


def test_grams() -> None:
    assert grams.of_text("ab") == []
    assert grams.of_text("ABC") == grams.of_text("abc")
    assert len(grams.of_text("abcd")) == 2
    assert grams.of_author("abc") != grams.of_text("abc")
    stored = grams.of_micropost("bob", "aaaa")
    assert stored == sorted(set(stored))
    assert stored == ["@bob", "aaa"]
