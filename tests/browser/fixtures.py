"""Fixtures of all tests that need a browser: one browser and one site a session."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser import chromium
from tests.browser.visit import Visit
from tests.browser.world import World, people


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium."""
    path = chromium.find()
    if path is None:
        pytest.fail(chromium.ADVICE, pytrace=False)
    with sync_playwright() as playwright:
        browser = chromium.launch(playwright, path)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A running site with people on it. Tests that write make users of their own."""
    world = World(tmp_path_factory.mktemp("world"))
    world.start()
    world.load(people())
    assert world.command("statistics")[0] == 0
    for name in ("alice", "bob"):
        bio = f"I am {name}, and this is about me.\nSecond line."
        token = world.token(name)
        assert (
            world.request("PATCH", f"/api/users/{name}", {"bio": bio}, token)[0] == 200
        )
    world.moderate()
    yield world
    if world.process and world.process.poll() is None:
        world.stop()


@pytest.fixture
def visit(browser: Browser, world: World) -> Iterator[Callable[..., Visit]]:
    """Opens windows, with Playwright's options for a context and `width` in pixels."""
    visits: list[Visit] = []

    def open_one(**options: Any) -> Visit:
        visits.append(Visit(browser, world, **options))
        return visits[-1]

    yield open_one
    for one in visits:
        one.close()


@pytest.fixture
def page(visit: Callable[..., Visit]) -> Page:
    """A page of nobody."""
    return visit().page()


@pytest.fixture
def plain_page(visit: Callable[..., Visit]) -> Page:
    """A page of nobody, in a browser without JavaScript."""
    return visit(java_script_enabled=False).page()
