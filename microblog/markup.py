"""From what people have written to HTML that does nothing but show it."""

import hashlib
import re
from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache

from linkify_it import LinkifyIt
from markupsafe import Markup, escape

from microblog import text as grammar
from microblog.i18n import _
from microblog.store import ids

# In this order: many browsers also name those that they want to be taken for.
_BROWSERS = {
    "Edg/": "Edge",
    "OPR/": "Opera",
    "Firefox/": "Firefox",
    "Chrome/": "Chrome",
    "Safari/": "Safari",
    "curl/": "curl",
}
_SYSTEMS = {
    "Android": "Android",
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Windows": "Windows",
    "Mac OS X": "macOS",
    "Linux": "Linux",
}

MINUTE, HOUR, DAY, WEEK = 60, 3600, 86400, 7 * 86400
HUES = 12

_linkify = LinkifyIt(
    {"ftp:": None, "mailto:": None, "//": None},
    {"fuzzy_link": False, "fuzzy_email": False, "fuzzy_ip": False},
)
_NAMES = re.compile(f"{grammar.MENTION.pattern}|{grammar.TAG.pattern}")


@lru_cache(maxsize=4096)
def linked(text: str) -> Markup:
    """The text with links for http(s) addresses, mentions and tags; all else inert."""
    return Markup("").join(_pieces(text))


def for_xml(text: str) -> str:
    """The text without the two characters that XML has no place for."""
    return text.translate({0xFFFE: 0xFFFD, 0xFFFF: 0xFFFD})


def content(text: str) -> str:
    """The HTML of `linked` as a string, for a feed that escapes it once more."""
    return str(linked(text)).replace("\n", "<br>")


def _pieces(text: str) -> Iterator[Markup]:
    done = 0
    for found in _linkify.match(text) or ():
        yield from _with_names(text, done, found.index)
        yield _link(found.url, found.text)
        done = found.last_index
    yield from _with_names(text, done, len(text))


def _link(url: str, text: str) -> Markup:
    return Markup('<a href="{}" rel="nofollow noopener ugc">{}</a>').format(url, text)


def _with_names(text: str, start: int, end: int) -> Iterator[Markup]:
    """The piece of `text` with its mentions and tags as links."""
    done = start
    for found in _NAMES.finditer(text, start, end):
        name, tag = found.groups()
        yield escape(text[done : found.start()])
        if name:
            yield Markup('<a href="/users/{}">@{}</a>').format(name.lower(), name)
        elif tag.isdigit():
            yield escape(found[0])
        else:
            address = grammar.fold(tag)
            yield Markup('<a href="/tags/{}">#{}</a>').format(address, tag)
        done = found.end()
    yield escape(text[done:end])


@lru_cache(maxsize=4096)
def avatar(username: str) -> Markup:
    """A picture drawn from the username: five by five squares, alike left and right, in
    one of HUES colours (classes `hue0` and so on)."""
    digest = hashlib.sha256(username.encode()).digest()
    squares = []
    for index in range(15):
        column, row = divmod(index, 5)
        if digest[index] % 2:
            squares += [(column, row)] + [(4 - column, row)] * (column < 2)
    path = "".join(f"M{x} {y}h1v1h-1z" for x, y in squares)
    return Markup(
        '<svg class="avatar hue{}" viewBox="-1 -1 7 7" aria-hidden="true">'
        '<path d="{}"/></svg>'
    ).format(digest[15] % HUES, path)


def age(moment: datetime, now: datetime) -> str:
    """How long ago, short; from a week on the day."""
    seconds = max(0, int((now - moment).total_seconds()))
    if seconds < MINUTE:
        return _("now")
    if seconds < HOUR:
        return _("${count} min", mapping={"count": seconds // MINUTE})
    if seconds < DAY:
        return _("${count} h", mapping={"count": seconds // HOUR})
    if seconds < WEEK:
        return _("${count} d", mapping={"count": seconds // DAY})
    return day(moment)


@lru_cache(maxsize=4096)
def day_of(number: int) -> str:
    """A day that is counted from 1970."""
    return day(ids.moment(ids.of_day(number)))


def sentence(text: str) -> str:
    """A detail of an error as a sentence."""
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def browser(agent: str) -> str:
    """What a browser calls itself, short: "Firefox, Linux"; "" if we know neither."""
    found = [
        next((name for sign, name in signs.items() if sign in agent), "")
        for signs in (_BROWSERS, _SYSTEMS)
    ]
    return ", ".join(filter(None, found))


def iso(moment: datetime) -> str:
    """A moment in UTC, to the second (RFC 3339)."""
    return f"{moment.replace(tzinfo=None).isoformat(timespec='seconds')}Z"


def day(moment: datetime) -> str:
    """The day, in the order that every language reads."""
    return moment.date().isoformat()
