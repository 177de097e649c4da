"""The tasks for what users take along: exports and imports."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import IO, TYPE_CHECKING

from microblog.errors import BadArchive, Conflict, NotFound
from microblog.portable import export, loading
from microblog.store import (
    Database,
    Document,
    exports,
    files,
    imports,
    leases,
    users,
)

if TYPE_CHECKING:
    from microblog.tasks.jobs import Site

MOST_LEFT = 64 << 20  # bytes of what is said of posts that are left out


class Stopped(Exception):
    """The worker is about to end."""


def make_export(site: "Site", username: str) -> None:
    """Make the export that a user has asked for, unless another worker does."""
    database = site.database
    user = users.find(database, username)
    with _claimed(site, "exports", username, exports.MAKE) as claimed:
        if claimed is None or user is None:
            return
        expires = datetime.now(UTC) + exports.KEPT
        hold = _holder(site, "exports", claimed)
        # A little later, so that none that is being fetched loses its end.
        later = expires + timedelta(hours=1)
        file = files.Writer(database, username, later, hold)
        with _kept(file):
            export.write(database, site.settings, user, file)
            result = {"file": file.end(), "expires": expires}
            _finish(database, "exports", claimed, result)


def read_import(site: "Site", username: str) -> None:
    """Import the archive that a user has brought, unless another worker does."""
    database = site.database
    with _claimed(site, "imports", username, imports.READ) as claimed:
        if claimed is None or users.find(database, username) is None:
            return
        hold = _holder(site, "imports", claimed)
        left = files.Writer(database, username, claimed["expires"], hold)
        unlisted = 0

        def note(changed: loading.Changed) -> None:
            nonlocal unlisted
            if left.size < MOST_LEFT:
                left.write(changed.line)
            else:
                unlisted += 1

        with _kept(left):
            most = site.settings.import_most
            work = loading.Loading(database, username, note, hold, most)
            refused = _load(database, claimed, work)
            report = work.report
            result: Document = {
                "counts": {
                    "new": report.new,
                    "known": report.known,
                    "left": report.left,
                },
                "first": report.first,
                **({"left": left.end()} if left.size else {}),
                **({"unlisted": unlisted} if unlisted else {}),
                **({"refused": refused} if refused else {}),
            }
            _finish(database, "imports", claimed, result)
        files.delete(database, claimed["upload"])


def _load(
    database: Database, claimed: Document, work: loading.Loading
) -> Document | None:
    """Why the archive cannot be read, or not to its end."""
    with tempfile.TemporaryFile() as file:
        try:
            _fetch(database, claimed["upload"], file)
            work.load(file)
        except (BadArchive, NotFound) as error:
            return loading.message(error.detail)
    return None


def _fetch(database: Database, upload: Document, file: IO[bytes]) -> None:
    for piece in files.read(database, upload):
        file.write(piece)


@contextmanager
def _claimed(
    site: "Site", collection: str, username: str, work: str
) -> Iterator[Document | None]:
    claimed = leases.claim(site.database, collection, username, work)
    try:
        yield claimed
    except Conflict:
        pass  # It was asked for anew, or the account is gone.
    except Stopped:
        # The next worker begins at once.
        leases.release(site.database, collection, claimed or {})
    except Exception:
        leases.release(site.database, collection, claimed or {})
        raise


def _holder(site: "Site", collection: str, claimed: Document) -> Callable[[], None]:
    def hold() -> None:
        if site.stopping.is_set():
            raise Stopped
        leases.hold(site.database, collection, claimed)

    return hold


@contextmanager
def _kept(file: files.Writer) -> Iterator[None]:
    """The file stays, if all goes well."""
    try:
        yield
    except BaseException:
        file.discard()
        raise


def _finish(
    database: Database, collection: str, claimed: Document, result: Document
) -> None:
    if not leases.finish(database, collection, claimed, result):
        raise Conflict("it was asked for anew")
