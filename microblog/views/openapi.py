"""The document of the API: for programs, and as a page for people."""

from http import HTTPStatus
from typing import Any

from pyramid.response import Response

from microblog import rest
from microblog.bodies import JSON
from microblog.components import EVERY, Json
from microblog.openapi import Document
from microblog.pages import page
from microblog.resources.api import Api
from microblog.resources.root import Root
from microblog.security import Permission

KEPT_SECONDS = 3600
# What a schema says of its values, in words.
RULES = {
    "minLength": "{} characters or more",
    "maxLength": "{} characters at most",
    "minimum": "{} or more",
    "maximum": "{} at most",
    "default": "{} where it is left out",
}

api = rest.service("openapi", "/openapi.json", context=Root)


@api.get(permission=Permission.READ_DOCUMENT, answers={200: JSON, 304: None})
def read(request: Any) -> Response:
    """This document. It changes with the version of the site alone."""
    document: Document = request.registry["openapi"]
    return Response(
        document.json,
        content_type=JSON,
        charset=None,
        etag=document.etag,
        cache_control=f"public, max-age={KEPT_SECONDS}",
        conditional_response=True,
    )


@page(context=Api, name="docs", renderer="docs.jinja2")
def show(request: Any) -> dict[str, Any]:
    """The same document as a page."""
    document: Document = request.registry["openapi"]
    content = document.content
    return {"info": content["info"], **shown(content)}


def shown(content: Json) -> dict[str, Any]:
    """The document as its page has it: operations by what they are about, models,
    failures."""
    operations = [
        _operation(content, path, method, operation)
        for path, methods in content["paths"].items()
        for method, operation in methods.items()
    ]
    about = {
        tag["description"]: [one for one in operations if tag["name"] in one["tags"]]
        for tag in content["tags"]
    }
    schemas = content["components"]["schemas"]
    models = {name: _model(schema) for name, schema in sorted(schemas.items())}
    return {
        "about": about,
        "models": models,
        "failures": {
            status: {**failure, "headers": _headers(failure)}
            for status, failure in content["components"]["responses"].items()
        },
        "replied": {
            name: {**header, "example": header["schema"].get("examples", [""])[0]}
            for name, header in content["components"]["headers"].items()
        },
        "phrase": lambda status: HTTPStatus(int(status)).phrase,
    }


def _operation(content: Json, path: str, method: str, operation: Json) -> Json:
    body = operation.get("requestBody", {}).get("content", {})
    answers = {
        status: {
            "description": answer["description"],
            "models": [
                (media, kind(part.get("schema", {})))
                for media, part in answer.get("content", {}).items()
            ],
            "headers": _headers(answer),
        }
        for status, answer in operation["responses"].items()
        if "$ref" not in answer
    }
    return {
        "description": "",
        **operation,
        "path": path,
        "method": method.upper(),
        "access": _access(operation["security"]),
        "parameters": [
            {**one, "kind": kind(one["schema"]), "said": said(one, one["schema"])}
            for one in operation.get("parameters", [])
        ],
        "body": [(media, kind(part["schema"])) for media, part in body.items()],
        "answers": answers,
        "failures": [
            status for status in operation["responses"] if status not in answers
        ],
    }


def _headers(answer: Json) -> list[str]:
    """Those of this answer, but for what every answer has."""
    return [name for name in answer["headers"] if name not in EVERY]


def _access(security: list[Json]) -> str:
    if not security:
        return "Open to all."
    if {} in security:
        return "Open to all; HTTP Basic may say who asks."
    return f"Needs a token of the scope “{security[0]['bearer'][0]}”."


def _model(schema: Json) -> Json:
    fields = [
        {
            "name": name,
            "kind": kind(field),
            "said": said(field, field),
            "required": name in schema.get("required", []),
        }
        for name, field in schema.get("properties", {}).items()
    ]
    examples = schema.get("examples", [])
    return {
        "description": schema.get("description", ""),
        "fields": fields,
        "example": examples[0] if examples else None,
    }


def kind(schema: Json) -> list[str]:
    """Of which kind values are, in words; a model by its name, with # before it."""
    if "$ref" in schema:
        return ["#" + schema["$ref"].rpartition("/")[2]]
    if "anyOf" in schema:
        kinds = [kind(one) for one in schema["anyOf"]]
        return [word for one in kinds for word in ("or", *one)][1:]
    if "const" in schema or "enum" in schema:
        values = schema.get("enum") or [schema["const"]]
        return [word for one in values for word in ("or", f"“{one}”")][1:]
    if schema.get("type") == "array":
        return ["list of", *kind(schema["items"])]
    return [str(schema.get("format") or schema.get("type") or "anything")]


def said(described: Json, schema: Json) -> str:
    """A description, and what a schema says of values, in words."""
    schema = {**schema.get("anyOf", [{}])[0], **schema}  # That of what is not null.
    bounds = [RULES[name].format(schema[name]) for name in RULES if name in schema]
    if examples := schema.get("examples"):
        bounds.append(f"for example `{examples[0]}`")
    return "; ".join([{**schema, **described}["description"], *bounds])
