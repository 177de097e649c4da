"""The settings: one table of keys, types and defaults, read once, checked at start.

A key comes, in this order, from the command line of `pserve`, the environment
(`HTTP_PORT`, `DATA_DIR`, else `MICROBLOG_` and the key in capitals with `_` for `.`)
and the ini file. Of the secrets, each can come from a file: `mongodb.uri_file` names
one that holds the value of `mongodb.uri`.
"""

import os
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)

from microblog.errors import ConfigurationError
from microblog.values import (
    Often,
    Seconds,
    address,
    broker,
    day,
    endpoint,
    hosts,
    listener,
    origin,
    uri,
)

# Keys of other libraries that may stand beside ours in the ini file.
FOREIGN = ("pyramid.", "jinja2.", "debugtoolbar.")
SECRETS = ("mongodb.uri", "celery.broker_url", "mail.password")
LEAST_COST = 12  # of the hash of a password on a site for others
PLAIN = {"http_port": "HTTP_PORT", "data_dir": "DATA_DIR"}


class Settings(BaseModel):
    """What the operator decides; the alias of a field is its key in the ini file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    site_name: Annotated[str, Field(alias="site.name", min_length=1, max_length=80)] = (
        "microblog"
    )
    # Every absolute address starts with it; empty: http://localhost and the port.
    site_url: Annotated[str, Field(alias="site.url"), AfterValidator(origin)] = ""
    # Of pages for readers whose browser asks for none that there is.
    site_language: Annotated[Literal["en", "de"], Field(alias="site.language")] = "en"
    # Whom to tell of a hole: /.well-known/security.txt. Empty: there is no such file.
    site_security_contact: Annotated[
        str,
        Field(
            alias="site.security_contact", pattern=r"^(mailto:[^\s@]+@|https://)\S+$"
        ),
    ] = ""
    # Nothing can be changed, by whomever: logins are refused too.
    site_readonly: Annotated[bool, Field(alias="site.readonly")] = False
    # Days (UTC) from which the API is deprecated, and from which it may be gone.
    api_deprecated_on: Annotated[
        date | None, Field(alias="api.deprecated_on"), BeforeValidator(day)
    ] = None
    api_sunset_on: Annotated[
        date | None, Field(alias="api.sunset_on"), BeforeValidator(day)
    ] = None
    http_host: str = "localhost"
    http_port: Annotated[int, Field(ge=0, le=65535)] = 6543
    # Of a web server: those that answer who reads, and who writes.
    http_threads: Annotated[int, Field(alias="http.threads", ge=2, le=64)] = 4
    http_writing_threads: Annotated[
        int, Field(alias="http.writing_threads", ge=2, le=64)
    ] = 8
    # Web servers that `microblog run` starts, on http_port and the ports after it.
    http_processes: Annotated[int, Field(alias="http.processes", ge=1, le=64)] = 1
    # Each of them on a core of its own: the threads of a Python process on several
    # cores fight for its one interpreter.
    http_pin: Annotated[bool, Field(alias="http.pin")] = True
    # Seconds from the first byte of a request until its header and its body are there.
    http_header_seconds: Annotated[Seconds, Field(alias="http.header_seconds")] = 10
    http_body_seconds: Annotated[Seconds, Field(alias="http.body_seconds")] = 30
    # Seconds that a connection may wait for its next request.
    http_idle_seconds: Annotated[Seconds, Field(alias="http.idle_seconds")] = 30
    # In so many seconds a client must have taken a KB for each, or the rest.
    http_answer_seconds: Annotated[Seconds, Field(alias="http.answer_seconds")] = 30
    # Open at once: from one address (of IPv6, one /64), and in all.
    http_connections: Annotated[
        int, Field(alias="http.connections", ge=1, le=10_000)
    ] = 50
    http_connections_total: Annotated[
        int, Field(alias="http.connections_total", ge=1, le=10_000)
    ] = 1000
    # After SIGTERM, for requests that have begun.
    http_drain_seconds: Annotated[
        int, Field(alias="http.drain_seconds", ge=0, le=3600)
    ] = 30
    # Names, some with a port, by which the site is asked beside that of site.url.
    http_hosts: Annotated[
        tuple[str, ...], Field(alias="http.hosts"), BeforeValidator(hosts)
    ] = ()
    # The address of the proxy in front, which says in X-Forwarded-For who asks; and how
    # many such proxies stand one behind the other.
    http_trusted_proxy: Annotated[
        str, Field(alias="http.trusted_proxy"), AfterValidator(address)
    ] = ""
    http_trusted_proxy_count: Annotated[
        int, Field(alias="http.trusted_proxy_count", ge=1, le=10)
    ] = 1
    data_dir: Path = Path("var")
    # Empty: the embedded document server, in data_dir.
    mongodb_uri: Annotated[
        SecretStr, Field(alias="mongodb.uri"), AfterValidator(uri)
    ] = SecretStr("")
    mongodb_database: Annotated[
        str, Field(alias="mongodb.database", pattern=r"^[A-Za-z0-9_-]{1,38}$")
    ] = "microblog"
    # 0: any port that is free.
    embedded_port: Annotated[int, Field(alias="embedded.port", ge=0, le=65535)] = 0
    # Who may register: everybody; with an invitation; everybody, but a moderator must
    # approve before the account can be used; nobody.
    registration: Literal["open", "invitation", "approval", "closed"] = "open"
    # Whether users invite too, or moderators alone.
    registration_users_invite: Annotated[
        bool, Field(alias="registration.users_invite")
    ] = False
    # What moderators and operators did is kept for so many days.
    audit_days: Annotated[int, Field(alias="audit.days", ge=1, le=3650)] = 365
    password_minimum: Annotated[
        int, Field(alias="password.minimum", ge=8, le=64)  # code points
    ] = 15
    password_cost: Annotated[int, Field(alias="password.cost", ge=4, le=20)] = 12
    token_lifetime: Annotated[
        int, Field(alias="token.lifetime", ge=60, le=90 * 86400)  # seconds
    ] = 86400

    # How often something may be done in the spans of microblog/limits.py; 0: always.
    # Wrong passwords: of an account in a network, of a network, of an account, of all.
    limits_login: Annotated[Often, Field(alias="limits.login")] = 10
    limits_login_network: Annotated[Often, Field(alias="limits.login_network")] = 100
    limits_login_account: Annotated[Often, Field(alias="limits.login_account")] = 100
    limits_login_all: Annotated[Often, Field(alias="limits.login_all")] = 1000
    limits_register: Annotated[Often, Field(alias="limits.register")] = 10
    limits_mail: Annotated[Often, Field(alias="limits.mail")] = 5
    limits_mail_network: Annotated[Often, Field(alias="limits.mail_network")] = 20
    limits_post: Annotated[Often, Field(alias="limits.post")] = 300
    limits_follow: Annotated[Often, Field(alias="limits.follow")] = 400
    limits_search: Annotated[Often, Field(alias="limits.search")] = 300
    limits_export: Annotated[Often, Field(alias="limits.export")] = 5
    limits_import: Annotated[Often, Field(alias="limits.import")] = 5
    limits_download: Annotated[Often, Field(alias="limits.download")] = 20
    limits_report: Annotated[Often, Field(alias="limits.report")] = 20
    limits_invite: Annotated[Often, Field(alias="limits.invite")] = 40

    # New microposts of one archive, about; the command takes all.
    import_most: Annotated[int, Field(alias="import.most", ge=1)] = 20_000
    # Whose followers are fewer sends them every micropost; the others' is pulled.
    timelines_push_below: Annotated[
        int, Field(alias="timelines.push_below", ge=1, le=1_000_000)
    ] = 100
    # Timelines that were not read for so many days are dropped, and built anew.
    timelines_idle: Annotated[
        int, Field(alias="timelines.idle", ge=1, le=3650)  # days
    ] = 30
    session_idle: Annotated[
        int, Field(alias="session.idle", ge=300, le=90 * 86400)  # seconds
    ] = 7 * 86400
    session_lifetime: Annotated[
        int, Field(alias="session.lifetime", ge=300, le=365 * 86400)  # seconds
    ] = 30 * 86400
    # Empty: the database that mongodb.uri names, or without one a folder in data_dir.
    celery_broker_url: Annotated[
        SecretStr, Field(alias="celery.broker_url"), AfterValidator(broker)
    ] = SecretStr("")
    worker_threads: Annotated[int, Field(alias="worker.threads", ge=3, le=64)] = 4
    # Empty: mails are files in data_dir/mail, which `microblog mail` shows.
    mail_host: Annotated[str, Field(alias="mail.host")] = ""
    mail_port: Annotated[int, Field(alias="mail.port", ge=1, le=65535)] = 587
    # starttls: begins in the clear and insists on TLS. tls: from the first byte.
    mail_tls: Annotated[Literal["starttls", "tls", "none"], Field(alias="mail.tls")] = (
        "starttls"
    )
    mail_username: Annotated[str, Field(alias="mail.username")] = ""
    mail_password: Annotated[SecretStr, Field(alias="mail.password")] = SecretStr("")
    # Empty: microblog@ and the host of site.url.
    mail_sender: Annotated[
        str, Field(alias="mail.sender", pattern=r"^[^@\s<>]+@[^@\s<>]+$")
    ] = ""
    # Mails at once to one reader within an hour; the rest comes in one digest.
    mail_hourly: Annotated[int, Field(alias="mail.hourly", ge=0, le=100)] = 10
    # An address and a port on which this process tells Prometheus what it has counted.
    metrics_listen: Annotated[
        tuple[str, int] | None, Field(alias="metrics.listen"), BeforeValidator(listener)
    ] = None
    # Where an OpenTelemetry collector takes spans: http://127.0.0.1:4318/v1/traces.
    tracing_endpoint: Annotated[
        str, Field(alias="tracing.endpoint"), AfterValidator(endpoint)
    ] = ""
    mail_timeout: Annotated[
        int, Field(alias="mail.timeout", ge=1, le=300)  # seconds, for each SMTP reply
    ] = 20

    @model_validator(mode="after")
    def _is_deprecated_first(self) -> "Settings":
        deprecated, sunset = self.api_deprecated_on, self.api_sunset_on
        if deprecated and sunset and sunset < deprecated:
            raise ValueError("api.sunset_on lies before api.deprecated_on")
        return self

    @model_validator(mode="after")
    def _can_log_in(self) -> "Settings":
        if self.mail_username and not self.mail_password.get_secret_value():
            raise ValueError("mail.username needs mail.password or mail.password_file")
        if self.mail_username and self.mail_tls == "none":
            raise ValueError("mail.tls: none would send mail.password in the clear")
        return self

    @model_validator(mode="after")
    def _is_hard_to_guess(self) -> "Settings":
        if self.is_secure and self.password_cost < LEAST_COST:
            raise ValueError(
                f"password.cost must be at least {LEAST_COST} where site.url is https"
            )
        return self

    @property
    def sender(self) -> str:
        """The address that mails come from."""
        return self.mail_sender or f"microblog@{urlsplit(self.url).hostname}"

    @property
    def is_secure(self) -> bool:
        """Whether browsers reach the site by TLS."""
        return self.url.startswith("https:")

    @property
    def url(self) -> str:
        """The address of the site, without a slash at its end."""
        return self.site_url or f"http://localhost:{self.http_port}"


def read(
    ini: Mapping[str, Any],
    overrides: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
    source: str = "settings",
) -> Settings:
    """The checked settings. ConfigurationError names file, key and reason."""
    environment = os.environ if environment is None else environment
    values = {
        key: str(value).strip()
        for key, value in ini.items()
        if not key.startswith(FOREIGN)
    }
    for key in _keys():
        name = variable(key)
        if environment.get(name):
            values[key] = environment[name]
        if overrides and overrides.get(key):
            values[key] = overrides[key]
    for key in SECRETS:
        path = values.pop(f"{key}_file", "")
        if path and not environment.get(variable(key)):
            values[key] = _secret(path, key, source)
    try:
        # An empty value in the ini file means the default.
        return Settings(**{key: value for key, value in values.items() if value})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        reason = (
            "there is no such setting"
            if first["type"] == "extra_forbidden"
            else first["msg"]
        )
        where = f"{source}: {key}" if key else source
        raise ConfigurationError(f"{where}: {reason}") from None


def _keys() -> list[str]:
    fields = Settings.model_fields
    named = [field.alias or name for name, field in fields.items()]
    return [*named, *(f"{key}_file" for key in SECRETS)]


def variable(key: str) -> str:
    """The name in the environment."""
    return PLAIN.get(key) or "MICROBLOG_" + key.upper().replace(".", "_")


def _secret(path: str, key: str, source: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "is not text"
        raise ConfigurationError(f"{source}: {key}_file: {path}: {reason}") from None
