"""AV-5: apps are told beforehand that the API comes to its end."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from webtest import TestApp

import microblog
from microblog import settings as settings_module
from microblog.errors import ConfigurationError
from microblog.settings import Settings
from tests.browsing import Browser
from tests.factories import Api, Factory

DATES = {"api_deprecated_on": date(2027, 1, 1), "api_sunset_on": date(2027, 7, 1)}
TOLD = {
    "Deprecation": "@1798761600",
    "Sunset": "Thu, 01 Jul 2027 00:00:00 GMT",
}


@pytest.fixture
def deprecated(application: Any, settings: Settings) -> Iterator[Any]:
    """The application, on the same store, with an API that comes to its end."""
    made = microblog.application(settings.model_copy(update=DATES))
    made.registry["connection"].wait()
    yield made
    made.registry["connection"].close()


def test_AV_5_apps_are_told_by_date(deprecated: Any, alice: Api, make: Factory) -> None:
    """With every answer, failures too; people are not, nor anybody by default."""
    app = Api(TestApp(deprecated), make.token("alice"))
    for answer in (
        app.get("/users/alice"),
        app.post("/users/alice/collection", {"text": "x"}),
        app.get("/users/nobody"),
        app.get("/nothing"),
        Api(app.app).get("/users/alice"),
    ):
        assert {name: answer.headers[name] for name in TOLD} == TOLD
    assert not TOLD.keys() & Browser(deprecated).get("/users").headers.keys()
    assert not TOLD.keys() & alice.get("/users/alice").headers.keys()


def test_document_says_so(deprecated: Any, alice: Api) -> None:
    app = Api(TestApp(deprecated))
    for api, expected in ((app, True), (alice, None)):
        paths = api.get("/openapi.json").json["paths"].values()
        said = {one.get("deprecated") for path in paths for one in path.values()}
        assert said == {expected}


@pytest.mark.parametrize(
    ("ini", "reason"),
    [
        ({"api.sunset_on": "soon"}, "api.sunset_on: .*must be a day like 2026-11-24"),
        ({"api.deprecated_on": "20270101"}, "api.deprecated_on: .*must be a day"),
        ({"api.deprecated_on": "2027-02-30"}, "api.deprecated_on: .*must be a day"),
        (
            {"api.deprecated_on": "2027-07-01", "api.sunset_on": "2027-01-01"},
            "api.sunset_on lies before api.deprecated_on",
        ),
    ],
)
def test_dates_are_checked_at_the_start(ini: dict[str, str], reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason):
        settings_module.read(ini, environment={})
    read = settings_module.read({"api.sunset_on": "2027-07-01"}, environment={})
    assert read.api_sunset_on == date(2027, 7, 1)
