"""What the operations of the API have in common, in the words of OpenAPI 3.1: how one
shows who one is, headers, failures."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from microblog import usernames
from microblog.bodies import IDEMPOTENCY_KEY

Json = dict[str, Any]

PROBLEM = "application/problem+json"
# What any request can be answered; 414 and 431 before it reaches the application.
BEFORE = (414, 431)
ALWAYS = (400, 401, 406, 500, 503, *BEFORE)


class FieldError(BaseModel):
    """One wrong field of an input."""

    model_config = ConfigDict(extra="forbid")

    location: Literal["body", "querystring", "header", "path"] = Field(
        description="Where it stands"
    )
    name: str = Field(description='Empty: the input as a whole; or "outer.inner"')
    description: str = Field(description="What is wrong with it, in words")


class Problem(BaseModel):
    """Problem details (RFC 9457)."""

    model_config = ConfigDict(extra="forbid")

    type: Literal["about:blank"] = Field(description="`title` says it all")
    title: str = Field(description="The phrase of the status")
    status: int = Field(ge=400, le=599, description="That of the answer")
    detail: str = Field(description="What is wrong, in a sentence")
    instance: str = Field(description="The path that was asked for")
    errors: list[FieldError] = Field(
        default=[], description="Every wrong field of an invalid input"
    )


def _header(description: str, **more: Any) -> Json:
    schema = {"type": "string", **more}
    return {"description": description, "schema": schema}


_LINK = '<[^>]+>; rel="(next|previous)"'
HEADERS: Json = {
    "Content-Disposition": _header(
        "The name of the file",
        pattern='^attachment; filename="[a-z0-9_.-]+"$',
        examples=['attachment; filename="alice.zip"'],
    ),
    "Deprecation": _header(
        "In every answer of an API not to begin with: from when, in seconds since 1970 "
        "(RFC 9745)",
        pattern="^@[0-9]+$",
        examples=["@1798761600"],
    ),
    "ETag": _header(
        "The revision, for If-Match and If-None-Match",
        pattern='^"[!#-~]+"$',
        examples=['"3"'],
    ),
    "Link": _header(
        "The addresses of the next and the previous page, as in the body (RFC 8288)",
        pattern=f"^{_LINK}(, {_LINK})?$",
        examples=['<https://example.org/api/users/bob/followers?page=2>; rel="next"'],
    ),
    "Location": _header("The address of what is new", format="uri"),
    "RateLimit": _header(
        "How often it may still be done, and the seconds until that starts again "
        "(draft-ietf-httpapi-ratelimit-headers-10); left out where there is no limit",
        pattern='^"[a-z-]+";r=[0-9]+;t=[0-9]+$',
        examples=['"post";r=299;t=1200'],
    ),
    "RateLimit-Policy": _header(
        "How often it may be done in how many seconds",
        pattern='^"[a-z-]+";q=[0-9]+;w=[0-9]+$',
        examples=['"post";q=300;w=3600'],
    ),
    "Retry-After": _header("Seconds until it is worth another try", pattern="^[0-9]+$"),
    "Sunset": _header(
        "In every answer of an API that ends: from when it may be gone (RFC 8594)",
        pattern="^[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} 00:00:00 GMT$",
        examples=["Fri, 01 Jan 2027 00:00:00 GMT"],
    ),
    "WWW-Authenticate": _header(
        "How to show who one is (RFC 6750, RFC 7617)",
        pattern='^(Bearer|Basic) realm="',
        examples=['Bearer realm="microblog", error="invalid_token"'],
    ),
    "X-Request-Id": _header(
        "By which the operator finds the request in the log",
        pattern="^[0-9a-f]{16}$",
        examples=["244a7fb53d21b32e"],
    ),
}

EVERY = ("Deprecation", "Sunset", "X-Request-Id")  # answer may have these
LIMITED = ("RateLimit", "RateLimit-Policy")


def _parameter(name: str, description: str, **schema: Any) -> Json:
    return {
        "name": name,
        "in": "header",
        "description": description,
        "schema": {"type": "string", **schema},
    }


IF_NONE_MATCH = _parameter(
    "If-None-Match", "ETags that the reader has: 304 if one is that of what is there"
)
CONDITIONS = [
    _parameter(
        "If-Match", "The ETag that one has read: 412 if what is there has another"
    ),
    _parameter("If-None-Match", "412 if what is there has one of these ETags"),
]
ONCE = _parameter(
    "Idempotency-Key",
    "Sent again with the same body within 24 hours, it gets the first answer",
    pattern=f"^{IDEMPOTENCY_KEY.pattern}$",
    examples=["7c2b"],
)

_USERNAME = {
    "schema": {
        "type": "string",
        "pattern": f"^{usernames.GRAMMAR.pattern}$",
        "examples": ["alice"],
    }
}
# What stands in paths, by its name there.
PLACES: Json = {
    "username": {"description": "Whose", **_USERNAME},
    "name": {
        "description": "The other user's name",
        "schema": {**_USERNAME["schema"], "examples": ["bob"]},
    },
    "id": {
        "description": "Of the micropost",
        "schema": {
            "type": "string",
            "pattern": "^[1-9][0-9]{0,18}$",
            "examples": ["117670144407863347"],
        },
    },
}

SUCCESSES = {
    200: "Here it is",
    201: "It is made",
    202: "It will be done",
    204: "It is done",
    304: "Nothing has changed since the revision that `If-None-Match` names",
}
# By status: what it means, and headers beside the problem.
FAILURES: dict[int, tuple[str, tuple[str, ...]]] = {
    400: (
        "Invalid input: `errors` names every wrong field; or unreadable credentials",
        ("WWW-Authenticate",),
    ),
    401: ("There is no bearer token, or a dead one", ("WWW-Authenticate",)),
    403: ("It is not one's own, or the token only reads", ("WWW-Authenticate",)),
    404: ("There is nothing at this address", ()),
    406: ("`Accept` wants something other than JSON", ()),
    409: ("The name is taken, or looks like one that is", ()),
    412: ("It has changed since the revision that `If-Match` names: nothing done", ()),
    413: ("The body has more than 64 KiB", ()),
    414: ("The address has more than 2 KiB", ()),
    415: ("The body is of another type, not UTF-8, or compressed", ()),
    422: ("The `Idempotency-Key` came before with another body", ()),
    429: ("That was too often", ("Retry-After", *LIMITED)),
    431: ("The header has more than 16 KiB", ()),
    500: ("A mistake of the server", ()),
    503: ("Just now it cannot be done; later it can", ("Retry-After",)),
}


_DETAILS = {
    400: "text: is needed",
    401: "a bearer token is required",
    403: "this is not yours to do",
    404: "there is nothing at this address",
    406: "the answer can only be application/json",
    409: "the username is taken, or looks like one that is",
    412: "it has changed since the revision that If-Match names",
    413: "the body may have 65536 bytes",
    415: "the body must be application/json in UTF-8, not compressed",
    422: "this Idempotency-Key came with another request",
    429: "that was too often; come back in 60 min",
}


def failure(status: int) -> Json:
    """The answer with this status: a problem and, where tests can bring it about, what
    one looks like."""
    description, headers = FAILURES[status]
    said = () if status in BEFORE else EVERY
    content: Json = {"schema": {"$ref": "#/components/schemas/Problem"}}
    if detail := _DETAILS.get(status):
        content["example"] = {
            "type": "about:blank",
            "title": HTTPStatus(status).phrase,
            "status": status,
            "detail": detail,
            "instance": "/api/users/alice/collection",
        }
        if status == 400:
            content["example"]["errors"] = [
                {"location": "body", "name": "text", "description": "is needed"}
            ]
    return {
        "description": description,
        "headers": references("headers", sorted((*headers, *said))),
        "content": {PROBLEM: content},
    }


def references(kind: str, names: Iterable[str]) -> Json:
    """Parts of this kind, by name."""
    return {name: {"$ref": f"#/components/{kind}/{name}"} for name in names}


SECURITY: Json = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "A token of `POST /token`, of the scope `read` or `read write`",
    },
    "basic": {
        "type": "http",
        "scheme": "basic",
        "description": "Username and password, for a token alone",
    },
}
