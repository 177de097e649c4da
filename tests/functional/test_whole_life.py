"""The life of a user, as an app lives it: only by the addresses that answers give."""

from base64 import b64encode
from typing import Any

from webtest import TestApp

from tests.factories import PASSWORD, Api
from tests.functional.answers import assert_problem, assert_unauthorized, page

SEED = {
    "grant_type": "authorization_code",
    "client_id": "alice",
    "client_secret": PASSWORD,
}


def log_in_four_ways(app: TestApp) -> list[Api]:
    """Alice with a token for JSON, for a form, for Basic and for the seed's body."""
    pair = {"username": "alice", "password": PASSWORD}
    basic = "Basic " + b64encode(f"alice:{PASSWORD}".encode()).decode()
    anonymous = Api(app)
    answers = [
        anonymous.post("/token", pair),
        app.post("/api/token", {"grant_type": "password", **pair}),
        anonymous.post("/token", {}, Authorization=basic),
        anonymous.post("/token", SEED),
    ]
    tokens = [answer.json["access_token"] for answer in answers]
    assert len(set(tokens)) == len(tokens)
    return [Api(app, token, "alice") for token in tokens]


def texts(api: Api, address: str) -> list[Any]:
    """The texts of a page of microposts."""
    return [one["text"] for one in page(api.get(address))]


def test_whole_life(app: TestApp, bob: Api) -> None:
    registered = Api(app).post("/users", {"username": "alice", "password": PASSWORD})
    assert registered.status_code == 201
    phone, form, tablet, seed = log_in_four_ways(app)
    home = registered.location
    alice = phone.get(home).json
    assert alice == registered.json

    # Each of the four posts; any of them reads it.
    for n, api in enumerate((phone, form, tablet, seed)):
        body = {"text": f"Post {n} with a kettle", "referenced": "bob"}
        posted = api.post(alice["collection"], body)
        assert posted.status_code == 201
        assert seed.get(posted.location).json == posted.json
    assert phone.get(home).json["microposts"] == 4

    # Bob finds alice, follows her, and reads her in his timeline.
    first = page(bob.get("/search?text=KETTLE&username=ali&size=1"))[0]
    assert bob.get(first["user"]).json["username"] == "alice"
    bobs = bob.get("/users/bob").json["href"]
    followed = bob.post(f"{bobs}/following", {"username": first["username"]})
    assert followed.status_code == 201
    assert [one["username"] for one in page(bob.get(f"{home}/followers"))] == ["bob"]
    assert texts(bob, f"{bobs}/timeline")[0] == "Post 3 with a kettle"
    second = bob.get(bob.get(f"{bobs}/timeline?size=3").json["next"]).json
    assert [one["text"] for one in second["result"]] == ["Post 0 with a kettle"]

    # Alice edits the newest and deletes the oldest; bob sees both.
    assert_problem(bob.delete(first["href"]), 403)
    tag = phone.get(first["href"]).headers["ETag"]
    edited = phone.patch(first["href"], {"text": "A teapot"}, If_Match=tag)
    assert edited.status_code == 200
    assert_problem(form.patch(first["href"], {"text": "x"}, If_Match=tag), 412)
    oldest = page(phone.get(f"{alice['collection']}?order=oldest&size=1"))[0]
    assert phone.delete(oldest["href"]).status_code == 204
    left = ["A teapot", "Post 2 with a kettle", "Post 1 with a kettle"]
    for address in (f"{bobs}/timeline", alice["collection"]):
        assert texts(bob, address) == left
    assert texts(bob, "/search?text=kettle") == left[1:]

    # She logs out on the phone; the others go on, until her account ends.
    assert phone.delete("/token").status_code == 204
    assert_unauthorized(phone.get(home))
    assert form.get(home).json["microposts"] == 3
    assert form.delete(home, {"password": PASSWORD}).status_code == 204
    for api in (form, tablet, seed):
        assert_unauthorized(api.get(bobs))
    assert_problem(bob.get(home), 404)
    assert texts(bob, f"{bobs}/timeline") == texts(bob, "/search?text=kettle") == []
    assert bob.get(bobs).json["following"] == 0
