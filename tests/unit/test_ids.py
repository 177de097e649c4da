"""Ids: in the order of time, and decimal text for them."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microblog.store import ids

IDS = st.integers(1, ids.MAXIMUM)


def test_each_is_later_than_the_one_before() -> None:
    drawn = [ids.new() for _ in range(1000)]
    assert drawn == sorted(set(drawn))


def test_threads_draw_different_ones() -> None:
    with ThreadPoolExecutor(8) as threads:
        drawn = list(threads.map(lambda _: ids.new(), range(2000)))
    assert len(set(drawn)) == 2000


def test_is_now() -> None:
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    # Those who drew many at once are ahead of the clock by a millisecond each.
    assert before <= ids.moment(ids.new()) <= before + timedelta(seconds=10)


def test_is_later_than_one_of_a_clock_that_is_ahead() -> None:
    """This one only: others do not take over a clock that is wrong."""
    ahead = ids.new() + (5000 << ids.BITS)
    assert ahead < ids.new(after=ahead) < ahead + (2 << ids.BITS)
    assert ids.new() < ahead


def test_processes_differ_in_the_low_bits() -> None:
    first, second = ids.new(), ids.new()
    assert first & 0xFFFF == second & 0xFFFF == ids._process


@given(IDS)
def test_moment_and_back(id: int) -> None:
    assert ids.at(ids.moment(id), low=id & 0xFFFF) == id


@given(IDS)
def test_parse_what_is_written(id: int) -> None:
    assert ids.parse(str(id)) == id


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "01",
        "-1",
        "+1",
        " 1",
        "1\n",
        "1_0",
        "1.0",
        "0x1",
        "zz",
        "\u0661",
        "\uff11",
        "\u00b2",
        str(ids.MAXIMUM + 1),
        "9" * 19,
        "1" * 5000,
    ],
)
def test_parse_nothing_else(text: str) -> None:
    assert ids.parse(text) is None


@given(st.text(max_size=30))
def test_parse_never_fails(text: str) -> None:
    parsed = ids.parse(text)
    assert parsed is None or str(parsed) == text
