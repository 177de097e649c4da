"""Walks: every document once, in order, by reads that are bounded."""

from hypothesis import given
from hypothesis import strategies as st

from microblog.store import Document
from microblog.store.walks import Frontier, Start, first_span, next_span, windows

IDS = st.sets(st.integers(1, 10_000), max_size=200)


@given(
    ids=IDS,
    descending=st.booleans(),
    beyond=st.none() | st.integers(0, 10_001),
    span=st.integers(1, 20_000),
    wanted=st.integers(1, 50),
)
def test_every_document_ahead_once_and_in_order(
    ids: set[int], descending: bool, beyond: int | None, span: int, wanted: int
) -> None:
    asked: list[tuple[int, int]] = []

    def read(after: int, before: int) -> list[Document]:
        asked.append((after, before))
        return [{"_id": id} for id in ids if after < id < before]

    start = Start(beyond, descending, wanted)
    found = [
        one["_id"] for one in windows(start, Frontier(start, 1, 10_000), span, read)
    ]
    ahead = {id for id in ids if start.includes(id)}
    assert found == sorted(ahead, reverse=descending)
    # No id is asked for twice, and each read is bounded on both sides.
    covered = [id for after, before in asked for id in range(after + 1, before)]
    assert len(covered) == len(set(covered))


@given(
    span=st.integers(1, 10**6), found=st.integers(0, 10**4), wanted=st.integers(1, 99)
)
def test_next_window_is_never_more_than_twice_as_wide(
    span: int, found: int, wanted: int
) -> None:
    assert 1 <= next_span(span, found, wanted) <= 2 * span


def test_widths_follow_the_density() -> None:
    assert first_span(1000, 10**6, 21) == 42_000
    assert first_span(0, 10**6, 21) == 42 * 10**6
    assert next_span(100, 1000, 10) == 2
    assert next_span(100, 0, 10) == 200


def test_few_reads_where_documents_lie_evenly() -> None:
    reads = 0

    def read(after: int, before: int) -> list[Document]:
        nonlocal reads
        reads += 1
        return [{"_id": id} for id in range(after + 1, before) if id % 10 == 0]

    start = Start(wanted=21)
    walk = windows(start, Frontier(start, 1, 10**6), first_span(10**5, 10**6, 21), read)
    assert [next(walk)["_id"] for _ in range(21)][-1] == 10**6 - 200
    assert reads == 1
