"""Who may do what at every address: strangers, the owner, other users, administrators,
and who is disabled."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from cornice.service import get_services
from pyramid.config import Configurator
from pyramid.exceptions import ConfigurationExecutionError
from pyramid.testing import DummyRequest
from pyramid.traversal import traverse
from webtest import TestApp, TestResponse

import microblog
from microblog import views
from microblog.resources.admin import Admin
from microblog.resources.microposts import Micropost
from microblog.resources.node import Node
from microblog.resources.root import Root
from microblog.resources.settings import Settings as SettingsNode
from microblog.resources.users import User
from microblog.settings import Settings
from microblog.store import Database, accounts, reports, users
from microblog.views import seed
from tests.browsing import Browser
from tests.factories import PASSWORD, Api, Factory
from tests.functional.answers import assert_problem
from tests.functional.bad_inputs.cases import BODIES
from tests.functional.bad_inputs.cases import FORMS as TRIED
from tests.functional.test_forms import FORMS, dump

WHO = ("stranger", "alice", "bob", "admin1", "disabled")

# The owner comes last, who may delete what is asked for.
ORDER = (0, 4, 2, 3, 1)

# What each of WHO is answered. Who is disabled has a token that is dead.
ANYBODY, READERS, OWNER = (
    "{0} {0} {0} {0} 401",
    "401 {0} {0} {0} 401",
    "401 {0} 403 403 401",
)
MICROPOST = "/api/users/alice/collection/ID"
API = {
    "POST /api/users": (ANYBODY, 201, {"username": "new_WHO", "password": PASSWORD}),
    "POST /api/token": (ANYBODY, 200, {"username": "alice", "password": PASSWORD}),
    "DELETE /api/token": (READERS, 204, None),
    "GET /api/users/alice": (READERS, 200, None),
    "PATCH /api/users/alice": (OWNER, 200, {"name": "Alice"}),
    "DELETE /api/users/alice": (OWNER, 204, {"password": PASSWORD}),
    "GET /api/users/alice/collection": (READERS, 200, None),
    "POST /api/users/alice/collection": (OWNER, 201, {"text": "new"}),
    f"GET {MICROPOST}": (READERS, 200, None),
    f"PUT {MICROPOST}": (OWNER, 200, {"text": "new"}),
    f"PATCH {MICROPOST}": (OWNER, 200, {"text": "new"}),
    f"DELETE {MICROPOST}": (OWNER, 204, None),
    "GET /api/users/alice/timeline": (OWNER, 200, None),
    "GET /api/users/alice/followers": (READERS, 200, None),
    "GET /api/users/alice/following": (READERS, 200, None),
    "POST /api/users/alice/following": (OWNER, 201, {"username": "carol"}),
    "GET /api/users/alice/following/bob": (READERS, 200, None),
    "DELETE /api/users/alice/following/bob": (OWNER, 204, None),
    "GET /api/users/alice/export": (OWNER, 200, None),
    "POST /api/users/alice/export": (OWNER, 202, {"password": PASSWORD}),
    "GET /api/users/alice/export/archive": (OWNER, 404, None),
    "GET /api/search?text=hello": (READERS, 200, None),
    "GET /api/statistics": (READERS, 200, None),
    "POST /api/reports": (READERS, 201, {"username": "carol", "reason": "a reason"}),
    "GET /api/openapi.json": (ANYBODY, 200, None),
}

# Of pages who is disabled sees what strangers see.
PUBLIC, OWN, SETTINGS = (
    "200 200 200 200 200",
    "303 200 403 403 303",
    "303 200 200 200 303",
)
ADMIN, MODERATING = "303 403 403 200 303", "403 403 403 400 403"
SENT, DENIED = "400 400 400 400 400", "403 400 400 400 403"
PAGES = {
    "/": PUBLIC,
    "/about": PUBLIC,
    "/api/docs": PUBLIC,
    "/newer?than=1": PUBLIC,
    "/robots.txt": PUBLIC,
    "/__heartbeat__": PUBLIC,
    "/__lbheartbeat__": PUBLIC,
    "/__version__": PUBLIC,
    "/.well-known/security.txt": "404 404 404 404 404",
    "/login": PUBLIC,
    "/register": PUBLIC,
    "/reset": PUBLIC,
    "/search?text=hello": PUBLIC,
    "/statistics": PUBLIC,
    "/tags/word": PUBLIC,
    "/tags/word/feed": PUBLIC,
    "/users": PUBLIC,
    "/users/alice": PUBLIC,
    "/users/alice/feed": PUBLIC,
    "/users/alice/followers": PUBLIC,
    "/users/alice/following": PUBLIC,
    "/users/alice/microposts/ID": PUBLIC,
    # Of a link that nobody was mailed.
    "/confirm": SENT,
    "/unsubscribe": SENT,
    # These lead elsewhere, strangers to the login.
    "/users/alice/microposts": "301 301 301 301 301",
    "/users/alice/timeline": "303 303 403 403 303",
    "/users/alice/microposts/new": OWN,
    "/users/alice/microposts/ID/edit": OWN,
    "/users/alice/microposts/ID/delete": OWN,
    "/settings": SETTINGS,
    "/settings/email": SETTINGS,
    "/settings/password": SETTINGS,
    "/settings/appearance": SETTINGS,
    "/settings/sessions": SETTINGS,
    "/settings/data": SETTINGS,
    "/settings/export": "303 404 404 404 303",
    "/settings/not-imported": "303 404 404 404 303",
    "/settings/delete": SETTINGS,
    "/admin": ADMIN,
    "/admin/reports": ADMIN,
    "/admin/reports/bob-alice-ID": ADMIN,
    "/admin/awaiting": ADMIN,
    "/admin/invitations": ADMIN,
    "/admin/audit": ADMIN,
    "/settings/invitations": "303 403 403 403 303",  # Moderators alone invite.
    "/users/alice/report": SETTINGS,
    "/users/alice/suspend": ADMIN,
    "/users/alice/restore": ADMIN,
    "/users/alice/role": ADMIN,
    "/users/alice/microposts/ID/report": SETTINGS,
    "/users/alice/microposts/ID/hide": ADMIN,
    "/users/alice/microposts/ID/show": "303 403 403 404 303",  # It is not hidden.
}
SENDING = {
    "/login": SENT,
    "/logout": "303 303 303 303 303",
    "/register": SENT,
    "/confirm": SENT,
    "/unsubscribe": SENT,
    "/reset": SENT,
    "/users/alice/microposts/new": "403 400 403 403 403",
    "/users/alice/microposts/ID/edit": "403 400 403 403 403",
    "/users/alice/microposts/ID/delete": "403 303 403 403 403",
    "/users/alice/following/carol/follow": "403 303 403 403 403",
    "/users/alice/following/bob/unfollow": "403 303 403 403 403",
    "/settings": DENIED,
    "/settings/email": DENIED,
    "/settings/confirm": "403 303 303 303 403",
    "/settings/password": DENIED,
    "/settings/appearance": "403 303 303 303 403",
    "/settings/sessions": "403 303 303 303 403",
    "/settings/data": DENIED,
    "/settings/import": DENIED,
    "/settings/delete": DENIED,
    "/settings/invitations": "403 403 403 403 403",
    "/admin/reports/bob-alice-ID": MODERATING,
    "/admin/awaiting": MODERATING,
    "/admin/invitations": MODERATING,
    "/users/alice/report": DENIED,
    "/users/alice/suspend": MODERATING,
    "/users/alice/restore": "403 403 403 409 403",
    "/users/alice/role": MODERATING,
    "/users/alice/microposts/ID/report": DENIED,
    "/users/alice/microposts/ID/hide": MODERATING,
    "/users/alice/microposts/ID/show": "403 403 403 404 403",
}


@pytest.fixture
def id(make: Factory) -> str:
    """Of alice's micropost; she follows bob, and carol is there."""
    make.follow("alice", "bob")
    for name in ("carol", "admin1", "disabled"):
        make.user(name)
    users.change(make.database, "admin1", {"role": users.ADMINISTRATOR})
    id = make.micropost("alice", "hello #word")["id"]
    reports.create(make.database, "bob", "alice", id, "a reason")
    return str(id)


