"""What is sent byte for byte: requests that proxies and servers read differently, names
of other sites, and what is too long."""

import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.serving import SOON, read_all
from tests.site import Site

HOST = b"Host: localhost\r\n"
CLOSE = b"Connection: close\r\n\r\n"
LINE = b"GET /about HTTP/1.1\r\n"
POST = b"POST /api/token HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
CHUNKS = b"2\r\n{}\r\n0\r\n\r\n"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"


def get(target: bytes, *headers: bytes) -> bytes:
    """A request for it, with these lines."""
    lines = b"".join(header + b"\r\n" for header in headers)
    return b"GET " + target + b" HTTP/1.1\r\n" + HOST + lines + CLOSE


def carry(*headers: bytes, body: bytes = b"{}") -> bytes:
    """A request that would be answered with 200, and its body with it."""
    lines = b"".join(header + b"\r\n" for header in headers)
    return LINE + HOST + lines + b"\r\n" + body


def post(*headers: bytes, body: bytes = b"{}") -> bytes:
    """POST /api/token; by itself, 400 for want of a grant."""
    lines = b"".join(header + b"\r\n" for header in headers)
    return POST + lines + b"\r\n" + body


def named(*hosts: bytes, target: bytes = b"/about", version: bytes = b"1.1") -> bytes:
    """A request that is for these hosts."""
    lines = b"".join(b"Host: " + host + b"\r\n" for host in hosts)
    return b"GET " + target + b" HTTP/" + version + b"\r\n" + lines + CLOSE


