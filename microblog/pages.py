"""Pages: what their views and their templates have in common."""

import hashlib
import re
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2.bccache import Bucket, FileSystemBytecodeCache
from pyramid.events import BeforeRender
from pyramid.httpexceptions import HTTPSeeOther
from pyramid.static import QueryStringConstantCacheBuster
from pyramid.view import view_config

from microblog import cookies, forms, markup
from microblog.fragments import Fragments
from microblog.i18n import LANGUAGES, _
from microblog.security import Permission
from microblog.settings import Settings
from microblog.store import Document, ids
from microblog.text import MAXIMUM

HERE = Path(__file__).parent
PLACES = {"search", "users", "settings", "admin", "login", "register", "reset"}
API_RENDERER = "api"
YEAR = 365 * 86400

page = partial(
    view_config, request_method=("GET", "HEAD"), permission=Permission.SEE_PAGE
)
action = partial(view_config, request_method="POST")

# What a page says after a form has sent its reader there, by the parameter `said`.
SAID = {
    "welcome": _("Welcome! Write your first micropost, or look for people to follow."),
    "posted": _("Your micropost is out."),
    "edited": _("The micropost is changed."),
    "deleted": _("The micropost is deleted."),
    "saved": _("Your settings are saved."),
    "password": _("Your password is changed. Everything else is logged out."),
    "mailed": _("A mail is on its way."),
    "confirmed": _("Your address is confirmed."),
    "asked": _("If this address belongs to an account, a mail is on its way."),
    "reset": _("Your password is changed. Log in with the new one."),
    "export": _("Your file is being made."),
    "import": _("Your file is here, and is being read."),
    "ended": _("That login is ended."),
    "out": _("You are logged out."),
    "gone": _("Your account is deleted."),
    "applied": _(
        "You are registered. A moderator must approve before you can log in; try again "
        "later."
    ),
    "reported": _("Thank you. The moderators will look at it."),
    "hidden": _("The micropost is hidden."),
    "shown": _("The micropost is shown again."),
    "suspended": _("The account is suspended."),
    "restored": _("The account is in use again."),
    "role": _("The role is changed."),
    "dismissed": _("The report is dismissed."),
    "approved": _("The account can be used."),
    "rejected": _("The application is removed."),
    "revoked": _("The invitation is worth nothing any more."),
}

# A path of this site, and nothing that a browser could take for another's.
_OWN_PATH = re.compile(r"/(?:[\w.~%-][\w.~%/-]*)?(?:\?[\w.~%&=+-]*)?", re.ASCII)


def see_other(path: str, said: str = "", headers: Any = ()) -> HTTPSeeOther:
    """Send the browser on, after a form; `said`: what the next page tells."""
    query = f"?{urlencode({'said': said})}" if said else ""
    return HTTPSeeOther(path + query, headers=list(headers))


def own_path(path: str) -> str:
    """`path` if it surely leads to this site, else the front page."""
    return path if _OWN_PATH.fullmatch(path) and "//" not in path else "/"


def micropost_path(author: str, id: int) -> str:
    """The address of a micropost's page."""
    return f"/users/{author}/microposts/{id}"


def add_globals(event: Any) -> None:
    """What every template may use of its request; nothing of it asks the database."""
    request = event["request"]
    if request is None or event["renderer_name"] == API_RENDERER:
        return
    known, reader, language = request.known, _reader(request), request.locale_name
    translate, now = request.localizer.translate, datetime.now(UTC)
    fragments: Fragments = request.registry["fragments"]

    def kept(*key: Any, caller: Callable[[], str]) -> str:
        """What stands in a call block: the same for the same language and `key`, of
        which the first is a name. Without a key, nothing is kept."""
        return fragments.block((language, *key), caller) if key[0] else caller()

    def articles(found: list[Document], picture: bool) -> list[tuple[Document, str]]:
        """Microposts, and each in HTML, but for what its reader can do with it."""
        ages = [fragments.age(one["id"], now, language, translate) for one in found]
        return [
            (one, fragments.of(one, picture, language, age))
            for one, age in zip(found, ages, strict=True)
        ]

    event.update(
        reader=reader,
        theme=known.credential.get("theme", "") if known else "",
        role=known.credential.get("role", "") if known else "",
        language=language,
        translate=translate,
        here=_here(request.environ["PATH_INFO"], reader),
        said=_said(request),
        now=now,
        csrf=partial(forms.token, request),
        static=request.static_path,
        kept=kept,
        articles=articles,
    )


