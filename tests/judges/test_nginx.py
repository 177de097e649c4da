"""nginx in front, as docs/nginx.conf sets it up, and that of compose.yaml."""

import contextlib
import http.client
import json
import os
import re
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from microblog.server.parsing import LARGEST_UPLOAD, UPLOADS
from tests.factories import PASSWORD
from tests.judges.programs import find
from tests.serving import MB, SOON, Served, wait_until
from tests.site import Site

ROOT = Path(__file__).parents[2]
CONF = ROOT / "docs" / "nginx.conf"
COMPOSE = ROOT / "deploy" / "compose" / "nginx.conf"
NAME = "microblog.test"
AROUND = """
{user}
daemon off;
pid {here}/pid;
error_log {here}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {here}/body;
    proxy_temp_path {here}/proxy;
    fastcgi_temp_path {here}/fastcgi;
    uwsgi_temp_path {here}/uwsgi;
    scgi_temp_path {here}/scgi;
{conf}
}}
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


class Front:
    """nginx with the shipped file: other ports, and a certificate of its own."""

    def __init__(self, here: Path, behind: int, shipped: Path):
        """`behind`: the port of the web server."""
        self.program, self.here = find("nginx"), here
        self.tls, self.plain = free_port(), free_port()
        names = {"key": here / "key.pem", "certificate": here / "certificate.pem"}
        subprocess.run(
            [
                *(
                    find("openssl"),
                    "req",
                    "-x509",
                    "-nodes",
                    "-subj",
                    f"/CN={NAME}",
                ),
                *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
                *("-keyout", str(names["key"]), "-out", str(names["certificate"])),
            ],
            check=True,
            capture_output=True,
        )
        conf = shipped.read_text()
        own = (r"example\.org", NAME)
        if shipped == COMPOSE:
            # Of nginx from 1.25.1 on; this machine's may be older.
            own = ("(listen 443 ssl;)\n    http2 on;", r"\1")
        for pattern, put in (
            own,
            (r"server (127\.0\.0\.1|web\d):\d+;", f"server 127.0.0.1:{behind};"),
            (r"(listen (?:\[::\]:)?)443", rf"\g<1>{self.tls}"),
            (r"(listen (?:\[::\]:)?)80", rf"\g<1>{self.plain}"),
            (r"(ssl_certificate) [^;]+", rf"\1 {names['certificate']}"),
            (r"(ssl_certificate_key) [^;]+", rf"\1 {names['key']}"),
        ):
            conf, count = re.subn(pattern, put, conf)
            assert count, pattern
        self.conf = here / "nginx.conf"
        user = "user root;" if os.geteuid() == 0 else ""
        self.conf.write_text(AROUND.format(here=here, conf=conf, user=user))

    def test(self) -> str:
        """What `nginx -t` says; AssertionError: it does not pass."""
        done = subprocess.run(
            [self.program, "-t", "-p", str(self.here), "-c", str(self.conf)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stderr

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Meanwhile it listens."""
        process = subprocess.Popen(
            [self.program, "-p", str(self.here), "-c", str(self.conf)]
        )
        try:
            wait_until(lambda: self._listens() or process.poll() is not None)
            yield
        finally:
            process.terminate()
            process.wait()

    def _listens(self) -> bool:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.tls)).close()
            return True
        return False

    def ask(
        self,
        method: str,
        path: str,
        body: str | bytes | None = None,
        source: str = "127.0.0.1",
        **headers: str,
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        """Status, headers and body of an answer, by TLS."""
        context = ssl._create_unverified_context()  # noqa: S323 (our own)
        connection = http.client.HTTPSConnection(
            "127.0.0.1",
            self.tls,
            context=context,
            timeout=SOON,
            source_address=(source, 0),
        )
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, {"Host": NAME, **given})
        answer = connection.getresponse()
        found = answer.status, answer.headers, answer.read()
        connection.close()
        return found


Put = Callable[..., Front]


@pytest.fixture
def front(tmp_path: Path) -> Iterator[Put]:
    """Puts nginx in front of a web server on this port."""
    with contextlib.ExitStack() as opened:

        def put(behind: int, shipped: Path = CONF) -> Front:
            here = tmp_path / "nginx"
            here.mkdir()
            made = Front(here, behind, shipped)
            assert "test is successful" in made.test()
            opened.enter_context(made.running())
            return made

        yield put


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """The web server, which believes a proxy at 127.0.0.1."""
    served = Served(
        tmp_path / "log", "http.trusted_proxy=127.0.0.1", "http.connections=5"
    )
    yield served
    served.end()


def test_RL_2_address_of_the_client_comes_through(served: Served, front: Put) -> None:
    nginx = front(served.port)
    for headers in ({}, {"X_Forwarded_For": "192.0.2.7"}, {"Forwarded": "for=[::7]"}):
        _, _, body = nginx.ask("GET", "/address", source="127.0.0.9", **headers)
        assert body == b"127.0.0.9"


def test_RL_4_proxy_is_not_bounded_as_one_client(served: Served, front: Put) -> None:
    nginx, statuses = front(served.port), []

    def ask() -> None:
        for _ in range(5):
            statuses.append(nginx.ask("GET", "/slow?seconds=0.05")[0])

    threads = [threading.Thread(target=ask) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 100


@pytest.mark.parametrize("shipped", [CONF, COMPOSE], ids=["docs", "compose"])
def test_IN_7_large_bodies_come_to_one_address(
    served: Served, front: Put, shipped: Path
) -> None:
    """As the web server has it, to the byte."""
    nginx = front(served.port, shipped)
    for path, length, expected in (
        (UPLOADS[1], 3 * MB, 200),
        (UPLOADS[1], LARGEST_UPLOAD, 200),
        (UPLOADS[1], LARGEST_UPLOAD + 1, 413),
        ("/settings", 1 << 16, 200),
        ("/settings", (1 << 16) + 1, 413),
        (f"{UPLOADS[1]}/", 3 * MB, 413),
    ):
        body = b"x" * length if expected == 200 else None
        given = {"Content_Length": str(length)} if expected != 200 else {}
        assert nginx.ask("POST", path, body, **given)[0] == expected, (path, length)


def test_RL_4_site_behind_the_shipped_configuration(tmp_path: Path, front: Put) -> None:
    site = Site(tmp_path, f"site.url = https://{NAME}\nhttp.trusted_proxy = 127.0.0.1")
    site.ini.write_text(site.ini.read_text().replace("cost = 4", "cost = 12"))
    site.start()
    try:
        nginx = front(site.port)
        status, headers, body = nginx.ask("GET", "/about")
        assert status == 200
        assert f"https://{NAME}/about".encode() in body
        assert headers["Strict-Transport-Security"]
        user = json.dumps({"username": "alice", "password": PASSWORD})
        json_type = {"Content_Type": "application/json"}
        assert nginx.ask("POST", "/api/users", user, **json_type)[0] == 201
        assert nginx.ask("POST", "/api/users", "x" * 70_000, **json_type)[0] == 413
        assert nginx.ask("GET", "/about", Host="evil.example")[0] == 400
        with socket.create_connection(("127.0.0.1", nginx.plain)) as client:
            client.sendall(f"GET /about HTTP/1.0\r\nHost: {NAME}\r\n\r\n".encode())
            assert f"Location: https://{NAME}/about\r\n".encode() in client.recv(4096)
    finally:
        site.stop()
