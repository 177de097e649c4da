"""Tokens: how an app logs in and out."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, model_validator

from microblog import limits, rest
from microblog.bodies import FORM, JSON
from microblog.errors import Invalid
from microblog.logins import issue_token
from microblog.request_log import Event, note
from microblog.resources.root import Root
from microblog.security import Permission, basic_credentials
from microblog.store import tokens
from microblog.views.answers import AccessToken
from microblog.views.inputs import Body, Login, Password

api = rest.service("token", "/token", context=Root)

# Each grant, and the names under which its body has username and password.
GRANTS = {
    "password": ("username", "password"),
    "client_credentials": ("client_id", "client_secret"),
    "authorization_code": ("client_id", "client_secret"),
}


def _document(schema: dict[str, Any]) -> None:
    """Which fields go together."""
    fields = {name for names in GRANTS.values() for name in names}
    kinds = [
        {
            "title": grant,
            "required": list(names) if grant == "password" else ["grant_type", *names],
            "properties": {
                "grant_type": {"const": grant},
                **dict.fromkeys(sorted(fields - {*names}), False),
            },
        }
        for grant, names in GRANTS.items()
    ]
    basic = {"title": "HTTP Basic", "properties": dict.fromkeys(sorted(fields), False)}
    schema["anyOf"] = [*kinds, basic]
    schema["examples"] = [
        {"username": "alice", "password": "quiet lantern over the river"}
    ]


class TokenRequest(Body):
    """RFC 6749, 4.3.2 and 4.4.2, and the body of the seed design. Without credentials
    in the body, those of HTTP Basic count (2.3.1)."""

    model_config = ConfigDict(json_schema_extra=_document)

    grant_type: Annotated[
        Literal["password", "client_credentials", "authorization_code"],
        Field(description="Under which names the two stand"),
    ] = "password"
    username: Login = ""
    password: Password = ""
    client_id: Login = ""
    client_secret: Password = ""
    scope: Annotated[
        Literal["read", "read write"], Field(description="What the token opens")
    ] = "read write"

    @property
    def _given(self) -> set[str]:
        return self.model_fields_set - {"grant_type", "scope"}

    @model_validator(mode="after")
    def _names_of_its_grant(self) -> "TokenRequest":
        if self._given and self._given != set(GRANTS[self.grant_type]):
            raise ValueError(
                f"the grant {self.grant_type} takes "
                f"{' and '.join(GRANTS[self.grant_type])}"
            )
        return self

    def credentials(self, header: str) -> tuple[str, str]:
        """Username and password, from the body or from HTTP Basic; not from both."""
        basic = basic_credentials(header)
        username, password = (getattr(self, name) for name in GRANTS[self.grant_type])
        if (basic is None) == (not self._given):
            raise Invalid.field("username", "and password are needed, once")
        return basic or (username, password)


@api.post(
    permission=Permission.GET_TOKEN,
    validators=[rest.body(TokenRequest, JSON, FORM)],
    answers={200: AccessToken, 403: None, 429: None},
)
def log_in(request: Any) -> dict[str, Any]:
    """A bearer token for a username and a password."""
    header = request.environ.get("HTTP_AUTHORIZATION", "")
    body = request.validated["body"]
    username, password = body.credentials(header)
    with limits.attempt(request, username):
        token = issue_token(
            request.database, request.site, username, password, body.scope
        )
    note(request, Event.LOGIN, username)
    request.response.cache_control = "no-store"
    answer = {
        "access_token": token,
        "token_type": "bearer",
        "expires_in": request.site.token_lifetime,
    }
    if body.scope != tokens.READ_WRITE:
        answer["scope"] = body.scope  # To be told where it is not the usual one.
    return answer


@api.delete(permission=Permission.END_TOKEN, answers={204: None})
def log_out(request: Any) -> Any:
    """End the token that was shown."""
    tokens.delete(request.database, request.identity.credential["_id"])
    note(request, Event.LOGOUT)
    return rest.no_content()
