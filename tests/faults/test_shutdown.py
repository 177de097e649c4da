"""SIGTERM: what has begun is finished, nothing new is taken."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.faults.conftest import Serve
from tests.serving import (
    MB,
    SOON,
    Served,
    read_all,
    read_answer,
    request,
    wait_until,
)
from tests.site import Site


def refuses(port: int) -> bool:
    """Whether nobody listens there any more."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=SOON).close()
    except ConnectionRefusedError:
        return True
    except ConnectionResetError:
        # The socket was closed while this one connected: the next try tells.
        return False
    return False


def is_open(served: Served, count: int) -> None:
    """Wait until so many answers are being made."""
    wait_until(lambda: served.get("/open").endswith(b"\r\n\r\n%d" % count))


def test_AV_4_F10_requests_in_flight_and_queued_are_finished(serve: Serve) -> None:
    """With two threads, and a client that takes its time for a long answer."""
    served = serve("http.threads=2")
    slow = [served.connect() for _ in range(5)]
    reader = served.connect(SO_RCVBUF=1 << 16)
    reader.sendall(request("/large?mb=8"))
    for client, seconds in zip(slow, (2, 7, 1, 1, 1), strict=True):
        client.sendall(request(f"/slow?seconds={seconds}"))
    # All are read, and some are still waiting for a thread.
    time.sleep(0.5)
    served.terminate()
    wait_until(lambda: refuses(served.port))
    assert served.process.poll() is None
    answer = b""
    while piece := reader.recv(1 << 16):
        answer += piece
        time.sleep(0.02)
    assert len(answer.partition(b"\r\n\r\n")[2]) == 8 * MB
    for client in slow:
        answer = read_all(client)
        assert b"\r\nConnection: close\r\n" in answer
        assert answer.endswith(b"\r\n\r\nhello")
    assert served.process.wait(SOON) == 0


def test_AV_4_F10_request_that_has_begun_to_come_is_answered(serve: Serve) -> None:
    """And told that the process is about to end; so is who has connected but was not
    yet taken."""
    served = serve("http.idle_seconds=3600")
    client = served.connect()
    client.sendall(request("/draining"))
    assert read_answer(client).endswith(b"False")
    client.sendall(request("/draining")[:20])
    served.process.send_signal(signal.SIGSTOP)
    others = [served.connect() for _ in range(40)]
    for other in others:
        other.sendall(request("/draining"))
    served.terminate()
    served.process.send_signal(signal.SIGCONT)
    wait_until(lambda: refuses(served.port))
    client.sendall(request("/draining")[20:])
    for one in (client, *others):
        assert read_all(one).endswith(b"\r\n\r\nTrue")
    assert served.process.wait(SOON) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_AV_4_F10_idle_connections_do_not_keep_it(
    serve: Serve, number: signal.Signals
) -> None:
    served = serve("http.idle_seconds=3600", "http.drain_seconds=3600")
    with served.connect() as client, served.connect():
        client.sendall(request("/"))
        read_answer(client)
        served.process.send_signal(number)
        assert served.process.wait(SOON) == 0
        assert client.recv(1) == b""


def test_AV_4_F10_there_is_an_end_to_waiting(serve: Serve) -> None:
    served = serve("http.drain_seconds=1")
    with served.connect() as client:
        client.sendall(request("/slow?seconds=600"))
        is_open(served, 1)
        served.terminate()
        assert served.process.wait(SOON) == 0
    served.said("1 connections are cut off")


def test_AV_4_F10_second_signal_ends_it_at_once(serve: Serve) -> None:
    served = serve("http.drain_seconds=600")
    with served.connect() as client:
        client.sendall(request("/slow?seconds=600"))
        is_open(served, 1)
        served.terminate()
        wait_until(lambda: refuses(served.port))
        time.sleep(1)
        assert served.process.poll() is None
        served.terminate()
        assert served.process.wait(SOON) == -signal.SIGTERM


def test_AV_4_F10_under_load_no_answer_is_cut(
    serve: Serve, record_property: Any
) -> None:
    """Each request is refused, or answered in whole, or the connection was closed
    between two requests."""
    served = serve()
    lengths: list[int] = []

    def ask() -> None:
        with suppress(ConnectionRefusedError):
            while True:
                with served.connect() as client:
                    while ask_for_a_megabyte(client, lengths):
                        pass

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(lengths) > 40)
    served.terminate()
    for thread in threads:
        thread.join()
    assert served.process.wait(SOON) == 0
    assert set(lengths) == {MB}
    record_property("answers", len(lengths))
    record_property("cut", 0)


def ask_for_a_megabyte(client: socket.socket, lengths: list[int]) -> bool:
    """Whether the connection stays open; how much came of the answer goes to
    `lengths`."""
    answer = b""
    with suppress(ConnectionError):
        client.sendall(request("/large?mb=1"))
        while len(answer.partition(b"\r\n\r\n")[2]) < MB:
            piece = client.recv(1 << 16)
            if not piece:
                break
            answer += piece
    head, _, body = answer.partition(b"\r\n\r\n")
    if answer:
        lengths.append(len(body))
    return len(body) == MB and b"Connection: close" not in head


def test_AV_4_F10_whole_site_ends_after_what_is_in_hand(tmp_path: Path) -> None:
    """`microblog run` with all its processes."""
    site = Site(tmp_path)
    with open(site.log, "wb") as log:
        running = subprocess.Popen(
            [sys.executable, "-m", "microblog", "-c", str(site.ini), "run"],
            env=site.environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_until(lambda: b"listening on" in site.log.read_bytes())
        found = re.search(r"http://127\.0\.0\.1:(\d+)", site.log.read_text())
        assert found
        site.port = int(found[1])
        token = site.register("alice")
        body = b'{"text": "the last one"}'
        head = (
            "POST /api/users/alice/collection HTTP/1.1\r\nHost: localhost\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            f"Authorization: Bearer {token}\r\n\r\n"
        )
        address = ("127.0.0.1", site.port)
        with socket.create_connection(address, timeout=SOON) as client:
            client.sendall(head.encode() + body[:5])
            time.sleep(0.5)
            running.send_signal(signal.SIGTERM)
            wait_until(lambda: refuses(site.port))
            client.sendall(body[5:])
            answer = read_all(client)
        assert answer.startswith(b"HTTP/1.1 201 ")
        assert b"\r\nConnection: close\r\n" in answer
        assert running.wait(SOON) == 0
        assert not os.path.exists(f"/proc/{running.pid}")
    finally:
        if running.poll() is None:
            running.kill()
        running.wait()
