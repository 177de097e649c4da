"""Answers that do not arrive, of the site and of its document server."""

import copy
from itertools import product

import pytest

from tests.faults.conftest import Web
from tests.faults.proxy import Proxy
from tests.faults.rig import COLLECTION, FailingServer, recover, repair, shown

SAID = {"text": "once"}
COMMANDS = [
    ("insert", "idempotency"),
    ("insert", "microposts"),
    ("update", "users"),
    ("update", "marks"),
]


def test_F12_DI_3_client_hears_nothing(web: Web) -> None:
    """The same request with its key gives the same micropost."""
    site = web()
    token = site.register("alice")
    with Proxy(site.port) as proxy:
        far = copy.copy(site)
        far.port = proxy.port
        for lose in (proxy.lose_reply, proxy.lose_request):
            key = {"Idempotency-Key": lose.__name__}
            lose(b"POST /api")
            assert far.request("POST", COLLECTION, SAID, token, **key) == (0, None)
            first, second = (
                far.request("POST", COLLECTION, SAID, token, **key) for _ in range(2)
            )
            assert first == second
            assert first[0] == 201
            assert first[1]["id"] in shown(site, token)
        assert proxy.lost == 2
    assert len(shown(site, token)) == 2
    assert site.request("GET", "/api/users/alice", None, token)[1]["microposts"] == 2


@pytest.mark.parametrize("retries", ["false", "true"])
def test_F12_DI_3_site_hears_nothing(
    web: Web, document_server: FailingServer, retries: str
) -> None:
    """Of what it has written, with a driver that tries again and with one that does
    not: the same request with its key settles it."""
    with Proxy(document_server.port) as proxy:
        options = f"directConnection=true&retryWrites={retries}"
        site = web(uri=f"mongodb://127.0.0.1:{proxy.port}/?{options}")
        token = site.register("alice")
        for count, (command, lose) in enumerate(
            product(COMMANDS, (proxy.lose_reply, proxy.lose_request)), 1
        ):
            key = {"Idempotency-Key": str(count)}
            lose(marker(*command))
            answers = []
            for _ in range(3):
                answers.append(site.request("POST", COLLECTION, SAID, token, **key))
                recover(site, token)
            assert proxy.lost == count
            told = (command, lose.__name__, answers)
            assert answers[0][0] == (201 if retries == "true" else 503), told
            assert [status for status, _ in answers[1:]] == [201, 201], told
            assert answers[1] == answers[2], told
            assert len(shown(site, token)) == count, told
            assert answers[1][1]["id"] in shown(site, token), told
        assert repair(document_server.database) == []
        site.assert_calm()


def marker(command: str, collection: str) -> bytes:
    """How a command begins, in BSON: a string stands behind its length."""
    size = (len(collection) + 1).to_bytes(4, "little")
    return f"{command}\0".encode() + size + f"{collection}\0".encode()
