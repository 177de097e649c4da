"""The embedded document server: who starts it, who finds it, what can be wrong."""

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pymongo import MongoClient
from pymongo.errors import AutoReconnect, OperationFailure, PyMongoError

from microblog import settings as settings_module
from microblog import store
from microblog.database import Connection
from microblog.database.embedded import EmbeddedServer
from microblog.errors import ConfigurationError, Unavailable
from tests.site import Site


def connection(directory: Path, **more: str) -> Connection:
    values = {"data_dir": str(directory), **more}
    return Connection(settings_module.read(values, environment={}))


@pytest.fixture
def first(tmp_path: Path) -> Iterator[Connection]:
    """The connection of a process that has started the server."""
    opened = connection(tmp_path).open()
    opened.wait()
    yield opened
    opened.close()


def wait_for(condition: object, seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.05)


def reads(opened: Connection) -> bool:
    """Whether the document server answers."""
    try:
        opened.database.users.find_one({})
    except PyMongoError:
        return False
    return True


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_directory_and_secrets_are_private(first: Connection, tmp_path: Path) -> None:
    directory = tmp_path / "database"
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    for name in ("password", "server.json"):
        assert stat.S_IMODE((directory / name).stat().st_mode) == 0o600


def test_server_wants_a_password_and_knows_no_test_commands(first: Connection) -> None:
    host, port = first.database.client.address or ("", 0)
    assert host == "127.0.0.1"
    stranger = MongoClient[dict[str, object]](host, port, directConnection=True)
    with stranger, pytest.raises(OperationFailure, match="auth"):
        stranger.microblog.users.find_one({})
    with pytest.raises(OperationFailure, match="no such command"):
        first.database.client.admin.command("configureFailPoint", "x", mode="off")


def test_second_process_finds_the_server_and_takes_over(
    first: Connection, tmp_path: Path
) -> None:
    first.database.users.insert_one({"_id": "kept", "folded": "kept"})
    second = connection(tmp_path).open()
    try:
        assert second.wait().users.find_one({"_id": "kept"})
        assert second.server is not None
        assert not second.server.is_owner
        first.close()
        wait_for(lambda: second.server and second.server.pid)
        wait_for(lambda: reads(second))
        assert second.database.users.find_one({"_id": "kept"})
    finally:
        second.close()


def test_killed_server_is_started_again_on_its_port(first: Connection) -> None:
    assert first.server is not None
    pid, address = first.server.pid, first.database.client.address
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: first.server and first.server.pid not in {None, pid})
    wait_for(lambda: reads(first))
    assert first.database.users.find_one({}) is None
    assert first.database.client.address == address


def test_server_ends_with_its_owner_even_when_that_is_killed(site: Site) -> None:
    pid = site.database_pid()
    assert site.process is not None
    site.process.kill()
    site.process.wait()
    wait_for(lambda: not is_running(pid))
    site.start()
    assert site.stop() == 0


def test_sigterm_ends_web_server_and_document_server(site: Site) -> None:
    pid = site.database_pid()
    site.register("alice")
    assert site.stop() == 0
    assert not is_running(pid)
    site.start()
    user = {"username": "alice", "password": "another password here"}
    assert site.request("POST", "/api/users", user)[0] == 409


def test_command_shares_the_server_of_the_site(site: Site) -> None:
    password = "quiet lantern over the river\n"
    assert site.command("user", "add", "alice", text=password)[0] == 0
    login = {"username": "alice", "password": password.strip()}
    assert site.request("POST", "/api/token", login)[0] == 200


def test_directory_in_use_by_another_program(tmp_path: Path) -> None:
    opened = connection(tmp_path).open()
    opened.wait()
    opened.close()
    stray = [sys.executable, "-m", "secantus", "--port", "0", "--storage-path"]
    log = tmp_path / "stray.log"
    with open(log, "wb") as output:
        process = subprocess.Popen(
            [*stray, str(tmp_path / "database" / "data")], stderr=output
        )
    try:
        wait_for(lambda: "listening on" in log.read_text())
        server = EmbeddedServer(tmp_path)
        with pytest.raises(ConfigurationError, match="in use by another program"):
            server.ensure()
        server.stop()
    finally:
        process.terminate()
        process.wait()


