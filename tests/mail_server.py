"""A real mail server on a port of its own, which does to mails what a test wants."""

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult

from microblog.settings import Settings

HANG_SECONDS = 2.0  # longer than the mail.timeout of tests


class MailServer:
    """What it has taken is in `taken`: recipient and message, as they came.

    `answers`: to the commands RCPT and DATA, each a reply, or HANG, or CLOSE; each is
    given once, in order; then 250.
    """

    HANG, CLOSE = "hang", "close"

    def __init__(
        self,
        smtputf8: bool = True,
        starttls: ssl.SSLContext | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.taken: list[tuple[str, bytes]] = []
        self.contents: list[bytes] = []
        self.sessions = 0
        self.answers: dict[str, list[str]] = {"RCPT": [], "DATA": []}
        self.port = 0
        self.hangs_up = False  # whether it hangs up when another mail is to begin
        self.before_reply: Callable[[], Any] = list
        self.logins: list[tuple[bytes, bytes]] = []  # needed when there is TLS
        self._smtputf8 = smtputf8
        self._starttls, self._tls = starttls, tls
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def settings(self, settings: Settings, **more: Any) -> Settings:
        """The same settings, with this mail server."""
        own = {"mail_host": "127.0.0.1", "mail_port": self.port, "mail_tls": "none"}
        return settings.model_copy(update={**own, "mail_timeout": 1, **more})

    @property
    def recipients(self) -> list[str]:
        return [to for to, _content in self.taken]

    @property
    def messages(self) -> list[EmailMessage]:
        return [
            message_from_bytes(content, policy=policy.default)
            for _to, content in self.taken
        ]

    def __enter__(self) -> "MailServer":
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *error: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        server = await self._loop.create_server(
            self._session, "127.0.0.1", 0, ssl=self._tls
        )
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()

    def _session(self) -> SMTP:
        self.sessions += 1
        return SMTP(
            self,
            hostname="mail.example.org",
            enable_SMTPUTF8=self._smtputf8,
            tls_context=self._starttls,
            require_starttls=self._starttls is not None,
            auth_required=self._starttls is not None,
            auth_require_tls=self._tls
            is None,  # It sees none of its own, but STARTTLS.
            authenticator=self._log_in,
            loop=self._loop,
        )

    def _log_in(
        self, server: Any, session: Any, envelope: Any, mechanism: str, given: Any
    ) -> AuthResult:
        self.logins.append((given.login, given.password))
        return AuthResult(success=given.password == b"right")

    async def handle_RCPT(
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        answer = await self._answer(server, "RCPT")
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.contents.append(envelope.content)
        await asyncio.to_thread(self.before_reply)
        answer = await self._answer(server, "DATA")
        if answer.startswith("250"):
            self.taken.append((envelope.rcpt_tos[0], envelope.content))
        return answer

    async def handle_RSET(self, server: Any, session: Any, envelope: Any) -> str:
        if self.hangs_up:
            server.transport.close()
        return "250 OK"

    async def _answer(self, server: Any, command: str) -> str:
        answers = self.answers[command]
        answer = answers.pop(0) if answers else "250 OK"
        if answer == self.HANG:
            await asyncio.sleep(HANG_SECONDS)
        if answer == self.CLOSE:
            server.transport.abort()
        return "250 OK" if answer == self.HANG else answer


class ClosingServer:
    """Takes connections and closes them at once."""

    def __enter__(self) -> "ClosingServer":
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()

    def _run(self) -> None:
        while True:
            try:
                connection, _address = self._socket.accept()
            except OSError:
                return
            connection.close()
