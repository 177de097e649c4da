"""The posts in an archive that somebody brings: of a microblog, of Mastodon (zip,
tar.gz or its `outbox.json`), of Twitter (zip or its `tweets.js`).

Nothing of it is unpacked to disk, and however large it says it is, and whatever it
unpacks to, little of it is in memory.
"""

import gzip
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
from microblog.portable import posts
from microblog.portable.json_stream import JsonStream

Read = Callable[[int], bytes]
Found = Iterator[tuple[Any, posts.Convert]]

OUTBOX = "outbox.json"
OWN = "microposts.json"
TWEETS = re.compile(r"tweets?(-part\d+)?\.js")

MOST_POSTS = 1_000_000
MOST_BYTES = 512 << 20  # that a small archive may unpack to
MOST_TIMES = 20  # its own size, that a large one may
LARGEST_READ = 16 << 20  # bytes at once; `tarfile` reads some headers whole
LARGEST_DIRECTORY = 8 << 20  # bytes of a zip's list of files, which is read whole
METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}

_END = b"PK\x05\x06"  # of a zip: then, after eight bytes, the size of its directory
_END_64 = b"PK\x06\x07"
_OUTSIDE = re.compile(r"[/\\]|[A-Za-z]:|(.*[/\\])?\.\.([/\\]|$)", re.DOTALL)
_BROKEN = (
    EOFError,
    NotImplementedError,
    OSError,
    RuntimeError,
    ValueError,
    struct.error,
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
)


def read(file: IO[bytes]) -> Found:
    """The posts of an archive as its maker has them, and what makes microposts of them.

    BadArchive: it is none, or none that can be trusted; also after some posts.
    """
    size = file.seek(0, 2)
    file.seek(0)
    head = file.read(4)
    file.seek(0)
    most = max(MOST_BYTES, MOST_TIMES * size)
    for number, found in enumerate(_kind(head)(file, most)):
        if number == MOST_POSTS:
            raise BadArchive(
                _("has more than ${most} posts", mapping={"most": MOST_POSTS})
            )
        yield found


def _kind(head: bytes) -> Callable[[IO[bytes], int], Found]:
    if head.startswith(b"PK"):
        return _in_zip
    return _in_tar if head.startswith(b"\x1f\x8b") else _alone


def _alone(file: IO[bytes], most: int) -> Found:
    """Of the file that one has taken out of an archive."""
    first = JsonStream(file.read).peek()
    file.seek(0)
    if first == "{":
        return _outbox(file.read)
    if first in {"w", "["}:
        return _tweets(file.read)
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


def _in_zip(file: IO[bytes], most: int) -> Found:
    with _whole():
        _check_directory(file)
        archive = zipfile.ZipFile(file)
    with archive:
        for name in archive.namelist():
            _check_name(name)
        for entry, found in _entries(archive.infolist()):
            if entry.file_size > most:
                raise _too_large()
            if entry.flag_bits & 1 or entry.compress_type not in METHODS:
                raise BadArchive(_("is encrypted, or packed in an unusual way"))
            with _whole(), archive.open(entry) as opened:
                yield from found(opened.read)


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


def _check_directory(file: IO[bytes]) -> None:
    """Before it is read, in objects ten times its size."""
    file.seek(max(0, file.seek(0, 2) - (1 << 16) - 22))
    tail = file.read()
    place = tail.rfind(_END)
    if place < 0:
        raise BadArchive(_("is damaged"))
    (size,) = struct.unpack_from("<L", tail, place + 12)
    if size > LARGEST_DIRECTORY or _END_64 in tail[max(0, place - 20) : place]:
        raise BadArchive(_("holds too many files: take the one with the posts"))


def _in_tar(file: IO[bytes], most: int) -> Found:
    with _whole():
        unpacked: Any = _Unpacked(file, most)
        archive: Any = tarfile.TarFile(fileobj=unpacked)
    with archive:
        while True:
            with _whole():
                member = archive.next()
            if member is None:
                raise _has_none()
            # It keeps a list of all.
            archive.members.clear()
            _check_name(member.name)
            if member.isreg() and member.name.rpartition("/")[2] == OUTBOX:
                with _whole():
                    opened = archive.extractfile(member)
                    if opened:
                        yield from _outbox(opened.read)
                return


class _Unpacked:
    """What a gzip file unpacks to, up to so many bytes."""

    def __init__(self, file: IO[bytes], most: int):
        self._gzip = gzip.GzipFile(fileobj=file)
        self._most = most

    def read(self, size: int) -> bytes:
        if not 0 <= size <= LARGEST_READ or self._gzip.tell() + size > self._most:
            raise _too_large()
        return self._gzip.read(size)

    def seek(self, place: int) -> int:
        if place > self._most:
            raise _too_large()
        return self._gzip.seek(place)

    def tell(self) -> int:
        return self._gzip.tell()


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
