"""Backups that are taken while people write, and what comes back of them."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.factories import PASSWORD
from tests.faults.ledger import Ledger
from tests.site import Site

CLIENTS = 4


def restored(site: Site, backup: Path, directory: Path, *options: str) -> Site:
    """Another site, on a document server of its own, that a backup was restored to."""
    directory.mkdir()
    another = Site(directory)
    status, said = another.command("restore", str(backup), *options)
    assert status == 0, said
    assert another.command("check") == (0, "0 found\n")
    another.start()
    return another


def log_in(site: Site, username: str) -> str:
    """A token; "": there is no such user any more."""
    given = {"username": username, "password": PASSWORD}
    status, answer = site.request("POST", "/api/token", given)
    assert status in {200, 400}
    return str(answer["access_token"]) if status == 200 else ""


def follow_and_leave(site: Site, over: threading.Event) -> list[str]:
    """People who come, post, follow alice and go again, until it is over; their
    names."""
    names = []
    while not over.is_set():
        name = f"guest{len(names)}"
        names.append(name)
        token, path = site.register(name), f"/api/users/{name}"
        site.request("POST", f"{path}/collection", {"text": f"by {name}"}, token)
        site.request("POST", f"{path}/following", {"username": "alice"}, token)
        if len(names) % 2:
            site.request("DELETE", path, {"password": PASSWORD}, token)
    return names


def back_up_while_posting(
    site: Site, tmp_path: Path, before: int, record: Callable[[str, Any], None]
) -> None:
    ledger, over, names = Ledger(site.register("alice")), threading.Event(), []
    guests = threading.Thread(target=lambda: names.extend(follow_and_leave(site, over)))
    with ledger.posting([site], CLIENTS):
        guests.start()
        ledger.wait_for(before)
        acknowledged = dict(ledger.acknowledged)
        began = time.monotonic()
        status, said = site.command("backup", str(tmp_path / "backup"))
        seconds = time.monotonic() - began
        during = len(ledger.acknowledged) - len(acknowledged)
        over.set()
        guests.join()
    assert status == 0, said
    assert during, "nobody posted meanwhile"
    assert site.command("backup", "verify", str(tmp_path / "backup"))[0] == 0
    ledger.check(site)
    another = restored(site, tmp_path / "backup", tmp_path / "another")
    try:
        ledger.token = log_in(another, "alice")
        stored = dict(ledger.stored(another))
        for text, id in acknowledged.items():
            assert stored[id] == text
        assert set(stored.values()) <= ledger.sent
        for name in names:
            there = another.request("GET", f"/api/users/{name}", None, ledger.token)[0]
            assert (there == 200) == bool(log_in(another, name))
    finally:
        another.stop()
    record("posted before", len(acknowledged))
    record("during", during)
    record("of these in the backup", len(stored) - len(acknowledged))
    record("seconds of the backup", round(seconds, 1))
    record("people who came and went", len(names))


@pytest.mark.parametrize("before", [60, pytest.param(1500, marks=pytest.mark.long)])
def test_F17_OP_4_backup_while_people_post(
    site: Site, tmp_path: Path, record_property: Any, before: int
) -> None:
    back_up_while_posting(site, tmp_path, before, record_property)


@pytest.mark.long
def test_F17_OP_4_wiped_and_restored(
    site: Site, tmp_path: Path, record_property: Any
) -> None:
    """The drill: all is lost, and comes back with who may log in; PR-2: who has left
    since stays away."""
    tokens = {name: site.register(name) for name in ("alice", "bob", "carol")}
    ids = {}
    for name, token in tokens.items():
        path = f"/api/users/{name}/collection"
        text = {"text": f"canary of {name} #tag"}
        ids[name] = site.request("POST", path, text, token)[1]["id"]
        body = {"username": "alice"}
        site.request("POST", f"/api/users/{name}/following", body, token)
    assert site.command("backup", "--with-logins", str(tmp_path / "old"))[0] == 0
    gone = {"password": PASSWORD}
    assert site.request("DELETE", "/api/users/bob", gone, tokens["bob"])[0] == 204
    newer = str(tmp_path / "newer")
    assert site.command("backup", "--only-deletions", newer)[0] == 0
    shown = site.request("GET", "/api/users/carol", None, tokens["carol"])
    site.stop()
    (site.data_dir / "database").rename(tmp_path / "lost")
    options = ("--deletions-of", newer)
    another = restored(site, tmp_path / "old", tmp_path / "another", *options)
    try:
        for name, token in tokens.items():
            status, said = another.request("GET", f"/api/users/{name}", None, token)
            assert status == (401 if name == "bob" else 200)
            if name == "carol":
                assert said["microposts"] == shown[1]["microposts"] == 1
        path = "/api/users/alice/followers"
        followers = another.request("GET", path, None, tokens["alice"])[1]["result"]
        assert [one["username"] for one in followers] == ["carol"]
        path = "/api/search?text=canary"
        found = another.request("GET", path, None, tokens["alice"])[1]["result"]
        assert [one["id"] for one in found] == [ids["carol"], ids["alice"]]
        taken = {"username": "bob", "password": PASSWORD}
        assert another.request("POST", "/api/users", taken)[0] == 409
    finally:
        another.stop()
