"""Following: whom a user reads; beginning and ending it."""

from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any

from microblog import bodies, limits, paging, rest
from microblog.errors import Invalid, NotFound
from microblog.i18n import _
from microblog.pages import action, page, see_other
from microblog.resources.following import Followee, Following
from microblog.security import Permission
from microblog.store import Database, Document, follows, users
from microblog.store.walks import Start
from microblog.views import answers
from microblog.views.inputs import Body, Username, example
from microblog.views.users import form, href

PATH = "/users/{username}/following"

# The links of one kind that a user has.
Walk = Callable[[Database, Document, Start], Iterator[Document]]

api = rest.service("following", PATH, context=Following, traverse=PATH)
followee = rest.service(
    "followee", PATH + "/{name}", context=Followee, traverse=PATH + "/{name}"
)


class NewFollow(Body):
    """Whom to follow."""

    model_config = example({"username": "bob"})

    username: Username


@api.get(
    permission=Permission.READ,
    validators=[rest.query(paging.PageQuery)],
    answers={200: answers.UserPage},
)
def read(request: Any) -> Document:
    """A page of the users whom a user follows, the latest first."""
    database, user = request.database, request.context.user
    piece = paging.cut(
        request.validated["query"],
        lambda start: links(database, user, start, follows.walk_following),
        key="at",
    )
    return page_of_users(request, piece, "followee")


@api.post(
    permission=Permission.FOLLOW,
    validators=[rest.body(NewFollow)],
    answers={200: answers.Followee, 201: answers.Followee, 409: None, 429: None},
)
def follow(request: Any) -> Document:
    """Follow a user. 201 if that is new, else 200."""
    follower, name = request.context.user["_id"], request.validated["body"].username
    if users.find(request.database, name) is None:
        raise Invalid.field("username", _("there is no such user"))
    _not_oneself(follower, name)
    limits.hit(request, follow=follower)
    if follows.create(request.database, follower, name):
        request.response.status = HTTPStatus.CREATED
    request.response.location = f"{href(request.site.url, follower)}/following/{name}"
    return {"username": name, "href": href(request.site.url, name)}


@followee.get(permission=Permission.READ, answers={200: answers.Followee})
def read_one(request: Any) -> Document:
    """One user whom a user follows. NotFound (404): does not."""
    name, follower = request.context.__name__, request.context.follower
    is_seen = users.is_seen(request.context.__parent__.user)
    if not (is_seen and follows.exists(request.database, follower, name)):
        raise NotFound(f"{follower} does not follow {name}")
    return {"username": name, "href": href(request.site.url, name)}


@followee.delete(permission=Permission.FOLLOW, answers={204: None})
def unfollow(request: Any) -> Any:
    """Unfollow a user, also one who is not followed."""
    name, follower = request.context.__name__, request.context.follower
    follows.delete(request.database, follower, name)
    return rest.no_content()


@page(context=Following, renderer="following.jinja2")
def show(request: Any) -> Document:
    """Whom a user follows."""
    user = request.context.user
    return list_of_users(request, user, follows.walk_following, "followee")


@action(context=Followee, name="follow", permission=Permission.FOLLOW)
def send_follow(request: Any) -> Any:
    """Follow a user, from the user's page."""
    name, follower = request.context.__name__, request.context.follower
    _not_oneself(follower, name)
    limits.hit(request, follow=follower)
    follows.create(request.database, follower, name)
    return see_other(f"/users/{name}")


@action(context=Followee, name="unfollow", permission=Permission.FOLLOW)
def send_unfollow(request: Any) -> Any:
    """Unfollow a user, from the user's page."""
    name, follower = request.context.__name__, request.context.follower
    follows.delete(request.database, follower, name)
    return see_other(f"/users/{name}")


def _not_oneself(follower: str, name: str) -> None:
    if name == follower:
        raise Invalid.field("username", _("is your own; nobody follows themselves"))


def links(
    database: Database, user: Document, start: Start, walk: Walk
) -> Iterator[Document]:
    """The links of a user, if the user is seen."""
    return walk(database, user, start) if users.is_seen(user) else iter(())


def list_of_users(request: Any, user: Document, walk: Walk, side: str) -> Document:
    """What a page shows of the users at one side of the links of `user`."""
    query, database = bodies.query(request, paging.PageQuery), request.database
    piece = paging.cut(
        query, lambda start: links(database, user, start, walk), key="at"
    )
    found = _seen(request, piece, side)
    return {"user": user, "users": found, "more": paging.more(request, piece)}


def page_of_users(request: Any, piece: paging.Piece, side: str) -> Document:
    """A page of the users at one side of the links."""
    found = [form(request, user) for user in _seen(request, piece, side)]
    return paging.page(request, piece, found)


def _seen(request: Any, piece: paging.Piece, side: str) -> list[Document]:
    names = [link[side] for link in piece.items]
    present = users.find_many(request.database, names, users.LISTED)
    return [
        *filter(users.is_seen, (present[name] for name in names if name in present))
    ]
