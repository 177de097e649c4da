"""A clock that jumps while the site runs: an hour back, a day forward, back again."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.factories import PASSWORD
from tests.faults.conftest import Web
from tests.faults.rig import COLLECTION, FailingServer, WebServer, fetch, repair

FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"
# The clock that only goes forward does not jump on a machine either. Without it, the
# library knows no way to sleep until then.
SLEEP = """
import select, time
time.sleep = lambda seconds: select.select([], [], [], seconds)
"""
WEEK = 7 * 86400

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(
        not os.path.exists(FAKETIME) and "CI" not in os.environ,
        reason="Debian's faketime is not installed",
    ),
]

SetClock = Callable[[str], None]
At = Callable[..., WebServer]


@pytest.fixture
def clock(tmp_path: Path) -> SetClock:
    """Moves the clock of the site: "+0", "-1h", "+1d"."""

    def set_clock(offset: str) -> None:
        new = tmp_path / "offset.new"
        new.write_text(offset)
        new.replace(tmp_path / "offset")

    set_clock("+0")
    return set_clock


@pytest.fixture
def on_clock(web: Web, tmp_path: Path, clock: SetClock) -> At:
    """Starts a site with these settings on that clock."""
    (tmp_path / "sitecustomize.py").write_text(SLEEP)

    def start(settings: str = "") -> WebServer:
        return web(
            settings,
            LD_PRELOAD=FAKETIME,
            FAKETIME_TIMESTAMP_FILE=str(tmp_path / "offset"),
            FAKETIME_NO_CACHE="1",
            FAKETIME_DONT_FAKE_MONOTONIC="1",
            PYTHONPATH=str(tmp_path),
        )

    return start


def walk(site: WebServer, token: str, path: str, order: str) -> list[dict[str, Any]]:
    """All of a list, by pages of two."""
    found, path = [], f"{path}{'&' if '?' in path else '?'}size=2&order={order}"
    while path:
        status, page = site.request("GET", path, None, token)
        assert status == 200, page
        found += page["result"]
        path = "/api" + page["next"].split("/api", 1)[1] if page["next"] else ""
    return found


class People:
    """Alice and bob, who follow each other and write; and ever more, whom alice
    follows."""

    def __init__(self, site: WebServer):
        self.site = site
        self.tokens = {name: site.register(name) for name in ("alice", "bob")}
        self.posted: dict[str, list[str]] = {"alice": [], "bob": []}
        self.followed: list[str] = []
        self.follow("bob")

    def follow(self, name: str) -> None:
        path, body = "/api/users/alice/following", {"username": name}
        assert self.site.request("POST", path, body, self.tokens["alice"])[0] == 201
        self.followed.append(name)

    def act(self, when: str) -> None:
        """What people do all day."""
        for number in range(3):
            for name, own in self.posted.items():
                said = {"text": f"{name} {number} at {when} #clock"}
                path = f"/api/users/{name}/collection"
                status, answer = self.site.request(
                    "POST", path, said, self.tokens[name]
                )
                assert status == 201, (when, answer)
                own.append(answer["id"])
        name = f"reader{len(self.followed)}"
        self.site.register(name)
        self.follow(name)

    def check(self, when: str) -> None:
        """Everything is there once, each author's in the order it was written in."""
        token = self.tokens["alice"]
        everything = {id for own in self.posted.values() for id in own}
        for path in (
            "/api/users/alice/timeline",
            "/api/search?text=clock",
            COLLECTION,
            "/api/users/bob/collection",
        ):
            newest = [one["id"] for one in walk(self.site, token, path, "newest")]
            oldest = [one["id"] for one in walk(self.site, token, path, "oldest")]
            assert newest == oldest[::-1], (when, path)
            assert len(set(newest)) == len(newest), (when, path)
            for name, own in self.posted.items():
                shown = [id for id in oldest if id in own]
                assert shown in (own, []), (when, path, name)
            assert set(newest) == everything or "collection" in path, (when, path)
        following = walk(self.site, token, "/api/users/alice/following", "oldest")
        names = [one["username"] for one in following]
        assert sorted(names) == sorted(self.followed), when

    def check_pages(self, when: str) -> None:
        """Pages show everybody, and nothing that is still to come."""
        for path in ("/", "/users/alice", "/users", "/users/alice/following"):
            status, _headers, page = fetch(self.site, path)
            assert status == 200, (when, path)
            ages = re.findall(r"<time[^>]*>\s*([^<]*?)\s*</time>", page)
            assert not [age for age in ages if re.search(r"(^|\s)-\d", age)], (
                when,
                path,
                ages,
            )
            assert ages or "users" in path
            if path == "/users":
                shown = set(re.findall(r'href="/users/(\w+)"', page))
                assert {"alice", *self.followed} <= shown, (when, shown)


def test_F9_DI_7_order_and_paging_survive(
    on_clock: At, clock: SetClock, document_server: FailingServer
) -> None:
    site = on_clock(f"token.lifetime = {WEEK}")
    people = People(site)
    for when in ("+0", "-1h", "+0", "+1d", "+0", "-1h"):
        clock(when)
        people.act(when)
        people.check(when)
        people.check_pages(when)
    # A process that has seen nothing of it, an hour back.
    site.kill()
    site.start()
    people.act("after a start")
    people.check("after a start")
    people.check_pages("after a start")
    assert repair(document_server.database) == []
    site.assert_calm()


def test_F9_TO_4_no_token_is_immortal(on_clock: At, clock: SetClock) -> None:
    site = on_clock("token.lifetime = 3600")
    user = {"username": "alice", "password": PASSWORD}

    def is_valid(token: str) -> bool:
        return bool(site.request("GET", COLLECTION, None, token)[0] == 200)

    today = site.register("alice")
    clock("-1h")
    assert is_valid(today)
    clock("+1d")
    assert not is_valid(today)
    tomorrow = site.request("POST", "/api/token", user)[1]["access_token"]
    assert is_valid(tomorrow)
    clock("+0")
    assert is_valid(today)
    clock("+26h")
    assert not is_valid(tomorrow)
    site.assert_calm()


def test_F9_AU_5_no_limit_locks_for_a_day(on_clock: At, clock: SetClock) -> None:
    """In no place of five minutes does it say more than ten."""
    site = on_clock("limits.login = 3")
    site.register("alice")
    right = {"username": "alice", "password": PASSWORD}
    wrong = {**right, "password": "a wrong one, but a long one"}
    for when in ("+0", "+1d", "-1h"):
        clock(when)
        tried = [site.request("POST", "/api/token", wrong)[0] for _ in range(4)]
        assert tried == [400, 400, 400, 429], when
        _status, headers, _text = fetch(site, "/api/token", wrong)
        assert 0 < int(headers["Retry-After"]) <= 600, when
    clock("+15m")
    assert site.request("POST", "/api/token", right)[0] == 200
    site.assert_calm()
