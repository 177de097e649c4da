"""The REST side of the program: API services, their input, their answers.

The only importer of Cornice. A service is a route whose path is traversed on the
resource tree; `context=` makes sure that it ends at the node that the service is for.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import orjson
from cornice import Service
from cornice.service import get_services
from pydantic import BaseModel
from pyramid.httpexceptions import (
    HTTPForbidden,
    HTTPMethodNotAllowed,
    HTTPNotAcceptable,
    HTTPNotModified,
)
from pyramid.response import Response

from microblog import bodies
from microblog.bodies import JSON
from microblog.errors import ConfigurationError, FieldError, Invalid, Stale
from microblog.i18n import plain
from microblog.resources.root import Root
from microblog.security import ANONYMOUS, API, Permission

PROBLEM = "application/problem+json"

# By status, the model of an answer's JSON, or its media type; None: it is empty, or a
# failure, whose form is the same everywhere.
Answers = Mapping[int, type[BaseModel] | str | None]


class ApiService(Service):
    """A Cornice service in which every method names what it permits, and what it may
    answer beside what every method may: `openapi` tells apps."""

    def __init__(self, **arguments: Any):
        self.answers: dict[str, Answers] = {}
        super().__init__(**arguments)

    def add_view(
        self, method: str, view: Any, answers: Answers | None = None, **arguments: Any
    ) -> None:
        """As in Cornice. ConfigurationError: no permission is named."""
        if not isinstance(arguments.get("permission"), Permission):
            raise ConfigurationError(f"{method} of {self.name} names no permission")
        self.answers[method] = answers or {}
        super().add_view(method, view, **arguments)


def services() -> list[ApiService]:
    """All of them."""
    found: list[ApiService] = get_services()
    return found


def service(name: str, path: str, *, context: type, traverse: str = "") -> ApiService:
    """The API service at `path` below /api, for the node `context` that the path
    `traverse` leads to.

    Without a context, `/api/users/..` would answer with a parent of the user.
    """
    return ApiService(
        name=name,
        path=API + path,
        factory=_root,
        traverse=traverse or "/",
        context=context,
        renderer="api",
        validators=[_negotiate],
        error_handler=_refuse,
        # Deeper by two: the service belongs to the module that calls this.
        depth=3,
    )


def _root(request: Any) -> Root:
    """The root of the tree, for what the service can do and who has said who it is:
    before any document is read, so that 404 tells strangers nothing."""
    permissions = {
        method: arguments["permission"]
        for method, _, arguments in request.current_service.definitions
    }
    if request.method not in permissions:
        raise HTTPMethodNotAllowed(allow=list(permissions))
    if permissions[request.method] not in ANONYMOUS and request.identity is None:
        raise HTTPForbidden
    return Root(request)


def _negotiate(request: Any, **arguments: Any) -> None:
    """406 to who does not want JSON, or whatever else the service has."""
    accept = request.environ.get("HTTP_ACCEPT") or "*/*"
    if accept in {"*/*", JSON}:
        return
    answers = request.current_service.answers.get(request.method, {})
    offers = [one for one in answers.values() if isinstance(one, str)] or [JSON]
    if not request.accept.acceptable_offers(offers):
        raise HTTPNotAcceptable(f"the answer can only be {offers[0]}")


def _refuse(request: Any) -> Any:
    """What Cornice does with the errors that validators have found."""
    raise Invalid([FieldError(**error) for error in request.errors])


@dataclass(frozen=True)
class Reader:
    """A validator that reads what comes with a request into a model: a body of one of
    `types`, or without any the query."""

    model: type[BaseModel]
    types: tuple[str, ...] = ()

    def __call__(self, request: Any, **arguments: Any) -> None:
        if self.types:
            fields = bodies.fields(request, self.types)
            request.validated["body"] = bodies.checked(self.model, fields, "body")
        else:
            request.validated["query"] = bodies.query(request, self.model)


def body(model: type[BaseModel], *types: str) -> Reader:
    """A validator that reads a strict body of one of `types` (JSON) into `model`; the
    view finds it in `request.validated["body"]`."""
    return Reader(model, types or (JSON,))


def query(model: type[BaseModel]) -> Reader:
    """A validator that reads the query string into `model`; the view finds it in
    `request.validated["query"]`."""
    return Reader(model)


def tagged(request: Any, rev: int, representation: dict[str, Any]) -> dict[str, Any]:
    """The representation under a strong ETag; HTTPNotModified if its reader has it."""
    tag = str(rev)
    if request.method in {"GET", "HEAD"} and tag in request.if_none_match:
        raise HTTPNotModified(etag=tag)
    request.response.etag = tag
    return representation


def expected_rev(request: Any, rev: int) -> int | None:
    """The revision that the writer means by If-Match, or None for any.

    Stale: it is not the present one. An edit without If-Match is allowed.
    """
    if str(rev) in request.if_none_match:
        raise Stale("If-None-Match names what is there")
    condition = request.environ.get("HTTP_IF_MATCH", "*").strip()
    if condition == "*":
        return None
    # WebOb takes an empty If-Match for none; its writer wanted some condition.
    if not condition or str(rev) not in request.if_match:
        raise Stale("it has changed since the revision that If-Match names")
    return rev


def created(
    request: Any, location: str, representation: dict[str, Any]
) -> dict[str, Any]:
    """Answer 201 with the address of what is new."""
    request.response.status = HTTPStatus.CREATED
    request.response.location = location
    return representation


def no_content() -> Response:
    """Answer 204."""
    return Response(status=HTTPStatus.NO_CONTENT)


def problem(
    request: Any, status: int, detail: str, errors: list[FieldError] | None = None
) -> Response:
    """Problem details (RFC 9457); `errors` holds Cornice's three words for each."""
    # The path is any bytes, one a character (PEP 3333); `instance` is a URI reference.
    path = request.environ.get("PATH_INFO", "")[:500].encode("latin-1")
    document: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": plain(detail),
        "instance": quote(path),
    }
    if errors:
        document["errors"] = [
            {**error.__dict__, "description": plain(error.description)}
            for error in errors
        ]
    content = orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE)
    response = Response(content, status=status, content_type=PROBLEM)
    response.charset = None
    return response


class _Renderer:
    """JSON in one media type, whatever the request would like to call it."""

    def __init__(self, info: Any):
        pass

    def __call__(self, value: Any, system: dict[str, Any]) -> bytes:
        system["request"].response.content_type = JSON
        # The line end is for people at a terminal.
        return orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE)


def includeme(config: Any) -> None:
    """Cornice, without its own exception views: `views/errors.py` has one shape for
    every failure."""
    config.add_settings({"handle_exceptions": False})
    config.add_renderer("api", _Renderer)
    config.include("cornice")
