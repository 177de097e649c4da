"""Passwords: which are good enough, how they are kept, how they are verified."""

import base64
import hashlib
import hmac
import secrets
import unicodedata
from functools import cache

import bcrypt

from microblog import text

MAXIMUM_BYTES = 4096
SCHEME = "bcrypt-hmac-sha256"

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
        raise ValueError(f"is longer than {MAXIMUM_BYTES} bytes")
    text.check_characters(password)
    password = unicodedata.normalize("NFC", password)
    if len(password) < minimum:
        raise ValueError(f"must have at least {minimum} characters")
    folded = password.casefold()
    if folded in _common():
        raise ValueError("is one that many people use")
    if _is_run(folded):
        raise ValueError("is a sequence or a repetition")
    # A name of one or two letters occurs in any sentence and gives nothing away.
    if any(name.casefold() in folded for name in unlike if len(name) > 3):
        raise ValueError("must not contain the username or the name of the site")
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
    hashed = bcrypt.hashpw(_prehash(password, salt), bcrypt.gensalt(cost)).decode()
    return f"{SCHEME}${salt.hex()}{hashed}"


@cache
def _nobodys(cost: int) -> str:
    return hash(secrets.token_urlsafe(), cost)


def verify(password: str, stored: str | None, cost: int) -> bool:
    """Whether `password` is the one that was stored; takes as long when none was.

    A stored value that cannot be read is nobody's password, not an error.
    """
    if len(password.encode("utf-8", "surrogatepass")) > MAXIMUM_BYTES:
        return False
    scheme, salt, hashed = _parts(stored) or _parts(_nobodys(cost)) or ("", b"", b"")
    try:
        equal = bcrypt.checkpw(_prehash(password, salt), hashed)
    except ValueError:
        _parts(_nobodys(cost))
        return False
    return equal and _parts(stored) is not None


def _parts(stored: str | None) -> tuple[str, bytes, bytes] | None:
    scheme, _, rest = (stored or "").partition("$")
    salt, dollar, hashed = rest.partition("$")
    if scheme != SCHEME or len(hashed) != 59:
        return None
    try:
        return scheme, bytes.fromhex(salt), (dollar + hashed).encode("ascii")
    except ValueError:
        return None


def is_outdated(stored: str, cost: int) -> bool:
    """Whether a password that was just verified should be hashed anew."""
    parts = _parts(stored)
    return parts is None or int(parts[2].split(b"$")[2]) < cost
