"""Users: registering, profiles, deleting one's account."""

from typing import Any

from pydantic import model_validator

from microblog import passwords, rest
from microblog.errors import BadCredentials, Invalid
from microblog.resources.users import User, Users
from microblog.security import Permission, authenticate, set_password
from microblog.store import Document, accounts, users
from microblog.views.inputs import Bio, Body, Email, Name, NewUsername, Password

directory = rest.service("users", "/users", context=Users, traverse="/users")
api = rest.service(
    "user", "/users/{username}", context=User, traverse="/users/{username}"
)


class NewUser(Body):
    """Who registers."""

    username: NewUsername
    password: Password
    name: Name = ""
    email: Email = ""


class Profile(Body):
    """What changes of a user; a new password needs the current one."""

    name: Name = ""
    bio: Bio = ""
    email: Email = ""
    password: Password = ""
    current_password: Password = ""

    @model_validator(mode="after")
    def _for_a_new_password(self) -> "Profile":
        given = self.model_fields_set
        if "current_password" in given and "password" not in given:
            raise ValueError("current_password is only for a new password")
        return self


class Farewell(Body):
    """The end of an account."""

    password: Password


def href(request: Any, username: str) -> str:
    """The API's address of a user."""
    return f"{request.site.url}/api/users/{username}"


def form(request: Any, user: Document) -> Document:
    """A user in JSON; nothing of it is private."""
    address = href(request, user["_id"])
    return {
        "username": user["_id"],
        "name": user["name"],
        "bio": user["bio"],
        "href": address,
        "collection": f"{address}/collection",
        "created": user["created"].strftime("%Y-%m-%dT%H:%M:%SZ"),
        **user["counts"],
    }


@directory.post(permission=Permission.REGISTER, validators=[rest.body(NewUser)])
def register(request: Any) -> Document:
    """A new user."""
    new = request.validated["body"]
    password = _new_password(request, new.password, new.username)
    hashed = passwords.hash(password, request.site.password_cost)
    user = users.create(
        request.database,
        new.username,
        name=new.name,
        email=new.email,
        password=hashed,
    )
    representation = rest.tagged(request, user["rev"], form(request, user))
    return rest.created(request, representation["href"], representation)


@api.get(permission=Permission.READ)
def read(request: Any) -> Document:
    """A user's profile and counts."""
    user = request.context.document
    return rest.tagged(request, user["rev"], form(request, user))


@api.patch(permission=Permission.EDIT_PROFILE, validators=[rest.body(Profile)])
def edit(request: Any) -> Document:
    """One's own profile; a new password ends every token."""
    user, new = request.context.document, request.validated["body"]
    rev = rest.expected_rev(request, user["rev"])
    profile = new.model_dump(include={"name", "bio", "email"}, exclude_unset=True)
    if "password" in new.model_fields_set:
        _check_password(request, new.current_password, "current_password")
        _new_password(request, new.password, user["_id"])
    changed = users.change(request.database, user["_id"], profile, rev)
    if "password" in new.model_fields_set:
        changed = set_password(
            request.database, request.site, user["_id"], new.password
        )
    return rest.tagged(request, changed["rev"], form(request, changed))


@api.delete(permission=Permission.DELETE_ACCOUNT, validators=[rest.body(Farewell)])
def delete(request: Any) -> Any:
    """One's own account, for good."""
    user = request.context.document
    rest.expected_rev(request, user["rev"])
    _check_password(request, request.validated["body"].password, "password")
    accounts.delete(request.database, user["_id"])
    return rest.no_content()


def _new_password(request: Any, password: str, username: str) -> str:
    try:
        return passwords.checked(
            password,
            minimum=request.site.password_minimum,
            unlike=(username, request.site.site_name, "microblog"),
        )
    except ValueError as error:
        raise Invalid.field("password", str(error)) from None


def _check_password(request: Any, password: str, field: str) -> None:
    username = request.context.document["_id"]
    try:
        authenticate(request.database, request.site, username, password)
    except BadCredentials:
        raise Invalid.field(field, "is wrong") from None
