"""From a mail in the store to a message. All that it says is read when it is sent."""

import gettext
import hashlib
import re
from collections.abc import Callable
from datetime import UTC, datetime
from email import policy
from email.headerregistry import (
    Address,
    BaseHeader,
    HeaderRegistry,
    UnstructuredHeader,
)
from email.message import EmailMessage
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from translationstring import TranslationString

from microblog import text as grammar
from microblog.i18n import DOMAIN, _
from microblog.mailing import links
from microblog.mailing.mentions import wants
from microblog.settings import Settings
from microblog.store import Database, Document, notices, users
from microblog.store.mails import Kind

PACKAGE = Path(__file__).parents[1]
LINES = 100  # microposts in a digest

# They turn the letters of a line around, and would those of what stands beside a name.
_DIRECTIONS = re.compile("[\u202a-\u202e\u2066-\u2069]")
# Anything else is an address in some sense, but not surely in the server's.
_ADDRESS = re.compile(r'(?!.*=\?)[^\s@<>()\[\],;:\\"]+@[^\s@<>()\[\],;:\\"]+')


class _Whole(UnstructuredHeader, BaseHeader):
    """A header that is never folded: the library would encode a long address."""

    def fold(self, *, policy: Any) -> str:
        return f"{self.name}: {self}{policy.linesep}"


_headers = HeaderRegistry()
_headers.map_to_type("list-unsubscribe", _Whole)
POLICY = policy.SMTP.clone(header_factory=_headers)


def build(
    database: Database, settings: Settings, mail: Document
) -> EmailMessage | None:
    """The message for a mail; None: there is nothing to say any more, or nobody to say
    it to. ValueError: the address is none."""
    content = _CONTENTS[mail["kind"]](database, settings, mail)
    if content is None:
        return None
    reader, subject, values = content
    values |= {"site": settings.site_name, "url": settings.url, "reader": reader}
    message = _message(settings, mail, reader, subject, values)
    if "unsubscribe" in values:
        message["List-Id"] = f"<mentions.{settings.sender.rpartition('@')[2]}>"
        message["List-Unsubscribe"] = f"<{values['unsubscribe']}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return message


# The reader's document, the subject, and what the template of that kind uses.
Content = tuple[Document, str, dict[str, Any]] | None


def _mention(database: Database, settings: Settings, mail: Document) -> Content:
    reader, named = _named(database, settings, mail)
    if not reader or not named:
        return None
    values = {"author": named[0]["by"], "site": settings.site_name}
    subject = _("${author} named you on ${site}", mapping=values)
    return reader, subject, _listed(database, settings, reader, {"micropost": named[0]})


def _digest(database: Database, settings: Settings, mail: Document) -> Content:
    reader, named = _named(database, settings, mail)
    if not reader or not named:
        return None
    hours = {notices.hour(id) for id in mail["microposts"]}
    shown = named[:LINES]
    more = len(named) > LINES or notices.overflowed(database, reader["_id"], hours)
    values = {"count": len(shown), "site": settings.site_name}
    subject = _("Microposts that name you on ${site}: ${count}", mapping=values)
    values = {"microposts": shown, "more": more}
    return reader, subject, _listed(database, settings, reader, values)


def _confirmation(database: Database, settings: Settings, mail: Document) -> Content:
    user, address = users.find(database, mail["to"]), mail["address"]
    if user is None or user["email"] != address or user["confirmed"]:
        return None
    token = links.confirmation(database, user["_id"], address)
    values = {"link": f"{settings.url}/confirm?token={token}"}
    subject = _("Confirm your address for ${site}", {"site": settings.site_name})
    return user, subject, values


def _reset(database: Database, settings: Settings, mail: Document) -> Content:
    address = mail["address"]
    found = users.by_email(database, address)
    confirmed = [user for user in found if user.get("confirmed")]
    if not confirmed:
        return None
    accounts = [
        {
            "username": user["_id"],
            "link": f"{settings.url}/reset?token={links.reset(database, user)}",
        }
        for user in confirmed
    ]
    subject = _("A new password for ${site}", mapping={"site": settings.site_name})
    # To the address as the user has it: what was typed may only look like it.
    return confirmed[0], subject, {"accounts": accounts}


