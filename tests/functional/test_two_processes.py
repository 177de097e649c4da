"""Two web servers and two workers on one store: any of them does anything, and what
ends a login ends it in every process at once."""

import http.client
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.factories import PASSWORD
from tests.faults.rig import wait_until
from tests.functional.answers import OTHER_PASSWORD
from tests.site import Site

FORM = "application/x-www-form-urlencoded"
End = Callable[[Site, str], None]


@pytest.fixture
def pair(site: Site, tmp_path: Path) -> Iterator[tuple[Site, Site]]:
    """Two web servers on one store."""
    (tmp_path / "second").mkdir()
    second = Site(tmp_path / "second")
    second.data_dir = site.data_dir
    second.start()
    yield site, second
    second.stop()


class Login:
    """Somebody at one web server: an app with a token, and a browser."""

    def __init__(self, site: Site, username: str):
        self.site, self.cookie = site, ""
        user = {"username": username, "password": PASSWORD}
        status, answer = site.request("POST", "/api/token", user)
        assert status == 200, answer
        self.token = answer["access_token"]
        _status, headers, page = self.ask("GET", "/login")
        found = re.search('name="csrf_token" value="([^"]+)"', page)
        assert found
        sent = {**user, "csrf_token": found[1]}
        status, headers, page = self.ask("POST", "/login", sent)
        assert status == 303, page
        (self.cookie,) = (
            value.partition(";")[0]
            for name, value in headers
            if name == "Set-Cookie" and value.startswith("session=")
        )

    def ask(
        self, method: str, path: str, fields: dict[str, str] | None = None
    ) -> tuple[int, list[tuple[str, str]], str]:
        """Status, headers and text of a page."""
        connection = http.client.HTTPConnection("127.0.0.1", self.site.port, timeout=20)
        headers = {"Cookie": self.cookie, "Content-Type": FORM}
        connection.request(method, path, urlencode(fields or {}), headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, answer.getheaders(), text

    def statuses(self, site: Site) -> tuple[int, int]:
        """What the app and the browser are answered by a web server."""
        self.site = site
        app = site.request("GET", "/api/users/bob", None, self.token)[0]
        return app, self.ask("GET", "/settings")[0]


def end_by_command(*arguments: str, text: str = "") -> End:
    """By the `microblog` command, a process of its own."""

    def end(site: Site, username: str) -> None:
        status, said = site.command(*arguments, username, text=text)
        assert status == 0, said

    return end


def end_by_password(site: Site, username: str) -> None:
    """By the owner, who sets a new one."""
    changes = {"password": OTHER_PASSWORD, "current_password": PASSWORD}
    token = Login(site, username).token
    assert site.request("PATCH", f"/api/users/{username}", changes, token)[0] == 200


def end_by_deletion(site: Site, username: str) -> None:
    """By the owner, who deletes the account."""
    body, token = {"password": PASSWORD}, Login(site, username).token
    assert site.request("DELETE", f"/api/users/{username}", body, token)[0] == 204


ENDS: dict[str, End] = {
    "barred": end_by_command("user", "disable"),
    "forgetful": end_by_command("user", "password", text=OTHER_PASSWORD),
    "changing": end_by_password,
    "leaving": end_by_deletion,
}


def test_AU_6_AZ_5_out_in_every_process_at_once(pair: tuple[Site, Site]) -> None:
    pair[0].register("bob")
    for username, end in ENDS.items():
        pair[0].register(username)
        logins = [Login(site, username) for site in pair]
        for login in logins:
            for site in pair:
                assert login.statuses(site) == (200, 200)
        end(pair[1], username)
        for login in logins:
            for site in pair:
                assert login.statuses(site) == (401, 303), username


def test_TO_3_revoked_token_is_dead_in_every_process_at_once(
    pair: tuple[Site, Site],
) -> None:
    pair[0].register("bob")
    user = {"username": "bob", "password": PASSWORD}
    for number in range(20):
        here, there = pair[number % 2], pair[1 - number % 2]
        token = here.request("POST", "/api/token", user)[1]["access_token"]
        assert there.request("GET", "/api/users/bob", None, token)[0] == 200
        assert here.request("DELETE", "/api/token", None, token)[0] == 204
        for site in pair:
            assert site.request("GET", "/api/users/bob", None, token)[0] == 401


def test_any_server_answers_any_request_and_any_worker_does_any_task(
    pair: tuple[Site, Site],
) -> None:
    """Sticky to nothing: who posts at one server reads at the other, by token and by
    cookie; what is sent twice, once to each, is there once."""
    alice, bob = pair[0].register("alice"), pair[1].register("bob")
    workers = [site.start_worker() for site in pair]
    try:
        follow = "/api/users/bob/following"
        assert pair[0].request("POST", follow, {"username": "alice"}, bob)[0] == 201
        assert pair[1].request("GET", "/api/users/bob/timeline", None, bob)[0] == 200
        posted = []
        for number in range(10):
            here, there = pair[number % 2], pair[1 - number % 2]
            key = {"Idempotency-Key": f'"{number}"'}
            collection, text = "/api/users/alice/collection", {"text": f"n {number}"}
            status, one = here.request("POST", collection, text, alice, **key)
            assert status == 201
            assert there.request("POST", collection, text, alice, **key)[1] == one
            posted.insert(0, one["id"])
            page = there.request("GET", collection, None, bob)[1]["result"]
            assert [found["id"] for found in page] == posted
        for site in pair:
            wait_until(lambda site=site: _timeline(site, bob) == posted)  # type: ignore[misc]
        login = Login(pair[0], "alice")
        assert [login.statuses(site) for site in pair] == [(200, 200)] * 2
    finally:
        for worker in workers:
            worker.terminate()
        statuses = [worker.wait(60) for worker in workers]
    assert statuses == [0, 0]


def _timeline(site: Site, token: str) -> list[str]:
    page = site.request("GET", "/api/users/bob/timeline", None, token)[1]
    return [one["id"] for one in page["result"]]
