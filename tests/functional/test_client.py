"""The client: an app of a running site, in the API's own words."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from pathlib import Path
from typing import Any, is_typeddict

import httpx
import pytest

from microblog import client as client_module
from microblog.client import Client, Problem, answers
from tests.documented import Documented, documented
from tests.factories import PASSWORD
from tests.site import Site


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site for the tests of this module; each has users of its own."""
    site = Site(tmp_path_factory.mktemp("site"))
    site.start()
    yield site
    site.stop()


@pytest.fixture
def api(running: Site) -> Iterator[Client]:
    """A client that has not logged in."""
    with Client(f"http://127.0.0.1:{running.port}") as client:
        # The site does not know its port, so its links name the one of the settings.
        yield client


def logged_in(api: Client, username: str) -> Client:
    """The same as a new user."""
    api.register(username, PASSWORD)
    api.log_in(username, PASSWORD)
    return api


def live(api: Client) -> None:
    """What most apps do."""
    logged_in(api, "anna")
    api.register("berta", PASSWORD)
    first = api.post("anna", "Hello, world!")
    assert (first["text"], first["username"]) == ("Hello, world!", "anna")
    path = f"/users/anna/collection/{first['id']}"
    assert api.micropost(path) == first
    assert api.edit_profile("anna", bio="Me.")["bio"] == "Me."
    assert api.follow("anna", "berta")["username"] == "berta"
    assert [one["username"] for one in api.following("anna")] == ["berta"]
    assert [one["username"] for one in api.followers("berta")] == ["anna"]
    api.unfollow("anna", "berta")
    assert [*api.following("anna")] == []
    assert [one["id"] for one in api.timeline("anna")] == [first["id"]]
    assert [one["id"] for one in api.search("LO, WOR")] == [first["id"]]
    old = api.etag(path)
    assert api.edit(path, old, text="Hello again!")["text"] == "Hello again!"
    with pytest.raises(Problem) as stale:
        api.edit(path, old, text="Too late")
    assert stale.value.status == 412
    api.delete(path)
    with pytest.raises(Problem, match="nothing at this address"):
        api.micropost(path)
    api.log_out()
    with pytest.raises(Problem, match="token") as refused:
        api.user("anna")
    assert refused.value.document["title"] == "Unauthorized"


def do_the_rest(api: Client) -> None:
    """What few apps do."""
    logged_in(api, "julia")
    api.register("karla", PASSWORD)
    href = api.post("julia", "Hello, karla!", referenced="karla")["href"]
    path = httpx.URL(href).path.removeprefix("/api")
    changed = api.replace(path, "Hello!", etag=api.etag(path))
    assert (changed["text"], changed["referenced"]) == ("Hello!", None)
    with pytest.raises(Problem):
        api.delete(path, '"a stale one"')
    assert not api.follows("julia", "karla")
    api.follow("julia", "karla")
    assert api.follows("julia", "karla")
    reported = api.report("karla", "She is spam.")
    assert reported == {
        "username": "karla",
        "micropost": None,
        "reason": "She is spam.",
    }
    assert [one["id"] for one in api.collection("julia")] == [changed["id"]]
    assert api.statistics(since="2020-01-01", until="2020-01-31") == []
    assert api.export("julia")["state"] == "none"
    assert api.ask_export("julia", PASSWORD)["state"] == "waiting"
    with pytest.raises(Problem, match="nothing to fetch"):
        api.export_archive("julia")
    api.delete_account("julia", PASSWORD)
    with pytest.raises(Problem, match="token"):
        api.follows("karla", "julia")


def test_it_can_do_all_that_the_api_can(api: Client) -> None:
    document = Documented(api.send("GET", "/openapi.json"))
    asked = set()

    def note(request: httpx.Request) -> None:
        operation = document.operation(request.method, request.url.path)
        asked.add((operation or {})["operationId"])

    api._client.event_hooks["request"].append(note)
    live(api)
    do_the_rest(api)
    operations = {
        operation["operationId"]
        for methods in document.content["paths"].values()
        for operation in methods.values()
    }
    assert operations - asked == {"openapi_get"}


def test_types_are_those_of_the_document(application: Any) -> None:
    schemas = documented(application).content["components"]["schemas"]
    forms = [one for one in vars(answers).values() if is_typeddict(one)]
    assert len(forms) > 5
    for form in forms:
        schema = schemas[form.__name__]
        assert form.__required_keys__ == {*schema["required"]}
        assert form.__required_keys__ | form.__optional_keys__ == {
            *schema["properties"]
        }


def test_site_that_has_just_started_has_its_document(api: Client) -> None:
    assert len(api.send("GET", "/openapi.json")["paths"]) > 10


def test_wrong_fields_are_named(api: Client) -> None:
    logged_in(api, "clara")
    with pytest.raises(Problem) as wrong:
        api.post("clara", "x" * 300)
    assert wrong.value.status == 400
    assert [one["name"] for one in wrong.value.errors] == ["text"]


def test_what_is_sent_again_is_posted_once(api: Client) -> None:
    logged_in(api, "dora")
    sent = [api.post("dora", "Once.", key="one-of-these") for _time in range(3)]
    assert sent[0] == sent[1] == sent[2]
    assert len([*api.collection("dora")]) == 1


