"""Forms: what they do, what they refuse, and who may send them."""

import time
from typing import Any

import pytest

from microblog import forms
from microblog.store import Database, Document, applications, hidden, reports, users
from tests.browsing import Browser, filled, form_of
from tests.factories import PASSWORD, Factory

TIMES = {"used", "expires"}


def dump(database: Database) -> dict[str, list[Document]]:
    """All that is stored, but when sessions were used, the keys of forms, timelines,
    which are built by reading, and how often something was tried."""
    return {
        name: sorted(
            (
                {key: value for key, value in one.items() if key not in TIMES}
                for one in database[name].find()
            ),
            key=lambda one: str(one["_id"]),
        )
        for name in sorted(database.list_collection_names())
        if name not in {"keys", "limits", "timelines"}
    }


def texts(browser: Browser, path: str = "/users/alice") -> list[str]:
    """The texts on a page."""
    return [one.text for one in browser.get(path).html.select(".micropost .text")]


def test_register(browser: Browser, database: Database) -> None:
    answer = browser.send(
        "/register",
        username="alice",
        password=PASSWORD,
        name="Alice",
        email="alice@example.org",
    )
    assert answer.location == "/?said=welcome"
    stored = users.find(database, "alice") or {}
    assert (stored["name"], stored["email"]) == ("Alice", "alice@example.org")
    assert browser.get("/settings").status_code == 200


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("username", "Alice", "Username must be 1 to 30 of the characters"),
        ("username", "settings", "Username is reserved"),
        ("username", "bob", "Username is taken, or looks like one that is."),
        ("username", "b0b", "Username is taken, or looks like one that is."),
        ("password", "short", "Password must have 15 characters at least."),
        ("name", "x" * 51, "Name may have 50 characters at most."),
        ("email", "nobody", "E-mail must look like name@example.org."),
    ],
)
def test_refused_registration(
    browser: Browser, make: Factory, field: str, value: str, said: str
) -> None:
    make.user("bob")
    before = dump(make.database)
    fields = {"username": "carol", "password": PASSWORD, "name": "<b>C</b>"}
    answer = browser.send("/register", **{**fields, field: value})
    assert answer.status_code == 400
    wrong = answer.html.find(id=field)
    assert answer.html.find(id=f"{field}-error").text.startswith(said)
    assert wrong["aria-invalid"] == "true"
    assert f"{field}-error" in wrong["aria-describedby"].split()
    assert "autofocus" in wrong.attrs
    if field != "name":
        assert answer.html.find(id="name")["value"] == "<b>C</b>"
    assert dump(make.database) == before


def test_write_edit_delete(reader: Browser, make: Factory) -> None:
    sent = reader.send(
        "/users/alice/microposts/new", text="a\r\nb #word", referenced="@Alice"
    )
    assert sent.location == "/?said=posted"
    assert texts(reader, "/") == ["a\nb #word"]
    path = reader.get("/").html.select_one(".u-url")["href"]
    stored = make.database.microposts.find_one()
    assert stored
    assert (stored["text"], stored["referenced"]) == ("a\nb #word", "alice")
    edited = reader.send(f"{path}/edit", text="new", referenced="")
    assert edited.location == f"{path}?said=edited"
    assert texts(reader, path) == ["new"]
    page = reader.get(path)
    assert "edited" in page.text
    assert reader.send(f"{path}/delete").location.endswith("?said=deleted")
    assert reader.get(path).status_code == 404


@pytest.mark.parametrize(
    ("text", "to", "field"),
    [
        ("", "", "text"),
        ("x" * 256, "", "text"),
        (" \u200b", "", "text"),
        ("bell\x07", "", "text"),
        ("fine", "nobody", "referenced"),
        ("fine", "not a name", "referenced"),
    ],
)
@pytest.mark.parametrize("page", ["new", "edit"])
def test_IN_5_refused_text(
    reader: Browser, make: Factory, page: str, text: str, to: str, field: str
) -> None:
    id = make.micropost("alice", "as it was")["id"]
    path = f"/users/alice/microposts/{'new' if page == 'new' else f'{id}/edit'}"
    form = reader.form(path)
    before = dump(make.database)
    answer = filled(form, text=text, referenced=to).submit(expect_errors=True)
    assert answer.status_code == 400
    assert answer.html.find(id=f"{field}-error")
    assert answer.html.find("textarea").text.removeprefix("\n") == text
    assert answer.html.find(id="referenced")["value"] == to
    assert dump(make.database) == before


def test_IN_5_text_at_its_longest_is_taken(reader: Browser, make: Factory) -> None:
    text = "é" * 250 + "\r\n" * 5
    assert reader.send("/users/alice/microposts/new", text=text).status_code == 303


