"""The parser of requests: it says the same however the bytes arrive."""

from threading import Thread
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from waitress.adjustments import Adjustments

from microblog.server.parsing import MOST_UPLOADS, Parser
from tests.functional.test_raw_http import HOSTS, LENGTHS, LINES, SIZES

TABLES = {"length": LENGTHS, "line": LINES, "host": HOSTS, "size": SIZES}
REQUESTS = {
    f"{table}: {name}": sent
    for table, cases in TABLES.items()
    for name, (sent, _) in cases.items()
    if len(sent) < 100_000
}
SHORT = [sent for sent in REQUESTS.values() if len(sent) < 1000]
ADJUSTMENTS = Adjustments(
    max_request_body_size=65537, max_request_header_size=16385, listen="127.0.0.1:0"
)


def read(pieces: list[bytes]) -> Any:
    """What the parser makes of the first request in there."""
    parser = Parser(ADJUSTMENTS)
    for piece in pieces:
        while piece and not (parser.completed and not parser.empty):
            if parser.completed:
                parser = Parser(ADJUSTMENTS)
            piece = piece[parser.received(piece) :]
    if parser.error or not parser.completed:
        return "refused" if parser.error else "more"
    body = parser.get_body_stream().read()
    return parser.command, parser.path, parser.query, parser.headers, body


def bytewise(sent: bytes) -> list[bytes]:
    return [sent[n : n + 1] for n in range(len(sent))]


@pytest.mark.parametrize("sent", REQUESTS.values(), ids=REQUESTS)
def test_IN_1_bytes_one_by_one_are_the_same_request(sent: bytes) -> None:
    assert read(bytewise(sent[:20_000])) == read([sent[:20_000]])


@given(
    sent=st.sampled_from(SHORT),
    place=st.floats(0, 1, exclude_max=True),
    put=st.sampled_from(
        [
            b"",
            b"\r",
            b"\n",
            b"\r\n",
            b"\0",
            b" ",
            b"\t",
            b":",
            b",",
            b"\xff",
            b"0",
            b"/",
        ]
    ),
    cut=st.floats(0, 1),
)
def test_IN_1_no_byte_makes_the_parser_stumble(
    sent: bytes, place: float, put: bytes, cut: float
) -> None:
    at = int(place * len(sent))
    for changed in (sent[:at] + put + sent[at + 1 :], sent[:at] + put + sent[at:]):
        middle = int(cut * len(changed))
        whole = read([changed])
        assert read([changed[:middle], changed[middle:]]) == whole
        assert read(bytewise(changed)) == whole


UPLOAD = (
    b"POST /settings/import HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n"
)


def test_IN_7_place_of_an_upload_is_given_back_with_its_body() -> None:
    """When it is answered or refused, or its client has gone: not sooner, and not only
    when what is left of it is collected as garbage."""
    held = []
    for number in range(3 * MOST_UPLOADS):
        parser = Parser(ADJUSTMENTS)
        parser.received(UPLOAD)
        parser.received(b"x" * (number % 2 and 10))
        assert (parser.error, parser.completed) == (None, bool(number % 2))
        assert parser.is_upload
        parser.close()
        held.append(parser)
    waiting = [Parser(ADJUSTMENTS) for _ in range(MOST_UPLOADS + 1)]
    for parser in waiting:
        parser.received(UPLOAD + b"x" * 10)
    errors = [parser.error and parser.error.code for parser in waiting]
    assert errors == [None] * MOST_UPLOADS + [503]
    for parser in waiting:
        parser.close()


def test_IN_7_body_of_a_refused_upload_is_not_kept() -> None:
    """Which may be large: that a chunk is garbage is seen when it comes."""
    parser = Parser(ADJUSTMENTS)
    parser.received(
        b"POST /settings/import HTTP/1.1\r\nHost: localhost\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n"
    )
    parser.received(b"100000\r\n" + b"x" * 0x100000 + b"\r\n")
    body = parser.get_body_stream()
    assert parser.error is None
    parser.received(b"garbage\r\n")
    assert parser.error is not None
    assert body.closed
    assert not parser.is_upload


def test_IN_7_upload_may_end_while_others_are_counted() -> None:
    """In another thread, which answers it."""
    first, second, third = (Parser(ADJUSTMENTS) for _ in range(3))
    ending = Thread(target=first.close)

    class Network(str):
        def __eq__(self, other: object) -> bool:
            if not ending.ident:
                ending.start()
                ending.join(0.2)  # It may have to wait until they are counted.
            return super().__eq__(other)

        __hash__ = str.__hash__

    third.network = Network("elsewhere")
    for parser in (first, second, third):
        parser.received(UPLOAD)
    ending.join()
    assert third.error is None
    assert [one.is_upload for one in (first, second, third)] == [False, True, True]
    for parser in (second, third):
        parser.close()
