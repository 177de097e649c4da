"""JSON that is read value by value, whatever its size: of a file, a MB is in memory."""

import codecs
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from microblog.errors import BadArchive
from microblog.i18n import _

PIECE = 1 << 16  # characters, about
LARGEST = 1 << 20  # characters of one value
BLANK = re.compile(r"[ \t\r\n]*")

_OF_NUMBERS = {"", ".", "e", "E"}  # between its parts, or nothing yet


def _refuse(constant: str) -> None:
    """NaN and the like, which Python takes for JSON."""
    raise ValueError(constant)


_decoder = json.JSONDecoder(parse_constant=_refuse)


class JsonStream:
    """UTF-8 that `read` returns so many bytes of. Every method raises BadArchive for
    what is not JSON."""

    def __init__(self, read: Callable[[int], bytes]):
        self._read = read
        self._bytes = codecs.getincrementaldecoder("utf-8-sig")()
        self._text, self._place = "", 0
        self._has_ended = False

    def peek(self) -> str:
        """The next character that is not blank; "": there is none."""
        while True:
            found = BLANK.match(self._text, self._place)
            self._place = found.end() if found else self._place
            if self._place < len(self._text):
                return self._text[self._place]
            if not self._more():
                return ""

    def skip_past(self, mark: str) -> None:
        """Go on behind the first `mark`, a character."""
        while (place := self._text.find(mark, self._place)) < 0:
            if len(self._text) - self._place > LARGEST or not self._more():
                raise not_json()
        self._place = place + 1

    def value(self) -> Any:
        """The next value, whole."""
        self.peek()
        while True:
            try:
                value, end = _decoder.raw_decode(self._text, self._place)
            except json.JSONDecodeError:
                if len(self._text) - self._place > LARGEST or not self._more():
                    raise not_json() from None
                continue
            except (RecursionError, ValueError):  # too deep, a number too long
                raise not_json() from None
            # Of a number at the end of what was read, more may follow.
            if self._text[end : end + 1] in _OF_NUMBERS:
                if end - self._place > LARGEST:
                    raise not_json()
                if self._more():
                    continue
            self._place = end
            return value

    def items(self) -> Iterator[Any]:
        """The values of an array, one by one."""
        self._take("[")
        if self.peek() == "]":
            self._place += 1
            return
        while True:
            yield self.value()
            if self.peek() == "]":
                self._place += 1
                return
            self._take(",")

    def items_of(self, name: str) -> Iterator[Any]:
        """Of an object the values of the array under `name`, one by one."""
        self._take("{")
        while self.peek() != "}":
            found = self.value()
            self._take(":")
            if found == name:
                yield from self.items()
                return
            self.value()
            if self.peek() != "}":
                self._take(",")
        raise BadArchive(_("has no ${name}", mapping={"name": name}))

    def _take(self, expected: str) -> None:
        if self.peek() != expected:
            raise not_json()
        self._place += 1

    def _more(self) -> bool:
        """Read as much again as waits; whether there was more to read."""
        if self._has_ended:
            return False
        waiting = self._text[self._place :]
        piece = self._read(max(PIECE, len(waiting)))
        self._has_ended = not piece
        try:
            self._text = waiting + self._bytes.decode(piece, final=not piece)
        except UnicodeDecodeError:
            raise BadArchive(_("is not UTF-8")) from None
        self._place = 0
        return True


def not_json() -> BadArchive:
    """What is raised for it."""
    return BadArchive(_("is not the JSON that it should be"))
