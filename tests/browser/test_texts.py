"""Texts that would paint, or turn, what stands beside them."""

from collections.abc import Callable

import pytest

from tests.browser.visit import DESKTOP, MOBILE, Visit
from tests.browser.world import World

HOSTILE = {
    "override": "\u202eright to left",
    "isolates": "\u2067\u2066\u2068never ended",
    "embedding": "\u202b\u202d\u202aa\u202eb",
    "Hebrew": "\u05e9\u05dc\u05d5\u05dd (1)",
    "marks above": "a" + "\u0310" * 254,
    "marks below": "a" + "\u0323" * 254,
    "marks everywhere": ("Z" + "\u0300\u0323\u0489" * 12) * 6,
    "tall letters": "\ufdfd\U00012219" * 20,
    "one word": "w" * 255,
    "lines": "a\n" * 127 + "a",
}


@pytest.mark.parametrize("width", [MOBILE, DESKTOP])
def test_IN_5_neighbours_of_any_text_are_as_without_it(
    visit: Callable[..., Visit], world: World, width: int
) -> None:
    """Each text between two others, shown and hidden: the others are the same, and so
    is the rest of its own micropost."""
    author = world.newcomer()
    page = visit(width=width).page(author)
    for name, text in HOSTILE.items():
        world.post(author, "before", text, "after")
        page.goto(f"/users/{author}?size=3")
        microposts = page.locator("#microposts > li > article")
        beside = [
            microposts.nth(0),
            microposts.nth(2),
            microposts.nth(1).locator(".by"),
        ]
        shown = [one.screenshot() for one in beside]
        microposts.nth(1).locator(".text").evaluate("it => it.style.opacity = 0")
        assert [one.screenshot() for one in beside] == shown, name
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, name
