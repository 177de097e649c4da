"""What an operator must mend before a site starts, and what should be: secrets that
others know, and secrets that others can read (OWASP ASVS 5.0, 13.2.3, 13.3.1)."""

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from microblog.errors import ConfigurationError
from microblog.settings import SECRETS, Settings, variable

log = logging.getLogger(__name__)

# Names that RFC 2606 keeps for examples, as production.ini and the documents have them.
EXAMPLES = (".example", ".example.com", ".example.net", ".example.org")
# Passwords of examples, those of others too.
SAMPLES = {"admin", "changeme", "example", "guest", "microblog", "password", "secret"}


def take(settings: Settings, ini: Path, values: Mapping[str, Any]) -> None:
    """Warn of secrets that everybody on the machine can read. `values`: what stands in
    the ini file. ConfigurationError: the site is set up with what examples show."""
    _refuse_examples(settings, ini.name)
    if any(_password(key, str(values.get(key) or "")) for key in SECRETS):
        _warn(ini)
    for key in SECRETS:
        name = f"{key}_file"
        if path := os.environ.get(variable(name)) or values.get(name):
            _warn(Path(path))


def _refuse_examples(settings: Settings, source: str) -> None:
    host = urlsplit(settings.url).hostname or ""
    if f".{host}".endswith(EXAMPLES):
        raise ConfigurationError(
            f"{source}: site.url: {settings.url} is an example; put the address of the "
            "site there"
        )
    if not settings.is_secure:
        return
    for key in SECRETS:
        secret = getattr(settings, key.replace(".", "_")).get_secret_value()
        plain = _password(key, secret).lower().replace("-", "").replace("_", "")
        if plain in SAMPLES:
            raise ConfigurationError(
                f"{source}: {key}: its password is one that examples show; set another"
            )


def _password(key: str, secret: str) -> str:
    """The password in a secret; "": there is none."""
    return secret if key == "mail.password" else urlsplit(secret).password or ""


def _warn(path: Path) -> None:
    if path.exists() and path.stat().st_mode & 0o004:
        log.warning("everybody can read the secret in %s: chmod o-r it", path)
