"""The log: a line for each request, in which nothing stands that must not."""

import json
import logging
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from webob import Request

from microblog import request_log
from microblog.mailing import links
from microblog.store import Database, users
from microblog.views import front
from tests.browsing import Browser
from tests.factories import PASSWORD, Api, Factory
from tests.functional.bad_inputs.cases import ENDPOINTS
from tests.site import Site

Line = dict[str, Any]

CANARY = "canary"
ADDRESS = "203.0.113.77"


class Log:
    """What was logged, in JSON."""

    def __init__(self, application: Any):
        self.application = application
        self.text = ""
        self.handler = logging.Handler()
        self.handler.setFormatter(request_log.JsonFormatter())
        self.handler.emit = self._keep  # type: ignore[method-assign]

    def _keep(self, record: logging.LogRecord) -> None:
        self.text += self.handler.format(record) + "\n"

    def lines(self) -> list[Line]:
        """All of it."""
        assert self.text.count("\n") == len(self.text.splitlines())
        return [json.loads(line) for line in self.text.split("\n")[:-1]]

    def requests(self) -> list[Line]:
        """The lines of requests."""
        return [one for one in self.lines() if one["logger"] == "microblog.requests"]

    def browser(self) -> Browser:
        """A browser whose requests are logged."""
        browser = Browser(self.application)
        browser.app.extra_environ.update(REMOTE_ADDR=ADDRESS, HTTP_USER_AGENT=CANARY)
        return browser

    def api(self, token: str = "") -> Api:
        """An app whose requests are logged."""
        return Api(self.browser().app, token)


@pytest.fixture
def log(application: Any, database: Database) -> Iterator[Log]:
    """The log of the application, of everything that all parts would tell."""
    around: Any = request_log.around(application)
    around.registry = application.registry  # Where the tests find the API's document.
    found = Log(around)
    loggers = logging.getLogger(), logging.getLogger("microblog")
    before = [one.level for one in loggers]
    for one in loggers:
        one.setLevel(logging.DEBUG)
    # What the driver has to say is asked for by nobody.
    logging.getLogger("pymongo").setLevel(logging.WARNING)
    loggers[0].addHandler(found.handler)
    yield found
    loggers[0].removeHandler(found.handler)
    for one, level in zip(loggers, before, strict=True):
        one.setLevel(level)


def test_OP_2_a_request_is_one_line(log: Log, make: Factory) -> None:
    browser = log.browser()
    make.user("alice")
    answer = browser.get("/users/alice?said=saved")
    (line,) = log.lines()
    assert line["id"] == answer.headers["X-Request-Id"]
    assert line["time"].endswith("Z")
    assert line["milliseconds"] > 0
    wanted = {
        "method": "GET",
        "path": "/users/alice",
        "status": 200,
        "bytes": len(answer.body),
        "user": "",
        "network": "203.0.113.0/24",
        "event": "",
    }
    assert wanted.items() <= line.items()


def test_OP_2_what_is_sent_is_what_is_told(log: Log, make: Factory) -> None:
    """Not the answer that the program has made, but the one that is sent."""
    make.user("alice")
    tag = log.browser().get("/users/alice").headers["ETag"]
    log.browser().get("/users/alice", If_None_Match=tag)
    log.browser().app.head("/users/alice")
    log.api(make.token("alice")).delete("/token")
    assert [(one["status"], one["bytes"] or 0) for one in log.requests()[1:]] == [
        (304, 0),
        (200, 0),
        (204, 0),
    ]


def test_OP_2_who_asks_is_told(log: Log, make: Factory) -> None:
    log.api(make.token("bob")).get("/users/bob")
    browser = log.browser()
    make.user("alice")
    browser.log_in("alice")
    browser.get("/settings")
    assert [one["user"] for one in log.requests()] == ["bob", "", "alice", "alice"]


def test_OP_2_logins_and_denials_have_names(log: Log, make: Factory) -> None:
    make.user("alice")
    make.user("bob")
    browser, api = log.browser(), log.api()
    browser.log_in("alice", "wrong")
    browser.log_in("nobody_here", "wrong")
    browser.get("/admin")
    browser.log_in("alice")
    browser.get("/admin")
    browser.send("/", "/logout")
    browser.app.post("/login", {"username": "alice"}, expect_errors=True)
    api.post("/token", {"username": "alice", "password": "wrong"})
    token = api.post("/token", {"username": "alice", "password": PASSWORD}).json
    api.get("/users/alice")
    alice = log.api(token["access_token"])
    alice.patch("/users/bob", {"name": "x"})
    alice.delete("/token")
    alice.get("/users/alice")
    found = [(one["event"], one["user"], one["status"]) for one in log.requests()]
    assert [one for one in found if one[0]] == [
        ("login_failed", "alice", 400),
        # Whoever takes one field for the other has typed a password there.
        ("login_failed", "", 400),
        ("denied", "", 303),
        ("login", "alice", 303),
        ("denied", "alice", 403),
        ("logout", "alice", 303),
        ("login_failed", "alice", 400),
        ("login", "alice", 200),
        ("denied", "", 401),
        ("denied", "alice", 403),
        ("logout", "alice", 204),
        ("denied", "", 401),
    ]


