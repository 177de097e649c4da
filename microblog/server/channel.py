"""A connection: how long it may keep us waiting, and how it ends."""

import json
import socket
import time
from contextlib import suppress
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from waitress.channel import HTTPChannel
from waitress.task import ErrorTask, WSGITask

from microblog import request_log
from microblog.server.draining import is_draining
from microblog.server.parsing import Parser

SLOWEST = 1024  # bytes of an answer, taken in a second
UPLOAD_TIMES = 20  # as long as any other body may an upload take
LINGER_SECONDS = 5  # for who still sends what was refused
DRAINING_IDLE_SECONDS = 1
AGAIN = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}

TIMEOUT = (
    b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
)


class Head(bytes):
    """The head of an answer."""


class Answer(WSGITask):
    """The application's answer to a request."""

    def build_response_header(self) -> Head:
        """In a process that is about to end, the last answer says so."""
        if is_draining() and len(self.channel.requests) < 2:
            self.request.headers["CONNECTION"] = "close"
        return Head(super().build_response_header())

    def finish(self) -> None:
        """The end, also of an answer that is all head."""
        super().finish()
        self.channel.write_soon(b"")


class Refusal(ErrorTask):
    """The answer to a request that does not reach the application."""

    def execute(self) -> None:
        """Problem details (RFC 9457) to an app, else a line of text."""
        error, path = self.request.error, self.request.path
        title = HTTPStatus(error.code).phrase
        content_type, body = "text/plain", f"{title}: {error.body}\n"
        if path == "/api" or path.startswith("/api/"):
            content_type = "application/problem+json"
            body = json.dumps(
                {
                    "type": "about:blank",
                    "title": title,
                    "status": error.code,
                    "detail": error.body,
                    "instance": quote(path.encode("latin-1")),
                }
            )
        self.status = f"{error.code} {title}"
        self.response_headers += [
            ("Content-Type", content_type),
            ("X-Content-Type-Options", "nosniff"),
        ]
        if error.code in AGAIN:
            self.response_headers.append(("Retry-After", "5"))
        self.set_close_on_finish()
        self.content_length = len(body)
        # What failed in the application has its line already.
        if error.code != HTTPStatus.INTERNAL_SERVER_ERROR:
            method, address = getattr(self.request, "command", ""), self.channel.addr[0]
            request_log.refused(method, path, address, error.code, len(body))
        self.write(body.encode("ascii"))


class Channel(HTTPChannel):
    """A connection. `since`: when its client last did what we wait for."""

    task_class = Answer
    error_task_class = Refusal

    close_when_flushed: bool = False
    taken = 0  # bytes of answers, since `since`
    refused = False  # its last request
    lingering = False
    head = b""  # that waits for what follows it

    def __init__(self, server: Any, sock: Any, addr: Any, adj: Any, map: Any):
        self.since = time.monotonic()
        super().__init__(server, sock, addr, adj, map=map)

    def parser_class(self, adj: Any) -> Parser:
        """A reader of the next request, which knows where it comes from; of a proxy's
        clients it is not known yet."""
        parser, address = Parser(adj), self.addr[0]
        if address != self.server.settings.http_trusted_proxy:
            parser.network = request_log.network(address)
        return parser

    def look(self, now: float) -> None:
        """Close the connection of a client that keeps us waiting for too long."""
        if self._has_time(now):
            return
        self.give_up()
        # Whoever reads nothing never lets the socket become writable.
        self.handle_close()

    def _has_time(self, now: float) -> bool:
        settings = self.server.settings
        if self.total_outbufs_len:
            limit = settings.http_answer_seconds
            if self.taken >= SLOWEST * limit:
                self.since, self.taken = now, 0
        elif self.requests:
            self.since, self.taken = now, 0
            return True
        elif self.lingering:
            limit = LINGER_SECONDS
        elif self.request is None:
            limit = settings.http_idle_seconds
            if is_draining():
                limit = min(limit, DRAINING_IDLE_SECONDS)
        elif self.request.headers_finished:
            limit = settings.http_body_seconds
            if self.request.is_upload:
                limit *= UPLOAD_TIMES
        else:
            limit = settings.http_header_seconds
        return now - self.since <= limit and not self.will_close

    @property
    def is_waiting(self) -> bool:
        """Whether it is the client's turn to send."""
        return not (self.requests or self.total_outbufs_len)

    def give_up(self) -> None:
        """Close it, in the next turn; to who has begun a request, say why."""
        if self.is_waiting and self.request is not None:
            with suppress(OSError):
                self.send(TIMEOUT, do_close=False)
        self.will_close = True

    def received(self, data: bytes) -> bool:
        """Read requests; the clock of each begins with its first byte."""
        if self.lingering:
            return False
        before = self.request
        done: bool = super().received(data)
        if self.request is not before:
            self.since = time.monotonic()
        return done

    def write_soon(self, data: Any) -> int:
        """Send as soon as possible; a head in one piece with what follows, for twice
        the calls of the system are twice the work, here and for who reads."""
        if isinstance(data, Head):
            self.head = data
            return len(data)
        head, self.head = self.head, b""
        if head and isinstance(data, bytes):
            data = head + data
        elif head:
            super().write_soon(head)
        written: int = super().write_soon(data)
        return written

    def send(self, data: bytes, do_close: bool = True) -> int:
        """Send what goes out without waiting; how many bytes went."""
        sent: int = super().send(data, do_close)
        self.taken += sent
        return sent

    def service(self) -> None:
        """Answer the first request in line."""
        self.refused = self.requests[0].error is not None
        super().service()
        self.since = time.monotonic()

    def handle_close(self) -> None:
        """The client has gone, or is given up."""
        if self.request is not None:
            self.request.close()
        super().handle_close()

    def handle_write(self) -> None:
        """Send what waits, or close. Closed while its client still sends, a connection
        is reset, and the answer that says why can be lost: that end is waited for."""
        if self.refused and self.close_when_flushed and not self.total_outbufs_len:
            self.since, self.lingering = time.monotonic(), True
            self.close_when_flushed = False
            self.socket.shutdown(socket.SHUT_WR)
        else:
            super().handle_write()