def test_form_that_is_sent_twice_posts_once(reader: Browser) -> None:
    form = form_of(reader.get("/"), "/users/alice/microposts/new")
    form["text"] = "once"
    assert [form.submit().status_code for _ in range(2)] == [303, 303]
    assert texts(reader) == ["once"]
    form["text"] = "and, going back, another"
    form.submit()
    assert texts(reader) == ["and, going back, another", "once"]


def test_edit_of_what_has_changed_meanwhile(reader: Browser, make: Factory) -> None:
    id = make.micropost("alice", "first")["id"]
    path = f"/users/alice/microposts/{id}/edit"
    early, late = reader.form(path), reader.form(path)
    assert filled(early, text="second").submit().status_code == 303
    answer = filled(late, text="third").submit(expect_errors=True)
    assert answer.status_code == 400
    assert "changed in the meantime" in answer.html.find(role="alert").text
    assert texts(reader) == ["second"]


def test_follow_and_unfollow(reader: Browser, make: Factory) -> None:
    make.user("bob")
    for verb, button, followers in (
        ("follow", "Unfollow", 1),
        ("unfollow", "Follow", 0),
    ):
        path = f"/users/alice/following/bob/{verb}"
        sent = reader.send("/users/bob", path)
        assert sent.location == "/users/bob"
        page = reader.get("/users/bob").html
        assert page.select_one("#follow button").text == button
        stored = users.find(make.database, "bob") or {}
        assert stored["counts"]["followers"] == followers


def test_nobody_follows_themselves(reader: Browser, make: Factory) -> None:
    token = reader.form("/", "/logout")["csrf_token"].value
    path = "/users/alice/following/alice/follow"
    answer = reader.app.post(path, {"csrf_token": token}, expect_errors=True)
    assert answer.status_code == 400
    assert list(make.database.follows.find()) == []


def test_profile(reader: Browser, database: Database) -> None:
    bio = "I write.\r\nAnd <read>."
    assert reader.send("/settings", name="Alice", bio=bio).status_code == 303
    stored = users.find(database, "alice") or {}
    assert (stored["name"], stored["bio"]) == ("Alice", "I write.\nAnd <read>.")
    assert reader.send("/settings", name="", bio="").status_code == 303
    assert (users.find(database, "alice") or {})["name"] == ""
    wrong = reader.send("/settings", name="two\tparts", bio="x" * 501)
    assert wrong.status_code == 400
    assert {one["id"] for one in wrong.html.select("p.error")} == {
        "name-error",
        "bio-error",
    }
    assert wrong.html.find("textarea").text.removeprefix("\n") == "x" * 501


def test_mails(reader: Browser, database: Database) -> None:
    form = reader.form("/settings/email")
    assert form["mails"].value == "at once"
    fields = {"email": "a@example.org", "mails": "never", "current_password": PASSWORD}
    filled(form, **fields).submit()
    stored = users.find(database, "alice") or {}
    assert (stored["email"], stored["mails"]) == ("a@example.org", "never")
    form = reader.form("/settings/email")
    assert form["mails"].value == "never"
    filled(form, mails="daily").submit()
    assert (users.find(database, "alice") or {})["mails"] == "daily"
    wrong = reader.send("/settings/email", email="nobody")
    assert wrong.html.find(id="email-error")


def test_appearance(reader: Browser) -> None:
    reader.send("/settings/appearance", theme="dark", language="de")
    page = reader.get("/settings/appearance").html
    assert page.find("html")["data-theme"] == "dark"
    chosen = [one["value"] for one in page.select("input[checked]")]
    assert chosen == ["dark", "de"]


