"""Moderators and administrators: what they may do, to whom, and what is kept of it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from webtest import TestResponse

from microblog.errors import Forbidden
from microblog.moderation import Moderation
from microblog.settings import Settings
from microblog.store import (
    Database,
    audit,
    check,
    hidden,
    reports,
    sessions,
    tokens,
    users,
)
from microblog.store.walks import Start
from tests.browsing import Browser
from tests.factories import PASSWORD, Api, Factory
from tests.functional.answers import assert_problem, assert_unauthorized, log_in
from tests.functional.command import Run
from tests.functional.test_forms import dump

WHY = "sells <b>lanterns</b>"
# Who stands above whom.
ROLES = {
    "bob": "",
    "judge": "moderator",
    "other": "moderator",
    "chief": "administrator",
    "boss": "administrator",
}

# Strangers, the author, another user, a moderator, an administrator.
WHO = ("", "alice", "bob", "judge", "chief")
MODERATING = "303 403 403 200 200"
PAGES = {
    "/admin": "303 403 403 403 200",
    "/admin/audit": "303 403 403 403 200",
    "/admin/reports": MODERATING,
    "/admin/reports/bob-alice-ID": MODERATING,
    "/admin/awaiting": MODERATING,
    "/admin/invitations": MODERATING,
    "/users/alice/report": "303 200 200 200 200",
    "/users/alice/suspend": MODERATING,
    "/users/alice/restore": MODERATING,
    "/users/alice/role": "303 403 403 403 200",
    "/users/alice/microposts/ID/report": "303 200 200 200 200",
    "/users/alice/microposts/ID/hide": MODERATING,
    # To others there is no such micropost.
    "/users/alice/microposts/HIDDEN": "404 200 404 200 200",
    "/users/alice/microposts/HIDDEN/show": "404 403 404 200 200",
}


@pytest.fixture
def browsers(application: Any, make: Factory) -> Callable[[str], Browser]:
    """Makes a browser of somebody, logged in; who has a role has it by then."""
    known: dict[str, Browser] = {}

    def browser(name: str) -> Browser:
        if name not in known:
            known[name] = Browser(application)
            if name:
                make.user(name)
                users.change(make.database, name, {"role": ROLES.get(name, "")})
                assert known[name].log_in(name).status_code == 303
        return known[name]

    return browser


def done(database: Database) -> list[tuple[Any, ...]]:
    """The audit log, the first thing first."""
    found = audit.walk(database, Start(descending=False))
    return [
        (one["who"], one["what"], one["whom"], one["micropost"], one["why"])
        for one in found
    ]


def test_AZ_1_who_may_see_what(
    browsers: Callable[[str], Browser], make: Factory, database: Database
) -> None:
    ids = [str(make.micropost("alice", text)["id"]) for text in ("seen", "hidden")]
    reports.create(database, "bob", "alice", int(ids[0]), WHY)
    path = f"/users/alice/microposts/{ids[1]}/hide"
    assert browsers("chief").send(path, reason=WHY).status_code == 303
    for address, row in PAGES.items():
        path = address.replace("ID", ids[0]).replace(f"H{ids[0]}DEN", ids[1])
        for who, expected in zip(WHO, row.split(), strict=True):
            answer = browsers(who).get(path.replace("HIDDEN", ids[1]))
            assert answer.status_code == int(expected), (path, who)


def test_AZ_2_who_may_do_what(
    browsers: Callable[[str], Browser], make: Factory, database: Database
) -> None:
    """Who is refused changes nothing, whatever is sent."""
    id = make.micropost("alice", "seen")["id"]
    reports.create(database, "bob", "alice", id, WHY)
    sent = {"reason": WHY, "do": "hide", "role": "moderator", "password": PASSWORD}
    sent |= {"uses": "1", "days": "1", "username": "alice"}
    allowed = {"judge": {"role"}, "chief": set()}
    for who in ("", "alice", "bob", "judge"):
        token = browsers(who).form("/login")["csrf_token"].value
        for name, path in (
            ("report", f"/admin/reports/bob-alice-{id}"),
            ("awaiting", "/admin/awaiting"),
            ("invitations", "/admin/invitations"),
            ("suspend", "/users/alice/suspend"),
            ("restore", "/users/alice/restore"),
            ("role", "/users/alice/role"),
            ("hide", f"/users/alice/microposts/{id}/hide"),
        ):
            if name not in allowed.get(who, {name}):
                continue
            before = dump(database)
            form = {"csrf_token": token, **sent}
            answer = browsers(who).app.post(path, form, expect_errors=True)
            assert answer.status_code == 403, (who, path)
            assert dump(database) == before


@pytest.mark.parametrize(
    ("who", "whom", "may"),
    [
        ("judge", "alice", True),
        ("judge", "judge", False),
        ("judge", "other", False),
        ("judge", "chief", False),
        ("chief", "judge", True),
        ("chief", "chief", False),
        ("chief", "boss", False),
    ],
)
def test_AZ_2_who_may_suspend_whom(
    browsers: Callable[[str], Browser],
    database: Database,
    who: str,
    whom: str,
    may: bool,
) -> None:
    browsers(whom)
    answer = browsers(who).send(f"/users/{whom}/suspend", reason=WHY)
    assert answer.status_code == (303 if may else 403)
    assert ("suspended" in (users.find(database, whom) or {})) == may
    assert bool(done(database)) == may


def test_AZ_2_who_may_restore_whom(
    browsers: Callable[[str], Browser], run: Run, database: Database
) -> None:
    """Who may not suspend somebody does not end the suspension either."""
    for name in ("alice", "other"):
        browsers(name)
        assert run("user", "suspend", name, WHY).status == 0
    judge, chief = browsers("judge"), browsers("chief")
    assert judge.send("/users/other/restore").status_code == 403
    assert "suspended" in (users.find(database, "other") or {})
    assert judge.send("/users/alice/restore").status_code == 303
    assert chief.send("/users/other/restore").status_code == 303


def test_AZ_2_nobody_moderates_themselves(
    browsers: Callable[[str], Browser], make: Factory, database: Database
) -> None:
    """What is hidden of a moderator another one shows again, and a moderator neither
    sees nor ends a report about the moderator, however it is asked for."""
    judge, other = browsers("judge"), browsers("other")
    id = make.micropost("judge", "buy lanterns")["id"]
    path = f"/users/judge/microposts/{id}"
    assert other.send(f"{path}/hide", reason=WHY).status_code == 303
    assert judge.send(f"{path}/show").status_code == 403
    assert hidden.find(database, id) is not None
    reports.create(database, "bob", "judge", None, "lanterns again")
    assert "lanterns again" not in judge.get("/admin/reports").text
    token = judge.form("/login")["csrf_token"].value
    sent = {"csrf_token": token, "do": "dismiss", "reason": "no"}
    report = "/admin/reports/bob-judge-0"
    assert judge.get(report).status_code == 404
    assert judge.app.post(report, sent, expect_errors=True).status_code == 404
    found = reports.find(database, "bob-judge-0")
    assert found
    with pytest.raises(Forbidden):
        Moderation(database, "judge", 1).dismiss(found, "no")
    assert "lanterns again" in other.get("/admin/reports").text
    assert other.get(report).status_code == 200
    assert other.send(f"{path}/show").status_code == 303


def test_AU_6_AZ_5_suspended_user_is_out_and_unseen(
    browsers: Callable[[str], Browser], alice: Api, bob: Api, make: Factory
) -> None:
    database, author = make.database, browsers("alice")
    make.follow("bob", "alice")
    make.follow("alice", "carol")
    users.change(database, "alice", {"name": "Lanterns!", "bio": "cheap ones"})
    id = make.micropost("alice", "cheap lanterns #word")["id"]
    make.deliver()
    lists = ("/users/alice/collection", "/users/bob/timeline", "/search?text=lanterns")
    pages = ("/", "/users/alice", "/users/alice/feed", "/tags/word", "/users")
    stranger = browsers("")
    for path in lists:
        assert "cheap" in bob.get(path).text
    for path in pages:
        assert "cheap" in stranger.get(path).text
    assert browsers("judge").send("/users/alice/suspend", reason=WHY).status_code == 303
    assert_unauthorized(alice.get("/users/alice"))
    assert author.get("/settings").status_code == 303
    for path in lists:
        assert bob.get(path).json["result"] == []
    for path in pages:
        assert not {"cheap", "Lanterns!"} & set(stranger.get(path).text.split())
        assert "cheap lanterns" not in stranger.get(path).text
    assert_problem(bob.get(f"/users/alice/collection/{id}"), 404)
    assert stranger.get(f"/users/alice/microposts/{id}").status_code == 404
    assert browsers("judge").get(f"/users/alice/microposts/{id}").status_code == 200
    assert "Lanterns" not in stranger.get("/users/alice/feed").text
    for name in ("Lanterns", "alice"):
        assert "alice" not in stranger.get(f"/users?name={name}").html.find("main").text
    for path in ("/users/bob/following", "/users/carol/followers", "/users"):
        assert "/users/alice" not in stranger.get(path).text
    for path in ("/users/alice/following", "/users/alice/followers"):
        assert bob.get(path).json["result"] == []
        assert stranger.get(path).html.find(id="users") is None
    for path in ("/users/bob/following", "/users/carol/followers"):
        assert bob.get(path).json["result"] == []
    assert_problem(bob.get("/users/alice/following/carol"), 404)
    about = {"username": "alice", "reason": "once more", "micropost": str(id)}
    assert_problem(bob.post("/reports", about), 400, "micropost")
    told = bob.get("/users/alice").json
    assert (told["suspended"], told["name"], told["bio"]) == (True, "", "")
    assert "This account is suspended" in stranger.get("/users/alice").text
    assert list(check.check(database)) == []
    assert browsers("judge").send("/users/alice/restore").status_code == 303
    assert "suspended" not in bob.get("/users/alice").json
    for path in lists:
        assert "cheap" in bob.get(path).text
    assert author.log_in("alice").status_code == 303
    assert [line[:3] for line in done(database)] == [
        ("judge", "suspend", "alice"),
        ("judge", "restore", "alice"),
    ]


def test_AU_4_reason_is_told_to_who_knows_the_password(
    run: Run, make: Factory, browser: Browser, anonymous: Api
) -> None:
    make.user("alice")
    assert run("user", "suspend", "alice", WHY).status == 0
    wrong = log_in(anonymous, "alice", "not the password of alice")
    assert wrong.json == log_in(anonymous, "nobody", "not the password").json
    told = assert_problem(log_in(anonymous, "alice", PASSWORD), 403)
    assert told["detail"] == f"this account is suspended: {WHY}"
    page = browser.log_in("alice")
    assert page.status_code == 400
    assert page.html.find(role="alert").text == f"This account is suspended: {WHY}."
    assert sessions.of_user(make.database, "alice") == []
    assert tokens.of_user(make.database, "alice") == []
    assert run("user", "restore", "alice").status == 0
    assert log_in(anonymous, "alice", PASSWORD).status_code == 200
    again = run("user", "restore", "alice")
    assert (again.status, "not suspended" in again.errors) == (1, True)


def test_role_is_asked_of_the_store_each_time(
    browsers: Callable[[str], Browser], make: Factory
) -> None:
    judge = browsers("judge")
    assert "Moderation" in judge.get("/").html.find("header").text
    assert judge.get("/admin/reports").status_code == 200
    # As if this came between the check of the session and that of the role.
    users.change(make.database, "judge", {"role": ""})
    assert judge.get("/admin/reports").status_code == 403


@pytest.mark.parametrize("by", ["page", "command", "older command"])
def test_SE_3_change_of_role_ends_every_login(
    browsers: Callable[[str], Browser], run: Run, app: Any, make: Factory, by: str
) -> None:
    """Whoever has a session or a token from before gets nothing of the new role, and
    the next session has another cookie."""
    ended = "all sessions and tokens have ended"
    bob, token = browsers("bob"), Api(app, make.token("bob"), "bob")
    before = bob.cookie
    for role in ("administrator", ""):
        if by == "page":
            sent = browsers("chief").send(
                "/users/bob/role", role=role, password=PASSWORD
            )
            assert sent.status_code == 303
        elif by == "command":
            assert ended in run("user", "role", "bob", role or "none").output
        else:
            assert (
                ended in run("user", "admin", "bob", *(["--revoke"][: not role])).output
            )
        assert bob.get("/admin").status_code == 303
        assert bob.get("/settings").status_code == 303
        assert_unauthorized(token.get("/users/bob"))
        assert sessions.of_user(make.database, "bob") == []
        assert tokens.of_user(make.database, "bob") == []
        assert bob.log_in("bob").status_code == 303
        assert bob.cookie != before
        assert bob.get("/admin").status_code == (200 if role else 403)
        assert ("Moderation" in bob.get("/").html.find("header").text) == bool(role)
        token = Api(app, make.token("bob"), "bob")


def test_administrator_gives_roles_with_the_own_password(
    browsers: Callable[[str], Browser], make: Factory
) -> None:
    make.user("bob")
    chief, path = browsers("chief"), "/users/bob/role"
    wrong = chief.send(path, role="moderator", password="not the one of chief")
    assert wrong.status_code == 400
    assert wrong.html.find(id="password-error")
    sent = chief.send(path, role="moderator", password=PASSWORD)
    assert sent.location == "/users/bob?said=role"
    assert browsers("bob").get("/admin/reports").status_code == 403  # Made without one.
    assert done(make.database) == [("chief", "set role", "bob", None, "moderator")]
    own = chief.send("/users/chief/role", role="", password=PASSWORD)
    assert own.status_code == 403


def test_administrator_of_earlier_data(
    browsers: Callable[[str], Browser], database: Database
) -> None:
    alice = browsers("alice")
    before = {"$unset": {"role": ""}, "$set": {"admin": True}}
    database.users.update_one({"_id": "alice"}, before)
    assert alice.get("/admin").status_code == 200
    users.change(database, "alice", {"role": ""})
    assert alice.get("/admin").status_code == 403


def test_reports(
    browsers: Callable[[str], Browser], alice: Api, bob: Api, make: Factory
) -> None:
    id = make.micropost("alice", "cheap lanterns")["id"]
    body = {"username": "alice", "micropost": str(id), "reason": WHY}
    first = bob.post("/reports", body)
    assert (first.status_code, first.json) == (201, body)
    assert bob.post("/reports", {**body, "reason": "again"}).status_code == 200
    judge, chief = browsers("judge"), browsers("chief")
    page = f"/users/alice/microposts/{id}/report"
    assert chief.send(page, reason="me too").location.endswith("?said=reported")
    assert chief.send("/users/alice/report", reason="all of it").status_code == 303
    listed = judge.get("/admin/reports").html
    assert [one.text for one in listed.select(".logins .text")] == [
        *("all of it", "me too", WHY)
    ]
    path = f"/admin/reports/bob-alice-{id}"
    assert "cheap lanterns" in judge.get(path).html.select_one(".micropost").text
    form = judge.form(path)
    form["reason"] = "true"
    assert form.submit("do", value="hide").status_code == 303
    assert_problem(bob.get(f"/users/alice/collection/{id}"), 404)
    assert "hide, by judge" in judge.get(path).html.find("main").text
    # Those about the same have ended with it.
    left = judge.get("/admin/reports").html.select(".logins .text")
    assert [one.text for one in left] == ["all of it"]
    form = judge.form("/admin/reports/chief-alice-0")
    form["reason"] = "well"
    assert form.submit("do", value="dismiss").status_code == 303
    assert "Nothing is reported" in judge.get("/admin/reports").text
    assert done(make.database) == [
        ("judge", "hide", "alice", id, "true"),
        ("judge", "dismiss reports", "alice", None, "well"),
    ]
    assert chief.send("/users/alice/report", reason="again").status_code == 303
    form = judge.form("/admin/reports/chief-alice-0")
    form["reason"] = "enough"
    assert form.submit("do", value="suspend").status_code == 303
    assert_unauthorized(alice.get("/users/alice"))
    assert list(reports.walk(make.database, Start())) == []


def test_many_reports_are_paged(
    browsers: Callable[[str], Browser], make: Factory
) -> None:
    make.user("alice")
    for number in range(45):
        reports.create(make.database, "bob", "alice", number + 1, f"reason {number}")
    judge, found, path = browsers("judge"), [], "/admin/reports"
    while path:
        page = judge.get(path).html
        found += [one.text for one in page.select(".logins .text")]
        ahead = page.select_one('a[rel="next"]')
        path = ahead["href"] if ahead else ""
    assert found == [f"reason {number}" for number in reversed(range(45))]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"reason": " "}, "reason"),
        ({"reason": "x" * 501}, "reason"),
        ({"reason": None}, "reason"),
        ({"username": "nobody"}, "username"),
        ({"username": "No Name"}, "username"),
        ({"micropost": "zz"}, "micropost"),
        ({"micropost": "1"}, "micropost"),
        ({"micropost": 1}, "micropost"),
        ({"by": "bob"}, "by"),
    ],
)
def test_refused_reports(bob: Api, make: Factory, wrong: Any, field: str) -> None:
    make.user("alice")
    body = {"username": "alice", "reason": WHY, **wrong}
    assert_problem(bob.post("/reports", body), 400, field)
    assert make.database.reports.find_one({}) is None


def test_reports_of_strangers(anonymous: Api, make: Factory) -> None:
    make.user("alice")
    body = {"username": "alice", "reason": WHY}
    assert_unauthorized(anonymous.post("/reports", body))
    reading = tokens.create(make.database, "alice", 60, tokens.READ)
    assert_problem(Api(anonymous.app, reading).post("/reports", body), 403)


def test_audit_log(
    browsers: Callable[[str], Browser], run: Run, make: Factory, settings: Settings
) -> None:
    text = "a text that is nobody's concern"
    id = make.micropost("alice", text)["id"]
    commands = [
        ("user", "role", "alice", "moderator"),
        ("micropost", "hide", "alice", str(id), WHY),
        ("micropost", "show", "alice", str(id)),
        ("user", "suspend", "alice", WHY),
        ("user", "restore", "alice"),
        ("user", "disable", "alice"),
        ("user", "enable", "alice"),
        ("invitation", "add", "--uses", "3"),
    ]
    for command in commands:
        assert run(*command).status == 0
    assert run("user", "add", "carol", text=PASSWORD).status == 0
    assert run("user", "password", "carol", text=PASSWORD).status == 0
    line = "command line"
    assert done(make.database) == [
        (line, "set role", "alice", None, "moderator"),
        (line, "hide", "alice", id, WHY),
        (line, "show", "alice", id, ""),
        (line, "suspend", "alice", None, WHY),
        (line, "restore", "alice", None, ""),
        (line, "disable", "alice", None, ""),
        (line, "enable", "alice", None, ""),
        (line, "invite", "", None, "3 in 7 days"),
        (line, "add user", "carol", None, ""),
        (line, "set password", "carol", None, ""),
    ]
    said = run("audit").output.splitlines()
    assert said[0].endswith("command line: set password carol")
    assert said[-2].endswith(f"command line: hide alice {id} ({WHY})")
    page = browsers("chief").get("/admin/audit")
    assert len(page.html.select("tbody tr")) == 10
    assert "<b>lanterns" not in page.text
    stored = list(make.database.audit.find())
    assert text not in str(stored)
    last = datetime.now(UTC) + timedelta(days=settings.audit_days)
    assert all(abs(one["expires"] - last) < timedelta(minutes=5) for one in stored)


def test_nothing_is_done_that_is_not_in_the_log(
    run: Run, make: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: Any, **more: Any) -> None:
        raise ZeroDivisionError

    make.user("alice")
    monkeypatch.setattr(audit, "note", full)
    with pytest.raises(ZeroDivisionError):
        run("user", "suspend", "alice", WHY)
    assert "suspended" not in (users.find(make.database, "alice") or {})


def test_commands_of_reports(run: Run, make: Factory, bob: Api) -> None:
    id = make.micropost("alice", "cheap lanterns")["id"]
    reports.create(make.database, "bob", "alice", id, "two\nlines")
    reports.create(make.database, "bob", "alice", None, "all")
    said = run("report", "list").output.splitlines()
    assert said[0].endswith(f" bob-alice-{id} about alice {id}: two lines")
    assert said[1].endswith(" bob-alice-0 about alice: all")
    for wrong in (
        ("bob-alice-7", "dismiss", "no"),
        ("bob-alice-0", "hide", "no"),
    ):
        assert run("report", "resolve", *wrong).status == 1
    assert run("report", "resolve", f"bob-alice-{id}", "hide", "yes").status == 0
    assert_problem(bob.get(f"/users/alice/collection/{id}"), 404)
    assert run("report", "resolve", "bob-alice-0", "suspend", "yes").status == 0
    assert bob.get("/users/alice").json["suspended"] is True
    assert run("report", "list").output == ""


@pytest.mark.parametrize(
    "command",
    [
        ("user", "role", "nobody", "moderator"),
        ("user", "role", "No Body", "none"),
        ("user", "suspend", "nobody", "x"),
        ("user", "restore", "nobody"),
        ("user", "approve", "nobody"),
        ("user", "reject", "No Body"),
        ("micropost", "hide", "nobody", "1", "x"),
        ("micropost", "show", "nobody", "1"),
        ("invitation", "revoke", "abc"),
    ],
)
def test_commands_about_what_is_not_there(run: Run, command: tuple[str, ...]) -> None:
    done = run(*command)
    assert (done.status, done.output) == (1, "")
    assert done.errors.startswith("microblog: ")


def test_pages_in_german(browsers: Callable[[str], Browser]) -> None:
    def heading(path: str) -> str:
        page: TestResponse = browsers("chief").get(path, Accept_Language="de")
        return str(page.html.find("h1").text)

    assert heading("/admin/reports") == "Meldungen"
    assert heading("/admin/audit") == "Protokoll"
    assert heading("/users/chief/report") == "@chief melden?"


def test_AZ_3_nobody_learns_who_has_reported_whom(bob: Api, make: Factory) -> None:
    make.user("alice")
    about = {"username": "alice", "reason": "She is late."}
    assert bob.post("/reports", about).status_code == 201
    visitor = Browser(bob.app.app)
    for name in ("bob-alice-0", "carol-alice-0"):
        answer = visitor.app.get(f"/admin/reports/{name}", expect_errors=True)
        assert answer.status_code == 303


def test_AZ_2_suspending_enables_nobody_whom_the_operator_has_disabled(
    run: Run, make: Factory, database: Database
) -> None:
    make.user("alice")
    assert run("user", "disable", "alice").status == 0
    assert run("user", "suspend", "alice", "spam").status == 1
    user = users.find(database, "alice")
    assert user is not None
    assert user["disabled"]
    assert "suspended" not in user
