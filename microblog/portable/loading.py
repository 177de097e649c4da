"""An archive's posts into the store, and what became of each that does not come along
as it was."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import IO, Any

from microblog.errors import BadArchive
from microblog.i18n import _, plain
from microblog.portable import archives, json_stream
from microblog.portable.posts import Past, Unfit, converted
from microblog.store import Database, Document, microposts, past, pieces, users

BATCH = 200  # microposts stored at once
SHOWN = 20  # of the changed, on a page


@dataclass(frozen=True)
class Changed:
    """A post, by its place in the archive (from 1), that is left out (`left`) or comes
    without something; `original` as its maker had it."""

    number: int
    left: bool
    reason: str
    original: Any

    @property
    def line(self) -> bytes:
        """As a line of JSON."""
        return _line(
            {
                "number": self.number,
                "imported": not self.left,
                "reason": plain(self.reason),
                "original": self.original,
            }
        )


@dataclass
class Report:
    """What became of an archive: how many microposts are new, how many were there, how
    many posts are left out; the `first` few that are or come changed, for a page."""

    new: int = 0
    known: int = 0
    left: int = 0
    first: list[Document] = field(default_factory=list)


class Loading:
    """Imports archives of one user. `changed` is told of each that does not come along
    as it was; `before` is called before each batch is stored, and while none is. With
    `most` new microposts (to a batch) it ends."""

    def __init__(
        self,
        database: Database,
        username: str,
        changed: Callable[[Changed], Any],
        before: Callable[[], None] = lambda: None,
        most: int | None = None,
    ):
        self.database, self.username = database, username
        self.report = Report()
        self._changed, self._before, self._most = changed, before, most
        self._users: dict[str, bool] = {}
        user = users.find(database, username)
        # What was posted here, and exported, has an id that was not computed.
        self._has_written = bool(user and "first" in user)

    def load(self, file: IO[bytes]) -> Report:
        """Take an archive. BadArchive: it cannot be read to its end; what was read is
        stored, and comes no second time."""
        broken: list[BadArchive] = []
        found = archives.read(file, self._before)
        try:
            for batch in pieces(self._documents(found, broken), BATCH):
                self._before()
                self._check_most()
                done = past.add(self.database, self.username, batch)
                self.report.new += len(done.new)
                self.report.known += len(done.known)
            for error in broken:
                raise error
        finally:
            if self.report.new:
                past.tell(self.database, self.username)
        return self.report

    def _documents(
        self, found: archives.Found, broken: list[BadArchive]
    ) -> Iterator[Document]:
        """Of all posts up to what is broken, which is told when they are stored."""
        try:
            yield from self._read(found)
        except BadArchive as error:
            broken.append(error)

    def _read(self, found: archives.Found) -> Iterator[Document]:
        for number, (original, convert) in enumerate(found, 1):
            if number % BATCH == 0:
                # There may be nothing to store for long.
                self._before()
            try:
                post = converted(convert, original)
            except Unfit as error:
                self.report.left += 1
                self._tell(Changed(number, True, error.args[0], original))
                continue
            referenced = post.referenced if self._is_here(post.referenced) else None
            if lost := self._lost(post, referenced):
                self._tell(Changed(number, False, lost, original))
            document = past.document(
                self.username, post.text, post.moment, referenced, post.edited
            )
            if self._has_written and microposts.is_stored(self.database, document):
                self.report.known += 1
            else:
                yield document

    def _check_most(self) -> None:
        if self._most is not None and self.report.new >= self._most:
            raise BadArchive(
                _(
                    "has more than is taken at once: bring it again for what comes"
                    " after these ${most}",
                    mapping={"most": self.report.new},
                )
            )

    def _lost(self, post: Past, referenced: str | None) -> str:
        if post.referenced == referenced:
            return post.lost
        mapping = {"username": post.referenced}
        return _("not addressed to ${username}, who is not here", mapping=mapping)

    def _is_here(self, username: str | None) -> bool:
        if username is None:
            return False
        if username not in self._users:
            self._users[username] = users.find(self.database, username) is not None
        return self._users[username]

    def _tell(self, changed: Changed) -> None:
        if len(self.report.first) < SHOWN:
            # Without the original, of which there may be much.
            self.report.first.append(
                {
                    "number": changed.number,
                    "left": changed.left,
                    "reason": message(changed.reason),
                }
            )
        self._changed(changed)


def _line(record: dict[str, Any]) -> bytes:
    # Half characters, which JSON can have and UTF-8 cannot, stay written out.
    try:
        return json.dumps(record).encode() + b"\n"
    except RecursionError:  # It was just not too deep to be read.
        raise json_stream.not_json() from None


def message(reason: str) -> Document:
    """A message as it is stored: to be translated for whoever reads it."""
    said = getattr(reason, "default", None) or str(reason)
    mapping = getattr(reason, "mapping", None) or {}
    return {"text": str(said), "values": {key: str(mapping[key]) for key in mapping}}
