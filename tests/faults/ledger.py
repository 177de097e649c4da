"""People who post while something breaks, and a ledger of what they were told.

    site = Site(tmp_path)
    ...
    ledger = Ledger(site.register("alice"))
    with ledger.posting([site, second_site]):
        ledger.wait_for(100)  # acknowledged, from now on
        os.kill(site.database_pid(), signal.SIGKILL)
        ledger.wait_for(100)
    assert ledger.unknown, "nothing was hit"
    ledger.check(site)

Each post has a text of its own and an Idempotency-Key. An answer 201 acknowledges it;
503, or a connection that breaks, leaves it unknown. Of these every second one is sent
again under its key until it is known, as a careful client does, the others never are.
Any other answer is an error that `check` reports.

`check` reads the whole collection: every acknowledged post stands there exactly once,
under the id that was told, and none that is unknown stands there twice.
"""

import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple
from uuid import uuid4

from tests.site import Site

SOON = 120  # seconds, for what happens in a few
CLIENTS = 8
UNKNOWN = {0, 503}  # 0: no answer
# A post that is sent again may meet its first sending, which still runs.
UNKNOWN_AGAIN = {*UNKNOWN, 409}


class Answer(NamedTuple):
    """When it came, how long it took, and what it was."""

    at: float  # time.monotonic()
    seconds: float
    status: int


class Ledger:
    """What one user's clients have sent, and what they know of it."""

    def __init__(self, token: str, username: str = "alice", pause: float = 0.02):
        """`pause`: seconds between two posts of a client."""
        self.token = token
        self.path = f"/api/users/{username}/collection"
        self.pause = pause
        self.sent: set[str] = set()
        self.acknowledged: dict[str, str] = {}  # text: id
        self.answers: list[Answer] = []
        self.errors: list[tuple[int, Any]] = []
        self._done = threading.Event()

    @property
    def unknown(self) -> set[str]:
        """The texts of which nobody was told whether they are stored."""
        return self.sent - self.acknowledged.keys()

    @contextmanager
    def posting(self, sites: Sequence[Site], clients: int = CLIENTS) -> Iterator[None]:
        """So many clients post meanwhile, each to one of the sites."""
        self._done.clear()
        threads = [
            threading.Thread(target=self._client, args=(sites[n % len(sites)], n))
            for n in range(clients)
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._done.set()
            for thread in threads:
                thread.join()

    def wait_for(self, more: int) -> None:
        """Wait until so many more are acknowledged."""
        wanted = len(self.acknowledged) + more
        deadline = time.monotonic() + SOON
        while len(self.acknowledged) < wanted:
            assert time.monotonic() < deadline, self.told()
            time.sleep(0.02)

    def told(self, since: float = 0.0) -> Counter[int]:
        """How often there was each status since that time (`time.monotonic()`)."""
        return Counter(one.status for one in list(self.answers) if one.at >= since)

    def check(self, site: Site) -> None:
        """Fail unless the collection is what the ledger says."""
        assert self.errors == []
        stored = self.stored(site)
        counts = Counter(text for _id, text in stored)
        ids = {text: id for id, text in stored}
        wrong = {
            text: (id, counts[text], ids.get(text))
            for text, id in self.acknowledged.items()
            if counts[text] != 1 or ids[text] != id
        }
        assert wrong == {}, f"of {len(self.acknowledged)} acknowledged"
        assert [text for text in self.unknown if counts[text] > 1] == []
        assert counts.keys() <= self.sent

    def stored(self, site: Site) -> list[tuple[str, str]]:
        """Ids and texts of all that the API shows, page by page."""
        found, path = [], f"{self.path}?size=100"
        while path:
            status, page = site.request("GET", path, None, self.token)
            assert status == 200, page
            found += [(one["id"], one["text"]) for one in page["result"]]
            path = "/api" + page["next"].split("/api", 1)[1] if page["next"] else ""
        return found

    def _client(self, site: Site, number: int) -> None:
        count = 0
        while not self._done.is_set():
            count += 1
            text = f"{uuid4()} by client {number}"
            self.sent.add(text)
            known = self._send(site, text, UNKNOWN)
            while not known and count % 2 and not self._done.is_set():
                known = self._send(site, text, UNKNOWN_AGAIN)
            time.sleep(self.pause)

    def _send(self, site: Site, text: str, unknown: set[int]) -> bool:
        """Post it; whether it is known now what became of it."""
        started = time.monotonic()
        key = text.partition(" ")[0]
        status, answer = site.request(
            "POST", self.path, {"text": text}, self.token, **{"Idempotency-Key": key}
        )
        ended = time.monotonic()
        self.answers.append(Answer(ended, ended - started, status))
        if status == 201:
            self.acknowledged[text] = answer["id"]
            return True
        if status in unknown:
            # Its answer asks for two seconds; that would be hardly any load.
            time.sleep(0.05)
            return False
        self.errors.append((status, answer))
        return True
