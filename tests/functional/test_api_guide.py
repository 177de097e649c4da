"""The guide to the API: what it shows is run as it is printed."""

import contextlib
import doctest
import io
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from microblog.client import Client
from tests.browser.world import World
from tests.functional.test_readme import normal

README = Path(__file__).parents[2] / "README.md"
GUIDE = Path(__file__).parents[2] / "docs" / "api.md"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """An empty site that knows its own address."""
    world = World(tmp_path)
    world.start()
    yield world
    world.stop()


def blocks(language: str) -> str:
    """All blocks of one language, one after the other."""
    found = re.findall(rf"```{language}\n((?:\$|>>>) .*?)```", GUIDE.read_text(), re.S)
    assert len(found) > 8
    return "\n".join(found)


def test_guide_prints_what_it_says(world: World) -> None:
    """What is typed at a terminal, then the Python, which reads what that wrote."""
    here = world.url.removeprefix("http://")
    parts = re.split(r"^\$ ", blocks("console"), flags=re.M)[1:]
    commands = [part.partition("\n") for part in parts]
    script = "".join(f"{one[0]}\necho '=== end of output'\n" for one in commands)
    script = script.replace("localhost:6543", here)
    script = re.sub(r"\S+/page\b", str(world.directory / "page"), script)
    done = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, check=True
    )
    printed = done.stdout.split("=== end of output\n")
    for (command, _, expected), actual in zip(commands, printed, strict=False):
        said = actual.replace(here, "localhost:6543")
        assert normal(said).strip() == normal(expected).strip(), command

    text = blocks("pycon").replace("http://localhost:6543", world.url)
    test = doctest.DocTestParser().get_doctest(text, {}, "api.md", str(GUIDE), 0)
    said: list[str] = []
    doctest.DocTestRunner(verbose=False).run(test, out=said.append)
    assert len(test.examples) > 20
    assert not said, "".join(said)


def test_readme_shows_the_client_as_it_works(world: World) -> None:
    (shown,) = re.findall(r"```python\n(.*?)```", README.read_text(), re.S)
    with Client(world.url) as app:
        app.register("alice", "quiet lantern over the river")
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(shown.replace("http://localhost:6543", world.url), {})  # noqa: S102
    assert said.getvalue() == "alice Hello, world!\n"
