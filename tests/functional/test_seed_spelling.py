"""The seed design's other spelling, `/api/user/…`: it leads to `/api/users/…`."""

import pytest

from tests.factories import Api, Factory
from tests.functional.answers import assert_problem, page

PATHS = [
    "alice",
    "alice/collection",
    "alice/collection/115",
    "alice/timeline",
    "alice/following",
    "alice/following/bob",
    "alice/followers",
    "nobody",
]


@pytest.mark.parametrize("path", PATHS)
def test_every_address_leads_to_its_right_spelling(
    alice: Api, anonymous: Api, path: str
) -> None:
    right = alice.get("/users/alice").json["href"].removesuffix("alice") + path
    for api in (alice, anonymous):
        for method in ("get", "post", "put", "patch", "delete"):
            answer = getattr(api, method)(f"/user/{path}")
            assert (answer.status_code, answer.location) == (308, right)


def test_query_and_strange_characters_are_kept(alice: Api) -> None:
    base = alice.get("/users/alice").json["href"].removesuffix("alice")
    for rest in ("alice/collection?size=2&order=oldest", "%C3%A4%20%3F"):
        location = alice.get(f"/user/{rest}").location
        assert location.lower() == (base + rest).lower()
    assert alice.get("/user//example.org").location.startswith(base)


def test_following_it_reads_and_posts(alice: Api, make: Factory) -> None:
    made = make.micropost(text="the first")
    read = alice.get(alice.get(f"/user/alice/collection/{made['id']}").location)
    assert (read.status_code, read.json["text"]) == (200, "the first")
    there = alice.post("/user/alice/collection", {"text": "the second"}).location
    assert alice.post(there, {"text": "the second"}).status_code == 201
    found = page(alice.get(alice.get("/user/alice/collection?size=1").location))
    assert [one["text"] for one in found] == ["the second"]


def test_nothing_else_is_spelled_so(alice: Api) -> None:
    for path in ("/user", "/usersalice", "/user_alice", "/user/a%0d%0ab"):
        assert_problem(alice.get(path), 404)
