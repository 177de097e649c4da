"""The document of the API, in OpenAPI 3.1: what the services declare, and the models
that read what comes in. Nothing of it is written twice.

Made once, when the application is; a service that declares too little is in it all the
same, and fails a test.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from microblog import components, rest
from microblog.bodies import JSON
from microblog.components import Json
from microblog.security import ANONYMOUS, API, READING, Permission
from microblog.version import VERSION

ABOUT = (
    "Read and write microposts. Bodies are JSON in UTF-8; a field that an operation "
    "does not know is refused. Every failure is a problem (RFC 9457), invalid input "
    "always 400. A method that an address does not have is answered 405 with `Allow`."
)
# Refused to nobody who has a token that is good for it.
_OPEN = {*ANONYMOUS, Permission.READ, Permission.END_TOKEN}
Refs = dict[Any, Json]  # to the schemas, by model
_PLACE = re.compile(r"{(\w+)}")


@dataclass(frozen=True, eq=False)
class Document:
    """The document, and its bytes under an ETag."""

    content: Json
    json: bytes
    etag: str


@dataclass(frozen=True)
class Operation:
    """One method of one service, as it is declared."""

    service: rest.ApiService
    method: str
    view: Any
    arguments: dict[str, Any]

    @property
    def answers(self) -> rest.Answers:
        """What it answers, beside what any can."""
        return self.service.answers.get(self.method, {})

    @property
    def permission(self) -> Permission:
        """What one must be permitted."""
        permission: Permission = self.arguments["permission"]
        return permission

    @property
    def readers(self) -> list[rest.Reader]:
        """Of its body and its query."""
        found = self.arguments["validators"]
        return [reader for reader in found if isinstance(reader, rest.Reader)]

    @property
    def body(self) -> rest.Reader | None:
        """The reader of its body."""
        return next((reader for reader in self.readers if reader.types), None)

    @property
    def models(self) -> set[type[BaseModel]]:
        """The models whose schemas it needs by name."""
        answered = {model for model in self.answers.values() if isinstance(model, type)}
        return answered | ({self.body.model} if self.body else set())


class _Schemas(GenerateJsonSchema):
    """Without what says nothing: titles of fields, and the defaults that stand for a
    field that was left out."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def default_schema(self, schema: Any) -> Json:
        made = super().default_schema(schema)
        # Nor is a constant what is meant where it is left out.
        if made.get("default", "") in ("", None) or "const" in made:
            made.pop("default", None)
        return made


def operations() -> Iterator[Operation]:
    """Every method of every service, by path."""
    for service in sorted(rest.services(), key=lambda one: str(one.path)):
        for method, view, arguments in service.definitions:
            if method != "HEAD":
                yield Operation(service, method, view, arguments)


def document(url: str, name: str, deprecated: bool = False) -> Json:
    """The document of the site of this name at `url`; `deprecated`: of an API that one
    should not begin with."""
    found = list(operations())
    models = {components.Problem}.union(*(one.models for one in found))
    # In one order, or each process would have another ETag.
    listed = sorted(models, key=lambda model: model.__name__)
    references, schemas = models_json_schema(
        [(model, "validation") for model in listed],
        ref_template="#/components/schemas/{model}",
        schema_generator=_Schemas,
    )
    refs: Refs = {model: references[model, "validation"] for model in listed}
    paths: Json = {}
    statuses: set[int] = set()
    for one in found:
        statuses |= _failures(one)
        path = one.service.path.removeprefix(API)
        told: Json = {"deprecated": True} if deprecated else {}
        paths.setdefault(path, {})[one.method.lower()] = _operation(one, refs) | told
    return {
        "openapi": "3.1.0",
        "info": {
            "title": f"The API of {name}",
            "version": VERSION,
            "description": ABOUT,
        },
        "servers": [{"url": url + API}],
        "tags": _tags(found),
        "paths": paths,
        "components": {
            "schemas": schemas["$defs"],
            "responses": {
                str(status): components.failure(status) for status in sorted(statuses)
            },
            "headers": components.HEADERS,
            "securitySchemes": components.SECURITY,
        },
    }


def _tags(found: list[Operation]) -> list[Json]:
    """The modules, in their own words."""
    modules = {one.view.__module__: one.view.__globals__["__doc__"] for one in found}
    return [
        {"name": _tag(module), "description": _said(words)[0]}
        for module, words in modules.items()
    ]


