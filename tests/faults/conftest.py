"""Web servers that tests ill-treat, and what came of it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.faults import table
from tests.faults.rig import FailingServer, WebServer
from tests.serving import Served

Serve = Callable[..., Served]
Web = Callable[..., WebServer]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Starts web servers with these settings (key=value)."""
    with ExitStack() as opened:

        def serve(*settings: str, before: Callable[[], None] | None = None) -> Served:
            served = Served(tmp_path / "log", *settings, before=before)
            opened.callback(served.end)
            return served

        yield serve


@pytest.fixture
def document_server(tmp_path: Path) -> Iterator[FailingServer]:
    """A document server whose commands a test lets fail."""
    server = FailingServer(tmp_path / "elsewhere")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def web(tmp_path: Path, document_server: FailingServer) -> Iterator[Web]:
    """Starts sites on it: `uri`, if not by its own address; more lines of the ini file;
    more `environment`."""
    with ExitStack() as opened:
        count = 0

        def web(settings: str = "", uri: str = "", **environment: str) -> WebServer:
            nonlocal count
            count += 1
            uri = uri or document_server.uri()
            server = WebServer(tmp_path / f"web{count}", uri, settings, environment)
            opened.callback(server.end)
            server.start()
            return server

        yield web


@pytest.fixture
def twins(web: Web) -> list[WebServer]:
    """Two web servers on one document server."""
    return [web(), web()]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "fault: what `make faults` runs beside `long`")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if table.ids_of(item.name) and "tests/faults/" in item.nodeid:
            item.add_marker("fault")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    table.note(report)


def pytest_terminal_summary(terminalreporter: Any, exitstatus: int) -> None:
    if table.lines and "fault" in terminalreporter.config.option.markexpr:
        terminalreporter.write_line("")
        terminalreporter.write_line(table.told())
        table.keep(terminalreporter.config, exitstatus)
