"""A small site that bad inputs must leave as it is."""

import base64
import json
import logging
import time
from typing import Any
from urllib.parse import quote, unquote_to_bytes, urlencode

from bs4 import BeautifulSoup
from webob import Request, Response
from webtest import lint

from microblog.bodies import FORM
from microblog.settings import Settings
from microblog.store import Document, accounts, reports, sessions, users
from tests.factories import PASSWORD, Factory
from tests.functional.bad_inputs.cases import Case

PROBLEM = "application/problem+json"
JSON = "application/json"
PAGES = {"text/html", "text/plain", "text/css", "application/atom+xml"}
# What a request may write of itself: a search is counted, a wrong password too.
UNTOLD = {"keys", "limits", "marks", "searches", "timelines"}
SECONDS = 10  # in which anything is answered, on a machine that does much besides
SLOW = 2  # seconds; told, for it should not be
# Fields that a page does not show again, or not as they were typed.
HIDDEN = {"csrf_token", "key", "rev", "token", "next", "referenced", "mails"}


class Mistakes(logging.Handler):
    """What is logged of mistakes of the program."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.records: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it."""
        self.records.append(logging.Formatter().format(record))


class World:
    """Users, a micropost and a follow; sends requests, and looks at the store."""

    def __init__(self, application: Any, settings: Settings):
        self.application = lint.middleware(application)
        self.database = application.registry["connection"].database
        for name in self.database.list_collection_names():
            self.database[name].delete_many({})
        make = Factory(self.database, settings)
        make.user("gone")
        accounts.delete(self.database, "gone")
        self.tokens = {name: make.token(name) for name in ("alice", "bob")}
        make.user("mona")
        users.change(self.database, "mona", {"role": users.ADMINISTRATOR})
        self.sessions = {
            name: self._session(make, name) for name in ("alice", "bob", "mona")
        }
        make.follow("alice", "bob")
        self.words = {
            "{id}": str(make.micropost(text="hello")["id"]),
            "{bobs}": str(make.micropost("bob", text="hello")["id"]),
            "{password}": PASSWORD,
            "{basic}": base64.b64encode(f"alice:{PASSWORD}".encode()).decode(),
            **{f"{{{name}'s}}": token for name, token in self.tokens.items()},
            "{alice's session}": self.sessions["alice"],
        }
        reported = int(self.words["{id}"])
        reports.create(self.database, "bob", "alice", reported, "a reason")
        self.mistakes = Mistakes()
        logging.getLogger().addHandler(self.mistakes)
        self.slow: list[str] = []
        self.csrf = {name: self._csrf(name) for name in ("", *self.sessions)}
        self.words["{alice's csrf}"] = self.csrf["alice"]
        self.documents = {
            name: list(self.database[name].find())
            for name in sorted(self.database.list_collection_names())
            if name not in UNTOLD
        }
        self.stored = self.dump()

    def close(self) -> None:
        """Look at the log no more; tell what took long."""
        logging.getLogger().removeHandler(self.mistakes)
        print(*self.slow, sep="\n")

    def _session(self, make: Factory, username: str) -> str:
        user, lifetime = make.user(username), make.settings.session_lifetime
        return sessions.create(
            self.database, user, idle=lifetime, lifetime=lifetime, agent=""
        )

    def _csrf(self, username: str) -> str:
        page = self.send(
            Case("GET /settings" if username else "GET /login", 200, username)
        )
        field = BeautifulSoup(page.text, "html.parser").find(
            attrs={"name": "csrf_token"}
        )
        return str(field["value"])

    def restore(self) -> bool:
        """Undo what the last request has done; whether it had done anything."""
        if self.database.limits.find_one():
            self.database.limits.delete_many({})
        if self.dump() == self.stored:
            return False
        for name, documents in self.documents.items():
            self.database[name].delete_many({})
            if documents:
                self.database[name].insert_many(documents)
        return True

    def dump(self) -> list[Document]:
        """All that is stored, but for marks and the time when a token was used: in one
        command, for it is asked for after every request."""
        first, *others = self.documents
        everything = self.database[first].aggregate(
            [{"$unionWith": name} for name in others]
        )
        return [{**one, "used": None} for one in everything]

    def send(self, case: Case) -> Response:
        """The answer to one request; its path may be any bytes."""
        self.mistakes.records.clear()
        started = time.perf_counter()
        request = self._request(case)
        answer = request.get_response(self.application)
        answer.request = request
        # What is read is closed.
        assert isinstance(answer.body, bytes)
        seconds = time.perf_counter() - started
        if seconds > SLOW:
            self.slow.append(f"{seconds:.1f} s: {case}"[:200])
        assert seconds < SECONDS, seconds
        assert self.mistakes.records == []
        return answer

    def _request(self, case: Case) -> Request:
        method, _, target = self.filled(case.send).partition(" ")
        path, _, query = target.partition("?")
        environ = Request.blank("/").environ
        environ["REQUEST_METHOD"] = method
        environ["PATH_INFO"] = unquote_to_bytes(path).decode("latin-1")
        environ["QUERY_STRING"] = query
        request = Request(environ)
        api = path.startswith("/api/")
        if (case.json, case.form, case.body) != (None, None, None):
            request.body = self._body(case)
            environ["CONTENT_TYPE"] = JSON if api else FORM
        if case.user and api:
            environ["HTTP_AUTHORIZATION"] = f"Bearer {self.tokens[case.user]}"
        elif case.user:
            environ["HTTP_COOKIE"] = f"session={self.sessions[case.user]}"
        for name, value in case.headers.items():
            key = name.upper().replace("-", "_")
            key = key if key in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{key}"
            environ[key] = self.filled(value)
        if environ.get("CONTENT_TYPE") is None:
            environ.pop("CONTENT_TYPE", None)
        return request

    def filled(self, text: Any) -> Any:
        """`text` with ids and secrets of this site for their names in braces."""
        for word, value in self.words.items():
            text = text.replace(word, value) if isinstance(text, str) else text
        return text

    def _body(self, case: Case) -> bytes:
        if case.form is not None:
            fields = {"csrf_token": self.csrf[case.user], **case.form}
            filled = {name: self.filled(value) for name, value in fields.items()}
            return urlencode(filled, errors="surrogatepass").encode()
        text = json.dumps(case.json) if case.body is None else case.body
        other = self.csrf["alice" if case.user == "bob" else "bob"]
        text = text.replace("{csrf}", self.csrf[case.user])
        text = text.replace("{other's csrf}", other)
        return self.filled(text).encode(case.encoding).ljust(case.pad)

    def refuses(self, case: Case) -> None:
        """Assert that the answer is as the case says, and nothing else happens."""
        answer = self.send(case)
        changed = self.restore()
        assert answer.status_code == case.status, answer.text
        assert_failure(case, answer)
        self._assert_headers(case, answer)
        if case.error is not None and is_api(case):
            assert answer.json["errors"][0]["name"] == case.error, answer.text
        elif case.error is not None and case.form is not None:
            assert_form(case, answer)
        assert not changed
        self.serves()

    def accepts(self, case: Case) -> None:
        """Assert that the request is served as the case says."""
        answer = self.send(case)
        if case.shows is not None:
            self._assert_shown(case.shows)
        self.restore()
        assert answer.status_code == case.status, answer.text
        if answer.body and not is_api(case):
            assert answer.content_type in PAGES
        elif answer.body:
            assert answer.content_type == JSON
            wanted = {name: self.filled(value) for name, value in case.answer.items()}
            assert wanted.items() <= answer.json.items(), answer.text
        self._assert_headers(case, answer)
        self.serves()

    def moves(self, case: Case) -> None:
        """Assert that the answer leads to where the case says, and by a path alone."""
        answer = self.send(case)
        self.restore()
        assert answer.status_code == case.status, answer.text
        self._assert_headers(case, answer)
        self.serves()

    def _assert_shown(self, text: str) -> None:
        page = self.send(Case("GET /users/alice", 200))
        shown = BeautifulSoup(page.text, "html.parser").select_one(".micropost .text")
        assert shown is not None
        assert shown.text == text

    def _assert_headers(self, case: Case, answer: Response) -> None:
        for name, value in case.answer_headers.items():
            assert answer.headers.get(name) == self.filled(value), name

    def serves(self) -> None:
        """Assert that the next ordinary request is served."""
        answer = self.send(Case("GET /api/users/alice", 200))
        assert (answer.status_code, answer.json["username"]) == (200, "alice")