# What is sent, and the status of the one answer, after which the connection closes.
LENGTHS: dict[str, tuple[bytes, int]] = {
    "length": (carry(b"Content-Length: 2", b"Connection: close"), 200),
    "two lengths, equal": (carry(b"Content-Length: 2", b"Content-Length: 2"), 400),
    "two lengths": (carry(b"Content-Length: 2", b"Content-Length: 50"), 400),
    "list": (carry(b"Content-Length: 2, 2"), 400),
    "plus": (carry(b"Content-Length: +2"), 400),
    "minus": (carry(b"Content-Length: -1"), 400),
    "hexadecimal": (carry(b"Content-Length: 0x2"), 400),
    "underscore": (carry(b"Content-Length: 1_0"), 400),
    "no length": (carry(b"Content-Length:"), 400),
    "huge": (carry(b"Content-Length: 100000000000000000000"), 413),
    "5,000 digits": (carry(b"Content-Length: " + b"9" * 5000), 400),
    "length and chunks": (
        carry(b"Content-Length: 2", CHUNKED.strip(), body=CHUNKS + SMUGGLED),
        400,
    ),
    "chunks and length": (
        carry(CHUNKED.strip(), b"Content-Length: 4", body=CHUNKS + SMUGGLED),
        400,
    ),
    "chunked twice": (carry(b"Transfer-Encoding: chunked, chunked", body=CHUNKS), 400),
    "two headers": (carry(CHUNKED.strip(), CHUNKED.strip(), body=CHUNKS), 400),
    "gzip": (carry(b"Transfer-Encoding: gzip, chunked", body=CHUNKS), 501),
    "gzip alone": (carry(b"Transfer-Encoding: gzip", body=CHUNKS), 501),
    "xchunked": (carry(b"Transfer-Encoding: xchunked", body=CHUNKS), 501),
    "identity": (carry(b"Transfer-Encoding: identity"), 501),
    "nothing": (carry(b"Transfer-Encoding: ,", body=CHUNKS), 400),
    "space": (carry(b"Transfer-Encoding : chunked", body=CHUNKS), 400),
    "tab": (carry(b"Transfer-Encoding: \x0bchunked", body=CHUNKS), 400),
    "chunks of 1.0": (
        carry(
            CHUNKED.strip(), b"Connection: keep-alive", body=CHUNKS + SMUGGLED
        ).replace(b"HTTP/1.1", b"HTTP/1.0", 1),
        400,
    ),
    "bad chunk": (carry(CHUNKED.strip(), body=b"xyz\r\n"), 400),
    "0x chunk": (carry(CHUNKED.strip(), body=b"0x2\r\n{}\r\n0\r\n\r\n"), 400),
    "long chunk": (carry(CHUNKED.strip(), body=b"2\r\n{}{}\r\n0\r\n\r\n"), 400),
    "chunks": (carry(CHUNKED.strip(), b"Connection: close", body=CHUNKS), 200),
}
LINES: dict[str, tuple[bytes, int]] = {
    "good": (get(b"/about"), 200),
    "1.0": (b"GET /about HTTP/1.0\r\n" + HOST + b"\r\n", 200),
    "empty lines before": (b"\r\n\r\n" + get(b"/about"), 200),
    "LF": (b"GET /about HTTP/1.1\nHost: localhost\n\n", 400),
    "LF in the header": (LINE + HOST + b"X: y\nZ: a\r\n\r\n", 400),
    "LF first": (b"GET /about HTTP/1.1\nHost: localhost\r\n\r\n", 400),
    "CR": (LINE + HOST + b"X: y\rZ: a\r\n\r\n", 400),
    "folded": (LINE + HOST + b"X: y\r\n z\r\n\r\n", 400),
    "folded by a tab": (LINE + HOST + b"X: y\r\n\tz\r\n\r\n", 400),
    "folded first": (LINE + b" X: y\r\n" + HOST + b"\r\n", 400),
    "some blanks": (get(b"/about", b"X: y" + b" " * 90 + b"z"), 200),
    "many blanks": (get(b"/about", b"X:" + b" " * 15_000 + b"y"), 400),
    "many tabs": (get(b"/about", b"X: y" + b"\t" * 15_000 + b"z"), 400),
    "NUL": (LINE + HOST + b"X: a\x00b\r\n\r\n", 400),
    "NUL in the name": (LINE + HOST + b"X\x00: a\r\n\r\n", 400),
    "no colon": (LINE + HOST + b"nonsense\r\n\r\n", 400),
    "no name": (LINE + HOST + b": x\r\n\r\n", 400),
    "2.0": (b"GET /about HTTP/2.0\r\n" + HOST + b"\r\n", 400),
    "1.9": (b"GET /about HTTP/1.9\r\n" + HOST + b"\r\n", 400),
    "0.9": (b"GET /about HTTP/0.9\r\n" + HOST + b"\r\n", 400),
    "no version": (b"GET /about\r\n\r\n", 400),
    "version of many digits": (b"GET /about HTTP/1.11\r\n" + HOST + b"\r\n", 400),
    "lower case": (b"get /about HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "two spaces": (b"GET  /about HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "space in the path": (get(b"/a b"), 400),
    "8 bits": (get(b"/users/\xc3\xa4"), 400),
    "8 bits, two slashes": (get(b"//users/\xff"), 400),
    "control character": (get(b"/users/\x01"), 400),
    "NUL in the path": (get(b"/users/\x00"), 400),
    "no path": (get(b"about"), 400),
    "star": (get(b"*"), 400),
    "server-wide": (b"OPTIONS * HTTP/1.1\r\n" + HOST + CLOSE, 404),
    "authority": (b"CONNECT localhost:443 HTTP/1.1\r\n" + HOST + CLOSE, 400),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x55" * 500, 400),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "expects what it has not": (get(b"/about", b"Expect: 100-continue"), 200),
    "expects junk": (get(b"/about", b"Expect: junk"), 200),
}
HOSTS: dict[str, tuple[bytes, int]] = {
    "name": (named(b"localhost"), 200),
    "upper case": (named(b"LOCALHOST:80"), 200),
    "address": (named(b"127.0.0.1:6543"), 200),
    "IPv6": (named(b"[::1]:1"), 200),
    "of http.hosts": (named(b"blog.example:8080"), 200),
    "none": (named(), 400),
    "none, 1.0": (named(version=b"1.0"), 400),
    "empty": (named(b""), 400),
    "two": (named(b"localhost", b"localhost"), 400),
    "two others": (named(b"localhost", b"evil.example"), 400),
    "list": (named(b"localhost, localhost"), 400),
    "foreign": (named(b"evil.example"), 400),
    "foreign address": (named(b"192.0.2.1"), 400),
    "begins like ours": (named(b"localhost.evil.example"), 400),
    "ends like ours": (named(b"evil.localhost"), 400),
    "other port of http.hosts": (named(b"blog.example"), 400),
    "quotes": (named(b'evil.com"><x>'), 400),
    "userinfo": (named(b"localhost@localhost"), 400),
    "port 99999": (named(b"localhost:99999"), 400),
    "no port": (named(b"localhost:"), 400),
    "no number": (named(b"localhost:http"), 400),
    "path": (named(b"localhost/about"), 400),
    "spaces": (named(b"localhost localhost"), 400),
    "8 bits": (named(b"localh\xf6st"), 400),
    "for the API": (named(b"evil.example", target=b"/api/users/alice"), 400),
    "for a file": (named(b"evil.example", target=b"/static/style.css"), 400),
    "address with a host": (named(b"localhost", target=b"http://localhost/about"), 200),
    "another in the address": (
        named(b"localhost", target=b"http://evil.example/about"),
        400,
    ),
    "in the address alone": (named(target=b"http://localhost/about"), 400),
    "both foreign": (named(b"evil.example", target=b"http://evil.example/"), 400),
    "another scheme": (named(b"localhost", target=b"ftp://localhost/about"), 400),
    "address that is none": (named(b"[::1", target=b"http://[::1/"), 400),
    "forwarded": (get(b"/about", b"X-Forwarded-Host: evil.example"), 200),
    "of a load balancer": (named(b"10.0.0.7", target=b"/__lbheartbeat__"), 200),
    "none, of a load balancer": (named(target=b"/__heartbeat__"), 200),
}
SIZES: dict[str, tuple[bytes, int]] = {
    "long header": (get(b"/about", b"X: " + b"x" * 16000), 200),
    "too long header": (get(b"/about", b"X: " + b"x" * 16384), 431),
    "header without an end": (LINE + HOST + b"X: " + b"x" * 20000, 431),
    "5,000 headers": (get(b"/about", *[b"X: y"] * 5000), 431),
    "cookie": (get(b"/about", b"Cookie: x=" + b"x" * 16384), 431),
    "long address": (get(b"/users/" + b"x" * 2041), 404),
    "too long address": (get(b"/users/" + b"x" * 2042), 414),
    "too long query": (get(b"/search?text=" + b"x" * 2048), 414),
    "address without an end": (b"GET /" + b"x" * 3000, 414),
    "200 kB": (get(b"/" + b"x" * 200_000), 414),
    "body": (
        post(b"Content-Length: 65536", b"Connection: close", body=b"{}" + b" " * 65534),
        400,
    ),
    "too large body": (post(b"Content-Length: 65537", body=b"x" * 65537), 413),
    "10 MB": (post(b"Content-Length: 10000000", body=b"x" * 10_000_000), 413),
    "10 MB of a form": (
        b"POST /login HTTP/1.1\r\n"
        + HOST
        + b"Content-Type: application/x-www-form-urlencoded\r\n"
        + b"Content-Length: 10000000\r\n\r\n"
        + b"x" * 10_000_000,
        413,
    ),
    "chunks": (post(CHUNKED.strip(), body=b"1000\r\n%b\r\n" % (b"x" * 4096) * 20), 413),
    "asks first": (post(b"Content-Length: 70000", b"Expect: 100-continue"), 413),
}


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site with an empty store, for all of them."""
    site = Site(tmp_path_factory.mktemp("raw"), "http.hosts = blog.example:8080")
    site.start()
    yield site
    said = site.log.read_text()
    site.stop()
    assert "Traceback" not in said


def send(site: Site, data: bytes) -> bytes:
    """All that comes back until the connection closes."""
    address = ("127.0.0.1", site.port)
    with socket.create_connection(address, timeout=SOON) as client:
        # Whoever still sends what was refused is heard to the end.
        client.sendall(data)
        return read_all(client)


def check(site: Site, sent: bytes, status: int) -> None:
    """One answer with this status, and the site goes on."""
    answer = send(site, sent)
    found = re.findall(rb"HTTP/1\.[01] (\d+) ", answer)
    assert found == [str(status).encode()], answer[:500]
    head, _, body = answer.partition(b"\r\n\r\n")
    if b"/api/" in sent.partition(b"\r\n")[0] and status >= 400:
        # What cannot be read to its end has no address.
        json = b"application/problem+json" in head
        assert json or b"text/plain" in head
        assert json == body.startswith(b"{")
    assert send(site, get(b"/about")).startswith(b"HTTP/1.1 200 ")


def worked(pid: int) -> float:
    """Seconds that a process has had a core for."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def table(cases: dict[str, tuple[bytes, int]]) -> Any:
    return pytest.mark.parametrize(("sent", "status"), cases.values(), ids=cases)


@table(LENGTHS)
def test_IN_1_length_of_a_body_is_clear(raw: Site, sent: bytes, status: int) -> None:
    """Nothing that stands behind it is taken for another request."""
    check(raw, sent, status)


@table(LINES)
def test_IN_1_lines_are_read_strictly(raw: Site, sent: bytes, status: int) -> None:
    check(raw, sent, status)


@table(HOSTS)
def test_OU_6_site_is_asked_by_its_own_name(
    raw: Site, sent: bytes, status: int
) -> None:
    check(raw, sent, status)


@table(SIZES)
def test_IN_7_sizes_are_bounded(raw: Site, sent: bytes, status: int) -> None:
    check(raw, sent, status)


def test_IN_7_app_is_told_in_its_own_form(raw: Site) -> None:
    """RFC 9457, also of what does not reach the application."""
    answer = send(raw, SIZES["10 MB"][0])
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"\r\nContent-Type: application/problem+json\r\n" in head
    assert b"\r\nConnection: close" in head
    assert b'"status": 413' in body
    assert b'"instance": "/api/token"' in body


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (get(b"/api/users/alice?" + b"x" * 3000), b"414"),
        (get(b"/api/users/alice", b"X: " + b"x" * 20_000), b"431"),
        (get(b"/api/users/alice", b"X: a\r\n folded"), b"400"),
    ],
)
def test_IN_7_app_is_told_so_of_what_is_not_read_to_its_end(
    raw: Site, request_: bytes, status: bytes
) -> None:
    answer = send(raw, request_)
    assert answer.split()[1] == status
    assert b"\r\nContent-Type: application/problem+json\r\n" in answer
    assert b'"instance": "/api/users/alice"' in answer


