"""Uploads and exports over the wire: the one address that takes large bodies."""

import json
import re
import secrets
import socket
import zipfile
from collections.abc import Iterator
from http.client import HTTPConnection
from io import BytesIO
from pathlib import Path
from urllib.parse import urlencode

import pytest
from waitress.wasyncore import close_all

from microblog import settings as settings_module
from microblog.server import parsing
from microblog.server.channel import UPLOAD_TIMES
from microblog.server.listening import Server
from tests.archives import in_zip, note, outbox
from tests.factories import PASSWORD
from tests.serving import MB, Application, Served, read_all, request, wait_until
from tests.site import Site


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """The web server, with an application that answers anything."""
    served = Served(tmp_path / "log")
    yield served
    served.end()


IMPORT = "/settings/import"


def begun(
    served: Served, path: str, length: int, source: str = "127.0.0.1"
) -> socket.socket:
    """A connection on which a body of so many bytes is promised."""
    client = served.connect(source)
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    client.sendall(f"{head}Content-Length: {length}\r\n\r\n".encode())
    return client


def status(answer: bytes) -> int:
    """Of an answer."""
    return int(answer.split(b" ", 2)[1])


def test_IN_7_one_address_takes_large_bodies(served: Served) -> None:
    for path, length, expected in (
        ("/settings/import", 3 * MB, 200),
        ("/settings/import", parsing.LARGEST_UPLOAD + 1, 413),
        ("/settings/import/", 3 * MB, 413),
        ("//settings/import", 3 * MB, 413),
        ("/settings", 3 * MB, 413),
    ):
        client = begun(served, path, length)
        if expected == 200:
            client.sendall(b"x" * length)
        assert status(read_all(client)) == expected, path


def test_RL_4_so_many_uploads_at_a_time(served: Served) -> None:
    waiting = [
        begun(served, IMPORT, MB, f"127.0.{number}.1")
        for number in range(parsing.MOST_UPLOADS)
    ]
    for client in waiting:
        client.sendall(b"x")
    wait_until(lambda: status(read_all(begun(served, IMPORT, MB))) == 503)
    again = read_all(begun(served, IMPORT, MB))
    assert b"Retry-After: 5\r\n" in again
    assert again.endswith(b": 4 uploads are under way already\n")
    # Everything else is answered, and one that has ended makes room.
    assert b"hello" in served.get("/")
    waiting[0].sendall(b"x" * (MB - 1))
    assert status(read_all(waiting[0])) == 200

    def is_taken() -> bool:
        client = begun(served, IMPORT, 10)
        client.sendall(b"x" * 10)
        return status(read_all(client)) == 200

    wait_until(is_taken)


def test_RL_4_nobody_keeps_all_others_from_uploading(served: Served) -> None:
    """By the network that they connect from; two of its addresses are one."""
    held = [
        begun(served, IMPORT, MB, f"127.0.1.{number + 1}")
        for number in range(parsing.MOST_UPLOADS_NEAR)
    ]
    for client in held:
        client.sendall(b"x")
    again = read_all(begun(served, IMPORT, MB, "127.0.1.9"))
    assert status(again) == 429
    assert b"Retry-After: 5\r\n" in again
    assert again.endswith(b": 2 uploads of your network are under way already\n")
    other = begun(served, IMPORT, MB, "127.0.2.1")
    other.sendall(b"x" * MB)
    assert status(read_all(other)) == 200


def test_IN_7_upload_has_its_place_until_it_is_answered(tmp_path: Path) -> None:
    """For so long its body lies on the disk, also while it waits for a thread."""
    served = Served(tmp_path / "log", "http.writing_threads=2")

    def wait_until_all_is_read() -> None:
        # What has come before is read before the second of these, which other threads
        # answer.
        for _ in range(2):
            served.get("/static/style.css")

    try:
        busy = [served.connect() for _ in range(2)]
        for client in busy:
            client.sendall(request("/large?mb=64", "POST"))
            assert client.recv(1)
        whole = [begun(served, IMPORT, 10) for _ in range(parsing.MOST_UPLOADS_NEAR)]
        for client in whole:
            client.sendall(b"x" * 10)
        wait_until_all_is_read()
        again = begun(served, IMPORT, 10)
        again.sendall(b"x" * 10)
        wait_until_all_is_read()
        for client in busy:
            client.close()
        answers = [status(read_all(client)) for client in (*whole, again)]
        assert answers == [200] * parsing.MOST_UPLOADS_NEAR + [429]
    finally:
        served.end()


@pytest.mark.parametrize("gives_up", ["the client", "the server"])
def test_IN_7_upload_has_its_place_until_its_connection_ends(gives_up: str) -> None:
    given = {"http_host": "127.0.0.1", "http_port": "0"}
    settings = settings_module.read(given, environment={})
    server = Server(Application(settings), settings)
    client = socket.socket()
    try:
        client.connect(("127.0.0.1", int(server.listeners[0].effective_port)))
        head = f"POST {IMPORT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {MB}\r\n"
        client.sendall(f"{head}\r\nx".encode())
        while not (server.channels() and server.channels()[0].request):
            server._turn()
        channel = server.channels()[0]
        upload = channel.request
        assert upload.is_upload
        if gives_up == "the client":
            client.close()
            while server.channels():
                server._turn()
        else:
            limit = channel.since + settings.http_body_seconds * UPLOAD_TIMES
            channel.look(limit - 1)
            assert upload.is_upload
            channel.look(limit + 1)
            assert client.recv(12) == b"HTTP/1.1 408"
        # Also while something still holds the connection, as here.
        assert not upload.is_upload
    finally:
        client.close()
        close_all(server.map)
        for dispatcher in server.dispatchers:
            dispatcher.shutdown()


