"""Passwords: which are good enough, how they are kept, how they are verified."""

import base64
import hashlib
import hmac
import re
import secrets
import unicodedata
from collections.abc import Callable
from functools import cache
from typing import Any

import bcrypt

from microblog import text
from microblog.hashing import Aside, Result
from microblog.i18n import _

# Where a web server hashes; commands hash where they are.
aside: Aside | None = None

MAXIMUM_BYTES = 4096
SCHEME = "bcrypt-hmac-sha256"
_STORED = re.compile(
    # The salt's 128 bits end in its 22nd character, which has room for two of them.
    SCHEME + r"\$([0-9a-f]{32})(\$2b\$(0[4-9]|[12][0-9]|3[01])\$"
    r"[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{31})"
)

# Rows that fingers walk along; a password that is one run of them is no password.
_RUNS = (
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890123456789",
    "qwertyuiopasdfghjklzxcvbnm",
)


@cache
def _common() -> frozenset[str]:
    from zxcvbn.frequency_lists import FREQUENCY_LISTS

    return frozenset(FREQUENCY_LISTS["passwords"])


def _is_run(password: str) -> bool:
    """Whether it is one short piece repeated, or one walk along a row of keys."""
    if password in (password + password)[1:-1]:
        return True
    return any(password in row * 4 or password in row[::-1] * 4 for row in _RUNS)


def checked(password: str, *, minimum: int, unlike: tuple[str, ...]) -> str:
    """`password` in NFC, if it may be chosen (ASVS 5.0, 6.2).

    `minimum`: code points. `unlike`: username and names of the site, which it must
    neither equal nor contain. ValueError: why it may not.
    """
    if len(password.encode("utf-8", "surrogatepass")) > MAXIMUM_BYTES:
        raise ValueError(_("is too long"))
    text.check_characters(password)
    password = unicodedata.normalize("NFC", password)
    if len(password) < minimum:
        raise ValueError(
            _("must have ${minimum} characters at least", mapping={"minimum": minimum})
        )
    folded = password.casefold()
    if folded in _common():
        raise ValueError(_("is one that many people use"))
    if _is_run(folded):
        raise ValueError(_("is a sequence or a repetition"))
    # A name of one or two letters occurs in any sentence and gives nothing away.
    if any(name.casefold() in folded for name in unlike if len(name) > 3):
        raise ValueError(_("must not contain the username or the name of the site"))
    return password


def _prehash(password: str, salt: bytes) -> bytes:
    """All of the password in 44 bytes: bcrypt takes 72 at most and dislikes NUL."""
    normal = unicodedata.normalize("NFC", password)
    return base64.b64encode(
        hmac.digest(salt, normal.encode("utf-8", "surrogatepass"), hashlib.sha256)
    )


def hash(password: str, cost: int) -> str:
    """What is stored: scheme, salt of the prehash, bcrypt's own string."""
    salt = secrets.token_bytes(16)
    hashed = _run(bcrypt.hashpw, _prehash(password, salt), bcrypt.gensalt(cost))
    return f"{SCHEME}${salt.hex()}{hashed.decode()}"


def _run(work: Callable[..., Result], *arguments: Any) -> Result:
    return aside.run(work, *arguments) if aside else work(*arguments)


def _nobodys(cost: int) -> bytes:
    """A hash that costs as much to verify as a user's, and that no password fits."""
    return bcrypt.gensalt(cost) + b"." * 31


def verify(password: str, stored: str | None, cost: int) -> bool:
    """Whether `password` is the one that was stored; a no takes as long whether it was
    one of today's cost, a cheaper one, or none.

    A stored value that cannot be read is nobody's password, not an error.
    """
    if len(password.encode("utf-8", "surrogatepass")) > MAXIMUM_BYTES:
        return False
    salt, hashed = _parts(stored) or (bytes(16), _nobodys(cost))
    return _run(_fits, _prehash(password, salt), hashed, cost)


def _fits(prehash: bytes, hashed: bytes, cost: int) -> bool:
    if bcrypt.checkpw(prehash, hashed):
        return True
    # Each step of the cost doubles the time: together they are what is missing.
    for missing in range(int(hashed[4:6]), cost):
        bcrypt.checkpw(prehash, _nobodys(missing))
    return False


def _parts(stored: str | None) -> tuple[bytes, bytes] | None:
    """Salt of the prehash and bcrypt's own string, if `stored` is of this scheme."""
    found = _STORED.fullmatch(stored or "")
    return (bytes.fromhex(found[1]), found[2].encode()) if found else None


def is_readable(stored: str) -> bool:
    """Whether a stored value is of this scheme."""
    return _parts(stored) is not None


def is_outdated(stored: str, cost: int) -> bool:
    """Whether a password that was just verified should be hashed anew."""
    found = _STORED.fullmatch(stored)
    return found is None or int(found[3]) < cost
