"""Whom to tell of a hole: /.well-known/security.txt (RFC 9116), SECURITY.md."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine

import microblog
from microblog import settings as settings_module
from microblog.errors import ConfigurationError
from microblog.settings import Settings
from microblog.version import VERSION
from tests.browsing import Browser

ROOT = Path(__file__).parents[2]
PATH = "/.well-known/security.txt"
CONTACT = "mailto:security@blog.test"


@pytest.fixture(scope="module")
def told(application: Any, settings: Settings) -> Iterator[Browser]:
    """Somebody at a site that says whom to tell."""
    changed = {"site_security_contact": CONTACT}
    made = microblog.application(settings.model_copy(update=changed))
    made.registry["connection"].wait()
    yield Browser(made)
    made.registry["connection"].close()


def test_OP_8_says_whom_to_tell(told: Browser) -> None:
    answer = told.get(PATH)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/plain; charset=UTF-8"
    lines = answer.text.splitlines()
    fields = dict(line.split(": ", 1) for line in lines)
    assert len(fields) == len(lines) == 4
    assert fields["Contact"] == CONTACT
    assert fields["Preferred-Languages"] == "en, de"
    assert fields["Canonical"] == f"http://localhost:6543{PATH}"
    expires = datetime.fromisoformat(fields["Expires"])
    assert timedelta(30) < expires - datetime.now(UTC) < timedelta(365)


def test_OP_8_it_is_kept_for_a_day(told: Browser) -> None:
    with time_machine.travel(datetime(2026, 11, 24, 0, 5, tzinfo=UTC), tick=False):
        tag = told.get(PATH).headers["ETag"]
    with time_machine.travel(datetime(2026, 11, 24, 23, 55, tzinfo=UTC), tick=False):
        assert told.get(PATH, If_None_Match=tag).status_code == 304
    with time_machine.travel(datetime(2026, 11, 25, 0, 5, tzinfo=UTC), tick=False):
        assert told.get(PATH, If_None_Match=tag).status_code == 200


def test_OP_8_nothing_without_a_contact(browser: Browser) -> None:
    assert browser.get(PATH).status_code == 404


def test_OP_8_nothing_else_is_there(told: Browser) -> None:
    for path in ("/.well-known", "/.well-known/x", f"{PATH}/x", "/security.txt"):
        assert told.get(path).status_code == 404
    assert told.get(f"{PATH}/").location == PATH
    assert told.app.post(PATH, expect_errors=True).status_code in {403, 405}


@pytest.mark.parametrize(
    "contact",
    ["me@blog.test", "mailto:me", "http://blog.test", f"{CONTACT}\nX: y", "https://"],
)
def test_OP_8_contact_that_nobody_could_use(contact: str) -> None:
    with pytest.raises(ConfigurationError, match=r"site\.security_contact"):
        settings_module.read({"site.security_contact": contact}, environment={})


@pytest.mark.parametrize("contact", [CONTACT, "https://blog.test/report?x=1"])
def test_OP_8_contact(contact: str) -> None:
    read = settings_module.read({"site.security_contact": contact}, environment={})
    assert read.site_security_contact == contact


def test_OP_8_documents_say_what_is_supported_and_when_it_came() -> None:
    said = (ROOT / "SECURITY.md").read_text()
    assert f"| {VERSION.rpartition('.')[0]}." in said
    assert "security.txt" in said
    heads = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(), re.M)
    assert heads[0].startswith(("Unreleased", VERSION))
    for head in heads:
        assert re.fullmatch(r"Unreleased|\S+, \d{4}-\d\d-\d\d", head), head
