"""What stands in a mail."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest

from microblog.mailing import links, messages
from microblog.settings import Settings
from microblog.store import (
    Database,
    Document,
    mails,
    microposts,
    notices,
    shapes,
    users,
)
from microblog.store.mails import Kind
from tests.factories import Factory

Build = Callable[..., EmailMessage]


@pytest.fixture
def public(settings: Settings) -> Settings:
    """A site as it is on the net."""
    return settings.model_copy(
        update={"site_url": "https://example.org", "site_name": "Wörter & mehr"}
    )


@pytest.fixture
def bob(make: Factory, database: Database) -> Document:
    """Whom mails reach."""
    make.user("bob", email="bob@example.com")
    return users.change(database, "bob", {"confirmed": True})


@pytest.fixture
def build(database: Database, public: Settings) -> Build:
    """The message for a mail that is just added, read as its reader gets it."""

    def one(kind: Kind, to: str | None = "bob", **more: Any) -> EmailMessage:
        mails.add(database, f"{kind} {to}", kind, to=to, **more)
        mail = mails.claim(database, f"{kind} {to}")
        assert mail is not None
        message = messages.build(database, public, mail)
        assert message is not None
        return received(message)

    return one


def received(message: EmailMessage) -> EmailMessage:
    content = message.as_bytes()
    assert max(map(len, content.split(b"\r\n"))) < 998
    assert content.count(b"\n") == content.count(b"\r\n")
    read = message_from_bytes(content, policy=policy.default)
    assert not read.defects
    assert not any(header.defects for header in read.values())
    return read


def part(message: EmailMessage, form: str) -> str:
    found = message.get_body((form,))
    assert found is not None
    content: str = found.get_content()
    return content.replace("\r\n", "\n")


def is_dropped(database: Database, settings: Settings, **mail: Any) -> bool:
    return messages.build(database, settings, {"_id": "x", **mail}) is None


def test_mention(
    make: Factory, bob: Document, build: Build, database: Database
) -> None:
    make.user("alice", name="Alice Müller")
    text = "Hello @bob 😀\n\n<b>&\n.\n"
    micropost = make.micropost("alice", text)
    message = build(Kind.MENTION, microposts=[micropost["id"]])
    assert message["Subject"] == "Alice Müller (@alice) named you on Wörter & mehr"
    assert message["To"] == "bob@example.com"
    assert message["From"].addresses[0].display_name == "Wörter & mehr"
    assert message["From"].addresses[0].addr_spec == "microblog@example.org"
    assert message["Auto-Submitted"] == "auto-generated"
    written = message["Date"].datetime
    assert abs((datetime.now(UTC) - written).total_seconds()) < 60
    plain, html = part(message, "plain"), part(message, "html")
    assert "    Hello @bob 😀\n\n    <b>&\n    .\n" in plain
    assert "Hello @bob 😀<br><br>&lt;b&gt;&amp;<br>." in html
    page = f"https://example.org/users/alice/microposts/{micropost['id']}"
    for content in (plain, html):
        assert "Alice Müller (@alice)" in content
        assert page in content
        assert "https://example.org/settings/email" in content
        assert message["List-Unsubscribe"][1:-1] in content
    assert "Hello bob," in plain


def test_one_click_unsubscribes(
    make: Factory, bob: Document, build: Build, database: Database
) -> None:
    """RFC 8058."""
    id = make.micropost("alice", "@bob")["id"]
    message = build(Kind.MENTION, microposts=[id])
    address = re.fullmatch(
        r"<https://example\.org/unsubscribe\?token=([\w.~-]+)>",
        message["List-Unsubscribe"],
    )
    assert address is not None
    assert links.read_unsubscribe(database, address[1]) == "bob"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message["List-Id"] == "<mentions.example.org>"


def test_nothing_is_loaded_and_no_colour_is_forced(
    make: Factory, bob: Document, build: Build
) -> None:
    id = make.micropost("alice", '@bob <img src="https://evil.example/x.png">')["id"]
    html = part(build(Kind.MENTION, microposts=[id]), "html")
    assert not re.search(r"<(img|link|script|style|iframe)|url\(", html)
    assert 'content="light dark"' in html
    assert not re.search(r"[^-]color:|background", html)
    assert re.findall(r'(?:src|href)="(?!https://example\.org/)', html) == []


def test_digest(make: Factory, bob: Document, build: Build, database: Database) -> None:
    made = [make.micropost("alice", f"@bob {number}") for number in range(3)]
    microposts.delete(database, made[1])
    message = build(Kind.DIGEST, microposts=[one["id"] for one in made[::-1]])
    assert message["Subject"] == "Microposts that name you on Wörter & mehr: 2"
    plain, html = part(message, "plain"), part(message, "html")
    assert re.findall("@bob ([0-9])", plain) == ["0", "2"]
    assert re.findall("@bob ([0-9])", html) == ["0", "2"]
    assert "There may be more" not in plain + html
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_digest_of_a_full_hour_says_so(
    make: Factory, bob: Document, build: Build, database: Database
) -> None:
    id = make.micropost("alice", "@bob")["id"]
    full = [{"micropost": number} for number in range(notices.MOST)]
    database.notices.insert_one({"_id": f"bob {notices.hour(id)}", "notices": full})
    message = build(Kind.DIGEST, microposts=[id])
    assert "There may be more of them." in part(message, "plain")
    assert "There may be more of them." in part(message, "html")


def test_digest_ends_after_a_hundred(
    make: Factory, bob: Document, build: Build, database: Database
) -> None:
    make.user("alice")
    many = [shapes.new_document(id, "alice", f"@bob {id}") for id in range(1, 151)]
    database.microposts.insert_many(many)
    message = build(Kind.DIGEST, microposts=[one["_id"] for one in many])
    plain = part(message, "plain")
    assert message["Subject"].endswith(": 100")
    assert re.findall(r"@bob (\d+)", plain) == [str(n) for n in range(1, 101)]
    assert "There may be more of them." in plain


def test_confirmation(
    make: Factory, database: Database, build: Build, public: Settings
) -> None:
    make.user("bob", email="bob@example.com")
    message = build(Kind.CONFIRMATION, address="bob@example.com")
    assert message["Subject"] == "Confirm your address for Wörter & mehr"
    for form in ("plain", "html"):
        content = part(message, form)
        assert "three days" in content
        token = re.search(r"https://example\.org/confirm\?token=([\w.~-]+)", content)
        assert token is not None
        read = links.read_confirmation(database, token[1])
        assert read == ("bob", "bob@example.com")
    assert "List-Unsubscribe" not in message


def test_confirmation_of_what_has_changed_is_dropped(
    make: Factory, database: Database, public: Settings
) -> None:
    make.user("bob", email="bob@example.com")
    mail = {"kind": Kind.CONFIRMATION, "to": "bob", "address": "bob@example.com"}
    assert not is_dropped(database, public, **mail)
    assert is_dropped(database, public, **{**mail, "address": "old@example.com"})
    assert is_dropped(database, public, **{**mail, "to": "nobody"})
    users.confirm(database, "bob", "bob@example.com")
    assert is_dropped(database, public, **mail)


def test_reset_lists_every_account_of_the_address(
    make: Factory, bob: Document, build: Build, database: Database
) -> None:
    make.user("robert", email="bob@example.com")
    make.user("stranger", email="bob@example.com")
    users.confirm(database, "robert", "bob@example.com")
    message = build(Kind.RESET, to=None, address="bob@example.com")
    assert message["To"] == "bob@example.com"
    assert message["Subject"] == "A new password for Wörter & mehr"
    plain, html = part(message, "plain"), part(message, "html")
    tokens = re.findall(r"https://example\.org/reset\?token=([\w.~-]+)", plain)
    read = {links.read_reset(database, token)["_id"] for token in tokens}
    assert read == {"bob", "robert"}
    assert all(token in html for token in tokens)
    for content in (plain, html):
        assert "within an hour" in content
        assert "robert" in content
        assert "stranger" not in content
        assert "do nothing" in content


@pytest.mark.parametrize(
    "address",
    ["bob@example.org", "carol@example.com", "BOB@example.com", "boｂ@example.com", ""],
)
def test_reset_for_nobody_is_dropped(
    bob: Document, make: Factory, database: Database, public: Settings, address: str
) -> None:
    make.user("carol", email="carol@example.com")
    assert is_dropped(database, public, kind=Kind.RESET, to=None, address=address)


@pytest.mark.parametrize("kind", [Kind.MENTION, Kind.DIGEST])
@pytest.mark.parametrize(
    "end",
    ["reader", "author", "micropost", "unconfirmed", "never", "renamed"],
)
def test_what_has_lost_its_sense_is_dropped(
    make: Factory,
    bob: Document,
    database: Database,
    public: Settings,
    kind: Kind,
    end: str,
) -> None:
    micropost = make.micropost("alice", "@bob")
    mail = {"kind": kind, "to": "bob", "microposts": [micropost["id"]]}
    assert not is_dropped(database, public, **mail)
    if end in {"reader", "author"}:
        users.mark_deleted(database, {"reader": "bob", "author": "alice"}[end])
    elif end == "micropost":
        microposts.delete(database, micropost)
    elif end == "renamed":
        microposts.change(database, micropost, {"text": "@carol"})
    else:
        change = {"unconfirmed": {"confirmed": False}, "never": {"mails": users.NEVER}}
        users.change(database, "bob", change[end])
    assert is_dropped(database, public, **mail)


EVIL = [
    "Eve\r\nBcc: victim@example.org",
    "Eve\nX: y",
    "Eve\rX: y",
    "Eve\x85X: y\u2028Z: y\x0bA: b\x1cC: d",
    "Eve\x00\x1b[2J",
    "Eve\u202egro.elpmaxe",
    '"Eve" <eve@evil.example>, ${site} %(site)s {{ url }}',
    "=?utf-8?q?Eve=0D=0ABcc=3A_victim=40example=2Eorg?=",
    "=\u202e?utf-8?q?Eve=0D=0ABcc=3A_victim=40example=2Eorg?=",
    "😀" * 50,
]


@pytest.mark.parametrize("name", EVIL)
def test_names_add_no_header(
    make: Factory,
    bob: Document,
    database: Database,
    public: Settings,
    name: str,
) -> None:
    make.user("eve")
    # Past the checks of every form, as an operator's own script could.
    database.users.update_one({"_id": "eve"}, {"$set": {"name": name}})
    id = make.micropost("eve", "@bob")["id"]
    mail = {"_id": "x", "kind": Kind.MENTION, "to": "bob", "microposts": [id]}
    evil = public.model_copy(update={"site_name": name})
    plain, built = messages.build(database, public, mail), None
    built = messages.build(database, evil, mail)
    assert plain is not None
    assert built is not None
    read = received(built)
    assert set(read) == set(received(plain))
    assert len(read["From"].addresses) == len(read["To"].addresses) == 1
    assert read["From"].addresses[0].addr_spec == "microblog@example.org"
    assert "(@eve) named you on" in read["Subject"]
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u202e]", read["Subject"])


@pytest.mark.parametrize(
    "address",
    [
        "a@x.example,b@example.org",
        "x<victim@example.org>",
        '"a b"@example.org',
        "a@example.org>",
        "a;b@example.org",
        "@example.org",
        "=?utf-8?q?=0D=0ABcc=3Aa=40b.org?=@example.org",
    ],
)
def test_addresses_that_could_mean_another_are_refused(
    make: Factory, bob: Document, database: Database, public: Settings, address: str
) -> None:
    users.change(database, "bob", {"email": address})
    id = make.micropost("alice", "@bob")["id"]
    mail = {"_id": "x", "kind": Kind.MENTION, "to": "bob", "microposts": [id]}
    with pytest.raises(ValueError, match="address"):
        messages.build(database, public, mail)


def test_the_same_mail_has_the_same_id(
    make: Factory, bob: Document, database: Database, public: Settings
) -> None:
    id = make.micropost("alice", "@bob")["id"]
    mail = {"_id": "x", "kind": Kind.MENTION, "to": "bob", "microposts": [id]}
    first, again, other = (
        messages.build(database, public, {**mail, "_id": name}) for name in "xxy"
    )
    assert first is not None
    assert again is not None
    assert other is not None
    assert re.fullmatch(r"<[0-9a-f]{32}@example\.org>", first["Message-ID"])
    assert first["Message-ID"] == again["Message-ID"] != other["Message-ID"]


@pytest.mark.parametrize(
    ("chosen", "default", "language"),
    [("", "en", "en"), ("", "de", "de"), ("de", "en", "de"), ("en", "de", "en")],
)
def test_mails_speak_the_language_of_their_reader(
    make: Factory,
    bob: Document,
    database: Database,
    public: Settings,
    chosen: str,
    default: str,
    language: str,
) -> None:
    users.change(database, "bob", {"language": chosen})
    id = make.micropost("alice", "@bob")["id"]
    mail = {"_id": "x", "kind": Kind.MENTION, "to": "bob", "microposts": [id]}
    site = public.model_copy(update={"site_language": default})
    message = messages.build(database, site, mail)
    assert message is not None
    assert message["Content-Language"] == language
    assert f'<html lang="{language}">' in part(received(message), "html")