def assert_matrix(
    database: Database, row: str, ask: Callable[[str], TestResponse]
) -> None:
    """Each of WHO is answered as the row says; who is refused changes nothing."""
    for place in ORDER:
        who, expected = WHO[place], int(row.split()[place])
        before = dump(database)
        answer = ask(who)
        assert answer.status_code == expected, who
        if expected in {401, 403}:
            assert dump(database) == before


@pytest.mark.parametrize("address", API)
def test_AZ_1_who_may_do_what_by_the_api(
    app: TestApp, make: Factory, id: str, address: str
) -> None:
    row, good, body = API[address]
    method, path = address.replace("ID", id).replace("/api", "").split()
    tokens = {who: make.token(who) for who in WHO[1:]}
    accounts.disable(make.database, "disabled")

    def ask(who: str) -> TestResponse:
        send = getattr(Api(app, tokens.get(who)), method.lower())
        if body is None:
            return send(path)
        return send(path, {key: v.replace("WHO", who) for key, v in body.items()})

    assert_matrix(make.database, row.format(good), ask)


@pytest.fixture
def browsers(application: Any, make: Factory, id: str) -> dict[str, Browser]:
    """Of each of WHO, logged in."""
    browsers = {who: Browser(application) for who in WHO}
    for who in WHO[1:]:
        assert browsers[who].log_in(who).status_code == 303
    accounts.disable(make.database, "disabled")
    return browsers


