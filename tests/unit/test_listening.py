"""Which threads of the web server answer what."""

from collections.abc import Iterator
from typing import Any

import pytest
from waitress.utilities import BadRequest
from waitress.wasyncore import close_all

from microblog import settings as settings_module
from microblog.server.listening import Server
from microblog.server.parsing import Parser


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A web server that nobody connects to."""
    given = {"http_host": "127.0.0.1", "http_port": "0"}
    server = Server(None, settings_module.read(given, environment={}))
    yield server
    close_all(server.map)
    for dispatcher in server.dispatchers:
        dispatcher.shutdown()


@pytest.mark.parametrize(
    ("method", "path", "threads"),
    [
        ("GET", "/users/alice", "reading"),
        ("HEAD", "/users/alice", "reading"),
        ("OPTIONS", "/api/users/alice/collection", "reading"),
        ("POST", "/api/users/alice/collection", "writing"),
        ("PUT", "/api/users/alice", "writing"),
        ("PATCH", "/api/users/alice", "writing"),
        ("DELETE", "/api/users/alice", "writing"),
        ("BREW", "/users/alice", "writing"),
        ("GET", "/__heartbeat__", "aside"),
        ("GET", "/static/style.css", "aside"),
        ("POST", "/static/style.css", "aside"),
        ("GET", "/staticfiles", "reading"),
    ],
)
def test_threads_for_a_request(
    server: Server, method: str, path: str, threads: str
) -> None:
    request = Parser(server.listeners[0].adj)
    request.command, request.path = method, path
    assert server.threads_for(request) is getattr(server, threads)


def test_threads_for_a_request_that_is_refused_before_its_method_is_read(
    server: Server,
) -> None:
    request: Any = Parser(server.listeners[0].adj)
    request.error = BadRequest("no")
    assert server.threads_for(request) is server.reading
