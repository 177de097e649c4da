"""The types of input fields that several nouns share."""

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from microblog import text as grammar
from microblog import usernames
from microblog.i18n import _


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


NewUsername = Annotated[str, AfterValidator(usernames.checked)]
Username = Annotated[str, AfterValidator(_existing)]
Text = Annotated[str, Field(max_length=4096), AfterValidator(grammar.checked)]
Name = Annotated[str, Field(max_length=50), AfterValidator(_line)]
Bio = Annotated[str, Field(max_length=500), AfterValidator(_prose)]
Email = Annotated[str, Field(max_length=254), AfterValidator(_email)]
# A wrong password is refused like any other: its length is not looked at before.
Password = Annotated[str, Field(max_length=5000)]
