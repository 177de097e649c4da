"""The grammar of usernames, and the names that nobody may take."""

import re

from microblog.i18n import _

GRAMMAR = re.compile(r"[a-z0-9_]{1,30}")

# Names of views and of children of the tree. `views.check_names` stops the
# start when a registered one is missing here: a child hides a view of the same name.
ADDRESSES = frozenset(
    """
    about admin api appearance audit avatar awaiting collection confirm data delete docs
    edit email export favicon feed follow followees followers following hide home import
    inbox invitations join login logout me metrics micropost microposts new newer newest
    password post posts recover register report reports reset restore robots role
    search sessions settings show signin signup static statistics suspend tag tags
    timeline token tokens unfollow unsubscribe user users verify well_known
    """.split()
)

# Names that would let their owner pass for the site, or trip a careless program.
IMPERSONATION = frozenset(
    """
    abuse administrator anonymous constructor everyone false help host hostmaster info
    infinity mail microblog moderator mod nan nil none noreply no_reply null official
    owner postmaster privacy root security service staff support sysadmin system team
    true undefined webmaster __proto__ __heartbeat__ __lbheartbeat__ __version__
    """.split()
)

RESERVED = ADDRESSES | IMPERSONATION

_LOOK_ALIKES = str.maketrans({"1": "l", "i": "l", "0": "o", "_": None})


def is_username(name: object) -> bool:
    """Whether `name` could be the name of a user that exists."""
    return isinstance(name, str) and GRAMMAR.fullmatch(name) is not None


def typed(name: str) -> str:
    """The username that somebody means who has typed `name`. Capitals of other
    alphabets stay: some become letters of ours in lower case."""
    name = name.strip()
    return name.lower() if name.isascii() else name


def fold(username: str) -> str:
    """The form in which two usernames that a reader would confuse are equal."""
    return username.translate(_LOOK_ALIKES) or username


_RESERVED_FORMS = frozenset(map(fold, RESERVED))


def checked(name: str) -> str:
    """`name`, if a new user may have it. ValueError: why not."""
    if not is_username(name):
        raise ValueError(_("must be 1 to 30 of the characters a-z, 0-9 and _"))
    if fold(name) in _RESERVED_FORMS:
        raise ValueError(_("is reserved, or looks like a name that is"))
    return name
