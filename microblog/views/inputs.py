"""The types of input fields that several nouns share."""

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


def _email(value: str) -> str:
    name, at, domain = value.rpartition("@")
    if value and not (name and at and domain.strip(".") and value.isprintable()):
        raise ValueError(_("must look like name@example.org"))
    if any(character.isspace() for character in value):
        raise ValueError(_("must not have a space"))
    return value


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