def is_api(case: Case) -> bool:
    """Whether the case is for an app."""
    return case.send.partition(" ")[2].startswith("/api/")


def assert_form(case: Case, answer: Response) -> None:
    """The form is there again, with the message at the field and what was typed."""
    page, form = BeautifulSoup(answer.text, "html.parser"), case.form or {}
    assert page.find(id=f"{case.error}-error") is not None
    for name in form.keys() - HIDDEN:
        if "password" not in name:
            field = page.find(id=name)
            shown = field.get("value", field.text.removeprefix("\n"))
            assert shown == form[name], name


def assert_failure(case: Case, answer: Response) -> None:
    """A failure of the API is problem details (RFC 9457), of a page a page."""
    path = answer.request.environ["PATH_INFO"]
    assert answer.status_code < 500, answer.text
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    if case.send.startswith("HEAD "):
        return
    if not path.startswith("/api/"):
        wanted = case.answer_headers.get("Content-Type", "text/html")
        assert answer.content_type == wanted
        assert "Traceback" not in answer.text
        return
    assert answer.headers["Content-Type"] == PROBLEM
    document = json.loads(answer.body)
    assert {"type", "title", "status", "detail", "instance"} <= set(document)
    assert document["status"] == answer.status_code
    assert document["instance"] == quote(path[:500].encode("latin-1"))
    for error in document.get("errors", ()):
        assert set(error) == {"location", "name", "description"}
        assert error["description"]
