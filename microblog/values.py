"""Values of settings: what each must look like, and what is made of it.

ValueError says what is wrong.
"""

import re
from datetime import date
from ipaddress import ip_address
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, SecretStr

BROKERS = ("mongodb", "redis", "rediss", "amqp", "amqps", "pyamqp")

_HOST = re.compile(r"([a-z0-9.-]+|\[[0-9a-f:]+\])(:[0-9]{1,5})?")
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)

Seconds = Annotated[int, Field(ge=1, le=3600)]
Often = Annotated[int, Field(ge=0, le=1_000_000_000)]


def origin(url: str) -> str:
    parts = urlsplit(url)
    if (
        parts.scheme not in {"http", "https"}
        or not parts.netloc
        or parts.query
        or parts.path.strip("/")
    ):
        raise ValueError("must look like https://example.org")
    return url.rstrip("/")


def uri(secret: SecretStr) -> SecretStr:
    if not secret.get_secret_value().startswith(("mongodb://", "mongodb+srv://")):
        raise ValueError("must begin with mongodb:// or mongodb+srv://")
    return secret


def broker(secret: SecretStr) -> SecretStr:
    scheme, colon, _rest = secret.get_secret_value().partition("://")
    if not colon or scheme.partition("+")[0] not in BROKERS:
        raise ValueError(f"must begin with one of {', '.join(BROKERS)} and ://")
    return secret


def hosts(names: str | tuple[str, ...]) -> tuple[str, ...]:
    found = tuple(names.lower().split()) if isinstance(names, str) else names
    if not all(_HOST.fullmatch(name) for name in found):
        raise ValueError("must be names like example.org or 192.0.2.1:8080")
    return found


def listener(text: object) -> object:
    if not isinstance(text, str):
        return text
    host, _colon, port = text.rpartition(":")
    try:
        return str(ip_address(host.strip("[]"))), int(port)
    except ValueError:
        raise ValueError("must look like 127.0.0.1:9464") from None


def endpoint(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.netloc or parts.username:
        raise ValueError("must look like http://127.0.0.1:4318/v1/traces")
    return url


def day(text: object) -> object:
    if not isinstance(text, str):
        return text
    try:
        return date.fromisoformat(text if _DAY.fullmatch(text) else "")
    except ValueError:
        raise ValueError("must be a day like 2026-11-24") from None


def address(text: str) -> str:
    return text and str(ip_address(text))