def test_AZ_1_who_may_see_which_page(
    browsers: dict[str, Browser], database: Database, id: str
) -> None:
    for address, row in PAGES.items():
        path = address.replace("ID", id)
        for who, expected in zip(WHO, row.split(), strict=True):
            answer = browsers[who].get(path)
            assert answer.status_code == int(expected), (path, who)
            if expected == "303" and who in {"stranger", "disabled"}:
                assert answer.location == f"/login?next={path}"


@pytest.mark.parametrize("address", SENDING)
def test_AZ_1_who_may_send_which_form(
    browsers: dict[str, Browser], database: Database, id: str, address: str
) -> None:
    """Of which nothing is filled in but its token."""
    path = address.replace("ID", id)
    csrf = {
        who: browser.form("/login")["csrf_token"].value
        for who, browser in browsers.items()
    }

    def ask(who: str) -> TestResponse:
        sent = {"csrf_token": csrf[who]}
        return browsers[who].app.post(path, sent, expect_errors=True)

    assert_matrix(database, SENDING[address], ask)


def views_of(application: Any) -> set[tuple[type, str, str]]:
    """The pages: node, name of the view, method."""
    found = set()
    for item in application.registry.introspector.get_category("views"):
        view = item["introspectable"]
        context, methods = view["context"], view["request_methods"]
        if (
            view["route_name"] is None
            and isinstance(context, type)
            and issubclass(context, Node)
        ):
            methods = (methods,) if isinstance(methods, str) else methods
            found |= {(context, view["name"], one) for one in methods}
    return {view for view in found if view[2] != "HEAD"}


def view_at(database: Database, method: str, path: str) -> tuple[type, str, str]:
    """Of a page: node, name of the view, method."""
    found = traverse(Root(DummyRequest(database=database)), path.partition("?")[0])
    return type(found["context"]), found["view_name"], method


def test_AZ_1_matrix_has_every_address(
    application: Any, database: Database, id: str
) -> None:
    listed = {
        view_at(database, method, path.replace("ID", id))
        for method, paths in (("GET", PAGES), ("POST", SENDING))
        for path in paths
    }
    assert listed == views_of(application)
    known = {
        (service.path, method)
        for service in get_services()
        for method in service.defined_methods
        if method != "HEAD"
    }
    asked = set()
    for method, path in (one.partition("?")[0].split() for one in API):
        (service,) = [
            one
            for one in get_services()
            if re.fullmatch(re.sub(r"{\w+}", "[^/]+", one.path), path)
        ]
        asked.add((service.path, method))
    assert asked == known


def test_SE_5_every_form_is_tried_without_its_token(
    application: Any, database: Database, id: str
) -> None:
    """By the tests of the forms, and by those of the links in mails and of inviting."""
    sent = {
        view_at(
            database,
            "POST",
            (action or page).replace("ID", id).replace("CONCEALED", id),
        )
        for page, action, _fields in FORMS.values()
    }
    of_mails = {(Root, name, "POST") for name in ("confirm", "unsubscribe")}
    of_mails |= {(SettingsNode, "invitations", "POST")}
    everyone = {view for view in views_of(application) if view[2] == "POST"}
    assert sent | of_mails == everyone


# Forms without fields of their own, or of which bad_inputs has cases, but no good one.
OTHERWISE = {
    *((Root, name, "POST") for name in ("confirm", "unsubscribe")),
    *((SettingsNode, name, "POST") for name in ("invitations", "import")),
    (Admin, "awaiting", "POST"),
    (User, "restore", "POST"),
    (Micropost, "show", "POST"),
}


