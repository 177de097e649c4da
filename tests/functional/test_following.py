"""Following over REST: beginning, ending, and the pages of both sides."""

import pytest

from microblog.store import Database, follows, users
from tests.browsing import Browser
from tests.factories import PASSWORD, Api, Factory
from tests.functional.answers import (
    assert_problem,
    assert_unauthorized,
    joined,
    last,
    page,
    walk,
)

NAMES = [f"user_{letter}" for letter in "bcdefgh"]


def names(items: list[dict[str, str]]) -> list[str]:
    """The usernames of a page of users."""
    return [item["username"] for item in items]


def counts(api: Api, username: str) -> tuple[int, int]:
    """How many the user follows, and how many follow the user."""
    user = api.get(f"/users/{username}").json
    return user["following"], user["followers"]


def test_address_of_a_new_follow_can_be_read(alice: Api, bob: Api) -> None:
    made = alice.post("/users/alice/following", {"username": "bob"})
    read = bob.get(made.headers["Location"])
    assert (read.status_code, read.json) == (200, made.json)
    alice.delete(made.headers["Location"])
    assert bob.get(made.headers["Location"]).status_code == 404


def test_following_is_new_once(alice: Api, bob: Api) -> None:
    first = alice.post("/users/alice/following", {"username": "bob"})
    second = alice.post("/users/alice/following", {"username": "bob"})
    assert (first.status_code, second.status_code) == (201, 200)
    href = bob.get("/users/bob").json["href"]
    assert first.json == second.json == {"username": "bob", "href": href}
    address = bob.get("/users/alice").json["href"] + "/following/bob"
    assert first.headers["Location"] == second.headers["Location"] == address
    assert (counts(bob, "alice"), counts(bob, "bob")) == ((1, 0), (0, 1))


def test_unfollowing_is_done_also_when_not_following(alice: Api, bob: Api) -> None:
    location = alice.post("/users/alice/following", {"username": "bob"}).location
    for _ in range(2):
        answer = alice.delete(location)
        assert (answer.status_code, answer.body) == (204, b"")
        assert (counts(bob, "alice"), counts(bob, "bob")) == ((0, 0), (0, 0))
    assert page(bob.get("/users/alice/following")) == []
    assert page(bob.get("/users/bob/followers")) == []


def test_following_again_after_unfollowing(alice: Api, bob: Api) -> None:
    for _ in range(2):
        answer = alice.post("/users/alice/following", {"username": "bob"})
        assert answer.status_code == 201
        assert counts(bob, "alice") == (1, 0)
        alice.delete("/users/alice/following/bob")


@pytest.mark.parametrize("name", ["alice", "nobody", "gone", "Bob", "", "a b", 7, None])
def test_whom_one_cannot_follow(
    alice: Api, make: Factory, database: Database, name: object
) -> None:
    make.user("gone")
    users.mark_deleted(database, "gone")
    answer = alice.post("/users/alice/following", {"username": name})
    assert_problem(answer, 400, "username")
    assert database.follows.find_one({}) is None
    assert counts(alice, "alice") == (0, 0)


def test_DI_6_nobody_follows_without_end(
    alice: Api, reader: Browser, make: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follows, "MOST", 2)
    for name in ("bob", "carol", "dave"):
        make.user(name)
    for name in ("bob", "carol"):
        make.follow("alice", name)
    answer = alice.post("/users/alice/following", {"username": "dave"})
    assert_problem(answer, 409)
    assert "more than 2 users" in answer.json["detail"]
    page = reader.send("/users/dave", "/users/alice/following/dave/follow")
    assert page.status_code == 409
    assert "more than 2 users" in page.text
    assert counts(alice, "alice") == (2, 0)
    alice.delete("/users/alice/following/bob")
    assert alice.post("/users/alice/following", {"username": "dave"}).status_code == 201


@pytest.mark.parametrize("field", ["follower", "followee", "at"])
def test_fields_that_are_not_the_users_to_set(alice: Api, bob: Api, field: str) -> None:
    body = {"username": "bob", field: "carol"}
    assert_problem(alice.post("/users/alice/following", body), 400, field)
    assert counts(alice, "alice") == (0, 0)


def test_unfollowing_whom_there_is_not(alice: Api) -> None:
    for name in ("nobody", "Bob", "a b"):
        assert_problem(alice.delete(f"/users/alice/following/{name}"), 404)


