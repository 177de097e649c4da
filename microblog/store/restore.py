"""Restoring a backup into an empty store.

While it runs, the collection `version` has a document "restore": the `backup`, by its
manifest's SHA-256. A restore that was interrupted goes on when it is run again with the
same backup: what is stored already stays, and the index of microposts, which is made
aside by a second thread, is begun anew.
"""

import hashlib
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Any

from microblog.errors import BadBackup, Conflict
from microblog.store import (
    Database,
    Document,
    accounts,
    archive,
    bulk,
    hidden,
    mails,
    marks,
    names,
    pieces,
    references,
    segments,
    shapes,
    users,
    version,
)
from microblog.store.backup import COLLECTIONS, DELETED, HIDDEN_SINCE, Progress
from microblog.store.walks import Start

PIECE = 200  # documents written at once
HIDDEN = ("hidden", HIDDEN_SINCE)
LARGE = (*HIDDEN, "microposts", "follows", "users", "names")
SETTLED = {mails.State.SENT, mails.State.FAILED, mails.State.DROPPED}


class Restore:
    """A whole backup, and an empty store or one that it was begun in."""

    def __init__(self, database: Database, directory: Path, newer: Path | None = None):
        """`newer`: a later backup; whoever it tells was deleted is deleted.

        BadBackup: one of the two is none that can be restored. Conflict: the store is
        not empty. Nothing is written.
        """
        self.database, self.directory = database, directory
        self.manifest = checked(directory)
        if "users" not in self.manifest["collections"]:
            raise BadBackup(f"{directory} holds deletions alone")
        if self.manifest["data_version"] > version.VERSION:
            raise BadBackup(f"{directory} has data of a newer microblog")
        self.deleted = {one["_id"]: one for one in archive.read(directory, DELETED)}
        if newer is not None:
            checked(newer)
            self.deleted |= {one["_id"]: one for one in archive.read(newer, DELETED)}
        content = (directory / archive.MANIFEST).read_bytes()
        self.id = hashlib.sha256(content).hexdigest()
        _check_empty(database, self.id)
        self.written: Counter[str] = Counter()
        self._microposts: Counter[str] = Counter()
        self._following: Counter[str] = Counter()
        self._followers: Counter[str] = Counter()
        self._first: dict[str, int] = {}
        self._newest: dict[str, deque[int]] = defaultdict(
            lambda: deque(maxlen=references.EMBEDDED)
        )
        self._latest: deque[int] = deque(maxlen=marks.LATEST)
        self._steps: list[int] = []
        self._link_steps: list[int] = []

    def write(self, progress: Progress) -> None:
        """Write everything. `written` counts it."""
        query = {"_id": version.RESTORE}
        begun = {**query, "backup": self.id}
        self.database.version.replace_one(query, begun, upsert=True)
        stopping = Event()
        with ThreadPoolExecutor(1) as aside:
            # Making it is this process's work, where all else is the server's.
            index = aside.submit(self._write_index, stopping)
            try:
                self._write_data(progress)
                index.result()
            finally:
                stopping.set()
        self.database.version.delete_one(query)

    def _write_data(self, progress: Progress) -> None:
        for name in self.manifest["collections"]:
            if name not in LARGE and name != DELETED:
                self._replace(name, self._read(name, progress))
        self._insert_microposts(progress)
        self._insert("follows", map(self._follow, self._read("follows", progress)))
        for piece in pieces(self._read("users", progress), PIECE):
            complete = [self._user(one) for one in piece]
            self._insert("users", complete)
            self._insert("names", map(names.document, complete))
            self._steps += [
                one["joined"] for one in piece if marks.is_step(one["joined"])
            ]
        self._insert("users", self.deleted.values())
        self._write_marks()
        version.note_restored(self.database, self.manifest["data_version"])

    def _write_index(self, stopping: Event) -> None:
        """Let microposts be found by what stands in them."""
        self.database.segments.delete_many({})
        self.database.postings.delete_many({})
        kept = self._read(
            "microposts", lambda _name, documents, _count: iter(documents)
        )
        for _piece in segments.add_all(self.database, kept):
            if stopping.is_set():
                return

    def _read(self, name: str, progress: Progress) -> Iterator[Document]:
        """The documents of a collection that are to be restored."""
        count = self.manifest["collections"][name]["documents"]
        owners = OWNERS[name]
        for one in progress(name, archive.read(self.directory, name), count):
            is_gone = any(self._is_gone(one.get(field)) for field in owners)
            if not is_gone and not (name == "mails" and _is_past(one)):
                yield one

    def _is_gone(self, owner: Any) -> bool:
        if isinstance(owner, list):
            return any(isinstance(one, str) and one in self.deleted for one in owner)
        return owner in self.deleted

    def _insert_microposts(self, progress: Progress) -> None:
        """What was hidden at any time while the backup was taken is hidden."""
        held: set[int] = set()
        for name in HIDDEN:
            if name in self.manifest["collections"]:
                found = self._read(name, progress)
                kept = [one for one in found if one["_id"] not in held]
                self._insert("microposts", map(self._hidden, kept))
                held |= {one["_id"] for one in kept}
        seen = (
            self._micropost(one)
            for one in self._read("microposts", progress)
            if one["_id"] not in held
        )
        self._insert("microposts", seen)

    def _hidden(self, kept: Document) -> Document:
        # Who has nothing else has written all the same: an import goes by that.
        self._note_first(kept["author"], kept["_id"])
        return hidden.of_kept(kept)

    def _note_first(self, author: str, id: int) -> None:
        self._first[author] = min(self._first.get(author, id), id)

    def _micropost(self, kept: Document) -> Document:
        id, author = kept["_id"], kept["author"]
        self._microposts[author] += 1
        self._note_first(author, id)
        # They come in the order of their ids.
        self._newest[author].append(id)
        self._latest.append(id)
        document = shapes.new_document(id, author, kept["text"], kept["referenced"])
        del document["undone"]
        return {**document, "edited": kept["edited"], "rev": kept["rev"]}

    def _follow(self, link: Document) -> Document:
        self._following[link["follower"]] += 1
        self._followers[link["followee"]] += 1
        if marks.is_step(link["at"], marks.LINKS_STEP):
            self._link_steps.append(link["at"])
        return link

    def _user(self, kept: Document) -> Document:
        name = kept["_id"]
        computed: Document = {
            "counts": {
                "microposts": self._microposts[name],
                "following": self._following[name],
                "followers": self._followers[name],
            },
            "microposts": self._references(name),
        }
        if name in self._first:
            computed["first"] = self._first[name]
        newest = self._newest.get(name)
        computed["newest"] = newest[-1] if newest else 0
        return {**kept, **computed}

    def _references(self, author: str) -> list[Document]:
        if not (newest := self._newest.get(author)):
            return []
        query = {"author": author, "_id": {"$gte": newest[0], "$lte": newest[-1]}}
        found = map(shapes.reference, self.database.microposts.find(query))
        return sorted(found, key=lambda one: int(one["id"]), reverse=True)

    def _insert(self, name: str, documents: Iterable[Document]) -> None:
        for piece in pieces(documents, PIECE):
            # Those that an interrupted restore has written stay.
            bulk.insert(self.database, name, piece)
            self.written[name] += len(piece)

    def _replace(self, name: str, documents: Iterable[Document]) -> None:
        """Write a collection in place of what a site without users has there."""
        self.database[name].delete_many({})
        self._insert(name, documents)

    def _write_marks(self) -> None:
        self.database.marks.delete_many({})
        if self._latest:
            oldest, newest = min(self._first.values()), self._latest[-1]
            marks.note(self.database, oldest, newest, pushed=self._latest)
        marks.note_joined(self.database, self._steps)
        marks.note_followed(self.database, self._link_steps)


