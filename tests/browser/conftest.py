"""Tests in a browser."""

import pytest

from tests.browser import fixtures


def pytest_configure(config: pytest.Config) -> None:
    """The judges use these fixtures too: one browser for both."""
    if not config.pluginmanager.has_plugin("browsing"):
        config.pluginmanager.register(fixtures, "browsing")
