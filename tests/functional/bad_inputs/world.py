"""A small site that bad inputs must leave as it is."""

import base64
import json
from typing import Any
from urllib.parse import quote, unquote_to_bytes

from webob import Request, Response
from webtest import lint

from microblog.settings import Settings
from microblog.store import Document, accounts
from tests.factories import PASSWORD, Factory
from tests.functional.bad_inputs.cases import Case

PROBLEM = "application/problem+json"
JSON = "application/json"
# What a request may write of itself: a search is counted.
UNTOLD = {"marks", "searches", "timelines"}


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
        make.follow("alice", "bob")
        self.words = {
            "{id}": str(make.micropost(text="hello")["id"]),
            "{bobs}": str(make.micropost("bob", text="hello")["id"]),
            "{password}": PASSWORD,
            "{basic}": base64.b64encode(f"alice:{PASSWORD}".encode()).decode(),
            **{f"{{{name}'s}}": token for name, token in self.tokens.items()},
        }
        self.documents = {
            name: list(self.database[name].find())
            for name in sorted(self.database.list_collection_names())
            if name not in UNTOLD
        }
        self.stored = self.dump()

    def restore(self) -> bool:
        """Undo what the last request has done; whether it had done anything."""
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
        method, _, target = self.filled(case.send).partition(" ")
        path, _, query = target.partition("?")
        environ = Request.blank("/").environ
        environ["REQUEST_METHOD"] = method
        environ["PATH_INFO"] = unquote_to_bytes(path).decode("latin-1")
        environ["QUERY_STRING"] = query
        request = Request(environ)
        if case.json is not None or case.body is not None:
            request.body = self._body(case)
            environ["CONTENT_TYPE"] = JSON
        if case.user:
            environ["HTTP_AUTHORIZATION"] = f"Bearer {self.tokens[case.user]}"
        for name, value in case.headers.items():
            key = name.upper().replace("-", "_")
            key = key if key in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{key}"
            environ[key] = self.filled(value)
        if environ.get("CONTENT_TYPE") is None:
            environ.pop("CONTENT_TYPE", None)
        answer = request.get_response(self.application)
        answer.request = request
        # What is read is closed.
        assert isinstance(answer.body, bytes)
        return answer

    def filled(self, text: Any) -> Any:
        """`text` with ids and secrets of this site for their names in braces."""
        for word, value in self.words.items():
            text = text.replace(word, value) if isinstance(text, str) else text
        return text

    def _body(self, case: Case) -> bytes:
        text = json.dumps(case.json) if case.body is None else case.body
        return self.filled(text).encode(case.encoding).ljust(case.pad)

    def refuses(self, case: Case) -> None:
        """Assert that the answer is as the case says, and nothing else happens."""
        answer = self.send(case)
        changed = self.restore()
        assert answer.status_code == case.status, answer.text
        assert_failure(case, answer)
        self._assert_headers(case, answer)
        if case.error is not None:
            assert answer.json["errors"][0]["name"] == case.error, answer.text
        assert not changed
        self.serves()

    def accepts(self, case: Case) -> None:
        """Assert that the request is served as the case says."""
        answer = self.send(case)
        self.restore()
        assert answer.status_code == case.status, answer.text
        if answer.body:
            assert answer.content_type == JSON
            wanted = {name: self.filled(value) for name, value in case.answer.items()}
            assert wanted.items() <= answer.json.items(), answer.text
        self._assert_headers(case, answer)
        self.serves()

    def _assert_headers(self, case: Case, answer: Response) -> None:
        for name, value in case.answer_headers.items():
            assert answer.headers.get(name) == self.filled(value), name

    def serves(self) -> None:
        """Assert that the next ordinary request is served."""
        answer = self.send(Case("GET /api/users/alice", 200))
        assert (answer.status_code, answer.json["username"]) == (200, "alice")


def assert_failure(case: Case, answer: Response) -> None:
    """A failure of the API is problem details (RFC 9457), of a page a page."""
    path = answer.request.environ["PATH_INFO"]
    assert answer.status_code < 500, answer.text
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    if case.send.startswith("HEAD "):
        return
    if not path.startswith("/api/"):
        assert answer.content_type == "text/html"
        return
    assert answer.headers["Content-Type"] == PROBLEM
    document = json.loads(answer.body)
    assert {"type", "title", "status", "detail", "instance"} <= set(document)
    assert document["status"] == answer.status_code
    assert document["instance"] == quote(path[:500].encode("latin-1"))
    for error in document.get("errors", ()):
        assert set(error) == {"location", "name", "description"}
        assert error["description"]
