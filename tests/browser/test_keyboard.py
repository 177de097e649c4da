"""By the keyboard alone: Tab, Enter, Space and what is typed."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.visit import DESKTOP, MOBILE, Visit
from tests.browser.world import LONG, TAG, World
from tests.factories import PASSWORD

MOST_STOPS = 150

# Where the focus is: its name, whether the focus and the thing itself can be seen, and
# whether it is the document's own again.
FOCUS = """() => {
    const here = document.activeElement;
    if (here === document.body || here === null) return null;
    const style = getComputedStyle(here), box = here.getBoundingClientRect();
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
    const above = document.elementFromPoint(x, y);
    const label = here.labels?.[0] || here;
    const name = here.getAttribute("aria-label") || label.textContent;
    return {
        name: name.replace(/\\s+/g, " ").trim(),
        id: here.id,
        ring: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
        seen: above !== null && (here.contains(above) || above.contains(here)),
    };
}"""


def tab_to(page: Page, name: str) -> None:
    """Press Tab until the focus is on what has this name."""
    for _stop in range(MOST_STOPS):
        page.keyboard.press("Tab")
        focus = page.evaluate(FOCUS)
        if focus and focus["name"] == name:
            return
    pytest.fail(f"Tab never comes to {name} on {page.url}")


def type_into(page: Page, name: str, text: str) -> None:
    """Fill a field."""
    tab_to(page, name)
    page.keyboard.type(text)


def press(page: Page, name: str, key: str = "Enter") -> None:
    """Press a button, or follow a link."""
    tab_to(page, name)
    page.keyboard.press(key)


def focused(page: Page, selector: str) -> None:
    """Wait until the focus is there."""
    expect(page.locator(selector)).to_be_focused()


def test_whole_life(page: Page, world: World) -> None:
    friend, username = world.newcomer(), "keyboarder"
    world.post(friend, "Words of a friend.")
    page.goto("/")
    press(page, "Register")
    page.wait_for_url("**/register")
    type_into(page, "Username", username)
    type_into(page, "Password", PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").first).to_contain_text("Welcome")

    type_into(page, "Text", "Written without a mouse")
    press(page, "Post", "Space")
    expect(page.locator(".micropost")).to_have_count(1)

    page.goto(f"/users/{friend}")
    press(page, "Follow")
    expect(page.locator("#follow button")).to_have_text("Unfollow")

    page.goto(f"/users/{username}")
    press(page, "Edit")
    page.wait_for_url("**/edit")
    type_into(page, "Text", "Still ")
    press(page, "Save")
    expect(page.locator(".micropost .text")).to_contain_text("Still")

    page.goto(f"/users/{username}")
    press(page, "Delete")
    focused(page, ".confirm button")
    page.keyboard.press("Enter")
    expect(page.locator(".micropost")).to_have_count(0)

    press(page, "Log out")
    expect(page.get_by_role("status").first).to_contain_text("logged out")


@pytest.mark.parametrize("width", [DESKTOP, MOBILE])
@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/users/bob",
        "/users?name=person",
        f"/tags/{TAG}",
        "/search?text=river",
        "/users/alice/microposts/new",
        "/settings",
        "/settings/appearance",
    ],
)
def test_focus_is_seen_at_every_stop(
    visit: Callable[..., Visit], path: str, width: int
) -> None:
    page = visit(width=width).page("alice")
    page.goto(path)
    # Where a field has the focus from the start, the walk begins before the page.
    page.evaluate("document.activeElement.blur()")
    stops = []
    for _stop in range(MOST_STOPS):
        page.keyboard.press("Tab")
        if (focus := page.evaluate(FOCUS)) is None:
            break
        stops.append(focus)
    assert len(stops) > 8
    assert [stop for stop in stops if not (stop["ring"] and stop["seen"])] == []


def test_skip_link_is_first_and_leads_to_the_content(page: Page) -> None:
    page.goto("/users")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="To the content")).to_be_in_viewport()
    page.keyboard.press("Enter")
    focused(page, "#main")
    page.keyboard.press("Tab")
    focused(page, "main [name=name]")


@pytest.mark.parametrize("scripts", [True, False])
def test_focus_lands_on_the_first_wrong_field(
    visit: Callable[..., Visit], scripts: bool
) -> None:
    page = visit(java_script_enabled=scripts).page()
    page.goto("/register")
    page.get_by_label("Username").fill("Not a name")
    page.get_by_label("Password").fill("short")
    page.get_by_label("Password").press("Enter")
    focused(page, "#username")
    expect(page.locator("#username-error")).to_be_visible()
    expect(page.locator("#username")).to_have_value("Not a name")
    page.get_by_label("Username").fill("not_a_name_yet")
    page.get_by_label("Password").fill("short")
    page.get_by_label("Password").press("Enter")
    focused(page, "#password")
    expect(page.locator("#password")).to_have_attribute("aria-invalid", "true")
    described = page.locator("#password").get_attribute("aria-describedby") or ""
    assert "password-error" in described.split()


def test_focus_lands_on_a_text_that_is_too_long(
    visit: Callable[..., Visit], world: World
) -> None:
    page = visit().page(world.newcomer())
    page.goto("/")
    type_into(page, "Text", LONG)
    press(page, "Post")
    focused(page, "#text")
    expect(page.locator("#text-error")).to_be_visible()
    expect(page.locator("#text")).to_have_value(LONG)
