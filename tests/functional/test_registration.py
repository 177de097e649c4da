"""Who may register: everybody, with an invitation, after an approval, nobody."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

import microblog
from microblog.settings import Settings
from microblog.store import Database, invitations, users
from tests.browsing import Browser
from tests.factories import PASSWORD, Api, Factory
from tests.functional.answers import assert_problem, log_in
from tests.functional.command import Run

NEW = {"username": "carol", "password": PASSWORD}


@pytest.fixture(scope="module")
def sites(application: Any, settings: Settings) -> Iterator[Callable[[str], Any]]:
    """Makes applications with a mode, on the same store."""
    made: dict[str, Any] = {}

    def site(mode: str) -> Any:
        if mode not in made:
            update = {"registration": mode, "registration_users_invite": True}
            made[mode] = microblog.application(settings.model_copy(update=update))
            made[mode].registry["connection"].wait()
        return made[mode]

    yield site
    for one in made.values():
        one.registry["connection"].close()


@pytest.fixture
def come(sites: Callable[[str], Any], make: Factory) -> Callable[..., Browser]:
    """Makes browsers at a site of that mode."""

    def come(mode: str, name: str = "", role: str = "") -> Browser:
        browser = Browser(sites(mode))
        if name:
            make.user(name)
            users.change(make.database, name, {"role": role})
            assert browser.log_in(name).status_code == 303
        return browser

    return come


def test_closed(come: Callable[..., Browser], database: Database) -> None:
    browser = come("closed")
    page = browser.get("/register")
    assert page.status_code == 403
    assert "This site takes no new users" in page.html.find("main").text
    for path in ("/", "/login"):
        assert browser.get(path).html.select('a[href="/register"]') == []
    problem = assert_problem(Api(browser.app).post("/users", NEW), 403)
    assert problem["detail"] == "this site takes no new users"
    token = browser.form("/login")["csrf_token"].value
    sent = browser.app.post("/register", {"csrf_token": token, **NEW}, status=403)
    assert "takes no new users" in sent.text
    assert users.find(database, "carol") is None


def test_invitation(come: Callable[..., Browser], database: Database) -> None:
    judge, guest = come("invitation", "judge", users.MODERATOR), come("invitation")
    made = judge.send("/admin/invitations", uses="2", days="1")
    link = made.html.select_one(".link a")["href"]
    path = link.removeprefix("http://localhost:6543")
    secret = link.partition("=")[2]
    assert secret not in str(list(database.invitations.find()))
    assert secret not in judge.get("/admin/invitations").text
    refused = guest.send("/register", **NEW)
    assert refused.status_code == 400
    assert "Invitation is needed" in refused.html.find(id="invitation-error").text
    assert guest.send(path, "/register", **NEW).location == "/?said=welcome"
    api, dora = Api(come("invitation").app), {**NEW, "username": "dora"}
    assert_problem(api.post("/users", dora), 400, "invitation")
    wrong = {**dora, "invitation": secret[:-1]}
    assert_problem(api.post("/users", wrong), 400, "invitation")
    # The name is taken: the invitation is not used up by that.
    taken = {**dora, "username": "carol", "invitation": secret}
    assert_problem(api.post("/users", taken), 409)
    assert api.post("/users", {**dora, "invitation": secret}).status_code == 201
    again = {**dora, "username": "erna", "invitation": secret}
    assert_problem(api.post("/users", again), 400, "invitation")
    assert users.find(database, "erna") is None


def test_invitation_that_is_revoked_or_old(
    come: Callable[..., Browser], database: Database, run: Run
) -> None:
    judge, api = (
        come("invitation", "judge", users.MODERATOR),
        Api(come("invitation").app),
    )
    secrets = []
    for _number in range(2):
        made = judge.send("/admin/invitations", uses="1", days="1")
        secrets.append(made.html.select_one(".link a")["href"].partition("=")[2])
    past = {"$set": {"expires": datetime(2026, 1, 1, tzinfo=UTC)}}
    old = {"_id": invitations.digest(secrets[0])}
    database.invitations.update_one(old, past)
    (listed,) = run("invitation", "list").output.splitlines()
    id = listed.split()[0]
    assert listed.startswith(f"{id} by judge: 1 of 1 left until ")
    assert run("invitation", "revoke", id).status == 0
    for secret in secrets:
        body = {**NEW, "invitation": secret}
        assert_problem(api.post("/users", body), 400, "invitation")
    assert run("invitation", "list").output == ""


def test_invitations_of_users(come: Callable[..., Browser], make: Factory) -> None:
    alice, bob = come("invitation", "alice"), come("invitation", "bob")
    for _number in range(invitations.MOST):
        made = alice.send("/settings/invitations", uses="1", days="7")
        assert made.status_code == 200
    refused = alice.send("/settings/invitations", uses="1", days="7")
    assert refused.status_code == 400
    assert "No more than 20 invitations" in refused.html.find(role="alert").text
    assert make.database.audit.count_documents({}) == invitations.MOST
    assert bob.get("/settings/invitations").html.select(".logins li") == []
    first = invitations.of(make.database, "alice")[0]["_id"]
    token = bob.form("/", "/logout")["csrf_token"].value
    sent = {"csrf_token": token, "revoke": first}
    bob.app.post("/settings/invitations", sent, status=404)
    assert invitations.of(make.database, "alice")[0]["_id"] == first
    assert make.database.audit.count_documents({}) == invitations.MOST
    for uses, days in (("0", "7"), ("1", "400"), ("x", "7"), ("1001", "7")):
        wrong = bob.send("/settings/invitations", uses=uses, days=days)
        assert wrong.status_code == 400


def test_SE_5_inviting_needs_the_token_of_the_form(
    come: Callable[..., Browser], database: Database
) -> None:
    alice, bob = come("invitation", "alice"), come("invitation", "bob")
    others = bob.form("/", "/logout")["csrf_token"].value
    for token in ("", "x", others):
        sent = {"csrf_token": token, "uses": "1", "days": "1"}
        alice.app.post("/settings/invitations", sent, status=400)
    assert list(database.invitations.find()) == []
    assert list(database.audit.find()) == []


def test_users_invite_only_where_they_may(reader: Browser) -> None:
    assert reader.get("/settings/invitations").status_code == 403


def test_DI_5_invitation_is_used_once_by_many_at_once(database: Database) -> None:
    secret = invitations.create(database, "judge", uses=3, days=1)
    used: list[bool] = []
    threads = [
        threading.Thread(target=lambda: used.append(invitations.use(database, secret)))
        for _number in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(used) == [False] * 5 + [True] * 3


def test_approval(come: Callable[..., Browser], make: Factory) -> None:
    guest, judge = come("approval"), come("approval", "judge", users.MODERATOR)
    assert "A moderator looks at each new account" in guest.get("/register").text
    sent = guest.send("/register", **NEW, name="Carol", email="carol@example.org")
    assert sent.location == "/login?said=applied"
    assert "A moderator must approve" in guest.get(sent.location).text
    assert guest.cookie is None
    # Nobody sees the account, and nobody else gets its name.
    assert guest.get("/users/carol").status_code == 404
    api = Api(guest.app)
    assert_problem(api.post("/users", {**NEW, "username": "car0l"}), 409)
    wrong = log_in(api, "carol", "not the password of carol")
    assert wrong.json == log_in(api, "nobody", "not the password of carol").json
    told = assert_problem(log_in(api, "carol", PASSWORD), 403)
    assert told["detail"] == "a moderator has not yet approved of this account"
    refused = guest.log_in("carol")
    assert "has not yet approved" in refused.html.find(role="alert").text
    listed = judge.get("/admin/awaiting").html.select_one(".logins li").text
    assert all(said in listed for said in ("@carol", "Carol", "carol@example.org"))
    form = next(
        one
        for one in judge.get("/admin/awaiting").forms.values()
        if "username" in one.fields
    )
    assert form.submit("do", value="approve").location.endswith("?said=approved")
    assert log_in(api, "carol", PASSWORD).status_code == 200
    stored = users.find(make.database, "carol") or {}
    assert (stored["name"], stored["email"]) == ("Carol", "carol@example.org")
    assert "Nobody awaits approval" in judge.get("/admin/awaiting").text


def test_approval_by_api_and_command(
    come: Callable[..., Browser], run: Run, database: Database
) -> None:
    api = Api(come("approval").app)
    answer = api.post("/users", NEW)
    assert (answer.status_code, answer.json) == (
        202,
        {"username": "carol", "awaiting": True},
    )
    assert api.post("/users", {**NEW, "username": "dora"}).status_code == 202
    assert PASSWORD not in str(list(database.applications.find()))
    names = [line.split()[2] for line in run("user", "awaiting").output.splitlines()]
    assert names == ["carol", "dora"]
    assert run("user", "reject", "dora").status == 0
    assert run("user", "approve", "carol").status == 0
    assert log_in(api, "carol", PASSWORD).status_code == 200
    assert_problem(log_in(api, "dora", PASSWORD), 400)
    assert run("user", "awaiting").output == ""
    assert api.post("/users", {**NEW, "username": "dora"}).status_code == 202
