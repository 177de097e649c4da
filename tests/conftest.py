"""One application and one document server a test session; an empty store a test."""

import os
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pymongo
import pytest
from webtest import TestApp

import microblog
from microblog import settings as settings_module
from microblog.settings import Settings
from microblog.store import Database, ids
from tests.factories import Api, Factory
from tests.site import Site

SERVER = "MICROBLOG_TEST_MONGODB_URI"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[
    None, pytest.TestReport, pytest.TestReport
]:
    """Tests log anything; from one process of pytest to another goes only Unicode."""
    report = yield
    report.sections = [
        (name, said.encode("utf-8", "replace").decode())
        for name, said in report.sections
    ]
    return report


@pytest.fixture(autouse=True)
def _present(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ids that a test draws in the future do not push those of the next ahead."""
    monkeypatch.setattr(ids, "_last", ids._last)


@pytest.fixture(scope="module")
def untraced(request: pytest.FixtureRequest) -> Iterator[None]:
    """Coverage is not counted in tests that do the same a thousand times."""
    # pytest-cov's own mark `no_cover` fails where there is no coverage at all.
    plugin = request.config.pluginmanager.getplugin("_cov")
    controller = plugin and plugin.cov_controller
    if controller:
        controller.pause()
    yield
    if controller:
        controller.resume()


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings for tests: a fresh embedded server, or the one that SERVER names."""
    # Everything comes from one address; tests/functional/test_limits.py has its own.
    limits = [key for key in settings_module._keys() if key.startswith("limits.")]
    values = {
        **dict.fromkeys(limits, "1000000000"),
        "data_dir": str(tmp_path_factory.mktemp("data")),
        "password.cost": "4",
        "mongodb.uri": os.environ.get(SERVER, ""),
        "mongodb.database": "microblog_test",
    }
    return settings_module.read(values, environment={})


@pytest.fixture(scope="session")
def application(settings: Settings) -> Iterator[Any]:
    """The WSGI application, ready."""
    application = microblog.application(settings)
    application.registry["connection"].wait()
    yield application
    application.registry["connection"].close()


@pytest.fixture
def database(application: Any) -> Database:
    """The database, empty but for its indexes."""
    database: Database = application.registry["connection"].database
    # The embedded server deletes 500 documents or so a second.
    with pymongo.timeout(60):
        for name in database.list_collection_names():
            database[name].delete_many({})
    return database


@pytest.fixture
def make(database: Database, settings: Settings) -> Factory:
    """Makes users, tokens, follows and microposts."""
    return Factory(database, settings)


@pytest.fixture
def app(application: Any, database: Database) -> TestApp:
    """The application as a client without a token sees it."""
    return TestApp(application)


@pytest.fixture
def anonymous(app: TestApp) -> Api:
    """The API without a token."""
    return Api(app)


@pytest.fixture
def alice(app: TestApp, make: Factory) -> Api:
    """The API as the user alice."""
    return Api(app, make.token("alice"), "alice")


@pytest.fixture
def bob(app: TestApp, make: Factory) -> Api:
    """The API as the user bob."""
    return Api(app, make.token("bob"), "bob")


@pytest.fixture
def ini(tmp_path: Path, settings: Settings) -> Path:
    """An ini file for the same store as the application's."""
    path = tmp_path / "test.ini"
    path.write_text(
        "[app:main]\nuse = egg:microblog\npassword.cost = 4\n"
        f"data_dir = {settings.data_dir}\n"
        f"mongodb.uri = {settings.mongodb_uri.get_secret_value()}\n"
        f"mongodb.database = {settings.mongodb_database}\n"
    )
    return path


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A running site with an empty store."""
    site = Site(tmp_path)
    site.start()
    yield site
    if site.process and site.process.poll() is None:
        site.stop()
