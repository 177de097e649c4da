"""Users over REST: registering, reading, profiles."""

import pytest

from microblog.store import Database
from tests.factories import PASSWORD, Api, Factory
from tests.functional.answers import (
    OTHER_PASSWORD,
    assert_problem,
    assert_unauthorized,
    log_in,
    page,
)

NEW = {"username": "dora", "password": PASSWORD}
FORM = {
    "username",
    "name",
    "bio",
    "href",
    "collection",
    "created",
    "microposts",
    "following",
    "followers",
}


def test_registering_answers_with_the_user_and_its_address(
    anonymous: Api, alice: Api
) -> None:
    answer = anonymous.post(
        "/users", {**NEW, "name": "Dora Ölçek", "email": "dora@example.org"}
    )
    assert answer.status_code == 201
    assert set(answer.json) == FORM
    assert answer.headers["Location"] == answer.json["href"]
    assert answer.headers["ETag"] == '"1"'
    assert (answer.json["username"], answer.json["name"]) == ("dora", "Dora Ölçek")
    assert answer.json["href"].endswith("/api/users/dora")
    assert answer.json["collection"] == answer.json["href"] + "/collection"
    counts = [answer.json[name] for name in ("microposts", "following", "followers")]
    assert counts == [0, 0, 0]
    read = alice.get(answer.json["href"])
    assert (read.json, read.headers["ETag"]) == (answer.json, '"1"')
    assert page(alice.get(answer.json["collection"])) == []


def test_registered_user_can_log_in(anonymous: Api) -> None:
    assert log_in(anonymous, "dora", PASSWORD).status_code == 400
    anonymous.post("/users", NEW)
    assert log_in(anonymous, "dora", PASSWORD).status_code == 200


def test_AU_2_password_is_stored_as_a_hash(anonymous: Api, database: Database) -> None:
    anonymous.post("/users", NEW)
    stored = database.users.find_one({"_id": "dora"})
    assert stored is not None
    assert stored["password"].startswith("bcrypt-hmac-sha256$")
    assert PASSWORD not in str(stored)


@pytest.mark.parametrize("taken", ["alice", "a1ice", "al_ice", "ailce"])
def test_IN_4_DI_2_taken_name_or_one_that_looks_like_it(
    anonymous: Api, make: Factory, database: Database, taken: str
) -> None:
    make.user("alice", name="the first")
    assert_problem(anonymous.post("/users", {**NEW, "username": taken}), 409)
    stored = list(database.users.find())
    assert [(user["_id"], user["name"]) for user in stored] == [("alice", "the first")]


@pytest.mark.parametrize(
    "name",
    ["", "Dora", "do ra", "dörå", "d" * 31, "do-ra", "dora\n", "admin", "users", "me"],
)
def test_IN_4_refused_usernames(anonymous: Api, database: Database, name: str) -> None:
    answer = anonymous.post("/users", {**NEW, "username": name})
    assert_problem(answer, 400, "username")
    assert database.users.find_one({}) is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "two\nlines"),
        ("name", "n" * 51),
        ("name", None),
        ("name", 7),
        ("email", "nonsense"),
        ("email", "do ra@example.org"),
        ("email", "dora@" + "x" * 250),
        ("email", ["dora@example.org"]),
    ],
)
def test_refused_profiles(
    anonymous: Api, alice: Api, database: Database, field: str, value: object
) -> None:
    assert_problem(anonymous.post("/users", {**NEW, field: value}), 400, field)
    assert_problem(alice.patch("/users/alice", {field: value}), 400, field)
    stored = [(user["name"], user["email"]) for user in database.users.find()]
    assert stored == [("", "")]


@pytest.mark.parametrize("field", ["username", "password"])
def test_registering_needs_both(anonymous: Api, field: str) -> None:
    body = {name: value for name, value in NEW.items() if name != field}
    assert_problem(anonymous.post("/users", body), 400, field)


@pytest.mark.parametrize(
    "field",
    ["admin", "counts", "created", "followers", "folded", "href", "microposts", "rev"],
)
def test_AZ_4_fields_that_are_not_the_users_to_set(
    anonymous: Api, alice: Api, database: Database, field: str
) -> None:
    assert_problem(anonymous.post("/users", {**NEW, field: 1}), 400, field)
    assert_problem(alice.patch("/users/alice", {field: 1}), 400, field)
    assert_problem(alice.patch("/users/alice", {"username": "bob"}), 400, "username")
    assert [user["_id"] for user in database.users.find()] == ["alice"]
    assert alice.get("/users/alice").headers["ETag"] == '"1"'


def test_unknown_user(alice: Api) -> None:
    for name in ("nobody", "Alice", "a" * 31, "..", "%20"):
        assert_problem(alice.get(f"/users/{name}"), 404)
    assert_problem(alice.patch("/users/nobody", {"name": "x"}), 404)
    assert_problem(alice.delete("/users/nobody", {"password": PASSWORD}), 404)


