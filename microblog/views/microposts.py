"""Microposts: reading, posting, editing, deleting."""

import hashlib
from typing import Any

from pyramid.httpexceptions import HTTPMovedPermanently

from microblog import forms, kept, limits, paging, rest
from microblog.bodies import IDEMPOTENCY_KEY
from microblog.errors import Invalid, Stale, Throttled
from microblog.i18n import _
from microblog.pages import action, micropost_path, page, see_other
from microblog.resources.microposts import Micropost, Microposts
from microblog.security import Permission
from microblog.store import (
    Document,
    collection,
    deliveries,
    hidden,
    idempotency,
    microposts,
    users,
)
from microblog.usernames import is_username, typed
from microblog.views import answers
from microblog.views.inputs import Body, Text, Username, example
from microblog.views.micropost_form import form, listed_form

PATH = "/users/{username}/collection"
TREE = "/users/{username}/microposts"

listing = rest.service("collection", PATH, context=Microposts, traverse=TREE)
api = rest.service(
    "micropost", PATH + "/{id}", context=Micropost, traverse=TREE + "/{id}"
)


class NewMicropost(Body):
    """A micropost, whole."""

    model_config = example({"text": "Hello, @bob!", "referenced": "bob"})

    text: Text
    referenced: Username | None = None


class Changes(Body):
    """Parts of a micropost."""

    model_config = example({"text": "Hello, world!"})

    text: Text = ""
    referenced: Username | None = None


@listing.get(
    permission=Permission.READ,
    validators=[rest.query(paging.PageQuery)],
    answers={200: answers.MicropostPage},
)
def read_collection(request: Any) -> Document:
    """A page of a user's microposts."""
    database, user = request.database, request.context.user
    if kept.can_be(request):
        kept.keep(request)
    piece = paging.cut(
        request.validated["query"],
        lambda start: collection.walk(database, user, start),
    )
    return paging.page(
        request, piece, [listed_form(request, one) for one in piece.items]
    )


@listing.post(
    permission=Permission.POST,
    validators=[rest.body(NewMicropost)],
    answers={201: answers.Micropost, 422: None, 429: None},
)
def post(request: Any) -> Document:
    """A new micropost; with an Idempotency-Key, once."""
    new, key, body = request.validated["body"], _key(request), request.body
    micropost = _create_once(request, new, key, body) if key else _create(request, new)
    representation = rest.tagged(
        request, micropost["rev"], form(request.site.url, micropost)
    )
    return rest.created(request, representation["href"], representation)


@api.get(permission=Permission.READ, answers={200: answers.Micropost, 304: None})
def read(request: Any) -> Document:
    """One micropost."""
    micropost = request.context.document
    return rest.tagged(request, micropost["rev"], form(request.site.url, micropost))


@api.put(
    permission=Permission.EDIT,
    validators=[rest.body(NewMicropost)],
    answers={200: answers.Micropost, 412: None, 429: None},
)
def replace(request: Any) -> Document:
    """Edit one's micropost as a whole."""
    return _answer_change(request, request.validated["body"].model_dump())


@api.patch(
    permission=Permission.EDIT,
    validators=[rest.body(Changes)],
    answers={200: answers.Micropost, 412: None, 429: None},
)
def edit(request: Any) -> Document:
    """Edit parts of one's micropost."""
    changes = request.validated["body"].model_dump(exclude_unset=True)
    return _answer_change(request, changes)


@api.delete(permission=Permission.DELETE, answers={204: None, 412: None})
def delete(request: Any) -> Any:
    """Delete one's micropost."""
    micropost = request.context.document
    rev = rest.expected_rev(request, micropost["rev"])
    hidden.delete(request.database, micropost, rev)
    return rest.no_content()


@page(context=Microposts)
def listed(request: Any) -> Any:
    """A user's page lists them."""
    return HTTPMovedPermanently(f"/users/{request.context.user['_id']}")


@page(context=Micropost, renderer="micropost.jinja2")
def show(request: Any) -> Document:
    """One micropost."""
    return {"micropost": request.context.document}


@page(
    context=Microposts,
    name="new",
    permission=Permission.POST,
    renderer="compose.jinja2",
)
def compose(request: Any) -> Document:
    """The form for a new micropost; `?to=bob` addresses it to bob."""
    to = request.GET.get("to", "")
    return {"to": to if is_username(to) else ""}


