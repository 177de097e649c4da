"""Users: registering, profiles, deleting one's account."""

from http import HTTPStatus
from typing import Any

from pydantic import model_validator
from pyramid.security import remember

from microblog import bodies, forms, kept, limits, paging, passwords, rest
from microblog import text as grammar
from microblog.errors import BadCredentials, Conflict, Invalid
from microblog.i18n import _
from microblog.logins import authenticate, set_password
from microblog.pages import action, page, see_other
from microblog.paging import more
from microblog.resources.root import Root
from microblog.resources.users import User, Users
from microblog.security import Permission
from microblog.store import (
    Document,
    accounts,
    collection,
    follows,
    hidden,
    search,
    users,
)
from microblog.views import addresses, answers, registration
from microblog.views.inputs import (
    Bio,
    Body,
    Email,
    Invitation,
    Name,
    NewPassword,
    NewUsername,
    Password,
    example,
)

PATH = "/users/{username}"

directory = rest.service("users", "/users", context=Users, traverse="/users")
api = rest.service("user", PATH, context=User, traverse=PATH)


class NewUser(Body):
    """Who registers."""

    model_config = example({"username": "dan", "password": "eleven boats in a row"})

    username: NewUsername
    password: NewPassword
    name: Name = ""
    email: Email = ""
    invitation: Invitation = ""


class Profile(Body):
    """What changes of a user; a new password or address needs the current password."""

    model_config = example({"name": "Alice", "bio": "Down the hole."})

    name: Name = ""
    bio: Bio = ""
    email: Email = ""
    password: NewPassword = ""
    current_password: Password = ""

    @model_validator(mode="after")
    def _for_what_needs_it(self) -> "Profile":
        given = self.model_fields_set
        if "current_password" in given and not given & {"password", "email"}:
            raise ValueError("current_password is only for a new password or email")
        return self


class DirectoryQuery(paging.PageQuery):
    """Whom one looks for."""

    name: Name = ""


class Farewell(Body):
    """The end of an account."""

    model_config = example({"password": "quiet lantern over the river"})

    password: Password


def href(url: str, username: str) -> str:
    """The address of a user in the API of the site at `url`."""
    return f"{url}/api/users/{username}"


def form(request: Any, user: Document) -> Document:
    """A user in JSON; nothing of it is private. Of who is suspended, no words."""
    address, suspended = href(request.site.url, user["_id"]), "suspended" in user
    return {
        "username": user["_id"],
        "name": "" if suspended else user["name"],
        "bio": "" if suspended else user["bio"],
        "href": address,
        "collection": f"{address}/collection",
        "created": user["created"].strftime("%Y-%m-%dT%H:%M:%SZ"),
        **user["counts"],
        **({"suspended": True} if suspended else {}),
    }


@directory.post(
    permission=Permission.REGISTER,
    validators=[rest.body(NewUser)],
    answers={
        201: answers.User,
        202: answers.Application,
        403: None,
        409: None,
        429: None,
    },
)
def register(request: Any) -> Document:
    """A new user: 201. Where moderators approve of each, 202 until one has; where the
    site takes none, 403."""
    new = request.validated["body"]
    user = create(request, new)
    if user is None:
        request.response.status = HTTPStatus.ACCEPTED
        return {"username": new.username, "awaiting": True}
    representation = rest.tagged(request, user["rev"], form(request, user))
    return rest.created(request, representation["href"], representation)


@api.get(permission=Permission.READ, answers={200: answers.User, 304: None})
def read(request: Any) -> Document:
    """A user's profile and counts."""
    user = request.context.document
    return rest.tagged(request, user["rev"], form(request, user))


@api.patch(
    permission=Permission.EDIT_PROFILE,
    validators=[rest.body(Profile)],
    answers={200: answers.User, 412: None, 429: None},
)
def edit(request: Any) -> Document:
    """One's own profile; a new password ends every token."""
    user, new = request.context.document, request.validated["body"]
    rev = rest.expected_rev(request, user["rev"])
    database, username, profile = request.database, user["_id"], _new(request, user)
    if "password" in new.model_fields_set:
        # At once with the rest, or a server that has no place to hash in changes half.
        changed = set_password(
            database, request.site, username, new.password, profile, rev
        )
    else:
        changed = users.change(database, username, profile, rev)
    if changed["email"] != user["email"]:
        addresses.ask(request, changed)
    return rest.tagged(request, changed["rev"], form(request, changed))


