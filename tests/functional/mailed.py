"""What tests ask of mails that are to be sent, and of the pages that links lead to."""

from webtest import TestResponse

from microblog.store import Database, Document, mails, users
from tests.browsing import Browser

NEW_PASSWORD = "seven green kites in a row"
ADDRESS = "alice@example.org"
OTHER = "other@example.org"


def read(database: Database, username: str = "alice") -> Document:
    """The user as stored."""
    user = users.find(database, username)
    assert user is not None
    return user


def asked(database: Database, kind: mails.Kind) -> list[Document]:
    """The mails of a kind that are to be sent."""
    return list(database.mails.find({"kind": kind}))


def addresses_asked(database: Database) -> list[tuple[str, str]]:
    """To whom and where confirmations go."""
    found = asked(database, mails.Kind.CONFIRMATION)
    return sorted((mail["to"], mail["address"]) for mail in found)


def is_logged_in(browser: Browser) -> bool:
    """Whether the site knows who asks."""
    return browser.get("/settings").status_code == 200


def assert_dead(answer: TestResponse) -> None:
    """The page of a link that is worth nothing."""
    assert answer.status_code == 400
    assert answer.html.find("h1").text == "This link does not work"
    assert "too old" in answer.html.find(role="alert").text
    assert "no-store" in answer.headers["Cache-Control"]
