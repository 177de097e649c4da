"""What stops a start, and what an operator is warned of."""

import logging
from pathlib import Path

import pytest

from microblog import precautions, settings
from microblog.errors import ConfigurationError

OWN = "https://blog.test"


def take(path: Path, **values: str) -> None:
    given = {key.replace("__", "."): value for key, value in values.items()}
    given.setdefault("site.url", OWN)
    path.write_text("")
    precautions.take(settings.read(given, environment={}), path, given)


@pytest.fixture
def ini(tmp_path: Path) -> Path:
    return tmp_path / "site.ini"


@pytest.mark.parametrize(
    "url",
    ["https://example.org", "https://www.example.com:8443", "http://blog.example"],
)
def test_AU_7_address_of_an_example_is_refused(ini: Path, url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"site\.ini: site\.url: .* is an ex"):
        take(ini, site__url=url)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("mongodb.uri", "mongodb://microblog:CHANGE-ME@a.test,b.test/?replicaSet=x"),
        ("mongodb.uri", "mongodb+srv://u:password@a.test/"),
        ("celery.broker_url", "amqp://guest:guest@localhost//"),
        ("celery.broker_url", "redis://:secret@localhost"),
        ("mail.password", "change_me"),
    ],
)
def test_AU_7_password_of_an_example_is_refused(
    ini: Path, key: str, value: str
) -> None:
    """On a site for others; who tries it out on http://localhost may use them."""
    with pytest.raises(ConfigurationError) as error:
        take(ini, **{key: value})
    assert error.value.detail == (
        f"site.ini: {key}: its password is one that examples show; set another"
    )
    take(ini, **{key: value, "site.url": "http://localhost:6543"})


def test_AU_7_own_address_and_password_are_taken(ini: Path) -> None:
    take(ini, mongodb__uri="mongodb://u:tR4-9x@a.test", mail__password="kX7!")
    take(ini, site__url="https://myexample.org", mongodb__uri="mongodb://a.test")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("mongodb.uri", "mongodb://u:tR4-9x@a.test"),
        ("celery.broker_url", "redis://:tR4-9x@a.test"),
        ("mail.password", "tR4-9x"),
    ],
)
@pytest.mark.parametrize(
    ("mode", "warned"), [(0o644, True), (0o640, False), (0o604, True), (0o600, False)]
)
def test_OP_3_ini_with_a_secret_that_everybody_can_read(
    ini: Path,
    caplog: pytest.LogCaptureFixture,
    key: str,
    value: str,
    mode: int,
    warned: bool,
) -> None:
    ini.write_text("")
    ini.chmod(mode)
    take(ini, **{key: value})
    assert ([one.levelno for one in caplog.records] == [logging.WARNING]) == warned
    assert (f"everybody can read the secret in {ini}" in caplog.text) == warned
    assert "tR4-9x" not in caplog.text


def test_OP_3_ini_without_a_secret_may_be_read(
    ini: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ini.write_text("")
    ini.chmod(0o644)
    take(ini, mongodb__uri="mongodb://a.test", mail__username="", mail__password="")
    assert not caplog.records


@pytest.mark.parametrize("named_by", ["ini", "environment"])
@pytest.mark.parametrize(("mode", "warned"), [(0o644, True), (0o600, False)])
def test_OP_3_file_of_a_secret_that_everybody_can_read(
    ini: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    named_by: str,
    mode: int,
    warned: bool,
) -> None:
    secret = ini.parent / "secret"
    secret.write_text("tR4-9x")
    secret.chmod(mode)
    given = {"mail__password_file": str(secret)}
    if named_by == "environment":
        monkeypatch.setenv("MICROBLOG_MAIL_PASSWORD_FILE", str(secret))
        given = {}
    take(ini, **given)
    assert (f"everybody can read the secret in {secret}" in caplog.text) == warned