def _tag(module: str) -> str:
    return module.rpartition(".")[2]


def _said(docstring: str | None) -> tuple[str, str]:
    """The first sentence of a docstring, and the rest."""
    words = " ".join((docstring or "").split())
    first, _stop, rest = words.partition(". ")
    return first.rstrip(".") + "." if first else "", rest


def _operation(one: Operation, refs: Refs) -> Json:
    summary, description = _said(one.view.__doc__)
    made: Json = {
        "operationId": f"{one.service.name}_{one.method}".replace(" ", "_").lower(),
        "tags": [_tag(one.view.__module__)],
        "summary": summary,
    }
    if description:
        made["description"] = description
    if parameters := _parameters(one):
        made["parameters"] = parameters
    if one.body:
        content = {kind: {"schema": refs[one.body.model]} for kind in one.body.types}
        made["requestBody"] = {"required": True, "content": content}
    made["responses"] = {
        **{
            str(status): _answer(one, status, model, refs)
            for status, model in one.answers.items()
            if status < 400
        },
        **{
            str(status): {"$ref": f"#/components/responses/{status}"}
            for status in sorted(_failures(one))
        },
    }
    made["security"] = _security(one.permission)
    return made


def _security(permission: Permission) -> list[Json]:
    if permission is Permission.GET_TOKEN:
        return [{}, {"basic": []}]
    if permission in ANONYMOUS:
        return []
    return [{"bearer": ["read" if permission in READING else "read write"]}]


def _failures(one: Operation) -> set[int]:
    """The statuses with which it can fail."""
    found = {*components.ALWAYS}
    found |= {status for status in one.answers if status >= 400}
    if one.permission not in _OPEN:
        found.add(403)
    if _PLACE.search(one.service.path):
        found.add(404)
    if one.body:
        found |= {413, 415}
    return found


def _answer(one: Operation, status: int, model: Any, refs: Refs) -> Json:
    """An answer that is no failure."""
    headers = {*components.EVERY, *getattr(model, "headers", ())}
    if 304 in one.answers:
        headers.add("ETag")
    if 201 in one.answers and status in {200, 201}:
        headers.add("Location")
    if isinstance(model, str) and model != JSON:
        headers.add("Content-Disposition")
    if 429 in one.answers:
        headers |= {*components.LIMITED}
    made: Json = {
        "description": components.SUCCESSES[status],
        "headers": components.references("headers", sorted(headers)),
    }
    if isinstance(model, str):
        made["content"] = {model: {}}
    elif model is not None:
        made["content"] = {JSON: {"schema": refs[model]}}
    return made


def _parameters(one: Operation) -> list[Json]:
    """Of the path, the query and the header."""
    places = _PLACE.findall(one.service.path)
    found = [
        {
            "name": name,
            "in": "path",
            "required": True,
            **components.PLACES.get(name, {}),
        }
        for name in places
    ]
    for reader in one.readers:
        if not reader.types:
            found += _query(reader.model)
    if 304 in one.answers:
        found.append(components.IF_NONE_MATCH)
    if 412 in one.answers:
        found += components.CONDITIONS
    if 422 in one.answers:
        found.append(components.ONCE)
    return found


def _query(model: type[BaseModel]) -> Iterator[Json]:
    schema = model.model_json_schema(schema_generator=_Schemas)
    needed = schema.get("required", [])
    properties = schema["properties"]
    for name in sorted(properties, key=lambda name: name not in needed):
        field = properties[name]
        kinds = field.pop("anyOf", [])
        # Nothing in a query is null.
        for kind in (kind for kind in kinds if kind != {"type": "null"}):
            field = {**kind, **field}
        description = field.pop("description", "")
        yield {
            "name": name,
            "in": "query",
            "required": name in needed,
            "description": description,
            "schema": field,
        }


def includeme(config: Any) -> None:
    """Make it, when every view is known."""

    def make() -> None:
        site = config.registry["settings"]
        deprecated = site.api_deprecated_on is not None
        content = document(site.url, site.site_name, deprecated)
        json = orjson.dumps(content, option=orjson.OPT_APPEND_NEWLINE)
        etag = hashlib.sha256(json).hexdigest()[:16]
        config.registry["openapi"] = Document(content, json, etag)

    config.action("openapi", make, order=999)
