"""The types of input fields that several nouns share."""

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from microblog import text as grammar
from microblog import usernames
from microblog.i18n import _
from microblog.store import ids


def example(fields: dict[str, Any]) -> ConfigDict:
    """What a body of a model looks like, for the document of the API."""
    return ConfigDict(json_schema_extra={"examples": [fields]})


class Body(BaseModel):
    """A body of which every field is known, and of exactly its type."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def _existing(name: str) -> str:
    if not usernames.is_username(name):
        raise ValueError(_("is not a username"))
    return name


def _line(value: str) -> str:
    value = grammar.normalise(value)
    grammar.check_characters(value)
    if "\n" in value or "\t" in value:
        raise ValueError(_("must be one line"))
    return value.strip()


# What stands in the header of a mail as it is, without quotes (RFC 5322, RFC 6531).
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\x80-\U0010ffff-]+"
_LABEL = r"(?!-)[A-Za-z0-9\x80-\U0010ffff-]{1,63}(?<!-)"
_ADDRESS = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@{_LABEL}(?:\.{_LABEL})*")


def _email(value: str) -> str:
    value = grammar.normalise(value)
    if value and not (_ADDRESS.fullmatch(value) and value.isprintable()):
        raise ValueError(_("must look like name@example.org"))
    # No mail server that matters tells capitals apart, and people do not either.
    return value.lower()


def _prose(value: str) -> str:
    value = grammar.normalise(value).strip()
    grammar.check_characters(value)
    return value


def _reason(value: str) -> str:
    value = _prose(value)
    if not grammar.is_visible(value):
        raise ValueError(_("must not be empty"))
    return value


def _micropost(text: str) -> str:
    if ids.parse(text) is None:
        raise ValueError(_("is not the id of a micropost"))
    return text


def _told(description: str, **schema: Any) -> Any:
    """What the document of the API says of a field; nothing is checked by it."""
    return Field(description=description, json_schema_extra=schema)


_GRAMMAR = f"^{usernames.GRAMMAR.pattern}$"
# No body may have NUL, wherever: `strict_json`.
_ANY = r"^[^\u0000]*$"
NewUsername = Annotated[
    str,
    _told("Not reserved, and not like another's name", pattern=_GRAMMAR),
    AfterValidator(usernames.checked),
]
Username = Annotated[
    str, _told("Of a user who is here", pattern=_GRAMMAR), AfterValidator(_existing)
]
Text = Annotated[
    str,
    Field(max_length=4096),
    _told(
        "Counted in code points after NFC and CRLF → LF; at least one is visible",
        minLength=1,
        maxLength=grammar.MAXIMUM,
        pattern=grammar.PATTERN,
    ),
    AfterValidator(grammar.checked),
]
Name = Annotated[
    str,
    Field(max_length=50),
    _told("One line", pattern=r"^[^\u0000-\u001f\u007f-\u009f\u2028\u2029]*$"),
    AfterValidator(_line),
]
Bio = Annotated[
    str,
    Field(max_length=500),
    _told(
        "Some lines",
        pattern=r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]*$",
    ),
    AfterValidator(_prose),
]
Reason = Annotated[
    str,
    Field(max_length=500),
    _told(
        "Some lines, of which something is visible",
        minLength=1,
        pattern=grammar.PATTERN,
    ),
    AfterValidator(_reason),
]
MicropostId = Annotated[
    str,
    _told("Of a micropost of that user", pattern="^[1-9][0-9]{0,18}$"),
    AfterValidator(_micropost),
]
Email = Annotated[
    str,
    Field(max_length=254),
    _told(
        "Empty: none. It is never answered, and confirmed by a link in a mail",
        pattern=_ANY,
    ),
    AfterValidator(_email),
]
Invitation = Annotated[
    str,
    Field(max_length=100),
    _told(
        "What stands in the link of an invitation, where the site wants one",
        pattern=_ANY,
    ),
]
# A wrong password is refused like any other: its length is not looked at before.
Password = Annotated[
    str, Field(max_length=5000), _told("As it was chosen", pattern=_ANY)
]
# The same goes for a username that somebody logs in by.
Login = Annotated[str, _told("Who logs in", pattern=_ANY)]
NewPassword = Annotated[
    str,
    Field(max_length=5000),
    _told(
        "Of 15 characters or more, unless the site says otherwise; none that many use",
        minLength=8,
        pattern=r"^[^\u0000-\u0008\u000b-\u001f\u007f-\u009f]*$",
    ),
]
