"""html-validate: what is sent is valid HTML, and nothing its authors advise against."""

import pytest

from tests.browser.world import Answer
from tests.judges.conftest import Judge
from tests.judges.looks import LOOKS, NAMES, Look


@pytest.fixture(scope="session")
def verdicts(ask: Judge, pages: dict[str, Answer]) -> dict[str, list[str]]:
    """What is wrong, page by page."""
    found: dict[str, list[str]] = ask(
        "html.cjs", {name: sent.body for name, sent in pages.items()}
    )
    return found


@pytest.mark.parametrize("look", LOOKS, ids=NAMES)
def test_html_is_valid(
    pages: dict[str, Answer], verdicts: dict[str, list[str]], look: Look
) -> None:
    assert pages[look.name].status == look.status
    assert not verdicts[look.name], "\n".join(verdicts[look.name])
