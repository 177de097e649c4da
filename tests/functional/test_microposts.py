"""Microposts over REST: posting, reading, editing, deleting."""

import re

import pytest

from microblog.store import Database
from tests.factories import PASSWORD, Api, Factory


def test_post_answers_with_the_micropost_and_its_address(alice: Api, bob: Api) -> None:
    answer = alice.post(
        "/users/alice/collection", {"text": "Hi @bob\r\n#Tag", "referenced": "bob"}
    )
    assert answer.status_code == 201
    assert answer.headers["Location"] == answer.json["href"]
    assert answer.headers["ETag"] == '"1"'
    assert set(answer.json) == {
        "id",
        "href",
        "user",
        "username",
        "text",
        "timestamp",
        "referenced",
        "edited",
    }
    assert answer.json["text"] == "Hi @bob\n#Tag"
    assert answer.json["username"] == "alice"
    assert answer.json["referenced"] == "bob"
    assert answer.json["edited"] is None
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", answer.json["timestamp"]
    )
    assert bob.get(answer.json["href"]).json == answer.json


def test_post_stores_what_search_and_mentions_need(
    alice: Api, database: Database
) -> None:
    alice.post("/users/alice/collection", {"text": "Hi @bob #Tag"})
    stored = database.microposts.find_one({"author": "alice"})
    assert stored is not None
    assert (stored["mentions"], stored["tags"], stored["rev"]) == (["bob"], ["tag"], 1)
    assert stored["undone"]["search"] == stored["_id"]


def test_referenced_user_must_exist(alice: Api, database: Database) -> None:
    answer = alice.post(
        "/users/alice/collection", {"text": "x", "referenced": "nobody"}
    )
    assert answer.status_code == 400
    assert answer.json["errors"][0]["name"] == "referenced"
    assert database.microposts.find_one({}) is None


def test_AZ_2_nobody_posts_for_another(alice: Api, bob: Api) -> None:
    assert bob.post("/users/alice/collection", {"text": "x"}).status_code == 403


@pytest.mark.parametrize("embedded", [True, False])
def test_put_replaces_and_patch_changes_a_part(
    alice: Api, bob: Api, make: Factory, embedded: bool
) -> None:
    first = make.micropost(text="first", referenced="bob")
    if not embedded:
        make.microposts(41)
    href = f"/users/alice/collection/{first['id']}"
    patched = alice.patch(href, {"text": "second"})
    assert patched.status_code == 200
    assert patched.headers["ETag"] == '"2"'
    assert (patched.json["text"], patched.json["referenced"]) == ("second", "bob")
    assert patched.json["edited"]
    put = alice.put(href, {"text": "third"})
    assert (put.json["text"], put.json["referenced"]) == ("third", None)
    assert alice.get(href).json == put.json
    oldest = alice.get("/users/alice/collection?order=oldest&size=1").json["result"]
    assert oldest == [put.json]
    assert alice.get("/search?text=third").json["result"] == [put.json]
    assert alice.get("/search?text=first").json["result"] == []


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_AZ_2_only_the_author_edits_and_deletes(
    alice: Api, bob: Api, make: Factory, method: str
) -> None:
    href = f"/users/alice/collection/{make.micropost()['id']}"
    body = None if method == "delete" else {"text": "mine now"}
    assert getattr(bob, method)(href, body).status_code == 403
    assert alice.get(href).json["text"] == "hello"


def test_delete_takes_it_from_everywhere(alice: Api, make: Factory) -> None:
    make.micropost(text="other one")
    href = f"/users/alice/collection/{make.micropost(text='going away')['id']}"
    assert alice.delete(href).status_code == 204
    assert alice.get(href).status_code == 404
    assert alice.delete(href).status_code == 404
    texts = [one["text"] for one in alice.get("/users/alice/collection").json["result"]]
    assert texts == ["other one"]
    assert alice.get("/users/alice").json["microposts"] == 1
    assert alice.get("/search?text=going").json["result"] == []


def test_deletions_that_leave_less_than_a_page_refill_it(
    alice: Api, make: Factory, database: Database
) -> None:
    made = make.microposts(60)
    for one in made[-25:]:
        assert alice.delete(f"/users/alice/collection/{one['id']}").status_code == 204
    user = database.users.find_one({"_id": "alice"})
    assert user is not None
    newest = [one["id"] for one in reversed(made[:-25])]
    assert [one["id"] for one in user["microposts"]] == newest[
        : len(user["microposts"])
    ]
    assert len(user["microposts"]) >= 20
    page = alice.get("/users/alice/collection?size=35").json["result"]
    assert [int(one["id"]) for one in page] == newest


def test_micropost_of_another_user_is_not_found_under_this_one(
    alice: Api, make: Factory
) -> None:
    id = make.micropost("carol")["id"]
    assert alice.get(f"/users/alice/collection/{id}").status_code == 404


