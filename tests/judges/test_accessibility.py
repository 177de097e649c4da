"""axe-core: no page breaks a rule of WCAG 2.2 AA that a machine can see."""

import pytest
from playwright.sync_api import Page

from tests.browser.visit import DESKTOP, MOBILE
from tests.browser.world import World
from tests.judges import node
from tests.judges.conftest import Judge, Window
from tests.judges.looks import LOOKS, NAMES, Look

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
RUN = """async tags => {
    const found = await axe.run({runOnly: tags, resultTypes: ["violations"]});
    return found.violations.flatMap(rule => rule.nodes.map(
        node => `${rule.id}: ${node.target}: ${node.failureSummary}`));
}"""


def violations(page: Page) -> list[str]:
    """What axe finds in each colour scheme and width."""
    found = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for width in (DESKTOP, MOBILE):
            page.set_viewport_size({"width": width, "height": 900})
            found += [f"{scheme} {width}: {one}" for one in page.evaluate(RUN, TAGS)]
    return found


@pytest.mark.parametrize("look", LOOKS, ids=NAMES)
def test_page_is_accessible(
    ask: Judge, window: Window, world: World, look: Look
) -> None:
    # The policy of the pages would, rightly, refuse a foreign script.
    visit, page = window(look.reader, bypass_csp=True, locale=look.language)
    answer = look.open(page, world)
    page.add_script_tag(path=node.MODULES / "axe-core" / "axe.min.js")
    found = violations(page)
    assert answer.status == look.status
    assert not found, "\n".join(found)
    visit.check()
