"""A new program on old data, and an old one on new data."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from pymongo import MongoClient

from microblog.database.embedded import EmbeddedServer
from microblog.store import Database
from microblog.store.version import VERSION
from tests.faults.conftest import Web
from tests.faults.rig import FailingServer, wait_until
from tests.site import START_SECONDS, Site

WARNING = "the data is of an earlier version: run microblog migrate"
REFUSAL = f"the data is of version {VERSION + 1}, written by a newer microblog"
DATA = {"_id": "data", "version": VERSION, "mended": VERSION}


@pytest.fixture
def stopped(site: Site) -> Site:
    """A site with a user that is stopped."""
    site.register("alice")
    assert WARNING not in site.log.read_text()
    assert site.stop() == 0
    return site


@pytest.fixture
def data(stopped: Site) -> Iterator[Database]:
    """Its data."""
    server = EmbeddedServer(stopped.data_dir)
    with MongoClient[dict[str, Any]](server.ensure()) as client:
        yield Database(client, "microblog")
    server.stop()


def test_F18_newer_data_is_left_alone(stopped: Site, data: Database) -> None:
    """By the web server and by commands; with the newer program gone, and the data of
    before, all goes on."""
    assert data.version.find_one() == DATA
    data.version.update_one({}, {"$set": {"version": VERSION + 1}})
    before = list(data.users.find())
    for words in (["pyramid.scripts.pserve"], ["microblog", "check", "-c"]):
        done = subprocess.run(
            [sys.executable, "-m", *_command(words, stopped)],
            env=stopped.environment,
            capture_output=True,
            text=True,
            timeout=START_SECONDS * 2,
            check=False,
        )
        assert done.returncode == 1, words
        said = [line for line in done.stderr.splitlines() if line]
        assert said[-1].startswith(f"microblog: {REFUSAL}"), said
        assert "Traceback" not in done.stderr
    assert list(data.users.find()) == before
    data.version.update_one({}, {"$set": {"version": VERSION}})
    stopped.start()
    assert stopped.request("POST", "/api/token", {})[0] == 400
    assert stopped.stop() == 0


def _command(words: list[str], site: Site) -> list[str]:
    if words[-1] == "-c":
        return [words[0], "-c", str(site.ini), words[1]]
    return [*words, str(site.ini)]


def test_F18_older_data_is_worked_on_and_mended(stopped: Site, data: Database) -> None:
    """It says so at every start until all of it is mended; an older program would
    refuse it from the first start on."""
    data.version.delete_many({})
    for _ in range(2):
        stopped.start()
        assert WARNING in stopped.log.read_text()
        assert stopped.stop() == 0
        assert data.version.find_one() == DATA | {"mended": 0}
    assert stopped.command("migrate")[0] == 0
    assert data.version.find_one() == DATA
    stopped.start()
    assert WARNING not in stopped.log.read_text()
    assert stopped.stop() == 0


def test_F18_newer_data_elsewhere(web: Web, document_server: FailingServer) -> None:
    """A server that may come later is found to hold it later: nothing is served."""
    site = web()
    token = site.register("alice")
    document_server.database.version.update_one({}, {"$set": {"version": VERSION + 1}})
    site.kill()
    Site.start(site)
    wait_until(lambda: REFUSAL in site.log.read_text())
    for _ in range(3):
        assert site.request("GET", "/api/users/alice", None, token)[0] == 503
    assert site.log.read_text().count(REFUSAL) == 1
    site.assert_calm()
