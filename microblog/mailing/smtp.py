"""How a message leaves: by a mail server, or into a folder.

Both ask `hand` before the last step, after which nobody can be sure that the message
is not taken; if it says no, nothing is sent.
"""

import hashlib
import re
import smtplib
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

from microblog import text as grammar
from microblog.settings import Settings

Hand = Callable[[], bool]
Reply = tuple[int, bytes]


class NotSent(Exception):
    """Why a message was not sent, said for an operator."""


class ForNow(NotSent):
    """It can be tried again."""


class Unreachable(ForNow):
    """So can every other message: the server takes none at all."""


class ForGood(NotSent):
    """The server will never take it."""


class Unknown(NotSent):
    """The server may have taken it."""


def folder(settings: Settings) -> Path:
    """Where messages go as long as no mail server is set."""
    return settings.data_dir / "mail"


class Folder:
    """Messages as files, named after when they came."""

    def __init__(self, path: Path):
        self.path = path

    def send(self, message: EmailMessage, hand: Hand) -> bool:
        """Write the message, over itself if it is there; False: `hand` said no."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        digest = hashlib.sha256(message["Message-ID"].encode()).hexdigest()[:12]
        new = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}-{digest}.eml"
        path = next(self.path.glob(f"*-{digest}.eml"), self.path / new)
        temporary = path.with_suffix(".new")
        temporary.touch(mode=0o600)
        temporary.write_bytes(message.as_bytes())
        if handed := hand():
            temporary.rename(path)
        temporary.unlink(missing_ok=True)
        return handed

    def close(self) -> None:
        """Nothing is open."""


class Server:
    """The mail server, by one connection for all messages."""

    def __init__(self, settings: Settings):
        self.settings = settings
        self._client: smtplib.SMTP | None = None

    def send(self, message: EmailMessage, hand: Hand) -> bool:
        """Send the message; False: `hand` said no. Unreachable, ForNow, ForGood,
        Unknown: why it was not sent."""
        client = self._ready()
        handed = False
        try:
            _begin(client, message)
            if handed := hand():
                _end(client)
        except smtplib.SMTPException as error:
            raise ForNow(_reason(error)) from None
        except NotSent:
            handed = True  # The server has answered, and the next message may come.
            raise
        finally:
            # What has no last dot must not get one by another message.
            if not handed:
                client.close()
        return handed

    def close(self) -> None:
        """Take leave of the server."""
        if self._client is not None:
            with suppress(OSError):
                self._client.quit()
            self._client.close()

    def _ready(self) -> smtplib.SMTP:
        """A connection on which a message can begin."""
        if self._client is not None:
            with suppress(OSError):
                if self._client.rset()[0] == 250:
                    return self._client
            self._client.close()
        self._client = self._connected()
        return self._client

    def _connected(self) -> smtplib.SMTP:
        try:
            client = self._open()
        except OSError as error:
            raise Unreachable(_reason(error)) from None
        try:
            if client.sock:
                # Else the dot, a packet by itself, waits 40 ms for the server to have
                # acknowledged what came before it.
                client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._greet(client)
        except (OSError, UnicodeError) as error:
            client.close()
            raise Unreachable(_reason(error)) from None
        return client

    def _open(self) -> smtplib.SMTP:
        settings = self.settings
        address = settings.mail_host, settings.mail_port
        domain = settings.sender.rpartition("@")[2]
        # None: the name of this machine, which can take seconds to find.
        name = domain if domain.isascii() else None
        if settings.mail_tls == "tls":
            context = ssl.create_default_context()
            return smtplib.SMTP_SSL(
                *address, name, timeout=settings.mail_timeout, context=context
            )
        return smtplib.SMTP(*address, name, timeout=settings.mail_timeout)

    def _greet(self, client: smtplib.SMTP) -> None:
        settings = self.settings
        if settings.mail_tls == "starttls":
            client.starttls(context=ssl.create_default_context())
        client.ehlo_or_helo_if_needed()
        if settings.mail_username:
            password = settings.mail_password.get_secret_value()
            client.login(settings.mail_username, password)


Way = Server | Folder


def way(settings: Settings) -> Way:
    """How messages leave this site; to be closed."""
    return Server(settings) if settings.mail_host else Folder(folder(settings))


def _begin(client: smtplib.SMTP, message: EmailMessage) -> None:
    """Send everything but the last dot."""
    sender, to = (message[name].addresses[0].addr_spec for name in ("From", "To"))
    international = not (sender + to).isascii()
    if international and not client.has_extn("smtputf8"):
        raise ForGood("the mail server takes ASCII addresses only")
    code, said = client.mail(sender, ["SMTPUTF8"] if international else [])
    if code // 100 != 2:
        raise Unreachable(_line(f"{code} {said.decode(errors='replace')}"))
    _check(client.rcpt(to), 2)
    _check(client.docmd("DATA"), 3)
    # A line that begins with a dot gets one more: alone, it ends the message.
    client.send(re.sub(rb"(?m)^\.", b"..", message.as_bytes()))


def _end(client: smtplib.SMTP) -> None:
    """Send the last dot; the message is the server's with its reply."""
    try:
        client.send(b".\r\n")
        reply = client.getreply()
    except smtplib.SMTPException as error:
        # smtplib says the same of a server that hangs as of one that has hung up.
        hangs = isinstance(error.__context__, TimeoutError)
        if isinstance(error, smtplib.SMTPServerDisconnected) and not hangs:
            raise
        client.close()
        raise Unknown("no reply: the mail server may have taken it") from None
    if reply[0] // 100 not in {2, 4, 5}:
        client.close()
        raise Unknown("no clear reply: the mail server may have taken it")
    _check(reply, 2)


def _check(reply: Reply, hundreds: int) -> None:
    code, said = reply
    if code // 100 != hundreds:
        kind = ForGood if code // 100 == 5 else ForNow
        raise kind(_line(f"{code} {said.decode(errors='replace')}"))


def _reason(error: Exception) -> str:
    return _line(f"{type(error).__name__}: {error}")


def _line(said: str) -> str:
    return grammar.without_controls(" ".join(said.split()))[:300]
