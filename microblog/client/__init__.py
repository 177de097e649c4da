"""A client of the API, in its own words: `pip install microblog[client]`.

    with Client("https://example.org") as api:
        api.log_in("alice", password)
        api.post("alice", "Hello, world!")
        for micropost in api.collection("alice"):
            print(micropost["text"])

What the API answers comes back as it is (`answers` has its types); what fails raises a
`Problem`. What may do better a moment later is tried again before, and a new micropost
carries a key, by which it is posted once however often it is sent.
"""

import time
import uuid
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self

import httpx

from microblog.client.answers import (
    Application,
    Day,
    Export,
    Followee,
    Micropost,
    Report,
    User,
)

Json = dict[str, Any]

TRIES = 4
FIRST_WAIT = 0.5  # seconds; then twice as long, unless the answer says how long
LONGEST_WAIT = 60.0  # seconds until another try; who is told to wait longer gives up
# Whoever is answered so, or not at all, may be answered better a moment later.
LATER = frozenset({429, 502, 503, 504})
# What may be sent twice: it is done once all the same.
SAFE = frozenset({"GET", "PUT", "DELETE"})


class Problem(Exception):
    """What the API answers when it does not do what was asked (RFC 9457)."""

    def __init__(self, response: httpx.Response):
        self.response = response
        # A proxy in front may have answered in its own words.
        problem = response.headers.get("Content-Type") == "application/problem+json"
        self.document: Json = response.json() if problem else {}
        super().__init__(self.document.get("detail") or response.reason_phrase)

    @property
    def status(self) -> int:
        """The status of the answer."""
        return self.response.status_code

    @property
    def errors(self) -> list[Json]:
        """The wrong fields of an invalid input: `location`, `name`, `description`."""
        errors: list[Json] = self.document.get("errors", [])
        return errors


