"""A tar, file by file, of which no header is long.

Not by `tarfile`: before Python 3.11.10 it takes minutes for a header of some KB
(CVE-2024-6232), and it holds a chain of headers, or the map of a file with holes,
however long that is.
"""

import tarfile
from collections.abc import Callable, Iterator

from microblog.errors import BadArchive
from microblog.i18n import _

Read = Callable[[int], bytes]

BLOCK = tarfile.BLOCKSIZE
LARGEST_HEADER = 8192  # bytes; a path of Linux has 4096
MOST_HEADERS = 100_000
SKIPPED = 1 << 16  # bytes at once


class _Part:
    """So many bytes of a tar."""

    def __init__(self, read: Read, size: int):
        if size < 0:
            raise ValueError
        self._read, self._left = read, size

    def read(self, size: int) -> bytes:
        """The next of them. EOFError: there are less than there should be."""
        content = self._read(min(size, self._left))
        if self._left and not content:
            raise EOFError
        self._left -= len(content)
        return content

    def rest(self) -> Iterator[bytes]:
        """All that are left."""
        return iter(lambda: self.read(SKIPPED), b"")


def files(read: Read) -> Iterator[tuple[str, Read]]:
    """The name of each file, and what reads it until the next is asked for.

    EOFError, ValueError, TarError: it cannot be read. BadArchive: more is in it, or
    something else, than is read here.
    """
    found: dict[bytes, bytes] = {}  # of the next file, in place of what its header says
    for _number in range(MOST_HEADERS):
        head = b"".join(_Part(read, BLOCK).rest())
        if not head.strip(b"\0"):
            return
        member = tarfile.TarInfo.frombuf(head, "utf-8", "surrogateescape")
        if member.type == tarfile.GNUTYPE_SPARSE:
            raise BadArchive(_("is encrypted, or packed in an unusual way"))
        if member.type in _HEADERS:
            found |= _HEADERS[member.type](_header(read, member.size))
            continue
        size = int(found.get(b"size", member.size))
        if member.isreg():
            name = found.get(b"path", b"").decode("utf-8", "surrogateescape")
            content = _Part(read, size)
            yield name or member.name, content.read
            _skip(content)
            _skip(_Part(read, -size % BLOCK))
        elif member.type not in tarfile.SUPPORTED_TYPES:
            _skip(_Part(read, size + -size % BLOCK))
        found = {}
    raise BadArchive(_("holds too many files: take the one with the posts"))


def _skip(part: _Part) -> None:
    for _piece in part.rest():
        pass


def _header(read: Read, size: int) -> bytes:
    """What says more of the next file than has room in its own header."""
    if size > LARGEST_HEADER:
        raise ValueError
    content = b"".join(_Part(read, size + -size % BLOCK).rest())
    return content[:size]


def _long_name(content: bytes) -> dict[bytes, bytes]:
    return {b"path": content.rstrip(b"\0")}


def _records(content: bytes) -> dict[bytes, bytes]:
    """Of a pax header (POSIX.1-2017, pax, Extended Header): "LENGTH KEY=VALUE\\n"."""
    found, place = {}, 0
    while place < len(content):
        length, _blank, _more = content[place : place + 6].partition(b" ")
        end = place + int(length)
        key, mark, value = content[place + len(length) + 1 : end].partition(b"=")
        if end <= place or not mark:
            raise ValueError
        found[key] = value[:-1]
        place = end
    return found


def _nothing(content: bytes) -> dict[bytes, bytes]:
    return {}


_HEADERS: dict[bytes, Callable[[bytes], dict[bytes, bytes]]] = {
    tarfile.GNUTYPE_LONGNAME: _long_name,
    tarfile.GNUTYPE_LONGLINK: _nothing,
    tarfile.XHDTYPE: _records,
    tarfile.SOLARIS_XHDTYPE: _records,
    tarfile.XGLTYPE: _nothing,
}
