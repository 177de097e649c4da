"""The `microblog` command in this process, and a second site for it."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pymongo
import pytest

from microblog.commands import main
from microblog.store import Database
from tests.browsing import Browser
from tests.factories import Factory
from tests.functional.command import Done, Run


@pytest.fixture
def run(
    ini: Path,
    database: Database,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Run:
    """Runs `microblog -c INI` with arguments and a standard input."""
    for name in ("HTTP_PORT", "DATA_DIR"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: str, text: str | bytes = "", ini: Path | None = ini) -> Done:
        given = text.encode() if isinstance(text, str) else text
        stdin = io.TextIOWrapper(io.BytesIO(given), encoding="utf-8")
        monkeypatch.setattr("sys.stdin", stdin)
        options = ["-c", str(ini)] if ini else []
        with pytest.raises(SystemExit) as ended:
            main([*options, *arguments])
        said = capsys.readouterr()
        if isinstance(ended.value.code, str):
            # Python prints it and ends with 1.
            return Done(1, said.out, said.err + ended.value.code + "\n")
        return Done(ended.value.code or 0, said.out, said.err)

    return run


@pytest.fixture
def other(
    ini: Path, database: Database, tmp_path: Path
) -> Iterator[tuple[Path, Database]]:
    """The ini file and the database of another site on the same document server."""
    path = tmp_path / "other.ini"
    path.write_text(ini.read_text().replace(database.name, "microblog_other"))
    another = Database(database.client, "microblog_other", database.changes)
    yield path, another
    # The embedded server removes some hundred entries of an index a second.
    with pymongo.timeout(60):
        database.client.drop_database("microblog_other")


@pytest.fixture
def browser(application: Any, database: Database) -> Browser:
    """Somebody who is not logged in."""
    return Browser(application)


@pytest.fixture
def reader(application: Any, make: Factory) -> Browser:
    """The user alice, logged in."""
    make.user("alice")
    browser = Browser(application)
    assert browser.log_in("alice").status_code == 303
    return browser
