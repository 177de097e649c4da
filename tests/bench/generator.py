"""People, follows and microposts as JSON Lines: made up, always the same.

    python -m tests.bench.generator --users 2000 --posts 20000

For whoever has no data of real people at hand. Few are followed by many, and few write
most; the users are those that every number of microposts has in common.
"""

import argparse
import itertools
import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

END = datetime(2025, 12, 1, tzinfo=UTC)  # of the newest micropost
DAYS = 30
PASSWORDS = 10  # users, from the first, who have one
PASSWORD = "quiet lantern over the river"
FOLLOWEES = 40  # on average

# By how often they come: the first in most texts, the last in few.
WORDS = """
the to a and is in it of my for on that with me at so be have this but not just are now
was all your when out up like what good time day get from one love know work how going
about today there really think then back see new great home here more night want people
they would still some right make need never first after tomorrow morning again happy
going sleep watch world music house phone great thing hours weeks party lunch funny
photo video river water green light early train coffee summer winter garden window
lantern kettle ladder bridge harbour island market valley meadow orchard pebble quarry
""".split()
TAGS = "music coffee photo books garden travel running code trains cooking".split()


def users(count: int) -> Iterator[dict[str, Any]]:
    """The users; the first few can log in."""
    for number in range(count):
        user = {"kind": "user", "username": f"user{number:05}"}
        user["name"] = f"Person {number}"
        yield user | ({"password": PASSWORD} if number < PASSWORDS else {})


def follows(count: int, draw: random.Random) -> Iterator[dict[str, Any]]:
    """Who follows whom: whom many follow already, and who follows many, by a power
    law."""
    popular = list(
        itertools.accumulate(1 / (rank + 10) ** 0.7 for rank in range(count))
    )
    people = range(count)
    for follower in people:
        wanted = min(count // 4, int(FOLLOWEES / 3 * draw.paretovariate(1.5)))
        followees = set(draw.choices(people, cum_weights=popular, k=wanted))
        for followee in sorted(followees - {follower}):
            yield {
                "kind": "follow",
                "follower": f"user{follower:05}",
                "followee": f"user{followee:05}",
            }


def microposts(
    people: int, count: int, draw: random.Random
) -> Iterator[dict[str, Any]]:
    """The microposts, oldest first."""
    names = [f"user{number:05}" for number in range(people)]
    authors = draw.sample(names, people)
    often = list(itertools.accumulate(1 / (rank + 1) for rank in range(people)))
    common = list(itertools.accumulate(1 / (rank + 2) for rank in range(len(WORDS))))
    step = timedelta(days=DAYS) / max(count, 1)
    for number in range(count):
        words = draw.choices(WORDS, cum_weights=common, k=draw.randint(4, 22))
        if draw.random() < 0.1:
            words.append("#" + draw.choices(TAGS, range(len(TAGS), 0, -1))[0])
        if draw.random() < 0.3:
            words.insert(0, "@" + draw.choice(names))
        moment = END - step * (count - 1 - number)
        record = {
            "kind": "micropost",
            "username": draw.choices(authors, cum_weights=often)[0],
            "text": " ".join(words),
            "timestamp": moment.isoformat(timespec="milliseconds"),
        }
        if draw.random() < 0.1:
            record["referenced"] = draw.choice(names)
        yield record


def main() -> None:
    """Write all of it to standard output."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=2000)
    parser.add_argument("--posts", type=int, default=2000)
    arguments = parser.parse_args()
    parts = [
        users(arguments.users),
        follows(arguments.users, random.Random(1)),
        microposts(arguments.users, arguments.posts, random.Random(2)),
    ]
    for record in itertools.chain(*parts):
        print(json.dumps(record, ensure_ascii=False))


if __name__ == "__main__":
    main()
