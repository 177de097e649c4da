"""The whole life of a user, with JavaScript and without, on a desk and on a phone."""

from collections.abc import Callable
from itertools import count

import pytest
from playwright.sync_api import Page, expect

from tests.browser.visit import DESKTOP, MOBILE, Visit
from tests.browser.world import World
from tests.factories import PASSWORD

NEW_PASSWORD = "seven green kites in a row"
NUMBERS = count(1)


def button(page: Page, name: str) -> None:
    """Click the button in the content."""
    page.locator("main").get_by_role("button", name=name, exact=True).click()


def follow_link(page: Page, name: str) -> None:
    """Click the link, wherever it stands."""
    page.get_by_role("link", name=name, exact=True).first.click()


def shown(page: Page, text: str) -> None:
    """Wait until a micropost is there; nothing may stand out of the window."""
    expect(page.locator(".micropost .text", has_text=text).first).to_be_visible()
    fits(page)


def fits(page: Page) -> None:
    """Whether nobody has to scroll sideways."""
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), page.url


def said(page: Page, words: str) -> None:
    """Wait until the page says so."""
    expect(page.get_by_role("status").first).to_contain_text(words)
    fits(page)


@pytest.fixture(
    params=[(MOBILE, True), (MOBILE, False), (DESKTOP, True), (DESKTOP, False)]
)
def newcomer(visit: Callable[..., Visit], request: pytest.FixtureRequest) -> Page:
    """A page of somebody who is here for the first time."""
    width, scripts = request.param
    return visit(width=width, java_script_enabled=scripts).page()


def test_whole_life(newcomer: Page, world: World) -> None:
    page, username = newcomer, f"newcomer{next(NUMBERS)}"
    friend = world.newcomer()
    world.post(friend, f"Written by {friend}.")

    page.goto("/")
    follow_link(page, "Register")
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("Name", exact=True).fill("New Comer")
    page.get_by_label("E-mail").fill("new@example.org")
    button(page, "Register")
    said(page, "Welcome")

    page.get_by_label("Text").fill("My first words, naïve ☕")
    button(page, "Post")
    said(page, "is out")
    shown(page, "My first words, naïve ☕")

    page.goto(f"/users/{friend}")
    button(page, "Follow")
    expect(page.locator("#follow button")).to_have_text("Unfollow")
    follow_link(page, "Home")
    shown(page, f"Written by {friend}.")

    follow_link(page, "Search")
    page.get_by_label("A part of a text").fill("FIRST WORDS, NAÏVE")
    button(page, "Search")
    shown(page, "My first words, naïve ☕")

    follow_link(page, "My page")
    follow_link(page, "Edit")
    page.get_by_label("Text").fill("My second thoughts")
    button(page, "Save")
    said(page, "is changed")
    shown(page, "My second thoughts")

    follow_link(page, "My page")
    expect(page.locator("#microposts > li")).to_have_count(1)
    follow_link(page, "Delete")
    button(page, "Delete")
    expect(page.locator(".micropost")).to_have_count(0)

    settings(page)
    log_out_and_in(page, username)
    leave(page, username)


def settings(page: Page) -> None:
    """Change all that can be changed."""
    follow_link(page, "Settings")
    page.get_by_label("Name", exact=True).fill("Old Hand")
    page.get_by_label("Bio").fill("I have been here for a while.")
    button(page, "Save")
    said(page, "are saved")
    follow_link(page, "E-mail")
    page.get_by_label("once a day").check()
    page.get_by_label("E-mail", exact=True).fill("old.hand@example.org")
    page.get_by_label("Current password").fill(PASSWORD)
    button(page, "Save")
    said(page, "are saved")
    expect(page.get_by_label("once a day")).to_be_checked()
    expect(page.locator("main")).to_contain_text("is not confirmed yet")
    follow_link(page, "Appearance")
    page.get_by_label("dark", exact=True).check()
    button(page, "Save")
    said(page, "are saved")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    follow_link(page, "Password")
    page.get_by_label("Current password").fill(PASSWORD)
    page.get_by_label("New password").fill(NEW_PASSWORD)
    button(page, "Save")
    said(page, "is changed")


def log_out_and_in(page: Page, username: str) -> None:
    """Come again, with the new password."""
    page.get_by_role("button", name="Log out").click()
    said(page, "logged out")
    page.goto("/settings")
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password").fill(PASSWORD)
    button(page, "Log in")
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_label("Password").fill(NEW_PASSWORD)
    button(page, "Log in")
    expect(page.get_by_label("Name", exact=True)).to_have_value("Old Hand")


def leave(page: Page, username: str) -> None:
    """Delete the account."""
    page.goto("/settings/delete")
    page.get_by_label("Password").fill(NEW_PASSWORD)
    page.get_by_label("Yes, delete").check()
    button(page, "Delete")
    said(page, "is deleted")
    answer = page.goto(f"/users/{username}")
    assert answer
    assert answer.status == 404