# Each form: its page, where it is sent, and what is typed.
FORMS: dict[str, tuple[str, str, dict[str, str]]] = {
    "log in": ("/login", "/login", {"username": "alice", "password": PASSWORD}),
    "log out": ("/", "/logout", {}),
    "register": ("/register", "/register", {"username": "eve", "password": PASSWORD}),
    "write": ("/", "/users/alice/microposts/new", {"text": "typed text"}),
    "edit": ("/users/alice/microposts/ID/edit", "", {"text": "typed text"}),
    "delete": ("/users/alice/microposts/ID/delete", "", {}),
    "follow": ("/users/carol", "/users/alice/following/carol/follow", {}),
    "unfollow": ("/users/bob", "/users/alice/following/bob/unfollow", {}),
    "profile": ("/settings", "", {"name": "typed text"}),
    "mails": (
        "/settings/email",
        "",
        {"email": "a@example.org", "current_password": PASSWORD},
    ),
    "confirm": ("/settings/email", "/settings/confirm", {}),
    "forgotten": ("/reset", "", {"email": "a@example.org"}),
    "password": (
        "/settings/password",
        "",
        {"current_password": PASSWORD, "password": "seven green kites in a row"},
    ),
    "appearance": ("/settings/appearance", "", {"theme": "dark"}),
    "logins": ("/settings/sessions", "/settings/sessions", {}),
    "export": ("/settings/data", "", {"password": PASSWORD}),
    "import": ("/settings/data", "/settings/import", {}),
    "account": ("/settings/delete", "", {"password": PASSWORD}),
    "report a user": ("/users/carol/report", "", {"reason": "typed text"}),
    "report": ("/users/alice/microposts/ID/report", "", {"reason": "typed text"}),
    "decide": ("/admin/reports/bob-carol-0", "", {"reason": "typed text"}),
    "hide": ("/users/alice/microposts/ID/hide", "", {"reason": "typed text"}),
    "show": ("/users/alice/microposts/CONCEALED/show", "", {}),
    "suspend": ("/users/carol/suspend", "", {"reason": "typed text"}),
    "restore": ("/users/carol/restore", "", {}),
    "role": ("/users/carol/role", "", {"role": "moderator", "password": PASSWORD}),
    "approve": ("/admin/awaiting", "", {}),
    "invite": ("/admin/invitations", "", {"uses": "2"}),
}


@pytest.fixture
def sendable(reader: Browser, make: Factory) -> Any:
    """The form of a name, ready to be sent by alice."""
    make.follow("alice", "bob")
    make.user("carol")
    make.token("alice")
    administrator = {"email": "old@example.org", "role": users.ADMINISTRATOR}
    users.change(make.database, "alice", administrator)
    concealed = make.micropost("alice", "not to be seen")["id"]
    hidden.hide(make.database, concealed, "carol", "a reason")
    id = make.micropost("alice", "as it was")["id"]
    reports.create(make.database, "bob", "carol", None, "a reason")
    applications.create(make.database, "dora", name="", email="", password="")

    def sendable(name: str) -> Any:
        page, action, fields = FORMS[name]
        page = page.replace("ID", str(id)).replace("CONCEALED", str(concealed))
        return filled(reader.form(page, action or page), **fields)

    return sendable


def strangers(application: Any) -> Any:
    """Tokens that do not belong into a form of alice's."""
    bob = Browser(application)
    anonymous = bob.form("/login")["csrf_token"].value
    bob.log_in("bob")
    return anonymous, bob.form("/", "/logout")["csrf_token"].value


@pytest.mark.parametrize("name", FORMS)
def test_SE_5_form_without_a_token_of_the_session_does_nothing(
    sendable: Any, application: Any, make: Factory, name: str
) -> None:
    wrong = ["", "x", "1.2", "é.ü", *strangers(application)]
    for token in wrong:
        form = sendable(name)
        before = dump(make.database)
        form["csrf_token"].force_value(token)
        answer = form.submit(expect_errors=True)
        assert answer.status_code == 400, token
        assert dump(make.database) == before
        assert "Nothing was changed" in answer.text
        for secret in (PASSWORD, "seven green kites"):
            assert secret not in answer.text
    if "typed text" in FORMS[name][2].values():
        assert "typed text" in answer.text


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://localhost:6543"},
    ],
)
def test_SE_5_form_of_another_site_does_nothing(
    sendable: Any, make: Factory, name: str, headers: dict[str, str]
) -> None:
    form = sendable(name)
    before = dump(make.database)
    answer = form.submit(headers=headers, expect_errors=True)
    assert answer.status_code == 403
    assert dump(make.database) == before
    assert "typed text" not in answer.text


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "http://localhost:6543"},
        {"Sec-Fetch-Site": "same-origin", "Origin": "http://127.0.0.1:6543"},
    ],
)
def test_SE_5_form_of_this_site_is_taken(
    sendable: Any, headers: dict[str, str]
) -> None:
    assert sendable("write").submit(headers=headers).status_code == 303


def test_form_that_came_too_late_can_be_sent_again(
    reader: Browser, make: Factory
) -> None:
    form = form_of(reader.get("/"), "/users/alice/microposts/new")
    form["text"] = "typed <b>text</b>"
    form["csrf_token"].force_value("old")
    answer = form.submit(expect_errors=True)
    again = form_of(answer, "/users/alice/microposts/new")
    assert again["text"].value == "typed <b>text</b>"
    assert again.submit().status_code == 303
    assert texts(reader) == ["typed <b>text</b>"]