class Client:
    """The API of the site at `url`, as one user sees it who has logged in."""

    def __init__(self, url: str, token: str = "", timeout: float = 30.0):
        """`timeout`: seconds for the connection, and for each pause in an answer."""
        self._client = httpx.Client(base_url=f"{url.rstrip('/')}/api", timeout=timeout)
        self._show(token)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; the token stays good."""
        self._client.close()

    def log_in(self, username: str, password: str, scope: str = "read write") -> str:
        """Ask for a token, and show it from now on. Returns it."""
        body = {"username": username, "password": password, "scope": scope}
        token: str = self.send("POST", "/token", body)["access_token"]
        self._show(token)
        return token

    def log_out(self) -> None:
        """End the token."""
        self.send("DELETE", "/token")
        self._show("")

    def register(self, username: str, password: str, **more: str) -> User | Application:
        """A new user, or one who awaits approval; `more`: name, email, invitation."""
        body = {"username": username, "password": password, **more}
        made: User | Application = self.send("POST", "/users", body)
        return made

    def user(self, username: str) -> User:
        """A user."""
        found: User = self.send("GET", f"/users/{username}")
        return found

    def edit_profile(self, username: str, **changes: str) -> User:
        """Change one's name, bio, email or password; the latter two need the
        `current_password`."""
        changed: User = self.send("PATCH", f"/users/{username}", changes)
        return changed

    def delete_account(self, username: str, password: str) -> None:
        """Delete one's own account, for good."""
        self.send("DELETE", f"/users/{username}", {"password": password})

    def post(
        self, username: str, text: str, referenced: str | None = None, key: str = ""
    ) -> Micropost:
        """A new micropost. `key`: the Idempotency-Key, where it must outlive the
        process; by default a new one."""
        body = {"text": text, "referenced": referenced}
        headers = {"Idempotency-Key": key or str(uuid.uuid4())}
        path = f"/users/{username}/collection"
        made: Micropost = self.send("POST", path, body, headers)
        return made

    def micropost(self, href: str) -> Micropost:
        """The micropost at an address."""
        found: Micropost = self.send("GET", href)
        return found

    def edit(self, href: str, etag: str = "", **changes: str | None) -> Micropost:
        """Change a micropost. `etag`: that of the revision that one has read; Problem
        412: it is another by now."""
        changed: Micropost = self.send("PATCH", href, changes, _if_match(etag))
        return changed

    def replace(
        self, href: str, text: str, referenced: str | None = None, etag: str = ""
    ) -> Micropost:
        """Change a micropost as a whole: what is not given is taken away."""
        body = {"text": text, "referenced": referenced}
        changed: Micropost = self.send("PUT", href, body, _if_match(etag))
        return changed

    def etag(self, href: str) -> str:
        """The ETag of the micropost or the user at an address."""
        return str(self.response("GET", href).headers["ETag"])

    def delete(self, href: str, etag: str = "") -> None:
        """Delete a micropost."""
        self.send("DELETE", href, headers=_if_match(etag))

    def follow(self, follower: str, followee: str) -> Followee:
        """Begin to follow; also where one does already."""
        body = {"username": followee}
        made: Followee = self.send("POST", f"/users/{follower}/following", body)
        return made

    def follows(self, follower: str, followee: str) -> bool:
        """Whether one follows the other."""
        try:
            self.send("GET", f"/users/{follower}/following/{followee}")
        except Problem as problem:
            if problem.status == httpx.codes.NOT_FOUND:
                return False
            raise
        return True

    def unfollow(self, follower: str, followee: str) -> None:
        """End it; also where one does not follow."""
        self.send("DELETE", f"/users/{follower}/following/{followee}")

    def collection(self, username: str, **query: str | int) -> Iterator[Micropost]:
        """A user's microposts, by default the newest first; `query`: size, order."""
        return self.pages(f"/users/{username}/collection", **query)

    def timeline(self, username: str, **query: str | int) -> Iterator[Micropost]:
        """One's own timeline."""
        return self.pages(f"/users/{username}/timeline", **query)

    def following(self, username: str, **query: str | int) -> Iterator[User]:
        """Whom a user follows."""
        return self.pages(f"/users/{username}/following", **query)

    def followers(self, username: str, **query: str | int) -> Iterator[User]:
        """Who follows a user."""
        return self.pages(f"/users/{username}/followers", **query)

    def search(self, text: str, **query: str | int) -> Iterator[Micropost]:
        """The microposts that have a part of text; `query`: username, size, order."""
        return self.pages("/search", text=text, **query)

    def report(
        self, username: str, reason: str, micropost: str | None = None
    ) -> Report:
        """Tell the moderators of a user, or of a micropost of the user, by its id."""
        body = {"username": username, "reason": reason, "micropost": micropost}
        made: Report = self.send("POST", "/reports", body)
        return made

    def statistics(self, **query: str) -> list[Day]:
        """Figures of each day that is over; `query`: since, until."""
        path = str(httpx.URL("/statistics", params=query))
        days: list[Day] = self.send("GET", path)["result"]
        return days

    def ask_export(self, username: str, password: str) -> Export:
        """Have all made into one file that is held of oneself."""
        body = {"password": password}
        asked: Export = self.send("POST", f"/users/{username}/export", body)
        return asked

    def export(self, username: str) -> Export:
        """How far that is."""
        found: Export = self.send("GET", f"/users/{username}/export")
        return found

    def export_archive(self, username: str) -> bytes:
        """The file, a zip, once it is ready."""
        return self.response("GET", f"/users/{username}/export/archive").content

    def pages(self, path: str, **query: str | int) -> Iterator[Any]:
        """The items of a page and of all after it, fetched as they are wanted."""
        page = self.send("GET", str(httpx.URL(path, params=query)))
        yield from page["result"]
        while page["next"]:
            page = self.send("GET", page["next"])
            yield from page["result"]

    def send(
        self,
        method: str,
        path: str,
        body: Json | None = None,
        headers: dict[str, str] | None = None,
    ) -> Any:
        """What the API answers to a request of a path below /api, or of an address that
        it has given; {}: nothing. Problem, httpx.TransportError."""
        response = self.response(method, path, body, headers)
        return response.json() if response.content else {}

    def response(
        self,
        method: str,
        path: str,
        body: Json | None = None,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        """The same, with its status and its headers."""
        again = method in SAFE or "Idempotency-Key" in (headers or {})
        url, wait = self._own(path), FIRST_WAIT
        for left in reversed(range(TRIES)):
            try:
                response = self._client.request(method, url, json=body, headers=headers)
            except httpx.TransportError:
                if not (again and left):
                    raise
            else:
                if response.is_success:
                    return response
                asked = response.headers.get("Retry-After", "")
                wait = float(asked) if asked.isdigit() else wait
                # What was too often was not done: that can always be sent again.
                hopeful = response.status_code in LATER if again else _is_429(response)
                if not (hopeful and left and wait <= LONGEST_WAIT):
                    raise Problem(response)
            time.sleep(wait)
            wait *= 2
        raise AssertionError("the last try returns or raises")

    def _own(self, path: str) -> str:
        """A path below /api, or an address of this site. ValueError: it is another's,
        to whom the token would be shown."""
        if path.startswith("/"):
            return path
        url, base = httpx.URL(path), self._client.base_url
        if (url.scheme, url.netloc) != (base.scheme, base.netloc):
            raise ValueError(f"{path} is not an address of {base.host}")
        return path

    def _show(self, token: str) -> None:
        """Let every request show the token from now on."""
        self._client.headers.pop("Authorization", None)
        if token:
            self._client.headers["Authorization"] = f"Bearer {token}"


def _if_match(etag: str) -> dict[str, str]:
    return {"If-Match": etag} if etag else {}


def _is_429(response: httpx.Response) -> bool:
    return response.status_code == httpx.codes.TOO_MANY_REQUESTS