@pytest.mark.parametrize(
    "path",
    ["/x%0d%0a{}", "/users/%0a", "/api/users/%0a", "/%ff%0a", "/%e2%80%a8%c2%85"],
)
@pytest.mark.parametrize("agent", ["a\r\nb", "a\u2028b", "\x85"])
def test_OP_2_input_adds_no_line(log: Log, path: str, agent: str) -> None:
    environ = {"HTTP_USER_AGENT": agent, "HTTP_REFERER": agent}
    Request.blank(path, environ=environ).get_response(log.application)
    assert len(log.text.splitlines()) == len(log.requests()) == 1


def test_OP_2_path_is_cut(log: Log) -> None:
    Request.blank("/" + "%0a" * 5000).get_response(log.application)
    (line,) = log.requests()
    assert line["path"] == "/" + "%0A" * (request_log.LONGEST_PATH - 1)


def test_OP_2_line_for_people_is_one_line(log: Log) -> None:
    log.handler.setFormatter(logging.Formatter("%(message)s"))
    Request.blank("/x%0d%0a%1b").get_response(log.application)
    assert " GET /x%0D%0A%1B 404 " in log.text
    assert log.text.count("\n") == 1


def test_OP_2_no_secret_of_a_life(log: Log, make: Factory, database: Database) -> None:
    """Everything that somebody types or is given, on the pages and by the API."""
    browser = log.browser()
    first, second = f"{CANARY} over the river", f"{CANARY} under the bridge"
    account = {"username": "alice", "password": first, "email": "a@canary.example"}
    assert browser.send("/register", **account).status_code == 303
    csrf = browser.form("/settings")["csrf_token"].value.partition(".")[2]
    cookie = browser.cookie
    assert browser.send("/settings", name=CANARY, bio=CANARY).status_code == 303
    write = "/users/alice/microposts/new"
    assert browser.send(write, text=f"{CANARY} #canary").status_code == 303
    browser.get(f"/search?text={CANARY}")
    browser.get(f"/tags/x?said={CANARY}")
    changed = {"current_password": first, "password": second}
    assert browser.send("/settings/password", **changed).status_code == 303
    browser.log_in("alice", f"{CANARY} is wrong")
    browser.log_in(second, second)
    user = users.find(database, "alice")
    assert user is not None
    reset = links.reset(database, user)
    assert browser.get(f"/reset?token={reset}").status_code == 200
    unsubscribe = links.unsubscribe(database, "alice")
    assert browser.get(f"/unsubscribe?token={unsubscribe}").status_code == 200
    login = {"username": "alice", "password": second}
    token = log.api().post("/token", login).json["access_token"]
    api = log.api(token)
    text = {"text": CANARY}
    assert api.post("/users/alice/collection", text).status_code == 201
    assert api.get(f"/search?text={CANARY}").status_code == 200
    assert len(log.requests()) == 20
    said = log.text.lower()
    for secret in (CANARY, cookie, csrf, token, reset, unsubscribe, ADDRESS):
        assert secret
        assert secret.lower() not in said


@pytest.mark.parametrize("prefix", ["", "{", "Bearer ", "Basic "])
def test_OP_2_no_secret_of_a_request(log: Log, make: Factory, prefix: str) -> None:
    """Each endpoint, with the canary wherever a request has room but in its path."""
    said = f"{prefix}{CANARY}"
    for endpoint in ENDPOINTS.values():
        method, _, path = endpoint["send"].partition(" ")
        path = path.replace("{id}", "1").partition("?")[0]
        request = Request.blank(f"{path}?text={CANARY}", method=method)
        for name in ("Authorization", "Cookie", "Origin", "If-Match"):
            request.headers[name] = said
        request.content_type = "application/json"
        request.body = json.dumps({"text": said, "password": said}).encode()
        request.get_response(log.application)
    assert len(log.requests()) == len(ENDPOINTS)
    assert CANARY not in log.text