def test_OU_6_app_is_told_which_header_is_wrong(raw: Site) -> None:
    answer = send(raw, HOSTS["for the API"][0])
    assert b'"location":"header","name":"Host"' in answer
    assert b"evil.example" not in answer


def test_OU_6_page_that_is_kept_is_not_for_others(raw: Site) -> None:
    """Pages for visitors are kept for some seconds."""
    for _ in range(3):
        assert send(raw, named(b"localhost", target=b"/")).startswith(b"HTTP/1.1 200 ")
        foreign = send(raw, named(b"evil.example", target=b"/"))
        assert foreign.startswith(b"HTTP/1.1 400 ")
        assert b"Content-Security-Policy: default-src 'none'" in foreign


# What patterns of libraries could take the square of its length for.
LONG = [
    b"a",
    b"a-",
    b"a=",
    b'a="',
    b"a/b;",
    b"a;q=",
    b",",
    b" a",
    b'"a",',
    b"\\",
    b"\xff",
]
HEADERS = [
    *(b"Accept", b"Accept-Encoding", b"Accept-Language", b"Authorization", b"Cookie"),
    *(b"Content-Type", b"If-Match", b"If-Modified-Since", b"If-None-Match", b"Range"),
    *(b"Origin", b"User-Agent", b"X-Forwarded-For"),
]


