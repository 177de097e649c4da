"""What administrators and moderators see of the site: the tasks, who awaits approval,
and what was done by whom."""

from datetime import UTC, datetime
from typing import Any

from microblog import bodies, paging
from microblog.errors import Invalid
from microblog.i18n import _
from microblog.pages import action, page, see_other
from microblog.resources.admin import Admin
from microblog.security import Permission
from microblog.store import Document, applications, audit, dead_letters, runs, workers
from microblog.views import addresses
from microblog.views.moderation import WORDS, moderation

SHOWN = 50
AWAITING = {
    "context": Admin,
    "name": "awaiting",
    "permission": Permission.MODERATE,
    "renderer": "admin/awaiting.jinja2",
}


@page(context=Admin, permission=Permission.SEE_TASKS, renderer="admin/tasks.jinja2")
def show(request: Any) -> Document:
    """Queue and workers, periodic tasks, and what was given up."""
    database = request.database
    return {
        "workers": workers.alive(database),
        "runs": runs.all(database),
        "letters": dead_letters.newest(database, SHOWN),
        "now": datetime.now(UTC),
    }


@page(**AWAITING)
def awaiting(request: Any) -> Document:
    """Who has registered and awaits approval, the latest first."""
    piece = paging.cut(
        bodies.query(request, paging.PageQuery),
        lambda start: applications.walk(request.database, start),
        key="at",
    )
    return {"applications": piece.items, "more": paging.more(request, piece)}


@action(**AWAITING)
def decide(request: Any) -> Any:
    """Approve of an account, or remove its application."""
    name, do = request.form.value("username"), request.form.value("do")
    if do == "approve":
        addresses.ask(request, moderation(request).approve(name))
        return see_other("/admin/awaiting", "approved")
    if do != "reject":
        raise Invalid.field("do", _("is not known"))
    moderation(request).reject(name)
    return see_other("/admin/awaiting", "rejected")


@page(
    context=Admin,
    name="audit",
    permission=Permission.SEE_AUDIT,
    renderer="admin/audit.jinja2",
)
def show_audit(request: Any) -> Document:
    """Who did what to whom, when, and why; the latest first."""
    piece = paging.cut(
        bodies.query(request, paging.PageQuery),
        lambda start: audit.walk(request.database, start),
        key="_id",
    )
    more = paging.more(request, piece)
    return {"actions": piece.items, "more": more, "words": WORDS}