def checked(directory: Path) -> Document:
    """The manifest of a backup that is whole. BadBackup: what is wrong with it."""
    manifest = archive.read_manifest(directory, COLLECTIONS)
    for _name in archive.verify(directory, manifest):
        pass
    return manifest


def _check_empty(database: Database, id: str) -> None:
    """Conflict: the store has something that this restore has not written."""
    begun = database.version.find_one({"_id": version.RESTORE})
    if begun is None:
        # None of them reads a whole collection.
        there = {
            "users": next(users.walk(database, Start(wanted=1)), None),
            "deleted users": next(iter(COLLECTIONS[DELETED].read(database)), None),
            "microposts": marks.microposts(database),
        }
        for name, found in there.items():
            if found:
                raise Conflict(f"the store is not empty: it has {name}")
    elif begun["backup"] != id:
        raise Conflict(
            "the store has what an unfinished restore of another backup left"
        )


def _is_past(mail: Document) -> bool:
    """Whether a mail was to be sent by now: it may have been, after the backup."""
    return mail["state"] not in SETTLED and mail["next"] <= datetime.now(UTC)


def _owners() -> dict[str, list[str]]:
    """The fields of each collection that say whose a document is."""
    fields: dict[str, list[str]] = defaultdict(list)
    ended = (("tokens", "user"), ("sessions", "user"), ("users", "_id"))
    for name, field in (*accounts.LEFT, *ended, (HIDDEN_SINCE, "author")):
        fields[name].append(field)
    return fields


OWNERS = _owners()
