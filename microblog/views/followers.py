"""Followers: who reads a user."""

from typing import Any

from microblog import paging, rest
from microblog.pages import page
from microblog.resources.followers import Followers
from microblog.security import Permission
from microblog.store import Document, follows
from microblog.views import answers
from microblog.views.following import links, list_of_users, page_of_users

PATH = "/users/{username}/followers"

api = rest.service("followers", PATH, context=Followers, traverse=PATH)


@api.get(
    permission=Permission.READ,
    validators=[rest.query(paging.PageQuery)],
    answers={200: answers.UserPage},
)
def read(request: Any) -> Document:
    """A page of the users who follow a user, the latest first."""
    database, user = request.database, request.context.user
    piece = paging.cut(
        request.validated["query"],
        lambda start: links(database, user, start, follows.walk_followers),
        key="at",
    )
    return page_of_users(request, piece, "follower")


@page(context=Followers, renderer="followers.jinja2")
def show(request: Any) -> Document:
    """Who follows a user."""
    user = request.context.user
    return list_of_users(request, user, follows.walk_followers, "follower")