def _reader(request: Any) -> str | None:
    """The username of the reader; None: nobody is logged in; "": nobody has asked, as
    on the page of an error."""
    if request.known:
        return str(request.known.username)
    asked = request.is_known or cookies.read(request) is None
    return None if asked else ""


def _here(path: str, reader: str | None) -> str:
    """Where in the site a page is, as its menu has it; "": nowhere in particular."""
    first, _slash, rest = path.strip("/").partition("/")
    if first == "users" and rest:
        return "user" if rest == reader else ""
    return first if first in PLACES else "" if first else "front"


def _said(request: Any) -> str | None:
    try:
        return SAID.get(request.GET.get("said", ""))
    except UnicodeDecodeError:
        return None


def templates() -> Path:
    """The directory of the templates: inside an installed package, beside the package
    in a checkout."""
    inside = HERE / "templates"
    return inside if inside.is_dir() else HERE.parent / "templates"


def fingerprint(directory: Path) -> str:
    """A short digest of all files: addresses with it can be cached for ever."""
    digest = hashlib.sha256()
    for path in sorted(directory.rglob("*")):
        if path.is_file():
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


class _Renderer:
    """Renders a template by its name. Pyramid_jinja2 would look for it beside the view
    first, in the file system, at every request."""

    def __init__(self, info: Any):
        self.name = info.name
        self.registry = info.registry

    def __call__(self, value: Document, system: Document) -> str:
        template = self.registry["templates"].get_template(self.name)
        html: str = template.render({**system, **value})
        return html


class _Compiled(FileSystemBytecodeCache):
    """Compiled templates, which spare a start their compilation."""

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep one; on a full disk pages are shown all the same."""
        with suppress(OSError):
            super().dump_bytecode(bucket)


def _compiled(site: Settings) -> _Compiled:
    directory = site.data_dir / "templates"
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    return _Compiled(str(directory))


def _set_up(config: Any) -> None:
    """Give templates what is the same for every request."""
    environment = config.get_jinja2_environment()
    site = config.registry["settings"]
    environment.globals.update(
        site=site,
        languages=LANGUAGES,
        maximum=MAXIMUM,
        moment=ids.moment,
        micropost_path=micropost_path,
        linked=markup.linked,
        content=markup.content,
        avatar=markup.avatar,
        age=markup.age,
        iso=markup.iso,
        day=markup.day,
        sentence=markup.sentence,
        browser=markup.browser,
    )
    environment.bytecode_cache = _compiled(site)
    config.registry["templates"] = environment
    config.registry["fragments"] = Fragments(environment)


def includeme(config: Any) -> None:
    """Templates with their globals, static files under addresses that change with
    them."""
    config.add_settings(
        {
            "jinja2.i18n.domain": "microblog",
            "jinja2.trim_blocks": True,
            "jinja2.lstrip_blocks": True,
            "jinja2.undefined": "strict",
            "jinja2.newstyle": True,
            "jinja2.bytecode_caching": False,
        }
    )
    config.include("pyramid_jinja2")
    config.add_jinja2_search_path(str(templates()))
    # In place of theirs, once that is there.
    config.commit()
    config.add_renderer(".jinja2", _Renderer)
    config.action(None, _set_up, args=(config,), order=999)
    config.add_subscriber(add_globals, BeforeRender)
    config.add_static_view("static", "microblog:static", cache_max_age=YEAR)
    config.add_cache_buster(
        "microblog:static",
        QueryStringConstantCacheBuster(fingerprint(HERE / "static"), param="v"),
    )