_CONTENTS: dict[str, Callable[[Database, Settings, Document], Content]] = {
    Kind.MENTION: _mention,
    Kind.DIGEST: _digest,
    Kind.CONFIRMATION: _confirmation,
    Kind.RESET: _reset,
}


def _named(
    database: Database, settings: Settings, mail: Document
) -> tuple[Document | None, list[Document]]:
    """The reader, if mails may still come, and the microposts of the mail that are
    still there and name the reader, one more than a digest shows at most."""
    reader = users.find(database, mail["to"])
    if reader is None or not wants(reader):
        return None, []
    naming = notices.naming(database, reader["_id"], mail["microposts"])
    # Of a deleted author, some may still be there.
    found = list(islice(naming, LINES + 1))
    authors = users.find_many(database, {one["author"] for one in found})
    return reader, [
        {
            "by": _called(authors[one["author"]]),
            "text": one["text"],
            "link": f"{settings.url}/users/{one['author']}/microposts/{one['_id']}",
        }
        for one in found
        if one["author"] in authors and users.is_seen(authors[one["author"]])
    ]


def _called(user: Document) -> str:
    at = f"@{user['_id']}"
    return f"{_line(user['name'])} ({at})" if user["name"] else at


def _listed(
    database: Database, settings: Settings, reader: Document, values: dict[str, Any]
) -> dict[str, Any]:
    """With the way out of mails that nobody has asked for one by one."""
    token = links.unsubscribe(database, reader["_id"])
    return {**values, "unsubscribe": f"{settings.url}/unsubscribe?token={token}"}


def _message(
    settings: Settings,
    mail: Document,
    reader: Document,
    subject: str,
    values: dict[str, Any],
) -> EmailMessage:
    if not _ADDRESS.fullmatch(reader["email"]):
        raise ValueError("no mail server would understand the address")
    language = reader.get("language") or settings.site_language
    ascii_only = (settings.sender + reader["email"]).isascii()
    name, _at, domain = settings.sender.rpartition("@")
    message = EmailMessage(policy=POLICY.clone(utf8=not ascii_only))
    message["From"] = Address(_line(settings.site_name), name, domain)
    message["To"] = reader["email"]
    message["Subject"] = _line(_translated(subject, language))
    message["Date"] = datetime.now(UTC)
    digest = hashlib.sha256(mail["_id"].encode()).hexdigest()[:32]
    message["Message-ID"] = f"<{digest}@{domain}>"
    message["Auto-Submitted"] = "auto-generated"
    environment = templates(language)
    for form, add in (("txt", message.set_content), ("html", message.add_alternative)):
        template = environment.get_template(f"mails/{mail['kind']}.{form}.jinja2")
        content = template.render(values, subject=message["Subject"], language=language)
        subtype = "plain" if form == "txt" else form
        add(content, subtype=subtype, cte="quoted-printable")
    message["Content-Language"] = language
    return message


def _line(text: str) -> str:
    """A text of people as a part of a header's line."""
    line = grammar.without_controls(" ".join(text.split()))
    # So begins an encoded word, which the library decodes: line ends come out of it,
    # and are written as such.
    return _DIRECTIONS.sub("", line).replace("=?", "= ?")


def _translated(message: str, language: str) -> str:
    translated = _catalogue(language).gettext(message)
    return str(TranslationString(message).interpolate(translated))


@cache
def _catalogue(language: str) -> gettext.NullTranslations:
    return gettext.translation(DOMAIN, PACKAGE / "locale", [language], fallback=True)


@cache
def templates(language: str) -> Environment:
    """The templates, inside an installed package or beside the package."""
    environment = Environment(
        loader=FileSystemLoader([PACKAGE / "templates", PACKAGE.parent / "templates"]),
        extensions=["jinja2.ext.i18n"],
        autoescape=select_autoescape(["html.jinja2"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.install_gettext_translations(  # type: ignore[attr-defined]
        _catalogue(language), newstyle=True
    )
    return environment
