"""blns, the Big List of Naughty Strings: shown as they are, they do nothing."""

import json
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page
from pydantic import TypeAdapter, ValidationError

from microblog import settings
from microblog.database import Connection
from microblog.store import Database, microposts, users
from microblog.views.inputs import Bio, Name, Text
from tests.browser.visit import Visit
from tests.browser.world import World
from tests.judges import node
from tests.judges.conftest import Judge

# The text of an element, if there is nothing in it but text, links and <bdi>.
TEXTS = """(found) => found.map(
    one => one.querySelector(":not(a, bdi)") ? one.outerHTML : one.textContent)"""

# Whoever wants to leave a text or an attribute needs one of these. Lists show every
# string; of the sharp ones, so many have pages of their own looked at.
SHARP = set("<>\"'&")
EVERY = 16


def shown(text: str) -> str:
    """What is shown of a text: NFC, line ends as LF."""
    for end in ("\r\n", "\r", "\u2028", "\u2029"):
        text = text.replace(end, "\n")
    return unicodedata.normalize("NFC", text)


@pytest.fixture(scope="module")
def strings(ask: Judge) -> list[str]:
    """All of them."""
    file = node.MODULES / "blns" / "resources" / "blns.json"
    return list(json.loads(file.read_text(encoding="utf-8")))


def accepted(kind: Any, text: str) -> str | None:
    """The text as it is kept; None where it is refused."""
    try:
        return str(TypeAdapter(kind).validate_python(text))
    except ValidationError:
        return None


@pytest.fixture(scope="module")
def database(world: World) -> Iterator[Database]:
    """The store of the site: by the API all this would take long."""
    values = {"data_dir": str(world.data_dir)}
    connection = Connection(settings.read(values, environment={}), seconds=None).open()
    yield connection.wait()
    connection.close()


@pytest.fixture(scope="module")
def written(database: Database, strings: list[str]) -> dict[str, str]:
    """Those that can be a micropost, each one of the user naughty, by address, the
    oldest first."""
    author, found = users.create(database, "naughty"), {}
    for text in strings:
        if kept := accepted(Text, text):
            id = microposts.create(database, author, kept)["id"]
            found[f"/users/naughty/microposts/{id}"] = text
    assert len(found) > len(strings) * 0.9
    return found


@pytest.fixture(scope="module")
def people(database: Database, strings: list[str]) -> dict[str, tuple[str, str]]:
    """Users with these names and bios; where one is refused, theirs is empty."""
    found = {}
    for number, text in enumerate(strings):
        name, bio = accepted(Name, text) or "", accepted(Bio, text) or ""
        users.create(database, f"naughty{number:03}", name=name, bio=bio)
        found[f"naughty{number:03}"] = (
            name and shown(text).strip(),
            bio and shown(text).strip(),
        )
    assert sum(bool(name) for name, _bio in found.values()) > len(strings) * 0.6
    return found


def walk(page: Page, path: str) -> Iterator[Page]:
    """The page, and all that its links for more lead to."""
    while path:
        page.goto(path)
        yield page
        more = page.locator("a[rel=next]")
        path = (more.get_attribute("href") or "") if more.count() else ""


def sharp(items: Iterable[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """Some of the items that have a sharp character."""
    return [item for item in items if SHARP & set(f"{item[1]}")][::EVERY]


def described(page: Page) -> str | None:
    """What the page tells those who link to it."""
    meta = page.locator('meta[property="og:description"]')
    return meta.get_attribute("content") if meta.count() else None


def test_microposts_are_inert(
    visit: Callable[..., Visit], written: dict[str, str]
) -> None:
    found = []
    for page in walk(visit().page(), "/users/naughty?size=100"):
        items = page.locator("#microposts > li:not(.more)")
        texts = page.locator("#microposts > li > article > .text")
        assert items.count() == texts.count()
        found += texts.evaluate_all(TEXTS)
    assert found == [shown(text) for text in reversed(written.values())]


def test_people_are_inert(
    visit: Callable[..., Visit], people: dict[str, tuple[str, str]]
) -> None:
    found = {}
    for page in walk(visit().page(), "/users?size=100&name=naughty"):
        cards = page.locator("#users > li:not(.more) > article")
        handles = cards.locator(".p-nickname").all_text_contents()
        names = cards.locator(".by > .p-name").evaluate_all(TEXTS)
        assert cards.count() == len(handles) == len(names)
        found.update(zip(handles, names, strict=True))
    found.pop("@naughty", "")
    assert found == {f"@{user}": name or user for user, (name, _) in people.items()}


def test_bios_are_inert(
    visit: Callable[..., Visit], people: dict[str, tuple[str, str]]
) -> None:
    found = []
    for page in walk(visit().page(), "/users?size=100&name=naughty"):
        bios = page.locator("#users > li > article > .p-note")
        found += bios.evaluate_all(TEXTS)
    wanted = [bio for _name, bio in people.values() if bio]
    assert len(found) == len(wanted)
    # Long ones are cut.
    short = {bio for bio in wanted if len(bio) <= 100}
    assert short <= set(found)


def test_pages_of_microposts_are_inert(
    visit: Callable[..., Visit], written: dict[str, str]
) -> None:
    page = visit().page()
    for address, text in sharp(written.items()):
        page.goto(address)
        (found,) = page.locator(".micropost > .text").evaluate_all(TEXTS)
        assert found == shown(text)
        assert described(page) == found


def test_pages_of_people_are_inert(
    visit: Callable[..., Visit], people: dict[str, tuple[str, str]]
) -> None:
    page = visit().page()
    for username, (name, bio) in sharp(people.items()):
        page.goto(f"/users/{username}")
        (found,) = page.locator("#profile > h1").evaluate_all(TEXTS)
        assert found == (name or username)
        bios = page.locator("#profile > .bio").evaluate_all(TEXTS)
        assert bios == ([bio] if bio else [])
        assert described(page) == (bio or None)


def test_search_is_inert(visit: Callable[..., Visit], strings: list[str]) -> None:
    page = visit().page()
    for text, _same in sharp((text, text) for text in strings):
        page.goto(f"/search?{urlencode({'text': text})}")
        assert page.locator("[name=text]").input_value() == shown(text)