def test_token_of_a_visitor_ends_after_a_day(
    browser: Browser, make: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    make.user("alice")
    form = filled(browser.form("/login"), username="alice", password=PASSWORD)
    now = time.time()
    later = now + forms.ANONYMOUS_SECONDS + 2
    monkeypatch.setattr("microblog.forms.time.time", lambda: later)
    assert form.submit(expect_errors=True).status_code == 400
    monkeypatch.setattr("microblog.forms.time.time", lambda: now)
    assert form.submit().status_code == 303


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("application/json", "{}", 415),
        ("multipart/form-data; boundary=x", "--x--", 415),
        ("application/x-www-form-urlencoded; charset=utf-16", "a=b", 415),
        ("application/x-www-form-urlencoded", "a=%ff", 400),
        ("application/x-www-form-urlencoded", "a=1&a=2", 400),
        (
            "application/x-www-form-urlencoded",
            "&".join(f"a{n}=1" for n in range(200)),
            400,
        ),
        ("application/x-www-form-urlencoded", "a=" + "x" * 70_000, 413),
        ("", "a=b", 415),
    ],
)
def test_unreadable_form(
    browser: Browser, make: Factory, content_type: str, body: str, status: int
) -> None:
    answer = browser.app.post(
        "/login", body, headers={"Content-Type": content_type}, expect_errors=True
    )
    assert answer.status_code == status
    assert answer.content_type == "text/html"


ACTS_OF_OTHERS = {
    "/users/alice/microposts/new": {"text": "not mine"},
    "/users/alice/microposts/ID/edit": {"text": "not mine"},
    "/users/alice/microposts/ID/delete": {},
    "/users/alice/following/bob/follow": {},
    "/users/alice/following/bob/unfollow": {},
}


@pytest.mark.parametrize("path", ACTS_OF_OTHERS)
def test_AZ_2_nobody_acts_for_others(
    application: Any, make: Factory, path: str
) -> None:
    id = make.micropost("alice", "mine")["id"]
    make.follow("alice", "bob")
    bob, nobody = Browser(application), Browser(application)
    bob.log_in("bob")
    tokens = {
        bob: bob.form("/", "/logout")["csrf_token"].value,
        nobody: nobody.form("/login")["csrf_token"].value,
    }
    before = dump(make.database)
    for who, token in tokens.items():
        sent = {**ACTS_OF_OTHERS[path], "csrf_token": token}
        address = path.replace("ID", str(id))
        answer = who.app.post(address, sent, expect_errors=True)
        assert answer.status_code == 403
    assert dump(make.database) == before


def test_SE_5_form_is_checked_before_the_permission(
    application: Any, make: Factory
) -> None:
    """What another site has sent is not told what is whose."""
    id = make.micropost("alice", "mine")["id"]
    make.user("bob")
    bob = Browser(application)
    bob.log_in("bob")
    right = bob.form("/", "/logout")["csrf_token"].value
    evil = {"Origin": "https://evil.example"}
    said = {}
    for name, token, headers in (
        ("right", right, {}),
        ("old", "old", {}),
        ("evil", right, evil),
    ):
        for path in (f"/users/alice/microposts/{id}/delete", "/users/bob/nothing"):
            sent = {"csrf_token": token}
            answer = bob.app.post(path, sent, headers=headers, expect_errors=True)
            said[name, path.startswith("/users/alice")] = (
                answer.status_code,
                answer.html.find("main").text,
            )
    assert said["right", True][0] == 403
    assert "This is not yours to do" in said["right", True][1]
    assert said["old", True][0] == 400
    assert "This page was open too long" in said["old", True][1]
    assert said["evil", True][0] == 403
    assert "This form can only be sent from" in said["evil", True][1]
    assert {said[name, False][0] for name in ("right", "old", "evil")} == {404}


def test_SE_5_reading_changes_nothing(reader: Browser, make: Factory) -> None:
    """Every link of every page, to a depth of three, twice."""
    make.follow("alice", "bob")
    make.micropost("bob", "hello #word @alice")
    make.micropost("alice", "mine")
    before = dump(make.database)
    seen: set[str] = set()
    ahead = {"/"}
    for _depth in range(4):
        pages = {path: reader.get(path) for path in ahead}
        seen |= ahead
        ahead = {
            link["href"]
            for page in pages.values()
            if page.content_type == "text/html"
            for link in page.html.find_all("a", href=True)
            if link["href"].startswith("/")
        } - seen
    assert len(seen) > 20
    for path in seen:
        assert reader.get(path).status_code in {200, 303, 301}, path
    assert dump(make.database) == before
