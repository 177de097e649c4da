"""F6: the disk of the embedded document server is full. A real one of 24 MB."""

import contextlib
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from tests.faults.ledger import Ledger
from tests.faults.probe import Probe, get
from tests.serving import wait_until
from tests.site import Site

MB, PIECE = 1 << 20, 1 << 14  # bytes


def mount(directory: Path, options: str) -> bool:
    """Whether there is a disk of memory there."""
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(directory)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Site]:
    """A running site with a small disk for its data."""
    site = Site(tmp_path)
    site.data_dir.mkdir()
    if not mount(site.data_dir, "size=24m"):
        pytest.skip("a small disk can be mounted by root alone")
    try:
        site.start()
        yield site
        if site.process and site.process.poll() is None:
            site.stop()
    finally:
        subprocess.run(["umount", "-l", str(site.data_dir)], check=True)


def fill(site: Site, left: int = 0) -> None:
    """Leave so many bytes of the disk."""
    size = shutil.disk_usage(site.data_dir).free - left
    with (
        open(site.data_dir / "fill", "wb", buffering=0) as file,
        contextlib.suppress(OSError),
    ):
        for _ in range(size // PIECE):
            file.write(bytes(PIECE))


def break_engine(site: Site) -> None:
    """Write past the web server until the engine of the document server fails."""
    directory = site.data_dir / "database"
    port = json.loads((directory / "server.json").read_text())["port"]
    password = (directory / "password").read_text()
    uri = f"mongodb://microblog:{password}@127.0.0.1:{port}/?directConnection=true"
    with MongoClient[dict[str, object]](uri, journal=True) as client:

        def write() -> None:
            for _ in range(10_000):
                client.other.lines.insert_one({"text": "x" * 10_000})

        with pytest.raises(OperationFailure) as error:
            write()
        assert error.value.code == 1


@pytest.mark.long
def test_F6_AV_6_reading_goes_on_while_the_disk_is_nearly_full(small: Site) -> None:
    """And nothing has to be started again when there is room."""
    ledger, before = Ledger(small.register("alice")), small.database_pid()
    with Probe(small, "/users/alice") as page, ledger.posting([small]):
        ledger.wait_for(20)
        fill(small, left=2 * MB)  # Less than an eighth.
        wait_until(lambda: get(small, "/__heartbeat__") == 503)
        full = time.monotonic()
        assert get(small, "/login") == 200
        wait_until(lambda: len(page.since(full)) > 20)
        assert ledger.told(full + 1).keys() <= {503}
        assert {one.status for one in page.since(full)} == {200}
        (small.data_dir / "fill").unlink()
        ledger.wait_for(20)
    assert get(small, "/__heartbeat__") == 200
    assert small.database_pid() == before
    ledger.check(small)
    assert small.command("check", "--repair")[0] == 0


@pytest.mark.long
def test_F6_AV_6_OP_1_engine_that_a_full_disk_has_broken_starts_again(
    small: Site,
) -> None:
    """The server answers a ping all the time; pages say 503 at once, and the login page
    is shown."""
    ledger, before = Ledger(small.register("alice")), small.database_pid()
    with ledger.posting([small]):
        ledger.wait_for(20)
        break_engine(small)
        fill(small)
        wait_until(lambda: get(small, "/__heartbeat__") == 503)
        wait_until(lambda: get(small, "/users/alice") == 503)
        broken = time.monotonic()
        for _ in range(20):
            assert get(small, "/users/alice") == 503
            assert get(small, "/login") == 200
            assert get(small, "/__lbheartbeat__") == 200
        assert ledger.told(broken).keys() <= {503}
        assert small.database_pid() == before
        assert mount(small.data_dir, "remount,size=200m")
        ledger.wait_for(20)
    assert get(small, "/__heartbeat__") == 200
    assert small.database_pid() != before
    ledger.check(small)
    assert small.command("check", "--repair")[0] == 0
    assert small.command("check") == (0, "0 found\n")
    assert "Traceback" not in small.log.read_text()
