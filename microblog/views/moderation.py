"""What moderators do on the page of a micropost or of a user."""

from typing import Any, Literal

from microblog import forms
from microblog.errors import NotFound
from microblog.i18n import _
from microblog.moderation import Moderation
from microblog.pages import action, micropost_path, page, see_other
from microblog.resources.microposts import Micropost
from microblog.resources.users import User
from microblog.security import Permission
from microblog.store import Document, users
from microblog.store.audit import What
from microblog.views.inputs import Body, Password, Reason
from microblog.views.users import check_password

# What was done, as pages say it.
WORDS = {
    What.ADD: _("add user"),
    What.PASSWORD: _("set password"),
    What.ROLE: _("set role"),
    What.DISABLE: _("disable"),
    What.ENABLE: _("enable"),
    What.SUSPEND: _("suspend"),
    What.RESTORE: _("restore"),
    What.HIDE: _("hide"),
    What.SHOW: _("show"),
    What.DISMISS: _("dismiss reports"),
    What.APPROVE: _("approve"),
    What.REJECT: _("reject"),
    What.INVITE: _("invite"),
    What.REVOKE: _("revoke invitation"),
}

ALLOWED = {"permission": Permission.MODERATE}
HIDE = {**ALLOWED, "context": Micropost, "name": "hide"}
SHOW = {**ALLOWED, "context": Micropost, "name": "show"}
SUSPEND = {**ALLOWED, "context": User, "name": "suspend"}
RESTORE = {**ALLOWED, "context": User, "name": "restore"}
ROLE = {"permission": Permission.SET_ROLE, "context": User, "name": "role"}


class Measure(Body):
    """Why it is taken; whom it concerns is told."""

    reason: Reason


class NewRole(Body):
    """What a user may do; the password of who decides it."""

    role: Literal["", "moderator", "administrator"]
    password: Password


def moderation(request: Any) -> Moderation:
    """What who asks does as a moderator."""
    days = request.site.audit_days
    return Moderation(request.database, request.identity.username, days)


@page(**HIDE, renderer="moderation/hide.jinja2")
def form_to_hide(request: Any) -> Document:
    """Asks why."""
    return {"micropost": request.context.document}


@action(**HIDE, renderer="moderation/hide.jinja2")
@forms.again(form_to_hide)
def hide(request: Any) -> Any:
    """Hide the micropost."""
    micropost, given = request.context.document, forms.read(request, Measure)
    moderation(request).hide(micropost["author"], micropost["id"], given.reason)
    return see_other(micropost_path(micropost["author"], micropost["id"]), "hidden")


@page(**SHOW, renderer="moderation/show.jinja2")
def form_to_show(request: Any) -> Document:
    """Asks before it does."""
    micropost = request.context.document
    if "hidden" not in micropost:
        raise NotFound("the micropost is not hidden")
    return {"micropost": micropost}


@action(**SHOW)
def show(request: Any) -> Any:
    """Show the micropost again."""
    micropost = request.context.document
    moderation(request).show(micropost["author"], micropost["id"])
    request.soon("deliver", micropost["author"])
    return see_other(micropost_path(micropost["author"], micropost["id"]), "shown")


@page(**SUSPEND, renderer="moderation/suspend.jinja2")
def form_to_suspend(request: Any) -> Document:
    """Asks why."""
    return {"user": request.context.document}


@action(**SUSPEND, renderer="moderation/suspend.jinja2")
@forms.again(form_to_suspend)
def suspend(request: Any) -> Any:
    """Suspend the user."""
    name, given = request.context.__name__, forms.read(request, Measure)
    moderation(request).suspend(name, given.reason)
    return see_other(f"/users/{name}", "suspended")


@page(**RESTORE, renderer="moderation/restore.jinja2")
def form_to_restore(request: Any) -> Document:
    """Asks before it does."""
    return {"user": request.context.document}


@action(**RESTORE)
def restore(request: Any) -> Any:
    """End the suspension."""
    moderation(request).restore(request.context.__name__)
    return see_other(f"/users/{request.context.__name__}", "restored")


@page(**ROLE, renderer="moderation/role.jinja2")
def form_for_role(request: Any) -> Document:
    """The form for a user's role."""
    return {"user": request.context.document, "role_of": users.role}


@action(**ROLE, renderer="moderation/role.jinja2")
@forms.again(form_for_role)
def set_role(request: Any) -> Any:
    """Set it."""
    name, given = request.context.__name__, forms.read(request, NewRole)
    check_password(request, request.identity.username, given.password, "password")
    moderation(request).set_role(name, given.role)
    return see_other(f"/users/{name}", "role")
