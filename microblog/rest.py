"""The REST side of the program: API services, their input, their answers.

The only importer of Cornice. A service is a route whose path is traversed on the
resource tree; `context=` makes sure that it ends at the node that the service is for.
"""

import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import orjson
from cornice import Service
from pydantic import BaseModel, ValidationError
from pyramid.httpexceptions import (
    HTTPForbidden,
    HTTPNotAcceptable,
    HTTPNotModified,
    HTTPRequestEntityTooLarge,
    HTTPUnsupportedMediaType,
)
from pyramid.response import Response

from microblog import strict_json
from microblog.errors import ConfigurationError, FieldError, Invalid, Stale
from microblog.resources.root import Root
from microblog.security import ANONYMOUS, API, Permission

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
PROBLEM = "application/problem+json"
LARGEST_BODY = 65536  # bytes
MOST_ERRORS = 20  # named in one answer, which else could be far larger than the request

_CONTENT_TYPE = re.compile(r'([^;,\s]+)\s*(?:;\s*charset="?([\w.:-]+)"?)?\s*', re.I)

Validator = Callable[..., None]


class ApiService(Service):
    """A Cornice service in which every method names what it permits."""

    def add_view(self, method: str, view: Any, **arguments: Any) -> None:
        """As in Cornice. ConfigurationError: no permission is named."""
        if not isinstance(arguments.get("permission"), Permission):
            raise ConfigurationError(f"{method} of {self.name} names no permission")
        super().add_view(method, view, **arguments)


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
        # Deeper by one: the service belongs to the module that calls this.
        depth=2,
    )


def _root(request: Any) -> Root:
    """The root of the tree, for who has said who it is: before any document is read,
    so that 404 tells strangers nothing."""
    permissions = {
        method: arguments["permission"]
        for method, _, arguments in request.current_service.definitions
    }
    asked = permissions.get(request.method)
    if asked is not None and asked not in ANONYMOUS and request.identity is None:
        raise HTTPForbidden
    return Root(request)


def _negotiate(request: Any, **arguments: Any) -> None:
    """406 to who does not want JSON."""
    accept = request.environ.get("HTTP_ACCEPT") or "*/*"
    if "*/*" != accept != JSON and not request.accept.acceptable_offers([JSON]):
        raise HTTPNotAcceptable(f"the answer can only be {JSON}")


def _refuse(request: Any) -> Any:
    """What Cornice does with the errors that validators have found."""
    raise Invalid([FieldError(**error) for error in request.errors])


def body(model: type[BaseModel], *types: str) -> Validator:
    """A validator that reads a strict body of one of `types` (JSON) into `model`; the
    view finds it in `request.validated["body"]`."""
    accepted = types or (JSON,)

    def validate(request: Any, **arguments: Any) -> None:
        content_type = _content_type(request, accepted)
        read = strict_json.read_json if content_type == JSON else strict_json.read_form
        try:
            fields = read(_body(request))
        except ValueError as error:
            request.errors.add("body", "", str(error))
        else:
            _validate(request, model, fields, "body")

    return validate


def query(model: type[BaseModel]) -> Validator:
    """A validator that reads the query string into `model`; parameters that it does
    not know are ignored. The view finds it in `request.validated["query"]`."""
    known = {field.alias or name for name, field in model.model_fields.items()}

    def validate(request: Any, **arguments: Any) -> None:
        pairs = [pair for pair in request.GET.items() if pair[0] in known]
        for name in {name for name, _ in pairs}:
            if sum(name == other for other, _ in pairs) > 1:
                request.errors.add("querystring", name, "is given twice")
        _validate(request, model, dict(pairs), "querystring")

    return validate


def _validate(
    request: Any, model: type[BaseModel], fields: dict[str, Any], location: str
) -> None:
    try:
        validated = model.model_validate(fields)
    except ValidationError as errors:
        found = errors.errors(include_url=False, include_input=False)
        for error in found[:MOST_ERRORS]:
            name = ".".join(str(part)[:60] for part in error["loc"][:2])
            request.errors.add(location, name, _description(error))
    else:
        request.validated["body" if location == "body" else "query"] = validated


def _description(error: Any) -> str:
    if error["type"] == "extra_forbidden":
        return "is not a field of this request"
    return str(error["msg"]).removeprefix("Value error, ")


def _content_type(request: Any, accepted: tuple[str, ...]) -> str:
    header = request.environ.get("CONTENT_TYPE", "")
    found = _CONTENT_TYPE.fullmatch(header)
    if "," in header:
        raise Invalid.field("Content-Type", "is given twice", "header")
    if (
        found is None
        or found[1].lower() not in accepted
        or (found[2] or "utf-8").lower() not in {"utf-8", "utf8"}
        or request.environ.get("HTTP_CONTENT_ENCODING", "identity").lower()
        != "identity"
    ):
        raise HTTPUnsupportedMediaType(
            f"the body must be {' or '.join(accepted)} in UTF-8, not compressed"
        )
    return found[1].lower()


def _body(request: Any) -> bytes:
    if (request.content_length or 0) > LARGEST_BODY:
        raise HTTPRequestEntityTooLarge(f"the body may have {LARGEST_BODY} bytes")
    content: bytes = request.body
    return content


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
        "detail": detail,
        "instance": quote(path),
    }
    if errors:
        document["errors"] = [error.__dict__ for error in errors]
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
