"""What can go wrong, said without HTTP.

`views/errors.py` gives each of these a status; the `microblog` command an exit status.
"""

from dataclasses import dataclass

from microblog.i18n import _, plain


@dataclass(frozen=True)
class FieldError:
    """One wrong field of an input: where it stands, its name, what is wrong."""

    location: str
    name: str
    description: str


class MicroblogError(Exception):
    """A failure with a sentence that its reader can act on."""

    @property
    def detail(self) -> str:
        detail: str = self.args[0] if self.args else ""
        return detail


class ConfigurationError(MicroblogError):
    """The settings, or the machine they describe, do not allow a start."""


class NotFound(MicroblogError):
    """There is no such thing (any more)."""


class Conflict(MicroblogError):
    """What was to be made unique is taken, or is just being made."""


class Stale(MicroblogError):
    """The document has changed since the caller read it."""


class KeyReused(MicroblogError):
    """An Idempotency-Key came again with another request."""


class BadCredentials(MicroblogError):
    """Username and password do not belong together, whichever of them is wrong."""

    @property
    def username(self) -> str:
        """Of the account whose password was not given; "": there is none. For the log,
        not for the answer."""
        username: str = self.args[1] if len(self.args) > 1 else ""
        return username


class NotAdmitted(BadCredentials):
    """Username and password belong together, but the account may not be used (yet)."""


class Forbidden(MicroblogError):
    """That is not done here, or not to this user."""


class BadToken(MicroblogError):
    """The bearer token is unknown, expired or revoked."""


class Malformed(MicroblogError):
    """A request whose Authorization header cannot be read."""


class CrossSite(MicroblogError):
    """A form came from a page of another site."""


class Expired(MicroblogError):
    """A form came without a token of this session, or with one that is too old."""


class BadLink(MicroblogError):
    """A link from a mail is too old, was used, or was never one."""


class BadBackup(MicroblogError):
    """A backup that cannot be written, is not whole, or cannot be restored here."""


class BadArchive(MicroblogError):
    """An archive of another site that cannot be read, or not be trusted."""


class Unavailable(MicroblogError):
    """The document server does not answer, or is not ready yet; `seconds` from now is
    soon enough to ask again."""

    seconds = 2


class ReadOnly(Unavailable):
    """The operator lets nothing be changed."""

    seconds = 300


class Throttled(MicroblogError):
    """This was done too often; `seconds` from now it may be done again."""

    def __init__(self, limit: str, seconds: int):
        """`limit`: the name of the limit that is used up."""
        minutes = {"minutes": -(-seconds // 60)}
        super().__init__(_("that was too often; come back in ${minutes} min", minutes))
        self.limit = limit
        self.seconds = seconds


class Invalid(MicroblogError):
    """An input that breaks a rule; `errors` names every field that does."""

    def __init__(self, errors: list[FieldError]):
        super().__init__(
            "; ".join(
                f"{e.name}: {plain(e.description)}" if e.name else plain(e.description)
                for e in errors
            )
        )
        self.errors = errors

    @classmethod
    def field(cls, name: str, description: str, location: str = "body") -> "Invalid":
        return cls([FieldError(location, name, description)])