@action(
    context=Microposts,
    name="new",
    permission=Permission.POST,
    renderer="compose.jinja2",
)
@forms.again(compose)
def send(request: Any) -> Any:
    """A new micropost; of one form with one text, once."""
    new = _typed(request)
    said = new.model_dump_json().encode()
    # Whoever goes back to the form and writes something else means something else.
    key = f"{request.form.key[:64]} {hashlib.sha256(said).hexdigest()}"
    _create_once(request, new, key, said)
    return see_other("/", "posted")


@page(
    context=Micropost, name="edit", permission=Permission.EDIT, renderer="edit.jinja2"
)
def form_for_edit(request: Any) -> Document:
    """The form that edits one's micropost."""
    return {"micropost": request.context.document}


@action(
    context=Micropost, name="edit", permission=Permission.EDIT, renderer="edit.jinja2"
)
@forms.again(form_for_edit)
def send_edit(request: Any) -> Any:
    """Edit one's micropost, if it is still as the form showed it."""
    new, rev = _typed(request), request.context.document["rev"]
    if request.form.value("rev") != str(rev):
        raise Stale(_("the micropost has changed in the meantime"))
    changed = _change(request, new.model_dump(), rev)
    return see_other(micropost_path(changed["author"], changed["id"]), "edited")


@page(
    context=Micropost,
    name="delete",
    permission=Permission.DELETE,
    renderer="delete.jinja2",
)
def form_for_delete(request: Any) -> Document:
    """Asks before it deletes."""
    return {"micropost": request.context.document}


@action(context=Micropost, name="delete", permission=Permission.DELETE)
def send_delete(request: Any) -> Any:
    """Delete one's micropost."""
    micropost = request.context.document
    hidden.delete(request.database, micropost)
    return see_other(f"/users/{micropost['author']}", "deleted")


def _typed(request: Any) -> NewMicropost:
    """What the form says; people write @Bob for bob."""
    to = typed(request.form.value("referenced").strip().removeprefix("@"))
    request.form.typed["referenced"] = to
    return forms.read(request, NewMicropost)


def _answer_change(request: Any, changes: Document) -> Document:
    rev = rest.expected_rev(request, request.context.document["rev"])
    changed = _change(request, changes, rev)
    return rest.tagged(request, changed["rev"], form(request.site.url, changed))


def _change(request: Any, changes: Document, rev: int | None) -> Document:
    _check_referenced(request, changes.get("referenced"))
    micropost = request.context.document
    limits.hit(request, post=micropost["author"])
    changed = microposts.change(request.database, micropost, changes, rev)
    _tell(request, changed)
    return changed


def _tell(request: Any, micropost: Document) -> None:
    """Have those mailed whom it names, if it may name anybody."""
    if micropost["referenced"] or "@" in micropost["text"]:
        request.later("mention", micropost["id"])


def _check_referenced(request: Any, username: str | None) -> None:
    if username is not None and users.find(request.database, username) is None:
        raise Invalid.field("referenced", _("there is no such user"))


def _key(request: Any) -> str | None:
    key: str | None = request.environ.get("HTTP_IDEMPOTENCY_KEY")
    if key is not None and not IDEMPOTENCY_KEY.fullmatch(key):
        raise Invalid.field(
            "Idempotency-Key", "must be 1 to 255 visible ASCII characters", "header"
        )
    return key


def _create(request: Any, new: NewMicropost, id: int | None = None) -> Document:
    _check_referenced(request, new.referenced)
    author, text = request.context.user, new.text
    limits.hit(request, post=author["_id"])
    micropost = microposts.create(request.database, author, text, new.referenced, id)
    if deliveries.are_pushed(author):
        request.soon("deliver", author["_id"])
    _tell(request, micropost)
    return micropost


def _create_once(request: Any, new: NewMicropost, key: str, said: bytes) -> Document:
    database, author = request.database, request.context.user["_id"]
    claimed = idempotency.claim(database, author, key, said)
    if "answer" in claimed:
        return dict(claimed["answer"])
    try:
        micropost = _create(request, new, claimed["micropost"])
    except (Invalid, Throttled):
        idempotency.release(database, claimed)
        raise
    idempotency.settle(database, claimed, micropost)
    return dict(micropost)
