"""What one post of another site is here: a micropost, or nothing, and why."""

import html
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from microblog import text as grammar
from microblog.i18n import _
from microblog.portable.html_text import plain
from microblog.usernames import is_username

PUBLIC = {"https://www.w3.org/ns/activitystreams#Public", "as:Public", "Public"}
LONGEST = 20_000  # characters, of a text with all that is written around it
MOST_ENTITIES = 100  # links of one text
NAMED = re.compile(r"@(\w++)(?!@)")


class Unfit(ValueError):
    """It can be no micropost; the reason is to be translated for its reader."""


@dataclass(frozen=True)
class Past:
    """A micropost of another time; `lost` says what of it does not come along."""

    text: str
    moment: datetime
    referenced: str | None = None
    edited: datetime | None = None
    lost: str = ""


Convert = Callable[[Any], Past]


def own(record: Any) -> Past:
    """Of an export of a microblog: a line of `microposts.json`."""
    referenced, edited = record["referenced"], record["edited"]
    if referenced is not None and not is_username(referenced):
        raise Unfit(_("is not what it should be"))
    return Past(
        _checked(record["text"]),
        _iso(record["timestamp"]),
        referenced,
        _iso(edited) if edited is not None else None,
    )


def mastodon(activity: Any) -> Past:
    """Of a Mastodon archive: an activity of `outbox.json`."""
    if activity["type"] == "Announce":
        raise Unfit(_("is a boost of another's post"))
    note = activity.get("object")
    if activity["type"] != "Create" or not isinstance(note, dict):
        raise Unfit(_("is no post"))
    if note["type"] == "Question":
        raise Unfit(_("is a poll"))
    if note["type"] != "Note":
        raise Unfit(_("is no post"))
    # What few were to read must not become public, as all is here.
    if PUBLIC.isdisjoint([*_listed(note.get("to")), *_listed(note.get("cc"))]):
        raise Unfit(_("was not public"))
    media = len(_listed(note.get("attachment")))
    text = plain(_bounded(note.get("content")))
    if warning := _bounded(note.get("summary")).strip():
        text = f"{warning}\n\n{text}"
    return Past(_checked(text, media), _iso(note["published"]), lost=_without(media))


def twitter(record: Any) -> Past:
    """Of a Twitter archive: an item of `tweets.js`."""
    tweet = record.get("tweet", record)
    text = _bounded(tweet.get("full_text", tweet.get("text")))
    if text.startswith("RT @") or tweet.get("retweeted") is True:
        raise Unfit(_("is a retweet of another's post"))
    entities = tweet.get("entities") or {}
    media = _listed((tweet.get("extended_entities") or entities).get("media"))
    text = _spelt_out(text, entities, media)
    text = _checked(html.unescape(text).strip(), len(media))
    moment = datetime.strptime(tweet["created_at"], "%a %b %d %H:%M:%S %z %Y")
    return Past(text, _past(moment), lost=_without(len(media)))


def _spelt_out(text: str, entities: Any, media: list[Any]) -> str:
    """The text with links as they were typed, without those to its media, and with
    @name@twitter.com for @name: somebody else may have the name here."""
    for link in _listed(entities.get("urls"))[:MOST_ENTITIES]:
        # Once: what was put in may hold what is sought.
        text = text.replace(link["url"], link["expanded_url"], 1)
    for one in media[:MOST_ENTITIES]:
        text = text.replace(one["url"], "", 1)
    names = {
        one["screen_name"].lower() for one in _listed(entities.get("user_mentions"))
    }

    def named(found: re.Match[str]) -> str:
        return f"{found[0]}@twitter.com" if found[1].lower() in names else found[0]

    return NAMED.sub(named, text)


def converted(convert: Convert, original: Any) -> Past:
    """What a post is here. Unfit: nothing, and why."""
    try:
        return convert(original)
    except Unfit:
        raise
    except (
        AttributeError,
        LookupError,
        OverflowError,
        TypeError,
        ValueError,
    ):
        raise Unfit(_("is not what it should be")) from None


def _checked(text: object, media: int = 0) -> str:
    if not isinstance(text, str):
        raise Unfit(_("is not what it should be"))
    try:
        return grammar.checked(text)
    except ValueError as error:
        if media and not grammar.is_visible(text):
            raise Unfit(_("has media and no text")) from None
        raise Unfit(error.args[0]) from None


def _without(media: int) -> str:
    return _("${count} media left out", mapping={"count": media}) if media else ""


def _iso(moment: Any) -> datetime:
    return _past(datetime.fromisoformat(moment))


def _past(moment: datetime) -> datetime:
    """The moment, if it has been. Unfit: it has not, or not since 1970."""
    if moment.tzinfo is None:
        raise Unfit(_("has a date without a time zone"))
    moment = moment.astimezone(UTC)
    if moment > datetime.now(UTC):
        raise Unfit(_("has a date in the future"))
    if moment.timestamp() <= 0:
        raise Unfit(_("has a date before 1970"))
    return moment


def _bounded(text: Any) -> str:
    """What stands in a field of text. Unfit: it is none, or can be no micropost however
    it is read."""
    if not isinstance(text or "", str):
        raise Unfit(_("is not what it should be"))
    if len(text or "") > LONGEST:
        raise Unfit(_("is far too long"))
    return text or ""


def _listed(value: Any) -> list[Any]:
    """A property of JSON-LD, which stands alone where there is one."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
