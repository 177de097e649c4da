"""A document server that steps down, cuts connections, or does not know whether it has
written."""

import time
from typing import Any

import pytest

from tests.faults.conftest import Web
from tests.faults.rig import COLLECTION, KEY, FailingServer, WebServer, recover, shown
from tests.faults.table import within

DEADLINE = 20.0  # seconds in which all must be well again
TOLD, GREEN = 3, 3  # what is promised: how long anybody waits, and until all is well
NOT_PRIMARY = {"not primary": 10107, "shutting down": 91, "interrupted": 11602}


@pytest.fixture
def replicas(web: Web, document_server: FailingServer) -> WebServer:
    """A web server that knows its document server as a replica set, as in
    production."""
    return web(uri=document_server.replica_uri)


def timed_post(
    server: WebServer, token: str, text: str, **headers: str
) -> tuple[float, int, Any]:
    """Seconds, status and answer of a post."""
    began = time.monotonic()
    status, answer = server.request(
        "POST", COLLECTION, {"text": text}, token, **headers
    )
    return time.monotonic() - began, status, answer


@pytest.mark.parametrize("times", [1, 2])
def test_F5_not_primary_is_tried_again(
    replicas: WebServer,
    document_server: FailingServer,
    record_property: Any,
    times: int,
) -> None:
    """Within the deadline; the post is stored once. Reading goes on."""
    token = replicas.register("alice")
    for name, code in NOT_PRIMARY.items():
        document_server.fail({"times": times}, ["insert"], errorCode=code)
        seconds, status, answer = timed_post(replicas, token, name)
        record_property(f"{name} s", f"{seconds:.1f}")
        assert status == 201, (name, answer)
        assert seconds < within(TOLD)
        assert shown(replicas, token)[answer["id"]] == name
        document_server.fail({"times": times}, ["find"], errorCode=code)
        assert replicas.request("GET", COLLECTION, None, token)[0] == 200
    assert sorted(shown(replicas, token).values()) == sorted(NOT_PRIMARY)
    replicas.assert_calm()


def test_F5_cut_connection_is_tried_again(
    replicas: WebServer, document_server: FailingServer
) -> None:
    token = replicas.register("alice")
    for command in ("insert", "update", "find"):
        document_server.fail({"times": 1}, [command], closeConnection=True)
        _seconds, status, answer = timed_post(replicas, token, command)
        assert status == 201, (command, answer)
    assert sorted(shown(replicas, token).values()) == ["find", "insert", "update"]
    assert replicas.command("check") == (0, "0 found\n")
    replicas.assert_calm()


def test_F5_AV_2_step_down(
    replicas: WebServer, document_server: FailingServer, record_property: Any
) -> None:
    """While there is no primary, 503 in time; afterwards all goes on by itself."""
    token = replicas.register("alice")
    document_server.own.admin.command("replSetStepDown", 3, force=True)
    ended = time.monotonic() + 3
    seconds, status, answer = timed_post(replicas, token, "once", **KEY)
    slowest = seconds
    while status != 201:
        assert status == 503, answer
        assert time.monotonic() < ended + DEADLINE
        time.sleep(0.1)
        seconds, status, answer = timed_post(replicas, token, "once", **KEY)
        slowest = max(slowest, seconds)
    record_property("slowest answer s", f"{slowest:.1f}")
    green = max(0.0, time.monotonic() - ended)
    record_property("green after s", f"{green:.1f}")
    assert slowest < within(TOLD)
    assert green < within(GREEN)
    assert shown(replicas, token) == {answer["id"]: "once"}
    assert replicas.command("check") == (0, "0 found\n")
    replicas.assert_calm()


@pytest.mark.parametrize("command", ["insert", "update"])
def test_F13_DI_3_nobody_knows_whether_it_was_written(
    replicas: WebServer, document_server: FailingServer, command: str
) -> None:
    """It was: the same request with its key finds that out."""
    token = replicas.register("alice")
    refused = {"code": 64, "errmsg": "waiting for replication timed out"}
    document_server.fail("alwaysOn", [command], writeConcernError=refused)
    _seconds, status, answer = timed_post(replicas, token, "once", **KEY)
    assert (status, answer["title"]) == (503, "Service Unavailable")
    document_server.heal()
    recover(replicas, token)
    _seconds, status, answer = timed_post(replicas, token, "once", **KEY)
    assert status == 201
    _seconds, status, again = timed_post(replicas, token, "once", **KEY)
    assert (status, again) == (201, answer)
    assert shown(replicas, token) == {answer["id"]: "once"}
    alice = replicas.request("GET", "/api/users/alice", None, token)[1]
    assert alice["microposts"] == 1
    assert replicas.command("check") == (0, "0 found\n")
    replicas.assert_calm()
