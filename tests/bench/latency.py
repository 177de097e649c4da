"""Times single requests of a running site: p50 and p99 of each job, one after another.

    python tests/bench/latency.py http://localhost:6543 USERNAME PASSWORD

The site holds what was imported; USERNAME posts into it, 200 texts.
"""

import argparse
import json
import random
import time
from collections.abc import Callable
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

WORDS = "about going house never phone right sleep today watch world".split()


class Site:
    """One kept connection to a site."""

    def __init__(self, url: str):
        parts = urlsplit(url)
        self.connection = HTTPConnection(parts.hostname or "localhost", parts.port)
        self.headers = {"Content-Type": "application/json"}

    def request(self, method: str, path: str, body: Any = None) -> tuple[float, Any]:
        """Milliseconds until the whole answer was read, and its JSON."""
        content = None if body is None else json.dumps(body)
        begun = time.perf_counter()
        self.connection.request(method, path, content, self.headers)
        answer = self.connection.getresponse()
        read = answer.read()
        taken = (time.perf_counter() - begun) * 1000
        if answer.status not in {200, 201}:
            raise SystemExit(f"{method} {path}: {answer.status} {read.decode()}")
        return taken, json.loads(read)

    def get(self, path: str) -> Any:
        """The JSON at a path."""
        return self.request("GET", path)[1]

    def log_in(self, username: str, password: str) -> None:
        """Be this user from now on."""
        login = {"username": username, "password": password}
        token = self.request("POST", "/api/token", login)[1]["access_token"]
        self.headers["Authorization"] = f"Bearer {token}"


def measure(name: str, one: Callable[[int], float], count: int) -> None:
    """Print the percentiles of `count` calls."""
    times = sorted(one(number) for number in range(count))
    p50, p99 = times[count // 2], times[count * 99 // 100]
    print(f"| {name} | {p50:.1f} | {p99:.1f} |")


def main() -> None:
    """Measure every job, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("username")
    parser.add_argument("password")
    parser.add_argument("--count", type=int, default=200)
    arguments = parser.parse_args()
    site, me = Site(arguments.url), f"/api/users/{arguments.username}"
    site.log_in(arguments.username, arguments.password)
    followees = site.get(f"{me}/following?size=100")["result"]
    users = [urlsplit(user["href"]).path for user in followees]
    microposts = [
        urlsplit(one["href"]).path
        for user in users
        for one in site.get(f"{user}/collection")["result"]
    ]
    draw = random.Random(1)

    def timed(name: str, path: Callable[[int], str]) -> None:
        measure(name, lambda n: site.request("GET", path(n))[0], arguments.count)

    def post(number: int) -> float:
        text = {"text": f"measured {time.time_ns()}"}
        return site.request("POST", f"{me}/collection", text)[0]

    print("| job | p50 ms | p99 ms |\n| --- | --- | --- |")
    timed("a user's page, random users", lambda n: draw.choice(users) + "/collection")
    timed("one micropost, random", lambda n: draw.choice(microposts))
    timed(
        f"timeline, {site.get(me)['following']} followees", lambda n: me + "/timeline"
    )
    timed("search, words of 5 letters", lambda n: f"/api/search?text={WORDS[n % 10]}")
    timed(f"followers, {site.get(me)['followers']}", lambda n: me + "/followers")
    measure("posting", post, arguments.count)


if __name__ == "__main__":
    main()