def test_OP_2_mistake_is_told_without_what_was_typed(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_given: Any) -> None:
        try:
            raise KeyError(CANARY)
        except KeyError:
            raise ValueError(f"{CANARY}\n{CANARY}") from None

    monkeypatch.setattr(front.paging, "cut", fail)
    answer = log.browser().get("/")
    told, line = log.lines()
    assert (answer.status_code, line["status"], line["event"]) == (500, 500, "failed")
    assert told["message"] == f"GET failed, request {line['id']}"
    assert [one["type"] for one in told["errors"]] == ["ValueError", "KeyError"]
    assert any("views/front.py:" in place for place in told["errors"][0]["at"])
    assert CANARY not in log.text


def test_OP_2_application_that_fails_has_its_line(log: Log) -> None:
    def broken(environ: Any, start_response: Any) -> Any:
        raise RuntimeError(CANARY)

    with pytest.raises(RuntimeError):
        Request.blank("/x").get_response(request_log.around(broken))
    (line,) = log.requests()
    assert (line["status"], line["event"], line["bytes"]) == (500, "failed", None)


def test_OP_2_lone_surrogates_are_told() -> None:
    record = logging.makeLogRecord({"msg": "%s", "args": ("a\ud800b\nc",)})
    line = request_log.JsonFormatter().format(record)
    assert json.loads(line)["message"] == "a?b\nc"


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.77", "192.0.2.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:192.0.2.77", "192.0.2.0/24"),
        ("", ""),
        ("/run/microblog.sock", ""),
    ],
)
def test_PR_3_network_in_place_of_the_address(address: str, network: str) -> None:
    assert request_log.network(address) == network


def test_PR_3_no_address_is_stored(log: Log, make: Factory, database: Database) -> None:
    make.user("alice")
    browser = log.browser()
    browser.log_in("alice", "wrong")
    browser.log_in("alice")
    browser.send("/users/alice/microposts/new", text="hello")
    browser.get("/search?text=hello")
    log.api(make.token("alice")).get("/search?text=hello")
    names = database.list_collection_names()
    stored = repr([list(database[name].find()) for name in names])
    assert "hello" in stored
    assert ADDRESS not in stored


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A running site that logs as production.ini does."""
    site = Site(tmp_path_factory.mktemp("served"), "limits.login = 2")
    shipped = (Path(__file__).parents[2] / "production.ini").read_text()
    ini = site.ini.read_text().partition("[loggers]")[0]
    site.ini.write_text(ini + shipped[shipped.index("[loggers]") :])
    site.start()
    yield site
    site.stop()


def requests(site: Site, count: int) -> list[Line]:
    """The lines of requests; waits until there are so many."""
    deadline = time.monotonic() + 30
    while True:
        text = site.log.read_text()
        lines = [json.loads(line) for line in text.splitlines() if line[:1] == "{"]
        found = [one for one in lines if one["logger"] == "microblog.requests"]
        if len(found) >= count or time.monotonic() > deadline:
            return found
        time.sleep(0.05)


def test_OP_2_server_writes_a_line_a_request(served: Site) -> None:
    """To a real server: what it refuses by itself, and what comes in one connection."""
    before = len(requests(served, 0))
    host = f"Host: localhost:{served.port}\r\n"
    with socket.create_connection(("127.0.0.1", served.port), timeout=30) as client:
        for number in range(5):
            head = f"GET /about?x=%0d%0a HTTP/1.1\r\nUser-Agent: {number}\r\n{host}"
            client.sendall(f"{head}\r\n".encode())
        client.sendall(f"GET /x%0d%0ay HTTP/1.1\r\n{host}\r\n".encode())
        client.sendall(b"GET /z{} HTTP/1.1\r\nHost: a\r\n folded: b\r\n\r\n")
        while client.recv(1 << 16):
            pass
    found = requests(served, before + 7)[before:]
    assert [(one["path"], one["status"]) for one in found] == [
        *[("/about", 200)] * 5,
        ("/x%0D%0Ay", 404),
        (found[-1]["path"], 400),
    ]
    assert len({one["id"] for one in found}) == 7
    assert {one["network"] for one in found} == {"127.0.0.0/24"}
    assert len(requests(served, before + 8)) == before + 7
    assert "127.0.0.1" not in served.log.read_text().partition("microblog is at")[2]


def test_OP_2_throttled_logins_have_a_name(served: Site) -> None:
    before = len(requests(served, 0))
    wrong = {"username": "nobody_here", "password": PASSWORD}
    for _ in range(3):
        served.request("POST", "/api/token", wrong)
    events = [one["event"] for one in requests(served, before + 3)[before:]]
    assert events == ["login_failed", "login_failed", "throttled"]
