"""The grammar of a micropost's text: what is accepted, and what is read out of it."""

import re
import unicodedata

from microblog.i18n import _

MAXIMUM = 255  # code points

_MOST_COMPOSED = 4  # code points that NFC makes one of
_LINE_ENDS = re.compile("\r\n|[\r\u2028\u2029]")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_SURROGATE = re.compile("[\ud800-\udfff]")
# Letters by category that nevertheless leave the screen empty.
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")
# For the document of the API, as regular expressions of JavaScript go: one character
# that is seen, all of them allowed. It knows what is blank of the first 65,536 alone.
PATTERN = (
    r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]*"
    r"[^\u0000-\u0020\u007f-\u00a0\u00ad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891"
    r"\u08e2\u115f\u1160\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u2064"
    r"\u2066-\u206f\u2800\u3000\u3164\ufeff\uffa0\ufff9-\ufffb]"
    r"[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]*$"
)
MENTION = re.compile(r"(?<![\w@/.])@([A-Za-z0-9_]{1,30})(?![\w@])")
TAG = re.compile(r"(?<![\w#&/])#(\w{1,100})(?!\w)")


def normalise(text: str) -> str:
    """NFC, and every line end as LF: the form that is counted, stored and searched."""
    return unicodedata.normalize("NFC", _LINE_ENDS.sub("\n", text))


def fold(text: str) -> str:
    """The form in which two texts that differ only in case are equal."""
    return unicodedata.normalize("NFC", text.casefold())


def check_characters(text: str) -> None:
    """ValueError if `text` has a character that no text on this site may have."""
    if _SURROGATE.search(text):
        raise ValueError(_("has half a character (a lone surrogate)"))
    if found := _CONTROL.search(text):
        code = f"U+{ord(found[0]):04X}"
        raise ValueError(_("has the control character ${code}", mapping={"code": code}))


def without_controls(text: str) -> str:
    """The text as a page can show it, whatever it is."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def is_visible(text: str) -> bool:
    """Whether a reader would see anything at all."""
    return any(
        character not in _BLANK
        and unicodedata.category(character) not in {"Zs", "Zl", "Zp", "Cc", "Cf"}
        for character in text
    )


def checked(raw: str, maximum: int = MAXIMUM) -> str:
    """The normalised text of a micropost. ValueError: why it cannot be one."""
    text = _LINE_ENDS.sub("\n", raw)
    # What takes a minute for 200,000 combining marks leaves a quarter of them at least.
    if len(text) <= _MOST_COMPOSED * maximum:
        text = normalise(text)
    check_characters(text)
    if len(text) > maximum:
        message = _("is ${count} characters long, ${maximum} are allowed")
        raise ValueError(message % {"count": len(text), "maximum": maximum})
    if not is_visible(text):
        raise ValueError(_("is empty"))
    return text


def mentions(text: str) -> list[str]:
    """The usernames that `text` names with @, each once, in order."""
    return list(dict.fromkeys(name.lower() for name in MENTION.findall(text)))


def tags(text: str) -> list[str]:
    """The tags of `text`, case-folded, without #, each once, in order."""
    found = (fold(tag) for tag in TAG.findall(text))
    return list(dict.fromkeys(tag for tag in found if not tag.isdigit()))