def test_port_in_use(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        opened = connection(tmp_path, **{"embedded.port": str(port)})
        with pytest.raises(ConfigurationError, match=f"port {port} .* in use"):
            opened.open()
        opened.close()


def test_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    opened = connection(tmp_path / "file")
    with pytest.raises(ConfigurationError, match="cannot be used: Not a directory"):
        opened.open()


def test_extra_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigurationError, match=r"microblog\[embedded\]"):
        EmbeddedServer(tmp_path).ensure()


def test_first_start_that_died_before_the_password_was_kept(tmp_path: Path) -> None:
    opened = connection(tmp_path).open()
    opened.wait().users.insert_one({"_id": "kept", "folded": "kept"})
    opened.close()
    (tmp_path / "database" / "password").unlink()
    again = connection(tmp_path).open()
    assert again.wait().users.find_one({"_id": "kept"})
    again.close()


def test_one_line_and_status_1_instead_of_a_traceback(site: Site) -> None:
    site.stop()
    site.ini.write_text(site.ini.read_text().replace("http_host", "htp_host"))
    with pytest.raises(pytest.fail.Exception, match="htp_host: there is no such"):
        site.start()
    assert "Traceback" not in site.log.read_text()
    status, said = site.command("check")
    assert (status, said.count("\n")) == (1, 1)


def test_server_elsewhere_may_come_later(tmp_path: Path) -> None:
    """Started before its server, the program says Unavailable and then recovers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    uri = f"mongodb://127.0.0.1:{port}/?directConnection=true&retryWrites=false"
    opened = connection(tmp_path, **{"mongodb.uri": uri}).open()
    with pytest.raises(Unavailable):
        _ = opened.database
    arguments = ["--port", str(port), "--storage-path", str(tmp_path / "elsewhere")]
    process = subprocess.Popen(
        [sys.executable, "-m", "secantus", *arguments], stderr=subprocess.DEVNULL
    )
    try:
        assert opened.wait(20).users.find_one({}) is None
        assert "folded_1" in opened.database.users.index_information()
    finally:
        opened.close()
        process.terminate()
        process.wait()


@pytest.mark.parametrize("uri", ["mongodb://", "mongodb://a:b:c"])
def test_unusable_uri(tmp_path: Path, uri: str) -> None:
    opened = connection(tmp_path, **{"mongodb.uri": uri})
    with pytest.raises(ConfigurationError, match=r"mongodb\.uri"):
        opened.open()


def test_start_that_fails_once_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the embedded server outlives it: its life hangs on the thread that tries."""
    tries = []
    ensure = store.ensure_indexes

    def fail_once(database: store.Database, **given: bool) -> list[str]:
        tries.append(database)
        if len(tries) == 1:
            raise AutoReconnect("broken once")
        return ensure(database, **given)

    monkeypatch.setattr(store, "ensure_indexes", fail_once)
    opened = connection(tmp_path).open()
    try:
        assert opened.wait(10).users.find_one({}) is None
        assert len(tries) == 2
    finally:
        opened.close()


def test_web_port_in_use(site: Site) -> None:
    taken = site.port
    site.stop()
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", taken))
        other.listen()
        site.ini.write_text(
            site.ini.read_text().replace("http_port = 0", f"http_port = {taken}")
        )
        with pytest.raises(pytest.fail.Exception, match=f"port {taken} .* cannot be"):
            site.start()
    assert "Traceback" not in site.log.read_text()
    assert site.process is not None
    assert site.process.returncode == 1


def test_full_disk(tmp_path: Path) -> None:
    """A server that dies at its start for want of room: the reason is said. The disk
    is a real one of 1 MB where the test may mount it."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small disk can be mounted by root alone")
    try:
        (disk / "database").mkdir()
        with pytest.raises(OSError, match="No space left"):
            (disk / "fill").write_bytes(bytes(2 << 20))
        opened = connection(disk)
        with pytest.raises(ConfigurationError, match=r"is full|No space left"):
            opened.open()
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)
