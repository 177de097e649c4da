"""The forms of what the API answers, for type checkers. A test holds them against its
document."""

from typing import Literal, NotRequired, TypedDict


class Micropost(TypedDict):
    """A text of 1 to 255 characters, by one user, at one time."""

    id: str
    href: str
    user: str
    username: str
    text: str
    timestamp: str
    referenced: str | None
    edited: str | None
    hidden: NotRequired[bool]


class User(TypedDict):
    """A user; nothing of it is private."""

    username: str
    name: str
    bio: str
    href: str
    collection: str
    created: str
    microposts: int
    following: int
    followers: int
    suspended: NotRequired[bool]


class Application(TypedDict):
    """Who has registered where a moderator must approve first."""

    username: str
    awaiting: Literal[True]


class Followee(TypedDict):
    """A user who is followed."""

    username: str
    href: str


class Report(TypedDict):
    """What was reported to the moderators."""

    username: str
    micropost: str | None
    reason: str


class Export(TypedDict):
    """How far the export of one's own data is, and where it is once it is ready."""

    state: Literal["none", "waiting", "ready", "failed"]
    asked: str | None
    expires: str | None
    bytes: int | None
    href: str | None


class Day(TypedDict):
    """Figures of one day in UTC."""

    date: str
    microposts: int
    users: int
    active: int
    follows: int
    searches: int
    mails: int