def test_reading_and_changing_need_a_token(anonymous: Api, make: Factory) -> None:
    make.user("alice")
    assert_unauthorized(anonymous.get("/users/alice"))
    assert_unauthorized(anonymous.patch("/users/alice", {"name": "x"}))
    assert_unauthorized(anonymous.delete("/users/alice", {"password": PASSWORD}))


def test_each_part_of_a_profile_changes_alone(alice: Api, database: Database) -> None:
    first = alice.patch("/users/alice", {"name": " Alice ", "bio": "Hi\r\nthere"})
    assert first.status_code == 200
    assert (first.json["name"], first.json["bio"]) == ("Alice", "Hi\nthere")
    email = {"email": "alice@example.org", "current_password": PASSWORD}
    second = alice.patch("/users/alice", email)
    assert second.json == first.json
    third = alice.patch("/users/alice", {"bio": ""})
    assert (third.json["name"], third.json["bio"]) == ("Alice", "")
    assert alice.get("/users/alice").json == third.json
    stored = database.users.find_one({"_id": "alice"})
    assert stored is not None
    assert stored["email"] == "alice@example.org"


def test_change_of_nothing(alice: Api) -> None:
    before = alice.get("/users/alice").json
    answer = alice.patch("/users/alice", {})
    assert (answer.status_code, answer.json) == (200, before)


def test_AZ_2_nobody_changes_or_deletes_another(alice: Api, bob: Api) -> None:
    assert_problem(bob.patch("/users/alice", {"name": "x"}), 403)
    assert_problem(bob.delete("/users/alice", {"password": PASSWORD}), 403)
    assert alice.get("/users/alice").json["name"] == ""


def test_etag_and_if_none_match(alice: Api) -> None:
    tag = alice.get("/users/alice").headers["ETag"]
    for known in (tag, f"W/{tag}", "*", f'"9", {tag}'):
        answer = alice.get("/users/alice", If_None_Match=known)
        assert (answer.status_code, answer.body) == (304, b"")
        assert answer.headers["ETag"] == tag
    changed = alice.patch("/users/alice", {"name": "Alice"})
    assert changed.headers["ETag"] != tag
    assert alice.get("/users/alice", If_None_Match=tag).status_code == 200


def test_etag_changes_with_the_counts(alice: Api, make: Factory) -> None:
    tag = alice.get("/users/alice").headers["ETag"]
    make.micropost()
    answer = alice.get("/users/alice", If_None_Match=tag)
    assert (answer.status_code, answer.json["microposts"]) == (200, 1)


@pytest.mark.parametrize("stale", ['"7"', 'W/"1"', "junk"])
def test_stale_if_match_changes_nothing(alice: Api, stale: str) -> None:
    before = alice.get("/users/alice")
    changes = {"name": "x", "password": OTHER_PASSWORD, "current_password": PASSWORD}
    assert_problem(alice.patch("/users/alice", changes, If_Match=stale), 412)
    password = {"password": PASSWORD}
    assert_problem(alice.delete("/users/alice", password, If_Match=stale), 412)
    after = alice.get("/users/alice")
    assert (after.json, after.headers["ETag"]) == (before.json, before.headers["ETag"])


def test_matching_if_match_is_done(alice: Api) -> None:
    tag = alice.get("/users/alice").headers["ETag"]
    answer = alice.patch("/users/alice", {"name": "x"}, If_Match=tag)
    assert answer.status_code == 200
    gone = alice.delete(
        "/users/alice", {"password": PASSWORD}, If_Match=answer.headers["ETag"]
    )
    assert gone.status_code == 204


def test_AZ_4_no_answer_gives_a_secret_away(
    alice: Api, bob: Api, make: Factory, database: Database
) -> None:
    email = {"email": "alice@example.org", "current_password": PASSWORD}
    alice.patch("/users/alice", email)
    make.micropost(text="nothing secret")
    make.follow("alice", "bob")
    make.follow("bob", "alice")
    answers = [
        bob.post("/users", {**NEW, "email": "dora@example.org"}),
        alice.patch("/users/alice", email),
        alice.patch("/users/alice", {"password": "x", "current_password": PASSWORD}),
    ]
    for path in ("/users/alice/followers", "/users/alice/following", "/users/alice"):
        answers += [alice.get(path), bob.get(path)]
    answers += [alice.get("/search?text=secret"), alice.get("/users/alice/timeline")]
    stored = database.users.find_one({"_id": "alice"})
    assert stored is not None
    secrets = ["example.org", PASSWORD, stored["password"], "bcrypt", alice.token]
    for answer in answers:
        shown = answer.text + str(answer.headers)
        assert [secret for secret in secrets if secret in shown] == []