def test_RL_4_rest_of_a_refused_request_is_no_upload(served: Served) -> None:
    """However it looks, and while its client keeps the connection open."""
    looks = f"POST {IMPORT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n"
    refused = f"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {MB}\r\n\r\n"
    for _ in range(parsing.MOST_UPLOADS_NEAR):
        client = served.connect()
        client.sendall((refused + looks).encode())
        assert status(read_all(client)) == 413
    upload = begun(served, IMPORT, 10)
    upload.sendall(b"x" * 10)
    assert status(read_all(upload)) == 200


def test_RL_4_uploads_through_a_proxy_are_counted_in_all(tmp_path: Path) -> None:
    served = Served(tmp_path / "log", "http.trusted_proxy=127.0.0.1")
    try:
        waiting = [begun(served, IMPORT, MB) for _ in range(parsing.MOST_UPLOADS)]
        for client in waiting:
            client.sendall(b"x" * MB)
            assert status(read_all(client)) == 200
    finally:
        served.end()


class Person:
    """Somebody with a browser at a running site."""

    def __init__(self, site: Site, username: str):
        self.site, self.cookie = site, ""
        token = re.search(r'name="csrf_token" value="([^"]+)"', self.get("/login")[1])
        assert token
        form = {"username": username, "password": PASSWORD, "csrf_token": token[1]}
        kind = "application/x-www-form-urlencoded"
        _status, _body, headers = self.ask("POST", "/login", urlencode(form), kind)
        self.cookie = str(headers["Set-Cookie"]).split(";")[0]

    def ask(
        self, method: str, path: str, body: str | bytes = "", kind: str = ""
    ) -> tuple[int, bytes, dict[str, str]]:
        connection = HTTPConnection("127.0.0.1", self.site.port, timeout=60)
        headers = {"Cookie": self.cookie, "Content-Type": kind}
        headers["Host"] = f"localhost:{self.site.port}"
        headers["Sec-Fetch-Site"] = "same-origin"
        connection.request(method, path, body or None, headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, content, dict(answer.getheaders())

    def get(self, path: str) -> tuple[int, str]:
        """A page."""
        status, content, _headers = self.ask("GET", path)
        return status, content.decode()

    def bring(self, content: bytes) -> int:
        """Send an archive by the form of the page."""
        page = self.get("/settings/data")[1]
        token = re.search(r'name="csrf_token" value="([^"]+)"', page)
        assert token
        head = (
            '--x\r\nContent-Disposition: form-data; name="csrf_token"\r\n\r\n'
            f"{token[1]}\r\n"
            '--x\r\nContent-Disposition: form-data; name="file"; filename="a.zip"\r\n'
            "Content-Type: application/zip\r\n\r\n"
        )
        body = head.encode() + content + b"\r\n--x--\r\n"
        kind = "multipart/form-data; boundary=x"
        return self.ask("POST", "/settings/import", body, kind)[0]


def test_RL_4_slow_download_holds_up_its_user_alone(site: Site) -> None:
    """And only until it has ended."""
    site.register("alice")
    site.register("bob")
    people = [Person(site, name) for name in ("alice", "bob")]
    path = "/settings/not-imported"
    posts = [note(content="x" * 800_000) for _ in range(20)]
    worker = site.start_worker()
    try:
        for person in people:
            assert person.bring(in_zip({"outbox.json": outbox(posts)})) == 303
        wait_until(
            lambda: all(
                "Left out: 20." in person.get("/settings/data")[1] for person in people
            )
        )
        slow = socket.create_connection(("127.0.0.1", site.port))
        head = f"GET {path} HTTP/1.1\r\nHost: localhost:{site.port}\r\n"
        slow.sendall(f"{head}Cookie: {people[0].cookie}\r\n\r\n".encode())
        assert slow.recv(12) == b"HTTP/1.1 200"
        assert [person.ask("GET", path)[0] for person in people] == [503, 200]
        left = 16_000_000
        while left > 0:
            left -= len(slow.recv(MB))
        # It is kept open, and yet has ended.
        wait_until(lambda: people[0].ask("GET", path)[0] == 200)
        slow.close()
    finally:
        worker.terminate()
        worker.wait(30)


def test_PR_1_import_and_export_by_a_worker(site: Site) -> None:
    """A MB comes, and what was made of it goes out again."""
    token = site.register("alice")
    alice = Person(site, "alice")
    posts = [note(number) for number in range(300)]
    padding = secrets.token_bytes(MB)
    archive = in_zip({"media/a.bin": padding, "outbox.json": outbox(posts)})
    worker = site.start_worker()
    try:
        assert alice.bring(archive) == 303
        wait_until(lambda: "300 new, 0 already" in alice.get("/settings/data")[1])
        path = "/api/users/alice/export"
        body = {"password": PASSWORD}
        assert site.request("POST", path, body, token)[0] == 202
        wait_until(lambda: site.request("GET", path, token=token)[1]["href"])
        state = site.request("GET", path, token=token)[1]
        status, content, headers = alice.ask("GET", "/settings/export")
        assert (status, len(content)) == (200, state["bytes"])
        assert headers["Content-Length"] == str(state["bytes"])
        found = zipfile.ZipFile(BytesIO(content))
        assert len(json.loads(found.read("microposts.json"))) == 300
        found.close()
    finally:
        worker.terminate()
        worker.wait(30)