def test_AZ_2_nobody_follows_or_unfollows_for_another(
    alice: Api, bob: Api, make: Factory
) -> None:
    make.follow("alice", "carol")
    answer = bob.post("/users/alice/following", {"username": "bob"})
    assert_problem(answer, 403)
    assert_problem(bob.delete("/users/alice/following/carol"), 403)
    assert names(page(bob.get("/users/alice/following"))) == ["carol"]


def test_all_of_it_needs_a_token(anonymous: Api, make: Factory) -> None:
    make.follow("alice", "bob")
    for path in ("following", "followers"):
        assert_unauthorized(anonymous.get(f"/users/alice/{path}"))
    body = {"username": "bob"}
    assert_unauthorized(anonymous.post("/users/alice/following", body))
    assert_unauthorized(anonymous.delete("/users/alice/following/bob"))


@pytest.mark.parametrize("path", ["following", "followers"])
def test_pages_of_a_user_whom_there_is_not(alice: Api, path: str) -> None:
    assert_problem(alice.get(f"/users/nobody/{path}"), 404)
    assert page(alice.get(f"/users/alice/{path}")) == []


@pytest.fixture(params=["following", "followers"])
def path(request: pytest.FixtureRequest, make: Factory) -> str:
    """The path of a page of all NAMES, who were linked in this order."""
    for name in NAMES:
        if request.param == "following":
            make.follow("alice", name)
        else:
            make.follow(name, "alice")
    return f"/users/alice/{request.param}"


def test_page_has_whole_users_the_latest_first(alice: Api, path: str) -> None:
    found = page(alice.get(path))
    assert names(found) == NAMES[::-1]
    assert found == [alice.get(one["href"]).json for one in found]
    assert names(page(alice.get(f"{path}?order=oldest"))) == NAMES


@pytest.mark.parametrize("size", [1, 3, 7, 8])
@pytest.mark.parametrize("order", ["newest", "oldest"])
def test_walk_there_and_back(alice: Api, path: str, size: int, order: str) -> None:
    expected = NAMES if order == "oldest" else NAMES[::-1]
    first = f"{path}?size={size}&order={order}"
    pages = [names(found) for found in walk(alice, first)]
    assert joined(pages) == expected
    assert [len(found) for found in pages[:-1]] == [size] * (len(pages) - 1)
    back = [names(found) for found in walk(alice, last(alice, first), "previous")]
    assert joined(back[::-1]) == expected


def test_numbered_pages(alice: Api, path: str) -> None:
    found = [names(page(alice.get(f"{path}?size=3&page={n}"))) for n in (1, 2, 3, 4)]
    newest = NAMES[::-1]
    assert found == [newest[:3], newest[3:6], newest[6:], []]


def test_DI_7_walk_while_others_come_and_go(alice: Api, make: Factory) -> None:
    for name in NAMES:
        make.follow(name, "alice")
    answer = alice.get("/users/alice/followers?size=2")
    seen = names(page(answer))
    for name in ("late_a", "late_b"):
        make.follow(name, "alice")
    seen_then_gone = Api(alice.app, make.token(seen[-1]))
    seen_then_gone.delete("/users/alice/following/alice")
    seen_then_gone.delete(f"/users/{seen[-1]}/following/alice")
    seen += names(joined(walk(alice, answer.json["next"])))
    assert seen == NAMES[::-1]


def test_deleted_users_leave_the_pages_before_they_are_purged(
    alice: Api, path: str, database: Database
) -> None:
    """A page may be short, the walk goes on."""
    for name in (NAMES[-1], NAMES[-2], NAMES[0]):
        users.mark_deleted(database, name)
    pages = walk(alice, f"{path}?size=2")
    assert names(joined(pages)) == NAMES[1:-2][::-1]
    assert pages[0] == []


def test_deleted_follower_is_not_counted(alice: Api, bob: Api) -> None:
    bob.post("/users/bob/following", {"username": "alice"})
    bob.delete("/users/bob", {"password": PASSWORD})
    assert counts(alice, "alice") == (0, 0)
    assert page(alice.get("/users/alice/followers")) == []
    assert_problem(alice.delete("/users/alice/following/bob"), 404)
