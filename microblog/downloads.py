"""Files out of the store, for whoever fetches them. Each is whole on this machine
before it is sent: nobody who takes it slowly keeps a thread or the database waiting."""

import tempfile
from collections.abc import Iterator
from threading import Lock
from typing import IO
from weakref import WeakKeyDictionary

from microblog.errors import Unavailable
from microblog.i18n import _

MOST = 8  # at a time in a web server, for they wait on its disk; of one user one

_lock = Lock()
_open: WeakKeyDictionary[IO[bytes], str] = WeakKeyDictionary()


def copied(username: str, pieces: Iterator[bytes]) -> IO[bytes]:
    """A file without a name, which counts until it is closed. Unavailable: there is no
    room for it, or for one more."""
    file = _opened(username)
    try:
        for piece in pieces:
            file.write(piece)
        file.seek(0)
    except OSError:
        file.close()
        raise _no_room() from None
    except BaseException:
        file.close()
        raise
    return file


def _opened(username: str) -> IO[bytes]:
    with _lock:
        held = [user for file, user in _open.items() if not file.closed]
        if username in held or len(held) >= MOST:
            message = _("your last download has not ended, or too many others have not")
            raise Unavailable(message)
        try:
            file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        except OSError:
            raise _no_room() from None
        _open[file] = username
        return file


def _no_room() -> Unavailable:
    return Unavailable(_("there is no room left for more just now"))
