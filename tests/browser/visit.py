"""Visits: browser windows in which nothing may go wrong unseen."""

from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Dialog, Page, Request

from tests.browser.world import World

PATIENCE = 10_000  # milliseconds until an awaited thing has failed to come
MOBILE, DESKTOP = 360, 1280  # pixels


class Visit:
    """A window of its own: its cookies, and all that was complained of in it."""

    def __init__(self, browser: Browser, world: World, **options: Any):
        self.world = world
        width = options.pop("width", DESKTOP)
        options = {"locale": "en-US", "reduced_motion": "reduce", **options}
        self.context: BrowserContext = browser.new_context(
            base_url=world.url, viewport={"width": width, "height": 900}, **options
        )
        self.context.set_default_timeout(PATIENCE)
        self.complaints: list[str] = []
        self.hosts: set[str] = set()
        self.navigations: set[str] = set()
        self.context.on("console", self._console)
        self.context.on("weberror", lambda error: self._complain("error", error.error))
        self.context.on("dialog", self._dialog)
        self.context.on("request", self._request)

    def page(self, username: str = "") -> Page:
        """A page, of the user if one is named, else of nobody."""
        if username:
            name, value = self.world.session(username).split("=", 1)
            cookie = {"name": name, "value": value, "url": self.world.url}
            self.context.add_cookies([cookie])
        return self.context.new_page()

    def close(self) -> None:
        """Close the window; all must have been well in it."""
        self.context.close()
        self.check()

    def check(self) -> None:
        """All must have been well since the last check: nothing in the console, no
        dialog, nobody asked but the site itself."""
        foreign = self.hosts - {urlsplit(self.world.url).netloc}
        complaints = [*self.complaints, *(f"asked {host}" for host in foreign)]
        self.complaints.clear()
        self.hosts.clear()
        assert not complaints, "\n".join(complaints)

    def _complain(self, kind: str, what: Any) -> None:
        self.complaints.append(f"{kind}: {what}")

    def _console(self, message: Any) -> None:
        address, text = message.location["url"], message.text
        # Chromium reports a page that comes with 400 or 404, as it may, like a picture
        # that is missing, which it may not; and it confirms what logging out asks for.
        refused = "the server responded with a status of 4" in text
        if refused and address in self.navigations:
            return
        if message.type == "info" and text.startswith("Clear-Site-Data header on"):
            return
        self._complain(f"console {message.type} of {address}", text)

    def _dialog(self, dialog: Dialog) -> None:
        self._complain(f"dialog {dialog.type}", dialog.message)
        dialog.dismiss()

    def _request(self, request: Request) -> None:
        self.hosts.add(urlsplit(request.url).netloc)
        if request.is_navigation_request():
            self.navigations.add(request.url)
