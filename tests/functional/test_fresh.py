"""A site that was just installed: nobody gets in, and nobody reads its data."""

import json
import os
import pwd
import shutil
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from tests.factories import PASSWORD
from tests.site import Site

ROOT = Path(__file__).parents[2]
# What others ship, and what our own documents show.
TRIED = [
    *[(name, name) for name in ("admin", "root", "microblog", "test", "guest")],
    *[("admin", word) for word in ("", "password", "changeme", "admin123456789")],
    *[("alice", PASSWORD), ("bob", "seven green kites in a row")],
]


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A running site to which nobody has done anything."""
    directory = tmp_path_factory.mktemp("fresh")
    # Others may look into the directory of the site, not into that of its data.
    for path in (directory, directory.parent, directory.parent.parent):
        path.chmod(0o755)
    settings = "limits.login = 0\nlimits.login_network = 0\nlimits.login_account = 0"
    site = Site(directory, settings)
    site.start()
    yield site
    site.stop()


@pytest.mark.parametrize(("username", "password"), TRIED)
def test_AU_7_nobody_gets_in(fresh: Site, username: str, password: str) -> None:
    given = {"username": username, "password": password}
    status, answer = fresh.request("POST", "/api/token", given)
    assert status == 400
    assert "access_token" not in answer


def test_AU_7_first_administrator_comes_by_command_alone(fresh: Site) -> None:
    user = {"username": "eve", "password": PASSWORD}
    for more in ({"admin": True}, {"_id": "admin"}, {"role": "admin"}):
        assert fresh.request("POST", "/api/users", {**user, **more})[0] == 400
    token = fresh.register("eve")
    assert fresh.request("PATCH", "/api/users/eve", {"admin": True}, token)[0] == 400
    assert "admin" not in fresh.request("GET", "/api/users/eve", None, token)[1]
    told = "eve is an administrator; all sessions and tokens have ended\n"
    assert fresh.command("user", "admin", "eve")[1] == told


def test_AU_7_installations_share_no_secret(fresh: Site, tmp_path: Path) -> None:
    """The password of the document server, and the keys that sign, are drawn."""
    other = Site(tmp_path)
    other.start()
    passwords, keys = set(), set()
    for site in (fresh, other):
        directory = site.data_dir / "database"
        passwords.add((directory / "password").read_text())
        # Its form is signed.
        with urlopen(f"http://127.0.0.1:{site.port}/login") as page:
            assert page.status == 200
        with client(directory, with_password=True) as owner:
            (key,) = owner.microblog.keys.find({"_id": "forms"})
            keys.add(bytes(key["key"]))
    other.stop()
    assert len(passwords) == 2
    assert len(keys) == 2


@pytest.mark.parametrize("command", ["run", "worker", "indexes"])
def test_AU_7_production_as_it_is_shipped_does_not_start(
    tmp_path: Path, command: str
) -> None:
    shutil.copy(ROOT / "production.ini", tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "microblog", "-c", "production.ini", command],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout + done.stderr == (
        "microblog: production.ini: site.url: https://example.org is an example; put "
        "the address of the site there\n"
    )
    assert not (tmp_path / "var").exists()


def test_AU_7_web_server_as_it_is_shipped_does_not_start(tmp_path: Path) -> None:
    shutil.copy(ROOT / "production.ini", tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "pyramid.scripts.pserve", "production.ini"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("microblog: production.ini: site.url: ")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "var").exists()


def client(directory: Path, *, with_password: bool) -> MongoClient[dict[str, object]]:
    """A client of the document server in a directory."""
    port = json.loads((directory / "server.json").read_text())["port"]
    who = f"microblog:{(directory / 'password').read_text()}@" if with_password else ""
    return MongoClient(
        f"mongodb://{who}127.0.0.1:{port}/?directConnection=true&authSource=admin"
    )


def listening(pid: int) -> set[tuple[str, int]]:
    """The addresses at which a process waits for connections, and their ports."""
    sockets = {
        os.readlink(one)
        for one in Path(f"/proc/{pid}/fd").iterdir()
        if one.is_symlink()
    }
    found = set()
    for table, family in (("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6)):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            address, port = fields[1].split(":")
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in sockets:
                # Words of four bytes, each with its last byte first.
                words = [
                    bytes.fromhex(address[i : i + 8]) for i in range(0, len(address), 8)
                ]
                packed = b"".join(word[::-1] for word in words)
                found.add((socket.inet_ntop(family, packed), int(port, 16)))
    return found


def test_OP_7_document_server_is_there_for_this_machine_alone(fresh: Site) -> None:
    port = json.loads((fresh.data_dir / "database" / "server.json").read_text())["port"]
    assert listening(fresh.database_pid()) == {("127.0.0.1", port)}


@pytest.mark.parametrize("command", ["find", "insert", "listDatabases", "usersInfo"])
def test_OP_7_document_server_wants_its_password(fresh: Site, command: str) -> None:
    commands = {
        "find": {"find": "users"},
        "insert": {"insert": "users", "documents": [{"_id": "x"}]},
        "listDatabases": {"listDatabases": 1},
        "usersInfo": {"usersInfo": 1},
    }
    with (
        client(fresh.data_dir / "database", with_password=False) as stranger,
        pytest.raises(OperationFailure, match="requires authentication"),
    ):
        stranger.admin.command(commands[command])


def test_OP_7_document_server_knows_no_test_commands(fresh: Site) -> None:
    with (
        client(fresh.data_dir / "database", with_password=True) as owner,
        pytest.raises(OperationFailure, match="no such command"),
    ):
        owner.admin.command("configureFailPoint", "failCommand", mode="off")


def test_OP_7_data_is_for_its_owner_alone(fresh: Site) -> None:
    database = fresh.data_dir / "database"
    assert stat.S_IMODE(database.stat().st_mode) == 0o700
    for path in (database / "password", database / "server.json"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_OP_7_another_user_of_this_machine_gets_nothing(fresh: Site) -> None:
    """Neither the password nor, without it, the data."""
    if os.getuid() != 0:
        pytest.skip("only root can be another user")
    database = fresh.data_dir / "database"
    port = json.loads((database / "server.json").read_text())["port"]
    nobody = pwd.getpwnam("nobody").pw_uid
    for wanted in (database / "password", database / "data"):
        done = subprocess.run(
            ["ls", "-l", str(wanted)], capture_output=True, check=False, user=nobody
        )
        assert done.returncode != 0
        assert b"Permission denied" in done.stderr
    # The port is open to everybody here; it is the password that keeps them out.
    knock = f"import socket; socket.create_connection(('127.0.0.1', {port}))"
    subprocess.run(["python3", "-c", knock], check=True, user=nobody)


@pytest.mark.parametrize(("url", "warned"), [("https://blog.test", True), ("", False)])
def test_OP_7_start_warns_of_the_beta(tmp_path: Path, url: str, warned: bool) -> None:
    """Where others come; who tries it out knows."""
    site = Site(tmp_path, f"site.url = {url}\npassword.cost = 12")
    site.ini.write_text(site.ini.read_text().replace("password.cost = 4\n", ""))
    site.start()
    site.stop()
    said = site.log.read_text()
    assert ("the embedded document server is a beta" in said) == warned
