"""Reports: users tell moderators about a micropost or a user; moderators end them."""

from http import HTTPStatus
from typing import Any, Literal

from microblog import bodies, forms, limits, paging, rest
from microblog.errors import Invalid
from microblog.i18n import _
from microblog.pages import action, micropost_path, page, see_other
from microblog.resources.admin import Report, Reports
from microblog.resources.microposts import Micropost
from microblog.resources.root import Root
from microblog.resources.users import User
from microblog.security import Permission
from microblog.store import Database, Document, hidden, microposts, reports, users
from microblog.views import answers
from microblog.views.inputs import Body, MicropostId, Reason, Username, example
from microblog.views.moderation import WORDS, moderation

api = rest.service("reports", "/reports", context=Root)

OF_USER = {"context": User, "name": "report", "permission": Permission.REPORT}
OF_MICROPOST = {**OF_USER, "context": Micropost}
ALLOWED = {"permission": Permission.MODERATE}


class NewReport(Body):
    """A user, or one of the user's microposts, and what is wrong."""

    model_config = example({"username": "bob", "reason": "It is spam."})

    username: Username
    micropost: MicropostId | None = None
    reason: Reason


class Complaint(Body):
    """What is wrong with what the page shows."""

    reason: Reason


class Decision(Body):
    """What is done about a report, and why."""

    do: Literal["dismiss", "hide", "suspend"]
    reason: Reason


@api.post(
    permission=Permission.REPORT,
    validators=[rest.body(NewReport)],
    answers={200: answers.Report, 201: answers.Report, 429: None},
)
def report(request: Any) -> Document:
    """Report a user or a micropost to the moderators: 201; 200 as long as an earlier
    report of the same by the same user is open."""
    new, database = request.validated["body"], request.database
    user = users.find(database, new.username)
    if user is None:
        raise Invalid.field("username", _("there is no such user"))
    id = int(new.micropost) if new.micropost else None
    is_there = users.is_seen(user) and id and microposts.find(database, user, id)
    if id is not None and not is_there:
        raise Invalid.field("micropost", _("there is no such micropost"))
    if _report(request, new.username, id, new.reason):
        request.response.status = HTTPStatus.CREATED
    answer: Document = new.model_dump()
    return answer


@page(**OF_USER, renderer="report.jinja2")
@page(**OF_MICROPOST, renderer="report.jinja2")
def form_for_report(request: Any) -> Document:
    """The form of who reports a user or a micropost."""
    return _subject(request)


@action(**OF_USER, renderer="report.jinja2")
@action(**OF_MICROPOST, renderer="report.jinja2")
@forms.again(form_for_report)
def send_report(request: Any) -> Any:
    """Report it."""
    subject, given = _subject(request), forms.read(request, Complaint)
    micropost = subject["micropost"]
    id = micropost["id"] if micropost else None
    _report(request, subject["name"], id, given.reason)
    return see_other(subject["path"], "reported")


@page(context=Reports, **ALLOWED, renderer="admin/reports.jinja2")
def show_open(request: Any) -> Document:
    """The open reports, the latest first, but for those about whoever asks."""
    reader = request.identity.username
    piece = paging.cut(
        bodies.query(request, paging.PageQuery),
        lambda start: (
            one
            for one in reports.walk(request.database, start)
            if one["about"] != reader
        ),
        key="at",
    )
    return {"reports": piece.items, "more": paging.more(request, piece)}


@page(context=Report, **ALLOWED, renderer="admin/report.jinja2")
def show(request: Any) -> Document:
    """One report, and what can be done about it."""
    told = request.context.document
    user = users.find(request.database, told["about"])
    return {
        "report": told,
        "words": WORDS,
        "user": user,
        "micropost": user and _micropost(request.database, user, told["micropost"]),
    }


@action(context=Report, **ALLOWED, renderer="admin/report.jinja2")
@forms.again(show)
def decide(request: Any) -> Any:
    """Dismiss it, hide the micropost, or suspend the user."""
    told, given = request.context.document, forms.read(request, Decision)
    about, micropost, acting = told["about"], told["micropost"], moderation(request)
    if given.do == "dismiss":
        acting.dismiss(told, given.reason)
        return see_other("/admin/reports", "dismissed")
    if given.do == "suspend":
        acting.suspend(about, given.reason)
        return see_other("/admin/reports", "suspended")
    if micropost is None:
        raise Invalid.field("", _("the report is about no micropost"))
    acting.hide(about, micropost, given.reason)
    return see_other("/admin/reports", "hidden")


def _report(request: Any, about: str, micropost: int | None, reason: str) -> bool:
    """Whether the report is new. Throttled."""
    reporter = request.identity.username
    limits.hit(request, report=reporter)
    return reports.create(request.database, reporter, about, micropost, reason)


def _subject(request: Any) -> Document:
    """What a page to report from is about."""
    about = request.context.document
    if isinstance(request.context, User):
        name = about["_id"]
        return {"name": name, "micropost": None, "path": f"/users/{name}"}
    name = about["author"]
    path = micropost_path(name, about["id"])
    return {"name": name, "micropost": about, "path": path}


def _micropost(database: Database, user: Document, id: int | None) -> Document | None:
    """The micropost that a report is about, hidden or not; None: it is deleted."""
    if id is None:
        return None
    return microposts.find(database, user, id) or hidden.find(database, id)
