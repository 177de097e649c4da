"""In which language a page speaks, and that all of it does."""

from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from webtest import TestApp

from microblog.i18n import LANGUAGES
from tests.browsing import Browser

ROOT = Path(__file__).parents[2]
LOCALE = ROOT / "microblog" / "locale"
OTHERS = sorted(set(LANGUAGES) - {"en"})
METHODS = [("microblog/**.py", "python"), ("templates/**.jinja2", "jinja2")]


@pytest.mark.parametrize(
    ("asked", "language", "word"),
    [
        ("de", "de", "Anmelden"),
        ("de-AT, en;q=0.5", "de", "Anmelden"),
        ("fr, de;q=0.3", "de", "Anmelden"),
        ("en, de", "en", "Log in"),
        ("fr", "en", "Log in"),
        ("", "en", "Log in"),
        ("?!;q=x", "en", "Log in"),
    ],
)
def test_language_of_the_browser(
    app: TestApp, asked: str, language: str, word: str
) -> None:
    page = app.get("/login", headers={"Accept-Language": asked})
    assert page.html.find("html")["lang"] == language
    assert page.html.find("h1").text == word


def test_errors_are_in_the_language_too(app: TestApp) -> None:
    german = {"Accept-Language": "de"}
    assert "Hier ist nichts" in app.get("/x", headers=german, status=404).text
    form = app.get("/register", headers=german).form
    form["username"] = "Alice"
    said = form.submit(status=400, headers=german).html.find(id="username-error").text
    assert said == "Benutzername muss aus 1 bis 30 der Zeichen a-z, 0-9 und _ bestehen."


def test_choice_of_the_reader_comes_first(reader: Browser) -> None:
    reader.send("/settings/appearance", language="de", theme="dark")
    page = reader.get("/", Accept_Language="en").html.find("html")
    assert (page["lang"], page["data-theme"]) == ("de", "dark")
    reader.send("/", "/logout")
    reader.log_in("alice")
    assert reader.get("/").html.find("html")["lang"] == "de"


def _catalogue(language: str) -> Catalog:
    path = LOCALE / language / "LC_MESSAGES" / "microblog.po"
    with path.open("rb") as file:
        return read_po(file, locale=language)


def _messages() -> set[Any]:
    found = extract_from_dir(ROOT, method_map=METHODS, directory_filter=_is_source)
    return {message for _path, _line, message, _comments, _context in found}


def _is_source(directory: str) -> bool:
    return Path(directory).name in {
        "microblog",
        "templates",
        "macros",
        "settings",
        "views",
        "store",
        "commands",
        "resources",
        "database",
    }


@pytest.mark.parametrize("language", OTHERS)
def test_every_word_is_translated(language: str) -> None:
    catalogue = _catalogue(language)
    wanted = _messages()
    assert len(wanted) > 150
    for message in wanted:
        singular = message[0] if isinstance(message, tuple) else message
        entry = catalogue.get(singular)
        assert entry, f"{singular!r} is not in the catalogue: make translations"
        strings = entry.string if isinstance(entry.string, tuple) else (entry.string,)
        assert all(strings), f"{singular!r} is not translated"
        assert not entry.fuzzy


@pytest.mark.parametrize("language", OTHERS)
def test_compiled_catalogue_is_that_of_its_source(language: str) -> None:
    compiled = BytesIO()
    write_mo(compiled, _catalogue(language))
    kept = LOCALE / language / "LC_MESSAGES" / "microblog.mo"
    assert kept.read_bytes() == compiled.getvalue(), "make translations"