@pytest.mark.parametrize("path", [b"/about", b"/api/users/alice", b"/static/style.css"])
def test_IN_1_no_header_takes_long(raw: Site, path: bytes) -> None:
    """15,000 bytes of it, by the time that the process works: while it does, all others
    wait."""
    for name in HEADERS:
        for piece in LONG:
            check_quick(raw, get(path, name + b": " + (piece * 15_000)[:15_000]))


@pytest.mark.parametrize("path", [b"/api/token", b"/login"])
def test_IN_1_no_media_type_takes_long(raw: Site, path: bytes) -> None:
    for piece in [*LONG, b"\xa0", b"\x85", b"\x0c", b"; charset="]:
        kind = b"Content-Type: a" + (piece * 15_000)[:15_000] + b"!"
        lines = [HOST, kind + b"\r\n", b"Content-Length: 2\r\n", CLOSE]
        check_quick(raw, b"POST %b HTTP/1.1\r\n%b{}" % (path, b"".join(lines)))


def check_quick(site: Site, sent: bytes) -> None:
    """It is answered, and costs little."""
    assert site.process is not None
    before = worked(site.process.pid)
    answer = send(site, sent)
    assert worked(site.process.pid) - before < 0.5, sent[:100]
    assert re.match(rb"HTTP/1\.[01] [2-4]", answer), sent[:100]


def test_IN_1_two_requests_at_once_get_two_answers(raw: Site) -> None:
    good = get(b"/about").replace(b"Connection: close\r\n", b"")
    answer = send(raw, good + good + get(b"/nothing"))
    assert re.findall(rb"HTTP/1\.1 (\d+) ", answer) == [b"200", b"200", b"404"]


def test_IN_1_body_that_is_asked_for_is_read(raw: Site) -> None:
    head = post(b"Content-Length: 2", b"Expect: 100-continue", b"Connection: close")
    answer = send(raw, head)
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 400 ")