def _new(request: Any, user: Document) -> Document:
    """What changes of the user's profile, once all of the body is found to be right."""
    body = request.validated["body"]
    new = body.model_dump(include={"name", "bio", "email"}, exclude_unset=True)
    moved = addresses.changed(user, new.pop("email", user["email"]))
    if moved or "password" in body.model_fields_set:
        check_password(request, user["_id"], body.current_password, "current_password")
    if "password" in body.model_fields_set:
        new_password(request, body.password, user["_id"])
    addresses.count(request, user["_id"], moved)
    return {**new, **moved}


@api.delete(
    permission=Permission.DELETE_ACCOUNT,
    validators=[rest.body(Farewell)],
    answers={204: None, 412: None, 429: None},
)
def delete(request: Any) -> Any:
    """One's own account, for good."""
    user = request.context.document
    rest.expected_rev(request, user["rev"])
    check_password(request, user["_id"], request.validated["body"].password, "password")
    if not accounts.delete(request.database, user["_id"]):
        request.later("purge", user["_id"])
    return rest.no_content()


@page(context=Users, renderer="directory.jinja2")
def show_directory(request: Any) -> Document:
    """Who is here, the latest first; `?name=` seeks a part of a name."""
    query, database = bodies.query(request, DirectoryQuery), request.database
    part = grammar.fold(query.name.strip())
    if part:
        limits.hit(request, search=limits.reader(request))
    piece = paging.cut(
        query,
        lambda start: (
            search.walk_users(database, part, start)
            if part
            else (one for one in users.walk(database, start) if users.is_seen(one))
        ),
        key="joined",
    )
    return {"users": piece.items, "more": more(request, piece), "name": query.name}


@page(context=User, renderer="user.jinja2")
def show(request: Any) -> Document:
    """A user and the user's microposts."""
    query, user = bodies.query(request, paging.PageQuery), request.context.document
    kept.keep(request)
    piece = paging.cut(
        query, lambda start: collection.walk(request.database, user, start)
    )
    reader = request.known.username if request.known else None
    is_own = reader == user["_id"] and query.cursor is None
    return {
        "user": user,
        "hidden": hidden.of_author(request.database, user["_id"]) if is_own else [],
        "microposts": piece.items,
        "more": more(request, piece),
        "first": query.cursor is None,
        "followed": reader is not None
        and reader != user["_id"]
        and follows.exists(request.database, reader, user["_id"]),
    }


@page(
    context=Root,
    name="register",
    permission=Permission.REGISTER,
    renderer="register.jinja2",
)
def form_for_new(request: Any) -> Document:
    """The form for a new account."""
    registration.check(request)
    given = {"invitation": request.GET.get("invitation", "")}
    return {**given, "minimum": request.site.password_minimum}


@action(
    context=Root,
    name="register",
    permission=Permission.REGISTER,
    renderer="register.jinja2",
)
@forms.again(form_for_new)
def send_new(request: Any) -> Any:
    """A new account, and its first session, unless a moderator must approve first."""
    try:
        user = create(request, forms.read(request, NewUser))
    except Conflict:
        taken = _("is taken, or looks like one that is")
        raise Invalid.field("username", taken) from None
    if user is None:
        return see_other("/login", "applied")
    headers = remember(request, user["_id"], user=user)
    return see_other("/", "welcome", headers)


def create(request: Any, new: NewUser) -> Document | None:
    """The new user's document; None: a moderator must approve. Invalid, Conflict."""
    registration.check(request, new.invitation)
    password = new_password(request, new.password, new.username)
    with limits.use(request, register=limits.network(request)):
        hashed = passwords.hash(password, request.site.password_cost)
    profile = {"name": new.name, "email": new.email, "password": hashed}
    user = registration.enter(request, new.username, new.invitation, profile)
    if user:
        addresses.ask(request, user)
    return user


def new_password(request: Any, password: str, username: str) -> str:
    """The password, if the user may choose it. Invalid: why not."""
    try:
        return passwords.checked(
            password,
            minimum=request.site.password_minimum,
            unlike=(username, request.site.site_name, "microblog"),
        )
    except ValueError as error:
        raise Invalid.field("password", error.args[0]) from None


def check_password(request: Any, username: str, password: str, field: str) -> None:
    """Invalid, with the name of the field: that is not the user's password."""
    try:
        with limits.attempt(request, username):
            authenticate(request.database, request.site, username, password)
    except BadCredentials:
        raise Invalid.field(field, _("is wrong")) from None
