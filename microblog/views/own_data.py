"""Own data: what is held about oneself to take along, and what one brings."""

from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import IO, Any

from pyramid.response import FileIter, Response

from microblog import downloads, forms, limits, rest
from microblog.errors import Invalid, NotFound
from microblog.i18n import _
from microblog.markup import iso
from microblog.pages import action, page, see_other
from microblog.resources.export import Export
from microblog.resources.settings import Settings
from microblog.security import Permission
from microblog.server.parsing import LARGEST_UPLOAD
from microblog.store import Database, Document, exports, files, imports
from microblog.views import answers
from microblog.views.inputs import Body, Password, example
from microblog.views.users import check_password, href

ALLOWED = {"context": Settings, "permission": Permission.CHANGE_SETTINGS}
PATH = "/users/{username}/export"
ZIP = "application/zip"
LINES = "application/jsonl"
COPIED = 1 << 16  # bytes at once
# An upload waits in the store until it is read; what is never read goes with it.
WAITS = timedelta(days=7)

api = rest.service("export", PATH, context=Export, traverse=PATH)
archive = rest.service(
    "export archive", f"{PATH}/archive", context=Export, traverse=PATH
)


class Wish(Body):
    """An export needs the password, again."""

    model_config = example({"password": "quiet lantern over the river"})

    password: Password


def form(request: Any, username: str, export: Document | None) -> Document:
    """An export in JSON."""
    file = export.get("file") if export else None
    state = "none" if export is None else "ready" if file else "waiting"
    if export and exports.is_given_up(request.database, export):
        state = "failed"
    address = f"{href(request.site.url, username)}/export/archive"
    return {
        "state": state,
        "asked": iso(export["asked"]) if export else None,
        "expires": iso(export["expires"]) if export and file else None,
        "bytes": file["bytes"] if file else None,
        "href": address if file else None,
    }


@api.get(permission=Permission.EXPORT, answers={200: answers.Export})
def read(request: Any) -> Document:
    """How far one's own export is, and where it is."""
    username = request.context.user["_id"]
    return form(request, username, exports.find(request.database, username))


@api.post(
    permission=Permission.EXPORT,
    validators=[rest.body(Wish)],
    answers={202: answers.Export, 429: None},
)
def start(request: Any) -> Document:
    """Have all made into one file that is held about oneself."""
    username = request.context.user["_id"]
    export = _ask(request, username, request.validated["body"].password)
    request.response.status = HTTPStatus.ACCEPTED
    return form(request, username, export)


@archive.get(permission=Permission.EXPORT, answers={200: ZIP, 429: None})
def fetch(request: Any) -> Response:
    """The file: a zip of JSON and HTML. NotFound: there is none (any more)."""
    return _export(request, request.context.user["_id"])


@page(**ALLOWED, name="data", renderer="settings/data.jinja2")
def data(request: Any) -> Document:
    """Where one's export is, and what came of the archive that one has brought."""
    user, database = request.context.document, request.database
    export = exports.find(database, user["_id"])
    brought = imports.find(database, user["_id"])
    return {
        "user": user,
        "export": export,
        "state": form(request, user["_id"], export)["state"],
        "brought": brought,
        "given_up": brought is not None and imports.is_given_up(database, brought),
        "largest": LARGEST_UPLOAD >> 20,
        "message": _message,
    }


@action(**ALLOWED, name="data", renderer="settings/data.jinja2")
@forms.again(data)
def ask(request: Any) -> Any:
    """Have one's export made."""
    wish = forms.read(request, Wish)
    _ask(request, request.identity.username, wish.password)
    return see_other("/settings/data", "export")


@page(**ALLOWED, name="export")
def download(request: Any) -> Response:
    """The export. NotFound: there is none (any more)."""
    return _export(request, request.identity.username)


@action(**ALLOWED, name="import", renderer="settings/data.jinja2")
@forms.again(data)
def bring(request: Any) -> Any:
    """Take an archive, which a task reads."""
    username, upload = request.identity.username, request.form.upload
    database = request.database
    if upload is None or not upload.size:
        raise Invalid.field("file", _("is needed"))
    if imports.is_waiting(database, username):
        raise Invalid.field("file", _("must wait until your last one is read"))
    limits.hit(request, **{"import": username})
    file = _store(database, username, upload.file)
    imports.ask(database, username, upload.name, file)
    request.later(imports.TASK, username)
    return see_other("/settings/data", "import")


@page(**ALLOWED, name="not-imported")
def left(request: Any) -> Response:
    """What did not come along, a line of JSON for each. NotFound: there is nothing."""
    username = request.identity.username
    brought = imports.find(request.database, username) or {}
    return _file(request, brought.get("left"), LINES, "not-imported.jsonl")


def _message(stored: Document) -> str:
    """What was stored to be told, to be translated now."""
    said = stored["text"]
    return _(said, mapping=stored["values"])


def _ask(request: Any, username: str, password: str) -> Document:
    check_password(request, username, password, "password")
    limits.hit(request, export=username)
    export = exports.ask(request.database, username)
    request.later(exports.TASK, username)
    return export


def _store(database: Database, username: str, file: IO[bytes]) -> Document:
    writer = files.Writer(database, username, datetime.now(UTC) + WAITS)
    try:
        while piece := file.read(COPIED):
            writer.write(piece)
        return writer.end()
    except BaseException:
        writer.discard()
        raise


def _export(request: Any, username: str) -> Response:
    export = exports.find(request.database, username) or {}
    return _file(request, export.get("file"), ZIP, f"{username}.zip")


def _file(request: Any, file: Document | None, kind: str, name: str) -> Response:
    """A file from the store. NotFound: there is none."""
    if file is None:
        raise NotFound(_("there is nothing to fetch, or not any more"))
    response = Response(content_type=kind, charset=None)
    response.content_length = file["bytes"]
    response.content_disposition = f'attachment; filename="{name}"'
    response.cache_control = "private, no-store"
    if request.method != "HEAD":
        username = request.identity.username
        with limits.use(request, download=username):
            copy = downloads.copied(username, files.read(request.database, file))
        wrapper = request.environ.get("wsgi.file_wrapper", FileIter)
        response.app_iter = wrapper(copy, COPIED)
    return response