class Proxy(ThreadingHTTPServer):
    """Answers some requests itself, and passes the others on with its own address in
    place of the site's."""

    def __init__(self, site: Site):
        super().__init__(("127.0.0.1", 0), _Passing)
        self.site = site
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.refusals: list[tuple[int, str]] = []
        self.asked: list[tuple[str, str]] = []
        self.lose = 0  # answers that never arrive


class _Passing(BaseHTTPRequestHandler):
    server: Proxy

    def handle_any(self) -> None:
        """Answer as the proxy says, or as the site does."""
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        self.server.asked.append((self.command, self.path))
        if self.server.refusals:
            status, seconds = self.server.refusals.pop(0)
            self.send_response(status)
            if seconds:
                self.send_header("Retry-After", seconds)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        names = ("Authorization", "Content-Type", "Idempotency-Key", "If-Match")
        headers = {one: self.headers[one] for one in names if one in self.headers}
        port = self.server.site.port
        answer = httpx.request(
            self.command,
            f"http://127.0.0.1:{port}{self.path}",
            content=body,
            headers=headers,
        )
        if self.server.lose:
            self.server.lose -= 1
            self.connection.close()
            return
        content = answer.content.replace(
            b"http://localhost:0", self.server.url.encode()
        )
        self.send_response(answer.status_code)
        self.send_header("Content-Type", answer.headers.get("Content-Type", ""))
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *arguments: Any) -> None:
        """To nobody."""


for method in ("GET", "POST", "PATCH", "DELETE"):
    setattr(_Passing, f"do_{method}", _Passing.handle_any)


@pytest.fixture
def proxy(running: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """Between the client, which does not wait long, and the site."""
    monkeypatch.setattr(client_module, "FIRST_WAIT", 0.01)
    proxy = Proxy(running)
    thread = threading.Thread(target=proxy.serve_forever)
    thread.start()
    yield proxy
    proxy.shutdown()
    thread.join()
    proxy.server_close()


@pytest.fixture
def through(proxy: Proxy) -> Iterator[Client]:
    """A client that asks the proxy."""
    with Client(proxy.url) as client:
        yield client


def test_pages_are_fetched_as_they_are_wanted(through: Client, proxy: Proxy) -> None:
    logged_in(through, "emma")
    for number in range(7):
        through.post("emma", f"number {number}")
    proxy.asked.clear()
    found = [one["text"] for one in through.collection("emma", size=2, order="oldest")]
    assert found == [f"number {number}" for number in range(7)]
    assert len(proxy.asked) == 4
    proxy.asked.clear()
    assert len([*islice(through.collection("emma", size=3), 3)]) == 3
    assert len(proxy.asked) == 1


def test_lost_answer_is_asked_for_again_and_posted_once(
    through: Client, proxy: Proxy
) -> None:
    logged_in(through, "frida")
    proxy.lose = 2
    assert through.post("frida", "Did you hear me?")["text"] == "Did you hear me?"
    assert len([*through.collection("frida")]) == 1


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_refused_for_a_moment_is_tried_again(
    through: Client, proxy: Proxy, status: int
) -> None:
    logged_in(through, f"gerda{status}")
    proxy.refusals = [(status, "0"), (status, "")]
    proxy.asked.clear()
    assert through.post(f"gerda{status}", "At last.")["text"] == "At last."
    assert len(proxy.asked) == 3


def test_what_cannot_be_known_is_not_sent_twice(through: Client, proxy: Proxy) -> None:
    logged_in(through, "hanna")
    proxy.refusals = [(503, "0")]
    proxy.asked.clear()
    with pytest.raises(Problem) as refused:
        through.send("POST", "/users/hanna/collection", {"text": "Without a key"})
    assert (refused.value.status, len(proxy.asked)) == (503, 1)
    proxy.refusals = [(429, "0")]
    through.send("POST", "/users/hanna/collection", {"text": "That was not done"})
    assert len([*through.collection("hanna")]) == 1


def test_who_is_told_to_wait_long_gives_up(through: Client, proxy: Proxy) -> None:
    proxy.refusals = [(429, "3600")]
    with pytest.raises(Problem) as refused:
        through.log_in("nobody", PASSWORD)
    assert refused.value.response.headers["Retry-After"] == "3600"


def test_there_is_an_end_to_trying(through: Client, proxy: Proxy) -> None:
    logged_in(through, "ida")
    proxy.refusals = [(503, "")] * 10
    with pytest.raises(Problem) as refused:
        through.user("ida")
    assert (refused.value.status, len(proxy.refusals)) == (
        503,
        10 - client_module.TRIES,
    )
    assert str(refused.value) == "Service Unavailable"


def test_token_is_shown_to_its_site_alone(api: Client) -> None:
    with pytest.raises(ValueError, match="is not an address of"):
        api.micropost("http://example.org/api/users/alice/collection/1")


def test_site_that_is_not_there(tmp_path: Path, proxy: Proxy) -> None:
    with Client("http://127.0.0.1:1") as api, pytest.raises(httpx.ConnectError):
        api.user("alice")
