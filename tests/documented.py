"""Every answer of the API that a test sees, held against the document of the API."""

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from microblog.openapi import Document

ROOT = "urn:api"


# What HTTP has for all, and the document need not say.
GENERAL = {
    *("allow", "cache-control", "content-length", "content-type", "date", "vary"),
    *("content-security-policy", "cross-origin-opener-policy", "referrer-policy"),
    *("cross-origin-resource-policy", "x-content-type-options"),
    *("strict-transport-security", "clear-site-data"),
}


class Documented:
    """The document, to be asked whether it foresees an answer."""

    def __init__(self, content: dict[str, Any]):
        self.content = content
        resource = Resource(content, DRAFT202012)
        self.registry: Registry[Any] = Registry().with_resource(ROOT, resource)
        self.validators: dict[str, Draft202012Validator] = {}
        self.paths = {
            re.compile("/api" + re.sub(r"{\w+}", "[^/]+", path)): operations
            for path, operations in content["paths"].items()
        }

    def operation(self, method: str, path: str) -> dict[str, Any] | None:
        """What it says of a method of a path; None: there is no such operation."""
        for pattern, operations in self.paths.items():
            if pattern.fullmatch(path):
                found: dict[str, Any] | None = operations.get(method.lower())
                return found
        return None

    def resolved(self, part: dict[str, Any]) -> dict[str, Any]:
        """A part, or the component that it refers to."""
        while "$ref" in part:
            found: Any = self.content
            for name in part["$ref"].removeprefix("#/").split("/"):
                found = found[name]
            part = found
        return part

    def wrong(self, schema: dict[str, Any], value: Any) -> Iterator[str]:
        """What of a value breaks a schema of the document."""
        text = json.dumps(schema)
        if text not in self.validators:
            # Relative to the document.
            self.validators[text] = Draft202012Validator(
                json.loads(text.replace('"#/', f'"{ROOT}#/')),
                registry=self.registry,
                format_checker=Draft202012Validator.FORMAT_CHECKER,
            )
        for error in self.validators[text].iter_errors(value):
            yield f"{error.json_path}: {error.message}"

    def check(self, method: str, answer: Any) -> None:
        """Fail if an answer of WebTest's is not as the document has it."""
        try:
            path = answer.request.path
        except UnicodeDecodeError:  # That of no operation.
            return
        operation = self.operation(method, path)
        if operation is None:
            return
        where, status = f"{method} {path}", str(answer.status_code)
        if status == "405":
            return
        assert status in operation["responses"], f"{where}: {status} is not documented"
        declared = self.resolved(operation["responses"][status])
        headers = {name.lower(): one for name, one in declared["headers"].items()}
        for name, value in answer.headers.items():
            if name.lower() not in GENERAL:
                assert name.lower() in headers, f"{where} {status}: {name}"
                schema = self.resolved(headers[name.lower()])["schema"]
                assert not [*self.wrong(schema, value)], f"{where} {status}: {name}"
        content = declared.get("content", {})
        if not content:
            assert not answer.body, f"{where}: {status} has a body"
            return
        assert answer.content_type in content, f"{where}: {answer.content_type}"
        schema = content[answer.content_type].get("schema")
        if schema:
            assert not [*self.wrong(schema, answer.json)], f"{where} {status}"


@cache
def _of(document: Document) -> Documented:
    return Documented(document.content)


def documented(application: Any) -> Documented:
    """The document of an application."""
    return _of(application.registry["openapi"])