def test_IN_1_whatever_takes_something_is_given_bad_inputs(
    application: Any, database: Database, id: str
) -> None:
    """By tests/functional/bad_inputs, which does not find out by itself."""
    tried = set()
    for endpoint in TRIED.values():
        method, path = endpoint["send"].split()
        path = path.replace(
            "/users/bob/microposts/{bobs}", "/users/alice/microposts/{id}"
        )
        tried.add(view_at(database, method, path.replace("{id}", id)))
    everyone = {view for view in views_of(application) if view[2] == "POST"}
    assert tried | OTHERWISE == everyone
    assert tried & OTHERWISE == set()
    sent = {re.sub(r"\{\w+\}", "1", one["send"]) for one in BODIES.values()}
    for service in get_services():
        path = re.sub(r"{\w+}", "[^/ ]+", service.path)
        for method in {"POST", "PUT", "PATCH"} & set(service.defined_methods):
            assert any(re.fullmatch(f"{method} {path}", one) for one in sent), path


def test_AZ_1_view_without_a_permission_stops_the_start(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def includeme(config: Any) -> None:
        config.add_route("seed", "/api/user/*rest")
        config.add_view(open_page, context=User, name="settings")

    def open_page(request: Any) -> None:
        raise AssertionError

    monkeypatch.setattr(seed, "includeme", includeme)
    # As Pyramid calls what stops it.
    with pytest.raises(
        ConfigurationExecutionError, match="open_page names no permission"
    ):
        microblog.application(settings)


def test_AZ_1_views_name_permissions(application: Any) -> None:
    views.check_permissions(Configurator(registry=application.registry))


def seen(answer: TestResponse, path: str) -> tuple[str, dict[str, str], str]:
    """All that an answer shows, but for the path that was asked for, and for a token
    of a form, which names the second."""
    headers = dict(answer.headers)
    for name in ("X-Request-Id", "Content-Length", "ETag"):
        headers.pop(name, None)
    text = re.sub(r'(name="csrf_token" value=")[^"]+', r"\1", answer.text)
    return answer.status, headers, text.replace(path, "")


@pytest.mark.parametrize("who", ["", "alice", "bob"])
@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "POST"])
def test_AZ_3_hidden_and_missing_look_alike(
    application: Any, app: TestApp, make: Factory, who: str, method: str
) -> None:
    make.user("gone")
    gone = make.micropost("gone", "what was said")["id"]
    bobs = make.micropost("bob", "of somebody else")["id"]
    accounts.delete(make.database, "gone")
    token = make.token(who) if who else None
    browser = Browser(application)
    if who:
        browser.log_in(who)
    pairs = [
        ("/users/gone", "/users/lost"),
        ("/users/gone/following", "/users/lost/following"),
        ("/users/gone/timeline", "/users/lost/timeline"),
        (f"/users/gone/COLLECTION/{gone}", f"/users/lost/COLLECTION/{gone + 1}"),
        (f"/users/alice/COLLECTION/{bobs}", f"/users/alice/COLLECTION/{bobs + 1}"),
    ]
    make.user("alice")
    for pair in pairs:
        for place, collection in (("/api", "collection"), ("", "microposts")):
            answers = []
            for path in pair:
                path = place + path.replace("COLLECTION", collection)
                if place:
                    headers = Api(app, token).headers
                    answer = app.request(
                        path, method=method, headers=headers, expect_errors=True
                    )
                else:
                    answer = browser.app.request(
                        path, method=method, expect_errors=True
                    )
                answers.append(seen(answer, path))
            assert answers[0] == answers[1]
            assert answers[0][0][:3] in {"401", "404", "405"}


def test_AZ_3_refusal_tells_nothing_of_the_program(
    application: Any, alice: Api, bob: Api, make: Factory
) -> None:
    answer = bob.patch("/users/alice", {"name": "x"})
    assert assert_problem(answer, 403)["detail"] == "this is not yours to do"
    browser = Browser(application)
    browser.log_in("bob")
    page = browser.get("/users/alice/microposts/new")
    assert page.status_code == 403
    assert "This is not yours to do" in page.html.find("main").text
    for text in (answer.text, page.text):
        assert not re.search("(?i)permission|compose|change|microblog/", text)
