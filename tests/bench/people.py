"""Users with a part in the measuring: readers of some followees, authors of some
followers, and one whom very many follow."""

import random
import sys
from collections.abc import Iterable

from microblog import passwords
from microblog.store import Database, bulk, follows, marks, names, pieces, users
from tests.bench.generator import PASSWORD

READERS = {"reads_ten": 10, "reads_hundred": 100, "reads_thousand": 1000}
AUTHORS = {"followed_fifty": 50, "followed_hundred": 100, "followed_965": 965}
MUCH = "followed_much"
LOGS_IN = "logs_in"
ALONE = [*READERS, *AUTHORS, MUCH, LOGS_IN]
BATCH = 1000


def followers(username: str, people: list[str]) -> list[str]:
    """Those of `people` who follow one of AUTHORS."""
    return random.Random(username).sample(people, min(AUTHORS[username], len(people)))


def followees(username: str, people: list[str]) -> list[str]:
    """Those of `people` whom one of READERS follows."""
    return random.Random(username).sample(people, min(READERS[username], len(people)))


def add(database: Database, people: list[str], much: int) -> None:
    """Add them all to a store that holds `people`; `much`: how many follow the one."""
    hashed = passwords.hash(PASSWORD, 12)
    for username in ALONE:
        users.create(database, username, password=hashed, name=f"I am {username}")
    for username in READERS:
        for followee in followees(username, people):
            follows.create(database, username, followee)
    for username in AUTHORS:
        for follower in followers(username, people):
            follows.create(database, follower, username)
    made_up = (f"made_up_{number:06}" for number in range(much))
    for number, batch in enumerate(pieces(made_up, BATCH), 1):
        _follow_much(database, batch)
        if number % 10 == 0:
            print(f"  {number * BATCH} followers of {MUCH}", file=sys.stderr)
    # As an import does it.
    users.set_pulled(database, MUCH, users.TOLD)


def _follow_much(database: Database, batch: Iterable[str]) -> None:
    """New users, each with one followee."""
    documents = [users.new_document(username) for username in batch]
    for document in documents:
        document["counts"]["following"] = 1
    bulk.insert(database, "users", documents)
    names.add(database, documents)
    links = [follows.new_document(document["_id"], MUCH) for document in documents]
    bulk.insert(database, "follows", links)
    times = [link["at"] for link in links]
    marks.note_followed(database, times)
    users.add_links(database, MUCH, "followers", times)
