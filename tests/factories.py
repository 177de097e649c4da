"""What tests are made of: users and microposts in the store, and clients of the API."""

from typing import Any

from webtest import TestApp, TestResponse

from microblog import passwords
from microblog.settings import Settings
from microblog.store import (
    Database,
    Document,
    deliveries,
    follows,
    ids,
    microposts,
    tokens,
    users,
)
from tests.documented import documented

PASSWORD = "quiet lantern over the river"  # nosec


class Factory:
    """Makes things in the store, by the functions that the program uses."""

    def __init__(self, database: Database, settings: Settings):
        self.database = database
        self.settings = settings
        self._hash = passwords.hash(PASSWORD, settings.password_cost)

    def user(self, username: str = "alice", **profile: Any) -> Document:
        """The user's document; made with PASSWORD if it is not there."""
        found = users.find(self.database, username)
        profile.setdefault("password", self._hash)
        return found or users.create(self.database, username, **profile)

    def token(self, username: str = "alice") -> str:
        """A bearer token of the user."""
        self.user(username)
        return tokens.create(self.database, username, self.settings.token_lifetime)

    def micropost(
        self, username: str = "alice", text: str = "hello", **more: Any
    ) -> Document:
        """A new micropost of the user, in its outward form."""
        return microposts.create(self.database, self.user(username), text, **more)

    def microposts(self, count: int, username: str = "alice") -> list[Document]:
        """So many microposts, oldest first."""
        return [self.micropost(username, f"micropost {n}") for n in range(count)]

    def follow(self, follower: str, followee: str) -> None:
        """Let the one follow the other."""
        self.user(follower)
        self.user(followee)
        follows.create(self.database, follower, followee)

    def deliver(self) -> None:
        """What the worker does of what was posted."""
        below = self.settings.timelines_push_below
        for author in deliveries.waiting(self.database, ids.MAXIMUM):
            deliveries.deliver(self.database, author, below)


class Api:
    """The REST API as one user, or nobody, sees it; no status is an exception, but each
    answer must be as the document of the API has it."""

    def __init__(self, app: TestApp, token: str | None = None, username: str = ""):
        self.app = app
        self.username = username
        self.token = token
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}

    def get(self, path: str, **headers: str) -> TestResponse:
        """GET a path below /api, or an address that the API has answered."""
        return self._send("GET", path, None, headers)

    def post(self, path: str, body: Any = None, **headers: str) -> TestResponse:
        """POST JSON."""
        return self._send("POST", path, body, headers)

    def put(self, path: str, body: Any = None, **headers: str) -> TestResponse:
        """PUT JSON."""
        return self._send("PUT", path, body, headers)

    def patch(self, path: str, body: Any = None, **headers: str) -> TestResponse:
        """PATCH JSON."""
        return self._send("PATCH", path, body, headers)

    def delete(self, path: str, body: Any = None, **headers: str) -> TestResponse:
        """DELETE, with JSON where a body is needed."""
        return self._send("DELETE", path, body, headers)

    def _send(
        self, method: str, path: str, body: Any, headers: dict[str, str]
    ) -> TestResponse:
        """Keyword arguments are headers: `If_Match="…"` for `If-Match: …`."""
        url = path if path.startswith("http") else f"/api{path}"
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = getattr(self.app, f"{method.lower()}_json", self.app.get)(
            url,
            **({} if method == "GET" else {"params": body} if body is not None else {}),
            headers={**self.headers, **given},
            expect_errors=True,
        )
        documented(self.app.app).check(method, answer)
        return answer
