"""Writes that are cut off between two commands, and what mends them."""

import time
from typing import Any

import pytest

from microblog.store import Database, accounts, ids, shapes, undone
from tests.factories import PASSWORD
from tests.faults import writes
from tests.faults.conftest import Web
from tests.faults.rig import (
    COLLECTION,
    KEY,
    WRITES,
    FailingServer,
    recover,
    repair,
    shown,
    wait_until,
)
from tests.faults.writes import Write

MANY = 100  # more writes than any of these takes
REFUSED = 96  # OperationFailed: nothing that a driver repeats


@pytest.mark.long
@pytest.mark.parametrize("kind", writes.ALL)
def test_F11_DI_5_cut_off_before_each_write(
    web: Web, document_server: FailingServer, record_property: Any, kind: type[Write]
) -> None:
    """As by a kill: what comes after the n-th write is never done, for every n. What is
    left can be mended, is whole then, and what was wanted can be done again."""
    site, findings = web(), set[str]()
    for number in range(MANY):
        document_server.empty()
        bob = site.register("bob")
        write = kind(site, "alice", bob)
        document_server.fail({"skip": number}, WRITES, errorCode=REFUSED)
        status = write.act()
        document_server.heal()
        recover(site, bob)
        if status != 503:
            break
        found = repair(document_server.database)
        findings |= {one.partition(": ")[2] for one in found}
        assert_whole(document_server.database)
        if not write.is_done():
            assert write.act() in write.done, number
        assert write.is_done()
        assert_whole(document_server.database)
        assert repair(document_server.database) == [], number
    assert status in write.done
    assert number > 1
    record_property("writes", number)
    record_property("kinds of damage", len(findings))
    site.assert_calm()


def assert_whole(data: Database) -> None:
    """What is told of each user is what is stored, by another reckoning than that of
    `check`."""
    users = {
        user["_id"]: user for user in data.users.find({"counts": {"$exists": True}})
    }
    posts, links = list(data.microposts.find()), list(data.follows.find())
    assert {one["author"] for one in posts} <= users.keys()
    for name, user in users.items():
        own = sorted(
            (one["_id"] for one in posts if one["author"] == name), reverse=True
        )
        assert [one["id"] for one in user["microposts"]] == own
        assert user["counts"] == {
            "microposts": len(own),
            "following": sum(one["follower"] == name for one in links),
            "followers": sum(one["followee"] == name for one in links),
        }
    names = {name["_id"] for name in data.names.find()}
    assert names == users.keys()


def test_F11_DI_5_connection_is_closed_at_the_second_write(
    web: Web, document_server: FailingServer
) -> None:
    """For a driver that repeats nothing."""
    site = web()
    token = site.register("alice")
    document_server.fail({"skip": 1, "times": 1}, ["update"], closeConnection=True)
    said = {"text": "once"}
    status, _answer = site.request("POST", COLLECTION, said, token, **KEY)
    assert status == 503
    recover(site, token)
    assert repair(document_server.database)
    again = [site.request("POST", COLLECTION, said, token, **KEY) for _ in range(2)]
    assert [status for status, _ in again] == [201, 201]
    assert shown(site, token) == {again[0][1]["id"]: "once"}
    assert again[0] == again[1]
    assert repair(document_server.database) == []


@pytest.mark.long
def test_F11_PR_2_killed_in_the_middle_of_a_purge(
    web: Web, document_server: FailingServer
) -> None:
    site, data = web(), document_server.database
    token, bob = site.register("alice"), site.register("bob")
    for start in range(0, 1500, 250):
        data.microposts.insert_many(
            [
                shapes.new_document((1 << 50) + number, "alice", f"micropost {number}")
                for number in range(start, start + 250)
            ]
        )
    follow = {"username": "bob"}
    site.request("POST", "/api/users/alice/following", follow, token)
    body = {"password": PASSWORD}
    assert site.request("DELETE", "/api/users/alice", body, token)[0] == 204

    def left() -> int:
        return data.microposts.count_documents({"author": "alice"})

    before = left()
    worker = site.start_worker()
    wait_until(lambda: left() < before)
    worker.kill()
    worker.wait()
    assert 0 < left() < before
    assert site.request("GET", "/api/users/alice", None, bob)[0] == 404
    worker = site.start_worker()
    try:
        # The sweep of the start may come too soon after the deletion, the next comes
        # a minute later.
        wait_until(
            lambda: not undone.find(data, "users", "purge", before=ids.MAXIMUM), 120
        )
    finally:
        worker.terminate()
        worker.wait()
    assert not accounts.has_leftovers(data, "alice")
    assert site.request("GET", "/api/users/bob", None, bob)[1]["followers"] == 0
    time.sleep(0.2)
    assert repair(data) == []
