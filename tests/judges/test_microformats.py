"""mf2py: pages carry h-card, h-feed and h-entry (microformats.org)."""

from typing import Any

import mf2py
import pytest

from tests.browser.world import TAG, World

Item = dict[str, Any]


def items(world: World, path: str) -> list[Item]:
    """What microformats a page has."""
    status, _headers, body = world.fetch(path)
    assert status == 200
    found = mf2py.parse(doc=body, url=world.url + path)
    return list(found["items"])


def of_type(found: list[Item], name: str) -> list[Item]:
    """The items of a type, on the page itself or inside others."""
    wanted = [item for item in found if name in item["type"]]
    for item in found:
        wanted += of_type(item.get("children", []), name)
    return wanted


def check(entry: Item, world: World) -> None:
    """Whether an entry names its author, address, text and time."""
    properties = entry["properties"]
    (address,) = properties["url"]
    (author,) = properties["author"]
    (text,) = properties["content"]
    (published,) = properties["published"]
    name = address.split("/")[-3]
    assert address.startswith(f"{world.url}/users/{name}/microposts/")
    assert author["type"] == ["h-card"]
    assert author["properties"]["name"] == [name]
    assert author["properties"]["url"] == [f"{world.url}/users/{name}"]
    assert text["value"]
    assert published.endswith("Z")


@pytest.mark.parametrize(
    "path", ["/", "/users/alice", f"/tags/{TAG}", "/search?text=river"]
)
def test_list_is_a_feed(world: World, path: str) -> None:
    (feed,) = of_type(items(world, path), "h-feed")
    entries = of_type(feed["children"], "h-entry")
    assert feed["properties"]["name"] != [""]
    assert len(entries) > 5
    for entry in entries:
        check(entry, world)


def test_micropost_is_an_entry(world: World) -> None:
    path = world.newest("alice")
    (entry,) = of_type(items(world, path), "h-entry")
    check(entry, world)
    assert entry["properties"]["url"] == [world.url + path]


def test_user_has_a_card(world: World) -> None:
    cards = of_type(items(world, "/users/alice"), "h-card")
    properties = cards[0]["properties"]
    assert properties["name"] == ["Alice Liddell"]
    assert properties["url"] == [f"{world.url}/users/alice"]
    assert properties["note"][0].startswith("I am alice")


def test_directory_has_cards(world: World) -> None:
    cards = of_type(items(world, "/users?name=person"), "h-card")
    assert len(cards) == 20
    assert {card["properties"]["url"][0].split("/")[-2] for card in cards} == {"users"}
