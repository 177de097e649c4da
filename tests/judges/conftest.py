"""Judges that know nothing of this project, and what they are asked about."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.browser import fixtures
from tests.browser.visit import Visit
from tests.browser.world import Answer, World
from tests.judges import node
from tests.judges.looks import LOOKS

Judge = Callable[[str, Any], Any]
Window = Callable[..., tuple[Visit, Page]]


def pytest_configure(config: pytest.Config) -> None:
    """One browser for these tests and for those in tests/browser."""
    if not config.pluginmanager.has_plugin("browsing"):
        config.pluginmanager.register(fixtures, "browsing")


@pytest.fixture(scope="session")
def ask() -> Judge:
    """Asks a program of Node's, given JSON."""
    node.prepare()
    return node.run


@pytest.fixture(scope="session")
def window(browser: Browser, world: World) -> Iterator[Window]:
    """Windows that tests share, one for each reader and each set of options: the visit
    and its page."""
    windows: dict[tuple[Any, ...], tuple[Visit, Page]] = {}

    def find(reader: str, **options: Any) -> tuple[Visit, Page]:
        key = (reader, *sorted(options.items()))
        if key not in windows:
            visit = Visit(browser, world, **options)
            windows[key] = (visit, visit.page(reader))
        return windows[key]

    yield find
    for visit, _page in windows.values():
        visit.context.close()


@pytest.fixture(scope="session")
def pages(world: World) -> dict[str, Answer]:
    """Every look as it is sent."""
    return {look.name: look.fetch(world) for look in LOOKS}
