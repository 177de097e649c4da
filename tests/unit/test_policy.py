"""Who may do what: every permission on every node, for everybody."""

from typing import Any

import pytest
from pyramid.authorization import Authenticated, Everyone
from pyramid.testing import DummyRequest
from pyramid.traversal import find_resource

from microblog.errors import Malformed
from microblog.resources.root import Root
from microblog.security import Permission, SecurityPolicy, basic_credentials
from microblog.settings import Settings
from microblog.store import Database
from tests.factories import Factory

P = Permission
PUBLIC = {P.SEE_PAGE}
READING = {P.SEE_PAGE, P.READ}
REPORTING = READING | {P.REPORT}
ENTERING = {
    P.LOG_IN,
    P.LOG_OUT,
    P.REGISTER,
    P.FOLLOW_LINK,
    P.GET_TOKEN,
    P.READ_DOCUMENT,
}
# What anonymous readers, other users and the owner may do on each node.
MATRIX: dict[str, tuple[set[P], set[P], set[P]]] = {
    "/": (
        PUBLIC | ENTERING,
        REPORTING | ENTERING | {P.END_TOKEN},
        REPORTING | ENTERING | {P.END_TOKEN},
    ),
    "/tags": (set(), set(), set()),
    "/tags/word": (PUBLIC, READING, READING),
    "/settings": (set(), {P.CHANGE_SETTINGS}, {P.CHANGE_SETTINGS}),
    "/users": (PUBLIC | {P.REGISTER}, READING | {P.REGISTER}, READING | {P.REGISTER}),
    "/users/alice": (
        PUBLIC,
        REPORTING,
        REPORTING | {P.EDIT_PROFILE, P.DELETE_ACCOUNT},
    ),
    "/users/alice/microposts": (PUBLIC, READING, READING | {P.POST}),
    "/users/alice/microposts/ID": (PUBLIC, REPORTING, REPORTING | {P.EDIT, P.DELETE}),
    "/users/alice/timeline": (set(), set(), {P.READ_TIMELINE}),
    "/users/alice/following": (PUBLIC, READING, READING | {P.FOLLOW}),
    "/users/alice/following/bob": (PUBLIC, READING, READING | {P.FOLLOW}),
    "/users/alice/followers": (PUBLIC, READING, READING),
}
WHO = [[Everyone], [Everyone, Authenticated, "bob"], [Everyone, Authenticated, "alice"]]


@pytest.fixture
def root(database: Database, make: Factory, settings: Settings) -> Root:
    make.follow("alice", "bob")
    return Root(DummyRequest(database=database, site=settings))


def node(root: Root, path: str, make: Factory) -> Any:
    if "ID" in path:
        path = path.replace("ID", str(make.micropost("alice")["id"]))
    return find_resource(root, path)


@pytest.mark.parametrize("path", MATRIX)
def test_matrix(root: Root, make: Factory, path: str) -> None:
    context = node(root, path, make)
    policy = SecurityPolicy()
    for principals, allowed in zip(WHO, MATRIX[path], strict=True):
        granted = {p for p in P if policy.acl.permits(context, principals, p)}
        assert granted == allowed, principals


MODERATING, ADMINISTRATING = {P.MODERATE}, {P.SEE_TASKS, P.SEE_AUDIT}
# What moderators and administrators may do beside.
BY_ROLE = {
    "/admin": (MODERATING, MODERATING | ADMINISTRATING),
    "/admin/reports": (MODERATING, MODERATING),
    "/users/alice": (MODERATING, MODERATING | {P.SET_ROLE}),
    "/users/alice/microposts/ID": (MODERATING, MODERATING),
    **dict.fromkeys(("/", "/settings", "/users/alice/timeline"), (set(), set())),
}


@pytest.mark.parametrize("path", BY_ROLE)
def test_AZ_1_what_a_role_adds(root: Root, make: Factory, path: str) -> None:
    context = node(root, path, make)
    policy = SecurityPolicy()
    roles = [Everyone, "role moderator", "role administrator"]
    for place, added in enumerate(BY_ROLE[path]):
        granted = {
            p
            for p in P
            if policy.acl.permits(context, roles[: place + 2], p)
            and not policy.acl.permits(context, [Everyone], p)
        }
        assert granted == added


@pytest.mark.parametrize("path", MATRIX)
def test_acl_is_fresh_and_ends_in_denial(root: Root, make: Factory, path: str) -> None:
    context = node(root, path, make)
    first, second = context.__acl__(), context.__acl__()
    assert first == second
    assert first is not second
    first.clear()
    assert context.__acl__() == second
    assert second[-1][0] == "Deny"


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/tags/two words",
        "/tags/2026",
        "/tags/#",
        "/settings/alice",
        "/users/nobody",
        "/users/Alice",
        "/users/alice/nothing",
        "/users/alice/password",
        "/users/alice/microposts/zz",
        "/users/alice/microposts/0",
        "/users/alice/microposts/115",
        f"/users/alice/microposts/{2**63}",
        "/users/alice/following/nobody",
        "/users/alice/timeline/1",
    ],
)
def test_no_such_child_is_a_key_error(root: Root, path: str) -> None:
    with pytest.raises(KeyError):
        find_resource(root, path)


def test_impossible_names_are_not_asked_for() -> None:
    """Without a database: the grammar comes first."""
    users = Root(DummyRequest())["users"]
    for name in ("Alice", "", "a" * 31, "a\0", "\ud800", "$where"):
        with pytest.raises(KeyError):
            users[name]


@pytest.mark.parametrize(
    ("header", "pair"),
    [
        ("Basic YTpi", ("a", "b")),
        ("basic YTpiOmM=", ("a", "b:c")),
        ("Basic w6k6w6k=", ("é", "é")),
        ("Bearer x", None),
        ("", None),
    ],
)
def test_basic_credentials(header: str, pair: tuple[str, str] | None) -> None:
    assert basic_credentials(header) == pair


@pytest.mark.parametrize("header", ["Basic", "Basic ?", "Basic YQ==", "Basic /zo="])
def test_unreadable_basic_credentials(header: str) -> None:
    with pytest.raises(Malformed):
        basic_credentials(header)


# Views that show and do nothing: files, the errors of ours and of Cornice, redirects,
# and what machines ask that must be told whoever they are.
OPEN = {
    "process_health",
    "database_health",
    "version",
    "static_view",
    "read_file",
    "refuse",
    "_fallback_view",
    "redirect",
    "default_exceptionresponse_view",
}


def test_every_view_names_a_permission(application: Any) -> None:
    """Deny by default."""
    named = 0
    for view in application.registry.introspector.get_category("views"):
        known, related = view["introspectable"], view["related"]
        function = known["callable"]
        name = getattr(function, "__name__", type(function).__name__)
        if known["exception_only"] or name in OPEN:
            continue
        values = [r["value"] for r in related if r.category_name == "permissions"]
        assert values, name
        assert all(isinstance(value, Permission) for value in values), name
        named += 1
    assert named > 50
