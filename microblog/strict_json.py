"""One strict reader for the bodies of requests: JSON (RFC 8259) and forms.

What other readers let pass and then stumble over is refused here: doubled names, NaN,
numbers that not every program reads alike, half characters, NUL, deep nesting.
"""

import json
from typing import Any
from urllib.parse import parse_qsl

DEPTH = 16
MOST_FIELDS = 100
LARGEST = 2**53  # of the whole numbers that every reader of JSON keeps exactly


def read_json(body: bytes) -> dict[str, Any]:
    """The object in `body`. ValueError: why it is not one."""
    try:
        value = json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_object,
            parse_constant=_constant,
            parse_int=_whole,
            parse_float=_fraction,
        )
    except UnicodeDecodeError:
        raise ValueError("is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"is not JSON: {error.msg} at {error.pos}") from None
    except RecursionError:
        raise ValueError(f"is nested deeper than {DEPTH}") from None
    if not isinstance(value, dict):
        raise ValueError("is not a JSON object")
    _check(value, 1)
    return value


def read_form(body: bytes) -> dict[str, str]:
    """The fields of an application/x-www-form-urlencoded body. ValueError: why not."""
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(body),
            errors="strict",
            max_num_fields=MOST_FIELDS,
        )
    except UnicodeError:
        raise ValueError("is not UTF-8") from None
    fields = _object(list(pairs))
    _check(fields, 1)
    return fields


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        raise ValueError("has a name twice")
    return result


def _constant(name: str) -> None:
    raise ValueError(f"has {name}, which is not JSON")


def _whole(digits: str) -> int:
    if len(digits) > 17 or abs(int(digits)) > LARGEST:
        raise ValueError("has a number beyond 2 to the power of 53")
    return int(digits)


def _fraction(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise ValueError("has a number that is too large")
    return number


def _check(value: Any, depth: int) -> None:
    if depth > DEPTH:
        raise ValueError(f"is nested deeper than {DEPTH}")
    if isinstance(value, dict):
        for name, item in value.items():
            _check(name, depth)
            _check(item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            _check(item, depth + 1)
    elif isinstance(value, str):
        if "\0" in value:
            raise ValueError("has the control character U+0000")
        if any("\ud800" <= character <= "\udfff" for character in value):
            raise ValueError("has half a character (a lone surrogate)")
