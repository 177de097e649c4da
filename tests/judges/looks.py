"""Every page, as the reader gets it that sees the most of it."""

from dataclasses import dataclass, field

from playwright.sync_api import Page, Response

from tests.browser.world import LONG, TAG, Answer, World

SHORT = "too short"  # a password


@dataclass(frozen=True)
class Look:
    """A page: its address, its reader, and what is sent by its form first."""

    name: str
    path: str
    reader: str = ""
    form: dict[str, str] = field(default_factory=dict)
    status: int = 200
    language: str = "en-US"

    def fetch(self, world: World) -> Answer:
        """The answer, without a browser."""
        cookie = world.session(self.reader) if self.reader else ""
        path = self.address(world)
        if self.form:
            return world.send(path, self.form, cookie)
        return world.fetch(path, cookie, **{"Accept-Language": self.language})

    def address(self, world: World) -> str:
        """Where it is."""
        if "{alice}" in self.path:
            return self.path.format(alice=world.newest("alice"))
        return self.path.replace("{hidden}", world.hidden)

    def open(self, page: Page, world: World) -> Response:
        """Open it; the answer that brought it."""
        answer = page.goto(self.address(world))
        if self.form:
            answer = send(page, self.form)
        assert answer
        return answer


def send(page: Page, form: dict[str, str]) -> Response:
    """Send a form of the page as it is, whatever the browser thinks of its values."""
    for name, value in form.items():
        last = page.locator(f"main form [name={name}]").last
        if last.get_attribute("type") == "hidden":
            last.evaluate("(field, value) => field.value = value", value)
        else:
            last.fill(value)
    last.evaluate("field => field.form.noValidate = true")
    with page.expect_navigation() as going:
        last.locator("xpath=ancestor::form").locator("button").last.click()
    return going.value


def _wrong(name: str, path: str, reader: str = "", /, **form: str) -> Look:
    return Look(name, path, reader, form, status=400)


LOOKS = [
    Look("front", "/"),
    Look("front in German", "/", language="de-DE"),
    Look("timeline", "/", "bob"),
    Look("about", "/about"),
    Look("API", "/api/docs"),
    Look("API in German", "/api/docs", "alice", language="de-DE"),
    Look("statistics", "/statistics"),
    Look("statistics of a year", "/statistics?days=365", "alice"),
    Look("login", "/login?next=/settings"),
    _wrong("login, wrong", "/login", username="alice", password=SHORT),
    Look("reset", "/reset"),
    _wrong("reset, wrong", "/reset", email="nowhere"),
    Look("reset, dead link", "/reset?token=x", status=400),
    Look("confirm, dead link", "/confirm?token=x", status=400),
    Look("register", "/register"),
    _wrong(
        "register, wrong",
        "/register",
        username="Ünwanted",
        password=SHORT,
        email="nowhere",
    ),
    Look("search", "/search"),
    Look("search, found", "/search?text=river"),
    Look("search, nothing", "/search?text=nowhere+to+be+found"),
    Look("search, too short", "/search?text=a", status=400),
    Look("directory", "/users"),
    Look("directory, by name", "/users?name=person", "alice"),
    Look("user", "/users/alice"),
    Look("user, by herself", "/users/alice", "alice"),
    Look("user, by a follower", "/users/alice", "bob"),
    Look("user, by a stranger", "/users/bob", "alice"),
    Look("user without microposts", "/users/carol"),
    Look("followers", "/users/bob/followers", "alice"),
    Look("following", "/users/bob/following", "bob"),
    Look("following nobody", "/users/carol/following"),
    Look("micropost", "{alice}"),
    Look("micropost, own", "{alice}", "alice"),
    Look("edit", "{alice}/edit", "alice"),
    _wrong("edit, wrong", "{alice}/edit", "alice", text=LONG),
    Look("delete micropost", "{alice}/delete", "alice"),
    Look("compose", "/users/alice/microposts/new", "alice"),
    Look("compose to bob", "/users/alice/microposts/new?to=bob", "alice"),
    _wrong(
        "compose, wrong",
        "/users/alice/microposts/new",
        "alice",
        text=LONG,
        referenced="nobody_at_all",
    ),
    Look("tag", f"/tags/{TAG}"),
    Look("tag unused", "/tags/unheard"),
    Look("settings", "/settings", "alice"),
    _wrong("settings, wrong", "/settings", "alice", name=LONG),
    Look("settings, email", "/settings/email", "alice"),
    _wrong("settings, email, wrong", "/settings/email", "alice", email="nowhere"),
    Look("settings, password", "/settings/password", "alice"),
    _wrong(
        "settings, password, wrong",
        "/settings/password",
        "alice",
        current_password=SHORT,
        password=SHORT,
    ),
    Look("settings, appearance", "/settings/appearance", "alice"),
    Look("settings, sessions", "/settings/sessions", "alice"),
    Look("settings, data", "/settings/data", "alice"),
    _wrong("settings, data, wrong", "/settings/data", "alice", password=SHORT),
    Look("settings, delete", "/settings/delete", "alice"),
    _wrong("settings, delete, wrong", "/settings/delete", "alice", password=SHORT),
    Look("report", "{alice}/report", "bob"),
    Look("report a user", "/users/alice/report", "bob"),
    _wrong("report, wrong", "/users/alice/report", "bob", reason=" "),
    Look("user, by an administrator", "/users/alice", "judge"),
    Look("user, with what is hidden", "/users/judge", "judge"),
    Look("hidden micropost", "{hidden}", "judge"),
    Look("hide", "{alice}/hide", "judge"),
    _wrong("hide, wrong", "{alice}/hide", "judge", reason=" "),
    Look("show again", "{hidden}/show", "judge"),
    Look("suspend", "/users/alice/suspend", "judge"),
    Look("restore", "/users/alice/restore", "judge"),
    Look("role", "/users/alice/role", "judge"),
    _wrong("role, wrong", "/users/alice/role", "judge", password=SHORT),
    Look("tasks", "/admin", "judge"),
    Look("reports", "/admin/reports", "judge"),
    Look("report, to be decided", "/admin/reports/bob-alice-0", "judge"),
    _wrong(
        "report, decided wrongly", "/admin/reports/bob-alice-0", "judge", reason=" "
    ),
    Look("awaiting approval", "/admin/awaiting", "judge"),
    Look("invitations", "/admin/invitations", "judge"),
    _wrong("invitations, wrong", "/admin/invitations", "judge", uses="x", days="0"),
    Look("audit log", "/admin/audit", "judge"),
    Look("no such page", "/nowhere", status=404),
    Look("no such user", "/users/nobody_at_all", "alice", status=404),
    Look("not yours", "/users/bob/microposts/new", "alice", status=403),
    _wrong("expired", "/login", username="alice", csrf_token="1.x"),
]
NAMES = [look.name for look in LOOKS]
