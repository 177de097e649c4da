"""The posts in an archive that somebody brings: of a microblog, of Mastodon (zip,
tar.gz or its `outbox.json`), of Twitter (zip or its `tweets.js`).

Nothing of it is unpacked to disk, and however large it says it is, and whatever it
unpacks to, little of it is in memory.
"""

import re
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Any

from microblog.errors import BadArchive
from microblog.i18n import _
from microblog.portable import posts, tar
from microblog.portable.json_stream import PIECE, JsonStream
from microblog.portable.tar import Read

Found = Iterator[tuple[Any, posts.Convert]]

OUTBOX = "outbox.json"
OWN = "microposts.json"
TWEETS = re.compile(r"tweets?(-part\d+)?\.js")

MOST_POSTS = 1_000_000
MOST_BYTES = 512 << 20  # that a small archive may unpack to
MOST_TIMES = 20  # its own size, that a large one may
LARGEST_DIRECTORY = 8 << 20  # bytes of a zip's list of files, which is read whole
MOST_FILES = 50_000  # in that list
EVERY = 16 << 20  # bytes
METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}

_LISTED = b"PK\x01\x02"  # begins what a zip's list says of a file
_OUTSIDE = re.compile(r"[/\\]|[A-Za-z]:|(.*[/\\])?\.\.([/\\]|$)", re.DOTALL)
_BROKEN = (
    EOFError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
    struct.error,
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
)


class _Budget:
    """How much an archive may still unpack to, all its files together."""

    def __init__(self, left: int, before: Callable[[], None]):
        self.left, self._before = left, before

    def counting(self, read: Read) -> Read:
        """What reads the same, as long as there is something left."""

        def counted(size: int) -> bytes:
            content, before = read(size), self.left
            self.left -= len(content)
            if self.left < 0:
                raise _too_large()
            if self.left // EVERY < before // EVERY:
                self._before()
            return content

        return counted


def read(file: IO[bytes], before: Callable[[], None] = lambda: None) -> Found:
    """The posts of an archive as its maker has them, and what makes microposts of them.
    `before`: called every 16 MB, for there may be no posts in them.

    BadArchive: it is none, or none that can be trusted; also after some posts.
    """
    size = file.seek(0, 2)
    file.seek(0)
    head = file.read(4)
    file.seek(0)
    most = max(MOST_BYTES, MOST_TIMES * size)
    for number, found in enumerate(_kind(head)(file, _Budget(most, before))):
        if number == MOST_POSTS:
            raise BadArchive(
                _("has more than ${most} posts", mapping={"most": MOST_POSTS})
            )
        yield found


def _kind(head: bytes) -> Callable[[IO[bytes], _Budget], Found]:
    if head.startswith(b"PK"):
        return _in_zip
    return _in_tar if head.startswith(b"\x1f\x8b") else _alone


def _alone(file: IO[bytes], budget: _Budget) -> Found:
    """Of the file that one has taken out of an archive."""
    read = budget.counting(file.read)
    first = JsonStream(read).peek()
    file.seek(0)
    if first == "{":
        return _outbox(read)
    if first in {"w", "["}:
        return _tweets(read)
    raise BadArchive(_("is no archive that is known here"))


def _outbox(read: Read) -> Found:
    for activity in JsonStream(read).items_of("orderedItems"):
        yield activity, posts.mastodon


def _tweets(read: Read) -> Found:
    stream = JsonStream(read)
    if stream.peek() != "[":
        stream.skip_past("=")
    for tweet in stream.items():
        yield tweet, posts.twitter


def _own(read: Read) -> Found:
    for record in JsonStream(read).items():
        yield record, posts.own


def _in_zip(file: IO[bytes], budget: _Budget) -> Found:
    with _whole():
        guarded: Any = _Guarded(file)
        archive = zipfile.ZipFile(guarded)
    with archive:
        for name in archive.namelist():
            _check_name(name)
        entries = _entries(archive.infolist())
        if sum(entry.file_size for entry, _found in entries) > budget.left:
            raise _too_large()
        for entry, found in entries:
            if entry.flag_bits & 1 or entry.compress_type not in METHODS:
                raise BadArchive(_("is encrypted, or packed in an unusual way"))
            with _whole(), archive.open(entry) as opened:
                yield from found(budget.counting(opened.read))


class _Guarded:
    """A zip of which not more is read at once than there is room for: `zipfile` reads
    the list of files whole, and makes objects ten times its size of it."""

    def __init__(self, file: IO[bytes]):
        self._file = file
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, size: int = -1) -> bytes:
        most = LARGEST_DIRECTORY + 1
        content = self._file.read(most if size < 0 else min(size, most))
        if len(content) == most or content.count(_LISTED) > MOST_FILES:
            raise BadArchive(_("holds too many files: take the one with the posts"))
        return content


def _entries(
    entries: list[zipfile.ZipInfo],
) -> list[tuple[zipfile.ZipInfo, Callable[[Read], Found]]]:
    """The files with posts, and how each is read. BadArchive: there are none."""
    named = [(entry, entry.filename.rpartition("/")[2]) for entry in entries]
    for found, wanted in (
        (_own, [entry for entry, name in named if entry.filename == OWN]),
        (_outbox, [entry for entry, name in named if name == OUTBOX][:1]),
        (_tweets, [entry for entry, name in named if TWEETS.fullmatch(name)]),
    ):
        if wanted:
            return [(entry, found) for entry in wanted]
    raise _has_none()


def _in_tar(file: IO[bytes], budget: _Budget) -> Found:
    with _whole():
        for name, read in tar.files(budget.counting(_unpacked(file))):
            _check_name(name)
            if name.rpartition("/")[2] == OUTBOX:
                yield from _outbox(read)
                return
    raise _has_none()


def _unpacked(file: IO[bytes]) -> Read:
    """What reads a gzip file. Not `gzip`, which goes through a header byte by byte, and
    through millions of files behind each other."""
    unpack = zlib.decompressobj(zlib.MAX_WBITS | 16)

    def read(size: int) -> bytes:
        while size and not unpack.eof:
            packed = unpack.unconsumed_tail or file.read(PIECE)
            if content := unpack.decompress(packed, size):
                return content
            if not packed:
                raise EOFError
        return b""

    return read


@contextmanager
def _whole() -> Iterator[None]:
    """BadArchive for whatever the libraries raise."""
    try:
        yield
    except _BROKEN:
        raise BadArchive(_("is damaged")) from None


def _check_name(name: str) -> None:
    if _OUTSIDE.match(name):
        raise BadArchive(_("has a file that would lie outside of it"))


def _too_large() -> BadArchive:
    return BadArchive(_("unpacks to more than is allowed"))


def _has_none() -> BadArchive:
    return BadArchive(_("has no posts that are known here"))
