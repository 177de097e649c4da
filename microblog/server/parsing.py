"""Reads requests more strictly than waitress does: what a proxy in front could read in
another way is refused (RFC 9112), and so is what is too long."""

import copy
import re
from threading import Lock
from typing import Any
from urllib.parse import unquote_to_bytes
from weakref import WeakSet

from waitress.parser import HTTPRequestParser, ParsingError
from waitress.utilities import BadRequest, Error

LONGEST_TARGET = 2048  # bytes
LARGEST_HEADER = 16384  # bytes
# The one address that takes larger bodies than all others, and how many at a time, in
# all and of one network: they lie on the disk until they are answered.
UPLOADS = ("POST", "/settings/import")
LARGEST_UPLOAD = 64 << 20  # bytes
MOST_UPLOADS = 4
MOST_UPLOADS_NEAR = 2

_TRANSFER_CODING = re.compile(rb"^transfer-encoding:(.*)$", re.I | re.M)
# waitress's own expression takes the square of their number of steps.
_BLANKS = re.compile(rb"[ \t]{100}")
_VISIBLE = re.compile(r"[!-~]+")


class TargetTooLong(BadRequest):
    """An address that is longer than any of ours."""

    code = 414
    reason = "URI Too Long"


class TooManyUploads(BadRequest):
    """As many as there may be at a time are on their way."""

    code = 503
    reason = "Service Unavailable"


class TooManyUploadsNear(BadRequest):
    """As many as there may be of one network."""

    code = 429
    reason = "Too Many Requests"


class Parser(HTTPRequestParser):
    """One request; `error` says why it is refused."""

    completed: bool = False
    path = ""  # for who reports an error before it is read
    network = ""  # that the client belongs to, if that is known
    _uploads: WeakSet["Parser"] = WeakSet()
    # One thread reads and counts them, others answer them.
    _counting = Lock()

    @property
    def is_upload(self) -> bool:
        """Whether it is one that may be large."""
        return self in self._uploads

    def received(self, data: bytes) -> int:
        """How many bytes of `data` belong to this request."""
        head = self.header_plus + data if self.body_rcv is None else b""
        if head and not self.completed:
            self.error = _early_error(head)
            if self.error:
                self.completed, self.path = True, _path(head)
                return len(data)
        consumed: int = super().received(data)
        if head and self.error:
            # Of a header that is too long, waitress has forgotten it.
            self.path = _path(head)
        if self.is_upload and not self.error:
            self.error = self._has_no_place()
            self.completed = self.completed or self.error is not None
        if self.error:
            # waitress would keep what has come of the body until a thread is free.
            self.close()
        if self.completed:
            # waitress would ask for the body of a request that has none or is refused.
            self.expect_continue = False
        # Behind one that is refused no other is read: it would be the rest of its body.
        return len(data) if self.error else consumed

    def close(self) -> None:
        """Remove the body, and give back the place of an upload: it is answered or
        refused, or its client has gone. Until this is collected as garbage, nobody else
        would have it."""
        super().close()
        with self._counting:
            self._uploads.discard(self)

    def _has_no_place(self) -> Error | None:
        """Whether others have all places, or those near it their part of them: nobody
        who sends slowly, or without being logged in, is to keep everybody out."""
        with self._counting:
            count = len(self._uploads)
            near = [one for one in self._uploads if one.network == self.network]
        if self.network and len(near) > MOST_UPLOADS_NEAR:
            uploads = f"{MOST_UPLOADS_NEAR} uploads of your network"
            return TooManyUploadsNear(f"{uploads} are under way already")
        if count > MOST_UPLOADS:
            return TooManyUploads(f"{MOST_UPLOADS} uploads are under way already")
        return None

    def parse_header(self, header_plus: bytes) -> None:
        """Read the header. ParsingError: it is refused."""
        if b"\r\n " in header_plus or b"\r\n\t" in header_plus:
            raise ParsingError("A header is folded")
        if _BLANKS.search(header_plus):
            raise ParsingError("A header has too many blanks")
        codings = _TRANSFER_CODING.findall(header_plus)
        try:
            super().parse_header(header_plus)
        except ValueError:  # a number or an address that Python cannot read
            raise ParsingError("A header cannot be read") from None
        if self.version not in {"1.0", "1.1"}:
            raise ParsingError("The version of HTTP is neither 1.0 nor 1.1")
        if codings and (
            "CONTENT_LENGTH" in self.headers
            or self.version == "1.0"
            or len(codings) > 1
            or b"," in codings[0]
        ):
            raise ParsingError("The length of the body is not clear")
        self._check_target()
        if (getattr(self, "command", ""), self.path) == UPLOADS:
            with self._counting:
                self._uploads.add(self)
            self.adj: Any = copy.copy(self.adj)
            self.adj.max_request_body_size = LARGEST_UPLOAD + 1

    def _check_target(self) -> None:
        """A path, or an address whose host is that of the header (RFC 9112, 3.2.2)."""
        target = self.request_uri
        if not _VISIBLE.fullmatch(target):
            raise ParsingError("The address holds characters that are not allowed")
        if self.proxy_scheme or self.proxy_netloc:
            host = self.headers.get("HOST", "").lower()
            scheme, named = self.proxy_scheme.lower(), self.proxy_netloc.lower()
            if scheme not in {"http", "https"} or named != host:
                raise ParsingError("The address names another host")
            self.path = self.path or "/"
        elif not target.startswith("/") and (self.command, target) != ("OPTIONS", "*"):
            raise ParsingError("The address is not a path")


def _early_error(head: bytes) -> Error | None:
    """Why what has come of a header will be refused, whatever follows."""
    head = head.partition(b"\r\n\r\n")[0].lstrip(b"\r\n")
    if head.count(b"\n") != head.count(b"\r\n"):
        return BadRequest("A line does not end with CR and LF")
    line = head.partition(b"\r\n")[0]
    if line and not line[:1].isalpha():
        return BadRequest("This is not HTTP")
    words = line.split(b" ", 2)
    if len(words) > 1 and len(words[1]) > LONGEST_TARGET:
        return TargetTooLong(f"An address may have {LONGEST_TARGET} bytes")
    return None


def _path(head: bytes) -> str:
    """The path in the first line, or what there is of it; at most 500 bytes, one a
    character (PEP 3333)."""
    line = head.lstrip(b"\r\n").partition(b"\r\n")[0]
    target = b"".join(line.split(b" ", 2)[1:2]).partition(b"?")[0]
    return unquote_to_bytes(target[:500]).decode("latin-1")
