"""How fast the worker puts posts into the timelines of followers, on a site of its
own where also authors with many followers are pushed.

Looks into `timelines`: a document for each reader, with `references` to microposts.
"""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from microblog.settings import Settings
from microblog.store import Database, follows, ids, pieces, users
from tests.bench import people, stores
from tests.bench.jobs import World, collection
from tests.bench.loads import CONNECTIONS
from tests.bench.processes import Site

SETTING = "timelines.push_below"
MUCH = "followed_965"
LETTERS = "abcdefghjkmnpqrstuvw"  # one for each author; none looks like another
FOLLOWERS, POSTS = 50, 50
PIECE = 50  # timelines looked at at once
LOOK_SECONDS = 0.05
MOST_SECONDS = 300.0


def measure(kept: stores.Stores) -> dict[str, Any]:
    """`delivered`: seconds until all have one post of an author with 965 followers;
    `updates`: of timelines in a second, while many authors post. Nothing of it: the
    site does not push yet."""
    if not any(field.alias == SETTING for field in Settings.model_fields.values()):
        return {"notes": [f"Fan-out is not measured: no setting {SETTING}."]}
    size = 2000
    facts = kept.load(size)
    site = Site(kept.copy(size), f"{SETTING} = 2000")
    try:
        site.start_web()
        world = World(size, facts, site)
        found = _measure(world)
    finally:
        site.stop()
    return found


def _measure(world: World) -> dict[str, Any]:
    authors = [f"pushes_{letter}" for letter in LETTERS]
    # Nobody follows two of them: a timeline keeps no more than 100.
    drawn = world.draw.sample(world.facts["people"], len(authors) * FOLLOWERS)
    readers = dict(zip(authors, pieces(drawn, FOLLOWERS), strict=True))
    for author in authors:
        _make(world, author, readers[author])
    readers[MUCH] = people.followers(MUCH, world.facts["people"])
    for reader in sorted({one for group in readers.values() for one in group}):
        world.client(reader).read(f"/api/users/{reader}/timeline")
    world.site.start_worker()
    delivered = _until_all(world.database, readers[MUCH], [_post(world, MUCH)])
    turns = authors * POSTS
    began = time.monotonic()
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        new = list(pool.map(lambda author: _post(world, author), turns))
    posting = time.monotonic() - began
    for author in authors:
        posted = [id for id, name in zip(new, turns, strict=True) if name == author]
        _until_all(world.database, readers[author], posted)
    seconds = time.monotonic() - began
    pushed = len(turns) * FOLLOWERS
    note = (
        f"Fan-out: a post reached {len(readers[MUCH])} timelines within "
        f"{delivered:.2f} s; {len(turns)} posts (posted within {posting:.1f} s) made "
        f"{pushed:,} updates within {seconds:.1f} s, {pushed / seconds:,.0f} a second."
    )
    return {"delivered": delivered, "updates": pushed / seconds, "notes": [note]}


def _make(world: World, author: str, readers: list[str]) -> None:
    """A new author, whom `readers` follow."""
    users.create(world.database, author)
    for reader in readers:
        follows.create(world.database, reader, author)


def _post(world: World, author: str) -> int:
    """The id of a new micropost."""
    made = world.client(author).json(collection(author), {"text": "fanned out"})
    return int(made["id"])


def _until_all(database: Database, readers: list[str], posted: list[int]) -> float:
    """How long it takes until all timelines have all that was posted, which must be
    fewer than a timeline keeps."""
    wanted = [ids.spell(id) for id in posted]
    began, missing = time.monotonic(), list(readers)
    while missing:
        piece = missing[:PIECE]
        # Not the whole documents: to look must not take the server more than to send.
        has_all = {"_id": {"$in": piece}, "references": {"$all": wanted}}
        found = database.timelines.find(has_all, {"_id": 1})
        there = {one["_id"] for one in found}
        missing = [reader for reader in missing if reader not in there]
        if there != set(piece):
            if time.monotonic() - began > MOST_SECONDS:
                raise SystemExit(f"fan-out: {len(missing)} timelines lack a post")
            time.sleep(LOOK_SECONDS)
    return time.monotonic() - began
