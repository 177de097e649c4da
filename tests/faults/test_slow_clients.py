"""Clients that send or read slowly, or are too many."""

import resource
import socket
import struct
import time

import pytest

from tests.faults.conftest import Serve
from tests.serving import (
    MB,
    read_all,
    read_answer,
    request,
    wait_until,
)

PATIENCE = 30.0  # seconds that a client goes on; deadlines here are far shorter


def trickle(client: socket.socket, piece: bytes) -> bytes:
    """Send a piece again and again until an answer comes; the answer."""
    deadline = time.monotonic() + PATIENCE
    client.settimeout(0.2)
    while time.monotonic() < deadline:
        try:
            client.sendall(piece)
            if answer := client.recv(1000):
                return answer
            return b"closed"
        except TimeoutError:
            pass
        except ConnectionError:
            return b"closed"
    return b"still there"


@pytest.mark.parametrize(
    ("begin", "piece"),
    [
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n", b"X-Slow: yes\r\n"),
        (b"GE", b"T"),
        (b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000\r\n\r\n", b"x"),
        (
            b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"1\r\nx\r\n",
        ),
    ],
    ids=["header", "first line", "body", "chunks"],
)
def test_RL_4_slow_request_has_a_deadline(
    serve: Serve, begin: bytes, piece: bytes
) -> None:
    """However often something comes."""
    served = serve("http.header_seconds=1", "http.body_seconds=2")
    with served.connect() as client:
        client.sendall(begin)
        assert trickle(client, piece).startswith(b"HTTP/1.1 408 ")


def test_RL_4_deadlines_count_from_the_first_byte_of_each_request(serve: Serve) -> None:
    """And not from the beginning of a connection that is in use."""
    served = serve("http.header_seconds=6", "http.idle_seconds=60")
    with served.connect() as client:
        for seconds in (0, 7, 1):
            time.sleep(seconds)
            client.sendall(request("/")[:9])
            time.sleep(2.5)
            client.sendall(request("/")[9:])
            assert read_answer(client).startswith(b"HTTP/1.1 200 ")


def test_RL_4_work_in_hand_is_no_delay_of_the_client(serve: Serve) -> None:
    seconds = ("header", "body", "idle", "answer")
    served = serve(*(f"http.{one}_seconds=1" for one in seconds))
    with served.connect() as client:
        client.sendall(request("/slow?seconds=4"))
        assert read_answer(client).endswith(b"hello")
        client.sendall(request("/"))
        assert read_answer(client).endswith(b"hello")


def test_RL_4_idle_connection_closes(serve: Serve) -> None:
    served = serve("http.idle_seconds=1")
    with served.connect() as silent, served.connect() as used:
        used.sendall(request("/"))
        read_answer(used)
        assert used.recv(1) == b""
        assert silent.recv(1) == b""


def test_RL_4_client_that_does_not_read_is_left(serve: Serve) -> None:
    """So many of them that no thread would be left."""
    served = serve("http.answer_seconds=1", "http.threads=2")
    clients = [served.connect(SO_RCVBUF=4096) for _ in range(2)]
    for client in clients:
        client.sendall(request("/large?mb=64"))
    wait_until(lambda: served.get("/open").endswith(b"\r\n\r\n0"))
    for client in clients:
        assert len(read_all(client)) < 64 * MB
        client.close()


def test_RL_4_steady_reader_gets_all(serve: Serve) -> None:
    served = serve("http.answer_seconds=1", "http.idle_seconds=1")
    with served.connect(SO_RCVBUF=1 << 16) as client:
        client.sendall(request("/large?mb=24", Connection="close"))
        length = 0
        while piece := client.recv(1 << 16):
            length += len(piece)
            time.sleep(0.01)
    assert length > 24 * MB


def test_RL_4_newest_connection_of_an_address_gets_in(serve: Serve) -> None:
    """The one that has kept the server waiting longest makes room for it."""
    served = serve("http.connections=5")
    silent = [served.connect() for _ in range(5)]
    wait_until(lambda: served.descriptors() > 5)
    assert served.get("/").endswith(b"hello")
    assert silent[0].recv(1) == b""
    for client in silent[1:]:
        client.sendall(request("/"))
        assert read_answer(client).endswith(b"hello")
        client.close()
    served.said("1 connections too many")


def test_RL_4_connections_of_one_address_are_bounded(serve: Serve) -> None:
    """Of those that work, none makes room; other addresses are not concerned."""
    served = serve("http.connections=5", "http.threads=8")
    busy = [served.connect() for _ in range(5)]
    for client in busy:
        client.sendall(request("/slow?seconds=5", Connection="close"))
    wait_until(lambda: served.get("/open", "127.0.0.2").endswith(b"\r\n\r\n5"))
    assert served.get("/").startswith(b"HTTP/1.1 503 ")
    assert served.get("/", "127.0.0.2").endswith(b"hello")
    for client in busy:
        assert read_all(client).endswith(b"hello")
        client.close()
    assert served.get("/").endswith(b"hello")


def test_RL_4_proxy_is_not_bounded_as_one_client(serve: Serve) -> None:
    served = serve("http.connections=5", "http.trusted_proxy=127.0.0.1")
    clients = [served.connect() for _ in range(20)]
    for client in clients:
        client.sendall(request("/"))
        assert read_answer(client).endswith(b"hello")
    for client in clients:
        client.sendall(request("/"))
        assert read_answer(client).endswith(b"hello")
        client.close()


def test_RL_4_connections_are_bounded_in_all(serve: Serve) -> None:
    served = serve("http.connections_total=10")
    before = served.descriptors()
    clients = [served.connect(f"127.0.0.{number}") for number in range(2, 52)]
    assert served.get("/").endswith(b"hello")
    wait_until(lambda: served.descriptors() <= before + 10)
    for client in clients:
        client.close()


def test_RL_2_address_of_the_client_comes_from_the_trusted_proxy_alone(
    serve: Serve,
) -> None:
    served = serve("http.trusted_proxy=127.0.0.1")
    for headers, source, address in [
        ({}, "127.0.0.1", b"127.0.0.1"),
        ({"X_Forwarded_For": "192.0.2.7"}, "127.0.0.1", b"192.0.2.7"),
        ({"X_Forwarded_For": "192.0.2.9, 192.0.2.7"}, "127.0.0.1", b"192.0.2.7"),
        ({"X_Forwarded_For": "2001:db8::7"}, "127.0.0.1", b"2001:db8::7"),
        ({"X_Forwarded_For": "192.0.2.7"}, "127.0.0.2", b"127.0.0.2"),
        ({"Forwarded": "for=192.0.2.7"}, "127.0.0.1", b"127.0.0.1"),
        ({"X_Real_IP": "192.0.2.7"}, "127.0.0.1", b"127.0.0.1"),
    ]:
        answer = served.get("/address", source, **headers)
        assert answer.endswith(b"\r\n\r\n" + address), headers


def test_RL_2_without_a_trusted_proxy_nobody_is_believed(serve: Serve) -> None:
    served = serve()
    for header in ("X_Forwarded_For", "Forwarded", "X_Real_IP"):
        answer = served.get("/address", **{header: "192.0.2.7"})
        assert answer.endswith(b"\r\n\r\n127.0.0.1")


def test_RL_2_two_proxies_in_line(serve: Serve) -> None:
    served = serve("http.trusted_proxy=127.0.0.1", "http.trusted_proxy_count=2")
    forwarded = "192.0.2.66, 192.0.2.7, 192.0.2.8"
    answer = served.get("/address", X_Forwarded_For=forwarded)
    assert answer.endswith(b"\r\n\r\n192.0.2.7")


def test_RL_2_start_says_that_all_clients_look_alike(serve: Serve) -> None:
    warning = "http.trusted_proxy is not set"
    serve("site.url=https://example.org").said(warning)
    served = serve("site.url=https://example.org", "http.trusted_proxy=127.0.0.1")
    served.get("/")
    assert warning not in served.log.read_text()


def reset(client: socket.socket) -> None:
    """Hang up without a goodbye."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def test_F15_aborted_clients_leave_nothing(serve: Serve) -> None:
    served = serve("http.connections=1000")
    assert served.get("/").endswith(b"hello")
    before = served.descriptors()
    for number in range(300):
        client = served.connect()
        whole = request("/large?mb=4" if number % 3 else "/")
        client.sendall(whole[: -(number % 2) or None])
        if number % 10 == 0:
            client.recv(10)
        reset(client)
    wait_until(lambda: served.descriptors() <= before)
    assert served.get("/open").endswith(b"\r\n\r\n0")
    assert "Traceback" not in served.log.read_text()


def test_F16_few_file_descriptors(serve: Serve) -> None:
    """With 64, the newest get in, and nothing else breaks."""
    limit = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))  # noqa: E731
    served = serve("http.idle_seconds=3600", before=limit)
    clients = [served.connect(f"127.0.0.{number}") for number in range(2, 102)]
    assert served.get("/").endswith(b"hello")
    assert served.descriptors() < 64
    for client in clients:
        client.close()
    for _ in range(100):
        assert served.get("/").endswith(b"hello")
    assert "Traceback" not in served.log.read_text()


def test_F16_no_file_descriptor_at_all(serve: Serve) -> None:
    """Who connects waits until there is one; meanwhile the server does not spin."""
    served = serve()
    assert served.get("/").endswith(b"hello")
    _, hard = resource.prlimit(served.pid, resource.RLIMIT_NOFILE)
    soft = served.descriptors()
    resource.prlimit(served.pid, resource.RLIMIT_NOFILE, (soft, hard))
    with served.connect() as client:
        client.sendall(request("/"))
        served.said("no file descriptor is left")
        time.sleep(3)
        assert served.log.read_text().count("no file descriptor is left") < 100
        resource.prlimit(served.pid, resource.RLIMIT_NOFILE, (1000, hard))
        assert read_answer(client).endswith(b"hello")


def test_F16_more_connections_than_select_can_watch(serve: Serve) -> None:
    """1,024 of them; the server gets the descriptors that it needs by itself."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 <= soft < 1300:
        assert not 0 <= hard < 1300, "this machine allows too few file descriptors"
        resource.setrlimit(resource.RLIMIT_NOFILE, (1300, hard))
    few = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))  # noqa: E731
    served = serve("http.connections=2000", "http.connections_total=2000", before=few)
    clients: list[socket.socket] = []
    try:
        for _ in range(1100):
            clients.append(served.connect())
        for client in (clients[0], clients[-1]):
            client.sendall(request("/"))
            assert read_answer(client).endswith(b"hello")
        assert served.descriptors() > 1100
    finally:
        for client in clients:
            client.close()
