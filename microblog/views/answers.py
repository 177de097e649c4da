"""What the API answers, as its document (`microblog.openapi`) has it. Views make these
forms by hand, which is quicker; tests hold every answer against them."""

from datetime import date, datetime
from typing import Annotated, Any, ClassVar, Generic, Literal, TypeVar

from pydantic import AnyUrl, BaseModel, ConfigDict, Field

from microblog import usernames
from microblog.text import MAXIMUM

SITE = "https://example.org/api"
ID = "^[1-9][0-9]{0,18}$"

Item = TypeVar("Item")
Username = Annotated[
    str,
    Field(pattern=f"^{usernames.GRAMMAR.pattern}$", description="Who logs in by it"),
]
Count = Annotated[int, Field(ge=0)]


# What examples are about.
HELLO = {
    "id": "117670144407863347",
    "href": f"{SITE}/users/alice/collection/117670144407863347",
    "user": f"{SITE}/users/alice",
    "username": "alice",
    "text": "Hello, world!",
    "timestamp": "2026-11-24T07:05:12.473Z",
    "referenced": None,
    "edited": None,
}
ALICE = {
    "username": "alice",
    "name": "Alice",
    "bio": "Down the hole.",
    "href": f"{SITE}/users/alice",
    "collection": f"{SITE}/users/alice/collection",
    "created": "2026-11-24T07:05:12Z",
    "microposts": 1,
    "following": 1,
    "followers": 1,
}
BOB = {
    **ALICE,
    "username": "bob",
    "name": "",
    "bio": "",
    "href": f"{SITE}/users/bob",
    "collection": f"{SITE}/users/bob/collection",
    "microposts": 0,
}


class Answer(BaseModel):
    """What has these fields and no others."""

    model_config = ConfigDict(extra="forbid")
    # Of an answer that has this form.
    headers: ClassVar[tuple[str, ...]] = ()


def _example(fields: dict[str, Any]) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [fields]})


class Micropost(Answer):
    """A text of 1 to 255 Unicode code points, by one user, at one time."""

    headers = ("ETag",)
    model_config = _example(HELLO)

    id: Annotated[str, Field(pattern=ID, description="A number that sorts by time")]
    href: Annotated[AnyUrl, Field(description="Its own address")]
    user: Annotated[AnyUrl, Field(description="The address of its author")]
    username: Username
    text: Annotated[
        str, Field(min_length=1, max_length=MAXIMUM, description="As it is to be shown")
    ]
    timestamp: Annotated[datetime, Field(description="When it was posted, in UTC")]
    referenced: Annotated[
        Username | None, Field(description="The user whom it is addressed to")
    ]
    edited: Annotated[datetime | None, Field(description="When it was last edited")]
    hidden: Annotated[
        Literal[True],
        Field(description="Moderators have hidden it from all but its author"),
    ] = True


class User(Answer):
    """A user; nothing of it is private."""

    headers = ("ETag",)
    model_config = _example(ALICE)

    username: Username
    name: Annotated[str, Field(max_length=50, description="One line, or empty")]
    bio: Annotated[str, Field(max_length=500, description="Some lines, or empty")]
    href: Annotated[AnyUrl, Field(description="Its own address")]
    collection: Annotated[AnyUrl, Field(description="The address of the microposts")]
    created: Annotated[datetime, Field(description="When the user joined")]
    microposts: Annotated[Count, Field(description="How many there are")]
    following: Annotated[Count, Field(description="How many the user follows")]
    followers: Annotated[Count, Field(description="How many follow the user")]
    suspended: Annotated[
        Literal[True],
        Field(description="Moderators have suspended the user, who is not seen"),
    ] = True


class Application(Answer):
    """Who has registered where a moderator must approve first."""

    model_config = _example({"username": "dan", "awaiting": True})

    username: Username
    awaiting: Annotated[Literal[True], Field(description="The moderators' approval")]


class Report(Answer):
    """What was reported to the moderators."""

    model_config = _example(
        {"username": "bob", "micropost": "117670144407863347", "reason": "It is spam."}
    )

    username: Username
    micropost: Annotated[
        str | None, Field(pattern=ID, description="One of that user's, or the user")
    ]
    reason: Annotated[
        str, Field(min_length=1, max_length=500, description="What is wrong with it")
    ]


class Page(Answer, Generic[Item]):
    """A page, and the addresses of those around it."""

    headers = ("Link",)

    next: Annotated[AnyUrl | None, Field(description="The address of the page after")]
    previous: Annotated[AnyUrl | None, Field(description="That of the page before")]
    result: Annotated[list[Item], Field(description="What is on this one")]


class MicropostPage(Page[Micropost]):
    """A page of microposts."""

    model_config = _example({"next": None, "previous": None, "result": [HELLO]})


class UserPage(Page[User]):
    """A page of users."""

    model_config = _example({"next": None, "previous": None, "result": [BOB]})


class Followee(Answer):
    """A user who is followed."""

    model_config = _example({"username": "bob", "href": f"{SITE}/users/bob"})

    username: Username
    href: Annotated[AnyUrl, Field(description="The address of the user")]


class AccessToken(Answer):
    """A bearer token (RFC 6749, 5.1)."""

    model_config = _example(
        {
            "access_token": "mb_pa8SkZdHkPY1FSxUIyi0DdGOAvLCbxPsNSrRYoTVJoE",
            "token_type": "bearer",
            "expires_in": 86400,
        }
    )

    access_token: Annotated[
        str, Field(pattern="^mb_[A-Za-z0-9_-]{43}$", description="Shown once")
    ]
    token_type: Annotated[
        Literal["bearer"], Field(description="Show it as `Authorization: Bearer …`")
    ]
    expires_in: Annotated[int, Field(ge=60, description="Seconds")]
    scope: Annotated[
        Literal["read"], Field(description="Only where it is not 'read write'")
    ] = "read"


class Export(Answer):
    """How far the export of one's own data is, and where it is once it is ready."""

    model_config = _example(
        {
            "state": "ready",
            "asked": "2026-11-24T07:05:12Z",
            "expires": "2026-11-26T07:05:14Z",
            "bytes": 48213,
            "href": f"{SITE}/users/alice/export/archive",
        }
    )

    state: Annotated[
        Literal["none", "waiting", "ready", "failed"],
        Field(description="How far it is"),
    ]
    asked: Annotated[datetime | None, Field(description="When it was asked for")]
    expires: Annotated[datetime | None, Field(description="Then it is removed")]
    bytes: Annotated[int | None, Field(ge=0, description="Of the file")]
    href: Annotated[AnyUrl | None, Field(description="The address of the file")]


class Day(Answer):
    """Figures of one day in UTC."""

    date: Annotated[date, Field(description="In UTC")]
    microposts: Annotated[Count, Field(description="Microposts of that day")]
    users: Annotated[Count, Field(description="Who joined")]
    active: Annotated[Count, Field(description="Who posted or followed")]
    follows: Annotated[Count, Field(description="Who began to follow somebody")]
    searches: Annotated[Count, Field(description="First pages of them")]
    mails: Annotated[Count, Field(description="Mails sent")]


class Days(Answer):
    """Figures of each day that is over, oldest first."""

    model_config = _example(
        {
            "result": [
                {
                    "date": "2026-11-24",
                    "microposts": 90,
                    "users": 3,
                    "active": 20,
                    "follows": 31,
                    "searches": 12,
                    "mails": 4,
                }
            ]
        }
    )

    result: Annotated[list[Day], Field(description="Those that are counted")]
