"""A running site with people on it, for tests that only look, or bring their own."""

import http.client
import json
import socket
from datetime import UTC, datetime, timedelta
from email.message import Message
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

from bs4 import BeautifulSoup

from tests.factories import PASSWORD
from tests.site import Site

TAG = "lantern"
LONG = "o" * 300  # more than a micropost may have


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: Message
    body: str


class World(Site):
    """A site at the address that its pages name, with alice, bob and a crowd."""

    def __init__(self, directory: Path, settings: str = ""):
        super().__init__(directory, settings)
        self.wanted = _free_port()
        self.url = f"http://localhost:{self.wanted}"
        self._numbers = count(1)
        self._sessions: dict[str, str] = {}
        self.hidden = ""  # the address of a hidden micropost

    @property
    def environment(self) -> dict[str, str]:
        """The port must be known beforehand: addresses in feeds carry it."""
        return {**super().environment, "HTTP_PORT": str(self.wanted)}

    def load(self, lines: list[dict[str, Any]]) -> None:
        """Import users, follows and microposts."""
        status, said = self.command(
            "import", text="".join(f"{json.dumps(line)}\n" for line in lines)
        )
        assert status == 0, said

    def newcomer(self) -> str:
        """The name of a new user whom nobody else uses."""
        username = f"guest{next(self._numbers)}"
        self.register(username)
        return username

    def token(self, username: str) -> str:
        """A bearer token of the user."""
        user = {"username": username, "password": PASSWORD}
        return str(self.request("POST", "/api/token", user)[1]["access_token"])

    def post(self, username: str, *texts: str) -> list[str]:
        """Addresses of new microposts of the user, in the order of `texts`."""
        token, made = self.token(username), []
        for text in texts:
            path = f"/api/users/{username}/collection"
            status, micropost = self.request("POST", path, {"text": text}, token)
            assert status == 201, micropost
            made.append(f"/users/{username}/microposts/{micropost['id']}")
        return made

    def deliver(self) -> None:
        """Do what a worker does of what was posted."""
        status, said = self.command("tasks", "run", "deliver")
        assert status == 0, said

    def newest(self, username: str) -> str:
        """The address of the user's newest micropost."""
        path = f"/api/users/{username}/collection?size=1"
        (newest,) = self.request("GET", path, token=self.token(username))[1]["result"]
        return f"/users/{username}/microposts/{newest['id']}"

    def moderate(self) -> None:
        """Let judge administrate; bob reports alice, and a micropost is hidden."""
        self.register("judge")
        (self.hidden,) = self.post("judge", "what nobody is to see")
        about = {"username": "alice", "reason": "She is late."}
        assert self.request("POST", "/api/reports", about, self.token("bob"))[0] == 201
        for command in (
            ("user", "role", "judge", "administrator"),
            ("micropost", "hide", "judge", self.hidden.rpartition("/")[2], "a reason"),
            ("invitation", "add"),
        ):
            status, said = self.command(*command)
            assert status == 0, said

    def session(self, username: str) -> str:
        """The cookie of the user's one session that tests share, `name=value`."""
        if username not in self._sessions:
            self._sessions[username] = self._log_in(username)
        return self._sessions[username]

    def _log_in(self, username: str) -> str:
        form = {"username": username, "password": PASSWORD}
        answer = self.send("/login", form)
        assert answer.status == 303, answer.body
        sent = answer.headers.get_all("Set-Cookie", [])
        return next(one for one in sent if one.startswith("session=")).split(";")[0]

    def fetch(
        self,
        path: str,
        cookie: str = "",
        form: dict[str, str] | None = None,
        **more: str,
    ) -> Answer:
        """What a client without ideas of its own gets; `more`: headers."""
        headers = {"Host": f"localhost:{self.port}", "Cookie": cookie, **more}
        body = None
        if form is not None:
            body = urlencode(form)
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request("GET" if form is None else "POST", path, body, headers)
        answer = connection.getresponse()
        found = Answer(answer.status, answer.headers, answer.read().decode())
        connection.close()
        return found

    def send(self, path: str, form: dict[str, str], cookie: str = "") -> Answer:
        """The answer to the form on a page that has these fields, so filled."""
        page = BeautifulSoup(self.fetch(path, cookie).body, "html.parser")
        there = next(
            candidate
            for candidate in page.select("main form")
            if candidate.select(f"[name={next(iter(form))}]")
        )
        values = {
            field["name"]: field.get("value") or ""
            for field in there.select("input[type=hidden]")
        }
        return self.fetch(str(there["action"]), cookie, {**values, **form})


def people() -> list[dict[str, Any]]:
    """What is imported: alice writes much, bob follows her, a crowd follows bob."""
    now = datetime.now(UTC).replace(microsecond=0)
    crowd = [f"person{number:02}" for number in range(30)]
    users = [
        {"username": "alice", "name": "Alice Liddell", "password": PASSWORD},
        {"username": "bob", "name": "Bob", "password": PASSWORD},
        {"username": "carol", "password": PASSWORD},
        *({"username": name, "name": name.title()} for name in crowd),
    ]
    microposts = [
        {
            "username": "alice",
            "text": _text(number),
            "timestamp": (now - timedelta(hours=50 - number)).isoformat(),
        }
        for number in range(45)
    ]
    microposts[44]["referenced"] = "bob"
    microposts += [
        {"username": name, "text": f"{name} is here", "timestamp": now.isoformat()}
        for name in crowd[:5]
    ]
    follows = [{"follower": "bob", "followee": "alice"}]
    follows += [{"follower": name, "followee": "bob"} for name in crowd]
    return [
        *({"kind": "user", **user} for user in users),
        *({"kind": "micropost", **micropost} for micropost in microposts),
        *({"kind": "follow", **follow} for follow in follows),
    ]


def _text(number: int) -> str:
    links = ("", " https://example.org/a?b=1&c=2", " @bob", f" #{TAG}")
    return f"Micropost number {number} of a quiet river\u2026{links[number % 4]}"
