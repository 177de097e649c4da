"""What pages do better with JavaScript: in place, at the same address."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Locator, Page, expect

from microblog import text as grammar
from tests.browser.visit import Visit
from tests.browser.world import World

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466"
TEXTS = {
    "": 0,
    "plain": 5,
    "e\u0301": 1,
    FAMILY: 7,
    "one\r\ntwo": 7,
    "\r\n": 1,
    "\u1e9b\u0323": 2,
    "\U0001d11e": 1,
    "\u0958": 2,
    "x" * 255: 255,
}


@contextmanager
def in_place(page: Page) -> Iterator[None]:
    """Whether page and address stay what they are."""
    address = page.url
    page.evaluate("window.sameDocument = true")
    yield
    assert page.url == address
    assert page.evaluate("window.sameDocument")


def counts(page: Page, text: str) -> int:
    """How many characters the composer counts."""
    page.get_by_label("Text").fill(text)
    said = page.locator("output.count").inner_text()
    number = int("".join(filter(str.isdigit, said)))
    return grammar.MAXIMUM + (number if "many" in said else -number)


def sent_by(page: Page) -> list[str]:
    """Addresses that forms are sent to from now on."""
    sent: list[str] = []
    page.on(
        "request",
        lambda request: sent.append(request.url) if request.method == "POST" else None,
    )
    return sent


def click_twice(page: Page, button: Locator) -> None:
    """Click, and click again before the slow answer to the first is there."""
    network = page.context.new_cdp_session(page)
    slow = {"offline": False, "downloadThroughput": -1, "uploadThroughput": -1}
    network.send("Network.emulateNetworkConditions", {**slow, "latency": 600})
    box = button.bounding_box()
    assert box
    for _click in range(2):
        page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.wait_for_timeout(200)
    network.send("Network.emulateNetworkConditions", {**slow, "latency": 0})


@pytest.fixture
def reader(world: World) -> str:
    """A new user."""
    return world.newcomer()


@pytest.fixture
def page(visit: Callable[..., Visit], reader: str) -> Page:
    """The user's page."""
    return visit().page(reader)


def test_follow_and_unfollow(page: Page, world: World) -> None:
    friend = world.newcomer()
    page.goto(f"/users/{friend}")
    button, followers = page.locator("#follow button"), page.locator(".counts")
    with in_place(page):
        button.click()
        expect(button).to_have_text("Unfollow")
        expect(followers).to_contain_text("1 follower")
        button.click()
        expect(button).to_have_text("Follow")
        expect(followers).to_contain_text("0 followers")
        button.click()
        expect(button).to_have_text("Unfollow")
    page.reload()
    expect(button).to_have_text("Unfollow")


def test_delete(page: Page, world: World, reader: str) -> None:
    first, second = world.post(reader, "first", "second")
    page.goto(f"/users/{reader}")
    articles = page.locator(".micropost")
    with in_place(page):
        articles.first.get_by_role("link", name="Delete").click()
        page.get_by_role("link", name="Keep it").click()
        expect(page.locator(".confirm")).to_have_count(0)
        articles.first.get_by_role("link", name="Delete").click()
        page.locator(".confirm button").click()
        expect(articles).to_have_count(1)
    expect(articles.locator(".text")).to_have_text("first")
    assert world.fetch(second)[0] == 404
    assert world.fetch(first)[0] == 200


def test_load_more(page: Page) -> None:
    page.goto("/users/alice")
    articles, more = page.locator(".micropost"), page.get_by_text("Load more")
    expect(articles).to_have_count(20)
    with in_place(page):
        for count in (40, 45):
            more.click()
            expect(articles).to_have_count(count)
        expect(more).to_have_count(0)
    ids = articles.evaluate_all("all => all.map(one => one.id)")
    assert ids == sorted(set(ids), reverse=True)


def test_newer(page: Page, world: World, reader: str) -> None:
    friend = world.newcomer()
    world.post(friend, "old")
    page.clock.install()
    page.goto(f"/users/{friend}")
    page.locator("#follow button").click()
    expect(page.locator("#follow button")).to_have_text("Unfollow")
    page.goto("/")
    texts, newer = page.locator(".micropost .text"), page.locator("#newer")
    expect(texts).to_have_text(["old"])
    world.post(friend, "new", "newer")
    world.deliver()
    page.get_by_label("Text").fill("not finished yet")
    with in_place(page):
        page.clock.fast_forward("00:31")
        expect(newer).to_contain_text("2 new microposts")
        newer.get_by_role("link").click()
        expect(texts).to_have_text(["newer", "new", "old"])
        expect(newer).not_to_contain_text("new")
        world.post(friend, "newest")
        world.deliver()
        page.clock.fast_forward("00:31")
        expect(newer).to_contain_text("1 new micropost")
    expect(page.get_by_label("Text")).to_have_value("not finished yet")


def test_counter_counts_as_the_server_does(page: Page) -> None:
    page.goto("/")
    assert {text: counts(page, text) for text in TEXTS} == TEXTS
    assert {text: len(grammar.normalise(text)) for text in TEXTS} == TEXTS


def test_text_that_is_too_long_is_marked_and_not_cut(page: Page) -> None:
    text = FAMILY * 37 + "beyond"  # 259 and 6 characters
    page.goto("/")
    assert counts(page, text) == 265
    expect(page.get_by_label("Text")).to_have_value(text)
    expect(page.locator("form.composer mark")).to_have_text(text[-10:])
    page.get_by_label("Text").fill(text[:-10])
    expect(page.locator("form.composer mark")).to_have_text("")


@pytest.mark.parametrize("scripts", [True, False])
def test_double_click_posts_once(
    visit: Callable[..., Visit], reader: str, scripts: bool
) -> None:
    page = visit(java_script_enabled=scripts).page(reader)
    page.goto("/")
    page.get_by_label("Text").fill("only once")
    sent = sent_by(page)
    click_twice(page, page.get_by_role("button", name="Post"))
    expect(page.locator(".micropost .text")).to_have_text(["only once"])
    page.goto(f"/users/{reader}")
    expect(page.locator(".micropost .text")).to_have_text(["only once"])
    # Without a script the form goes twice, and counts once by its key.
    assert len(sent) == 1 or not scripts


def test_double_click_follows_once(page: Page, world: World) -> None:
    page.goto(f"/users/{world.newcomer()}")
    sent = sent_by(page)
    click_twice(page, page.locator("#follow button"))
    expect(page.locator("#follow button")).to_have_text("Unfollow")
    page.wait_for_load_state("networkidle")
    expect(page.locator("#follow button")).to_have_text("Unfollow")
    assert len(sent) == 1