def test_DI_4_etag_and_if_none_match(alice: Api, make: Factory) -> None:
    href = f"/users/alice/collection/{make.micropost()['id']}"
    assert alice.get(href).headers["ETag"] == '"1"'
    for known in ('"1"', 'W/"1"', "*", '"9", "1"'):
        answer = alice.get(href, If_None_Match=known)
        assert (answer.status_code, answer.body) == (304, b"")
        assert answer.headers["ETag"] == '"1"'
    for other in ('"2"', "junk"):
        assert alice.get(href, If_None_Match=other).status_code == 200


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
@pytest.mark.parametrize("stale", ['"7"', 'W/"1"', "junk"])
def test_DI_4_stale_if_match_changes_nothing(
    alice: Api, make: Factory, method: str, stale: str
) -> None:
    href = f"/users/alice/collection/{make.micropost()['id']}"
    body = None if method == "delete" else {"text": "new"}
    assert getattr(alice, method)(href, body, If_Match=stale).status_code == 412
    assert alice.get(href).json["text"] == "hello"


@pytest.mark.parametrize("current", ['"1"', "*"])
def test_DI_4_matching_if_match_is_done(
    alice: Api, make: Factory, current: str
) -> None:
    href = f"/users/alice/collection/{make.micropost()['id']}"
    assert alice.put(href, {"text": "new"}, If_Match=current).status_code == 200
    assert alice.delete(href, If_Match='"2"').status_code == 204


def test_DI_4_if_none_match_any_refuses_to_overwrite(alice: Api, make: Factory) -> None:
    href = f"/users/alice/collection/{make.micropost()['id']}"
    assert alice.put(href, {"text": "new"}, If_None_Match="*").status_code == 412


def test_DI_3_idempotency_key_gives_the_first_answer_again(
    alice: Api, database: Database
) -> None:
    first = alice.post("/users/alice/collection", {"text": "once"}, Idempotency_Key="k")
    href = first.json["href"]
    alice.put(href, {"text": "edited since"})
    again = alice.post("/users/alice/collection", {"text": "once"}, Idempotency_Key="k")
    assert (again.status_code, again.json) == (201, first.json)
    alice.delete(href)
    third = alice.post("/users/alice/collection", {"text": "once"}, Idempotency_Key="k")
    assert third.json == first.json
    assert database.microposts.find_one({}) is None


def test_DI_3_idempotency_key_with_another_body(alice: Api) -> None:
    alice.post("/users/alice/collection", {"text": "once"}, Idempotency_Key="k")
    other = alice.post("/users/alice/collection", {"text": "two"}, Idempotency_Key="k")
    assert other.status_code == 422


def test_DI_3_idempotency_keys_of_two_users_are_two(alice: Api, bob: Api) -> None:
    for api in (alice, bob):
        path = f"/users/{api.username}/collection"
        answer = api.post(path, {"text": "same"}, Idempotency_Key="k")
        assert answer.json["username"] == api.username


@pytest.mark.parametrize("key", ["", "x" * 256, "two, keys", "a b", "\x7f"])
def test_unusable_idempotency_key(alice: Api, key: str) -> None:
    answer = alice.post("/users/alice/collection", {"text": "x"}, Idempotency_Key=key)
    assert answer.status_code == 400
    assert answer.json["errors"][0]["location"] == "header"


@pytest.mark.parametrize("died_after", ["claim", "micropost", "reference"])
def test_DI_3_retry_completes_what_a_crash_left(
    alice: Api, make: Factory, database: Database, died_after: str
) -> None:
    """The retry stores one micropost, counted once, wherever the first try died."""
    body = {"text": "once"}
    first = alice.post("/users/alice/collection", body, Idempotency_Key="k").json
    database.idempotency.update_one({}, {"$unset": {"answer": ""}})
    if died_after in {"claim", "micropost"}:
        alice.app.app.registry["connection"].database.users.update_one(
            {"_id": "alice"}, {"$set": {"microposts": [], "counts.microposts": 0}}
        )
    if died_after == "claim":
        database.microposts.delete_many({})
    again = alice.post("/users/alice/collection", body, Idempotency_Key="k")
    assert (again.status_code, again.json) == (201, first)
    page = alice.get("/users/alice/collection").json["result"]
    assert page == [first]
    assert alice.get("/users/alice").json["microposts"] == 1


def test_retry_gets_its_answer_even_when_the_referenced_user_is_gone(
    alice: Api, bob: Api, make: Factory
) -> None:
    body = {"text": "for bob", "referenced": "bob"}
    first = alice.post("/users/alice/collection", body, Idempotency_Key="k")
    bob.delete("/users/bob", {"password": PASSWORD})
    again = alice.post("/users/alice/collection", body, Idempotency_Key="k")
    assert (again.status_code, again.json) == (201, first.json)


def test_refused_request_leaves_its_key_free(alice: Api, make: Factory) -> None:
    body = {"text": "for bob", "referenced": "bob"}
    path = "/users/alice/collection"
    assert alice.post(path, body, Idempotency_Key="k").status_code == 400
    make.user("bob")
    assert alice.post(path, body, Idempotency_Key="k").status_code == 201
