"""What a request brings, read strictly: its body, its query, the models of both."""

import re
from functools import lru_cache
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pyramid.httpexceptions import (
    HTTPRequestEntityTooLarge,
    HTTPUnsupportedMediaType,
)

from microblog import strict_json
from microblog.errors import FieldError, Invalid
from microblog.i18n import _

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
LARGEST = 65536  # bytes
MOST_ERRORS = 20  # named in one answer, which else could be far larger than the request

IDEMPOTENCY_KEY = re.compile(r"[!-+\--~]{1,255}")  # visible ASCII without the comma

# What is blank is never given back (+), or many blanks would be shared out in as many
# ways.
_CONTENT_TYPE = re.compile(r'([^;,\s]+)\s*+(?:;\s*+charset="?([\w.:-]+)"?)?\s*+', re.I)

Model = TypeVar("Model", bound=BaseModel)

# The words of pydantic for what it checks itself.
_DESCRIPTIONS = {
    "extra_forbidden": _("is not a field of this request"),
    "missing": _("is needed"),
    "string_too_long": _("may have ${max_length} characters at most"),
    "string_too_short": _("must have ${min_length} characters at least"),
}


def fields(request: Any, accepted: tuple[str, ...]) -> dict[str, Any]:
    """The fields of a body of one of the content types `accepted`.

    Invalid, HTTPUnsupportedMediaType, HTTPRequestEntityTooLarge: it cannot be read.
    """
    content_type = _content_type(request, accepted)
    read = strict_json.read_json if content_type == JSON else strict_json.read_form
    try:
        return read(_content(request))
    except ValueError as error:
        raise Invalid.field("", str(error)) from None


def query(request: Any, model: type[Model]) -> Model:
    """The query string as `model`; parameters that it does not know are ignored."""
    if not request.environ.get("QUERY_STRING"):
        nothing: Model = _of_nothing(model)
        return nothing
    known = {field.alias or name for name, field in model.model_fields.items()}
    pairs = [pair for pair in request.GET.items() if pair[0] in known]
    given = [name for name, _ in pairs]
    twice = sorted({name for name in given if given.count(name) > 1})
    if twice:
        raise Invalid(
            [FieldError("querystring", name, _("is given twice")) for name in twice]
        )
    return checked(model, dict(pairs), "querystring")


@lru_cache
def _of_nothing(model: type[BaseModel]) -> Any:
    return checked(model, {}, "querystring")


def checked(model: type[Model], values: dict[str, Any], location: str) -> Model:
    """The values as `model`. Invalid: names every field that breaks a rule."""
    try:
        return model.model_validate(values)
    except ValidationError as errors:
        found = errors.errors(include_url=False, include_input=False)
        raise Invalid(
            [
                FieldError(location, _name(error), description(error))
                for error in found[:MOST_ERRORS]
            ]
        ) from None


def _name(error: Any) -> str:
    return ".".join(str(part)[:60] for part in error["loc"][:2])


def description(error: Any) -> str:
    """What is wrong, of an error of pydantic's: ours, with its values, where we
    raised it."""
    ours = error.get("ctx", {}).get("error")
    if isinstance(ours, ValueError):
        message: str = ours.args[0] if ours.args else str(ours)
    elif known := _DESCRIPTIONS.get(error["type"]):
        message = known % error.get("ctx", {})
    else:
        message = error["msg"]
    return message


def _content_type(request: Any, accepted: tuple[str, ...]) -> str:
    header = request.environ.get("CONTENT_TYPE", "")
    found = _CONTENT_TYPE.fullmatch(header)
    if "," in header:
        raise Invalid.field("Content-Type", _("is given twice"), "header")
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


def _content(request: Any) -> bytes:
    if (request.content_length or 0) > LARGEST:
        raise HTTPRequestEntityTooLarge(f"the body may have {LARGEST} bytes")
    content: bytes = request.body
    return content
