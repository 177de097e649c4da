"""What an OpenTelemetry collector is sent, over HTTP, of a site and its worker."""

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
)

from microblog import tracing
from microblog.errors import ConfigurationError
from tests.site import Site

TEXT = "a text that nobody else is told"
OURS = {"http.response.status_code", "microblog.request_id"}
OF_COMMANDS = {"db.system.name", "microblog.outcome"}


class Collector(ThreadingHTTPServer):
    """Takes spans."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.spans: list[Any] = []
        self.received = b""

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1/traces"


class Handler(BaseHTTPRequestHandler):
    """OTLP over HTTP, in protobuf."""

    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received += body
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            for scope in resource.scope_spans:
                self.server.spans += scope.spans
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *arguments: Any) -> None:
        pass


@pytest.fixture
def collector() -> Iterator[Collector]:
    """A collector that listens."""
    with Collector() as collector:
        thread = threading.Thread(target=collector.serve_forever)
        thread.start()
        yield collector
        collector.shutdown()
        thread.join()


def keys(span: Any) -> set[str]:
    """Of what is told of a span."""
    return {one.key for one in span.attributes}


def test_requests_tasks_and_their_commands(
    collector: Collector, tmp_path: Path
) -> None:
    site = Site(tmp_path, f"tracing.endpoint = {collector.endpoint}")
    site.start()
    worker = site.start_worker()
    try:
        token = site.register("somebody")
        path = "/api/users/somebody/collection"
        assert site.request("POST", path, {"text": TEXT}, token)[0] == 201
        # Taken: what the server says of it repeats the name.
        body = {"username": "somebody", "password": TEXT}
        assert site.request("POST", "/api/users", body)[0] == 409
        assert site.request("GET", "/api/users/somebody", None, token)[0] == 200
    finally:
        worker.terminate()
        statuses = worker.wait(60), site.stop()
    assert statuses == (0, 0)
    by_name = {span.name: span for span in collector.spans}
    posted = by_name["POST api.collection"]
    assert keys(posted) == OURS
    stored = [
        span
        for span in collector.spans
        if span.parent_span_id == posted.span_id and span.name == "insert microposts"
    ]
    assert len(stored) == 1
    assert keys(stored[0]) == OF_COMMANDS
    assert stored[0].trace_id == posted.trace_id
    assert posted.start_time_unix_nano <= stored[0].start_time_unix_nano
    assert stored[0].end_time_unix_nano <= posted.end_time_unix_nano
    assert "task sweep" in by_name
    for span in collector.spans:
        assert keys(span) <= OURS | OF_COMMANDS
        assert not span.events
        assert not span.status.message
    for secret in ("somebody", TEXT, token, "/api/", "127.0.0.1"):
        assert secret.encode() not in collector.received


def test_collector_that_is_away_stops_nothing(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    endpoint = f"tracing.endpoint = http://127.0.0.1:{port}/v1/traces"
    site = Site(tmp_path, endpoint)
    site.start()
    assert site.request("GET", "/__lbheartbeat__")[0] == 200
    assert site.stop() == 0


def test_nothing_is_imported_when_it_is_off() -> None:
    code = "import sys, microblog.server, microblog.tasks.worker as worker\n"
    code += "sys.exit(any(name.startswith('opentelemetry') for name in sys.modules))"
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=False)
    assert done.returncode == 0
    assert not tracing.is_on()
    with tracing.span("anything") as span:
        assert span is None


def test_where_it_is_not_installed_the_start_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(ConfigurationError, match=r"microblog\[tracing\]"):
        tracing.start("http://127.0.0.1:4318/v1/traces")
    assert not tracing.is_on()
