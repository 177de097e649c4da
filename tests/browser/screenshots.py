"""Pictures of ten pages, light and dark, wide and narrow: `make screenshots`.

The people on them come from a file that `microblog import` reads, one of whom must have
the password of tests/factories.py; without a file, from tests/browser/world.py.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser import chromium
from tests.browser.visit import DESKTOP, MOBILE, Visit
from tests.browser.world import World, people
from tests.factories import PASSWORD

OVERLONG = (
    "What a quiet river teaches: that the lantern need not be bright, only steady; "
    "that who rows slowly sees both banks; that the far side is somebody's near side; "
    "and that a story told on the water always runs longer than the water itself, "
    "or than the 255 characters that there are for it."
)
WORD = re.compile(r"(?<![\w@#/])[a-z]{6,}\b")
TAG = re.compile(r"(?<!\w)#([a-z]{4,})\b")


def subjects(lines: list[dict[str, Any]]) -> dict[str, str]:
    """Who looks, at whom, what for: what there is most of."""
    followed = Counter(one["followee"] for one in lines if one["kind"] == "follow")
    microposts = [one for one in lines if one["kind"] == "micropost"]
    written = Counter(one["username"] for one in microposts)
    authors = {name for name, _count in written.most_common(20)}
    user = next(name for name, _count in followed.most_common() if name in authors)
    knowing = [one["username"] for one in lines if one.get("password") == PASSWORD]
    found = {"user": user, "reader": next(name for name in knowing if name != user)}
    for kind, pattern in (("tag", TAG), ("word", WORD)):
        words = Counter(
            word for one in microposts for word in pattern.findall(one["text"])
        )
        found[kind] = words.most_common(1)[0][0]
    return found


def addresses(world: World, chosen: dict[str, str]) -> dict[str, tuple[str, str]]:
    """The pages by name: who looks, and where."""
    reader, user = chosen["reader"], chosen["user"]
    newest = f"/api/users/{user}/collection?size=1"
    page = world.request("GET", newest, token=world.token(reader))[1]
    return {
        "front": ("", "/"),
        "timeline": (reader, "/"),
        "user": (reader, f"/users/{user}"),
        "micropost": (reader, f"/users/{user}/microposts/{page['result'][0]['id']}"),
        "compose": (reader, f"/users/{reader}/microposts/new"),
        "search": (reader, f"/search?text={chosen['word']}"),
        "directory": (reader, "/users"),
        "tag": (reader, f"/tags/{chosen['tag']}"),
        "settings": (reader, "/settings"),
        "404": (reader, "/nowhere"),
    }


def take(page: Page, address: str, path: Path) -> None:
    """The picture of a page."""
    page.goto(address)
    if address.endswith("/new"):
        page.get_by_label("Text").fill(OVERLONG)
    page.screenshot(path=path, animations="disabled", caret="hide")
    if quantise := shutil.which("pngquant"):
        subprocess.run(
            [quantise, "--force", "--strip", "--output", path, path], check=True
        )


def take_all(browser: Browser, world: World, where: Path, chosen: Any) -> None:
    """All pictures."""
    where.mkdir(parents=True, exist_ok=True)
    for name, (reader, address) in addresses(world, chosen).items():
        for scheme in ("light", "dark"):
            for width in (DESKTOP, MOBILE):
                visit = Visit(browser, world, width=width, color_scheme=scheme)
                path = where / f"{name}-{scheme}-{width}.png"
                take(visit.page(reader), address, path)
                visit.close()


def main() -> None:
    """Read the arguments; start a site for as long as it takes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="?", type=Path, help="JSON Lines")
    parser.add_argument("--output", type=Path, default=Path("docs/screenshots"))
    given = parser.parse_args()
    path = chromium.find() or sys.exit(chromium.ADVICE)
    lines = (
        [json.loads(line) for line in given.data.read_text("utf-8").splitlines()]
        if given.data
        else people()
    )
    with tempfile.TemporaryDirectory() as directory, sync_playwright() as playwright:
        world = World(Path(directory))
        world.start()
        try:
            world.load(lines)
            browser = chromium.launch(playwright, path)
            take_all(browser, world, given.output, subjects(lines))
        finally:
            world.stop()


if __name__ == "__main__":
    main()
