"""A browser without JavaScript: one cookie jar, and forms that it fills in."""

from typing import Any

from webtest import Form, TestApp, TestResponse

from tests.factories import PASSWORD


class Browser:
    """Somebody at the pages, logged in or not; no status is an exception."""

    def __init__(self, application: Any):
        self.app = TestApp(application)

    def get(self, path: str, **headers: str) -> TestResponse:
        """A page; keyword arguments are headers, with _ for -."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.app.get(path, headers=given, expect_errors=True)

    def form(self, path: str, action: str | None = None) -> Form:
        """The form on a page that posts to `action`, by default to the page."""
        return form_of(self.get(path), action or path.partition("?")[0])

    def send(
        self, path: str, action: str | None = None, /, **fields: str
    ) -> TestResponse:
        """Fill in the form on a page, and send it."""
        return filled(self.form(path, action), **fields).submit(expect_errors=True)

    def log_in(self, username: str, password: str = PASSWORD) -> TestResponse:
        """By the login form."""
        return self.send("/login", username=username, password=password)

    @property
    def cookie(self) -> str | None:
        """The session's secret."""
        return self.app.cookies.get("session")


def form_of(page: TestResponse, action: str) -> Form:
    """The form of a page that posts to `action`."""
    return next(one for one in page.forms.values() if one.action == action)


def filled(form: Form, **fields: str) -> Form:
    """The form with fields set."""
    for name, value in fields.items():
        form[name] = value
    return form
