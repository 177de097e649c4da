"""Loading records into the store, many at a time, each exactly once.

A follow is known by its two names, a micropost by author, text and timestamp: its id is
computed from them, so that a second import meets it again. References and counts are
written when a large batch is full; `microblog check --repair` mends what a kill leaves.
"""

from collections import Counter, defaultdict
from datetime import UTC, datetime
from itertools import chain
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    TypeAdapter,
    ValidationError,
)
from pydantic import Field as PydanticField

from microblog import bodies, passwords, strict_json
from microblog.i18n import plain
from microblog.settings import Settings
from microblog.store import (
    Database,
    Document,
    bulk,
    follows,
    marks,
    microposts,
    names,
    past,
    pieces,
    references,
    segments,
    shapes,
    timelines,
    users,
)
from microblog.views.inputs import Bio, Body, Email, Name, NewUsername, Text, Username

BATCH = 500  # documents written at once
FULL = 20_000  # microposts and follows whose references and counts wait


def _not_in_future(moment: datetime) -> datetime:
    if not 0 < moment.timestamp() <= datetime.now(UTC).timestamp():
        raise ValueError("must lie between 1970 and now")
    return moment


def _written_out(value: object) -> object:
    # Of digits alone, pydantic makes seconds since 1970: "20200229" is in August 1970.
    if not (isinstance(value, str) and value[4:5] == "-"):
        raise ValueError("must look like 2026-11-24T02:44:00.123Z")
    return value


Timestamp = Annotated[
    AwareDatetime,
    PydanticField(strict=False),
    BeforeValidator(_written_out),
    AfterValidator(_not_in_future),
]


class UserRecord(Body):
    """A user; without a password, one who cannot log in until it is set."""

    kind: Literal["user"]
    username: NewUsername
    name: Name = ""
    bio: Bio = ""
    password: str | None = None
    email: Email = ""


class FollowRecord(Body):
    """A link between two users."""

    kind: Literal["follow"]
    follower: Username
    followee: Username


class MicropostRecord(Body):
    """A micropost of another time."""

    kind: Literal["micropost"]
    username: Username
    text: Text
    timestamp: Timestamp
    referenced: Username | None = None


Record = Annotated[
    UserRecord | FollowRecord | MicropostRecord, PydanticField(discriminator="kind")
]
_records: TypeAdapter[UserRecord | FollowRecord | MicropostRecord] = TypeAdapter(Record)


class Loader:
    """Takes records line by line; `bad` holds the number and reason of each refused."""

    def __init__(self, database: Database, settings: Settings):
        self.database = database
        self.settings = settings
        self.bad: list[tuple[int, str]] = []
        self._new: Counter[str] = Counter()
        self._known: Counter[str] = Counter()
        self._users: set[str] = set()
        self._strangers: set[str] = set()
        self._writers: set[str] = set()  # had microposts before this import
        self._waiting: dict[str, list[tuple[int, Document]]] = defaultdict(list)
        self._references: dict[str, list[Document]] = defaultdict(list)
        # When somebody began to follow or to be followed, by name and count.
        self._links: dict[tuple[str, str], list[int]] = defaultdict(list)
        self._followed: set[str] = set()  # have more followers by this import
        self._unsettled = 0
        self._unindexed: list[Document] = []

    def totals(self) -> dict[str, tuple[int, int]]:
        """For each collection: how many are new, how many were there."""
        return {
            name: (self._new[name], self._known[name])
            for name in ("users", "follows", "microposts")
        }

    def load(self, number: int, line: bytes) -> None:
        """Take the record in a line."""
        if not line.strip():
            return
        try:
            record = _records.validate_python(strict_json.read_json(line))
            self._take(number, record)
        except ValidationError as errors:
            first = errors.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part)[:60] for part in first["loc"][1:])
            reason = plain(bodies.description(first))
            self.bad.append((number, f"{where}: {reason}" if where else reason))
        except ValueError as error:
            self.bad.append((number, plain(error.args[0])))

    def flush(self) -> None:
        """Write everything that waits. What is loaded is sent to nobody: timelines
        are built anew when they are read."""
        for collection in ("users", "follows", "microposts"):
            self._write(collection)
        self._settle()
        self._pull()
        timelines.drop_all(self.database)

    def _pull(self) -> None:
        """Have the microposts of those pulled who now have many followers."""
        below = self.settings.timelines_push_below
        for piece in pieces(sorted(self._followed), BATCH):
            for user in users.find_many(self.database, piece).values():
                if user["counts"]["followers"] >= below and "pulled" not in user:
                    users.set_pulled(self.database, user["_id"], users.TELLING)

    def _take(self, number: int, record: Body) -> None:
        if isinstance(record, UserRecord):
            self._wait("users", number, self._user(record))
            return
        if self._waiting["users"]:
            self._write("users")
        if isinstance(record, FollowRecord):
            if record.follower == record.followee:
                raise ValueError("nobody follows themselves")
            self._need(record.follower, record.followee)
            document = follows.new_document(record.follower, record.followee)
            self._wait("follows", number, document)
        elif isinstance(record, MicropostRecord):
            self._need(record.username, record.referenced)
            document = self._micropost(record)
            # What was posted here, and exported, has an id that was not computed.
            if record.username in self._writers and microposts.is_stored(
                self.database, document
            ):
                self._known["microposts"] += 1
            else:
                self._wait("microposts", number, document)

    def _user(self, record: UserRecord) -> Document:
        hashed = None
        if record.password is not None:
            password = passwords.checked(
                record.password,
                minimum=self.settings.password_minimum,
                unlike=(record.username, self.settings.site_name, "microblog"),
            )
            hashed = passwords.hash(password, self.settings.password_cost)
        return users.new_document(
            record.username,
            name=record.name,
            bio=record.bio,
            email=record.email,
            password=hashed,
        )

    def _micropost(self, record: MicropostRecord) -> Document:
        made = past.document(
            record.username, record.text, record.timestamp, record.referenced
        )
        # It is indexed here, and not by the task, which would have to note it in each.
        del made["undone"]
        return made

    def _need(self, *names: str | None) -> None:
        for name in names:
            if name is None or name in self._users:
                continue
            user = (
                users.find(self.database, name) if name not in self._strangers else None
            )
            if user is None:
                self._strangers.add(name)
                raise ValueError(f"there is no user {name}")
            self._users.add(name)
            if "first" in user:
                self._writers.add(name)

    def _wait(self, collection: str, number: int, document: Document) -> None:
        self._waiting[collection].append((number, document))
        if len(self._waiting[collection]) >= BATCH:
            self._write(collection)
        if self._unsettled >= FULL:
            self._settle()

    def _write(self, collection: str) -> None:
        waiting = self._waiting.pop(collection, [])
        if not waiting:
            return
        numbers = {id(document): number for number, document in waiting}
        inserted = bulk.insert(
            self.database, collection, [document for _, document in waiting]
        )
        self._new[collection] += len(inserted.new)
        self._known[collection] += len(inserted.known)
        for document in inserted.refused:
            reason = "the username looks like one that is taken"
            self.bad.append((numbers[id(document)], reason))
        if collection == "users":
            self._strangers.clear()
        for document in inserted.new:
            self._note(collection, document)
        if collection == "users":
            names.add(self.database, inserted.new)

    def _note(self, collection: str, document: Document) -> None:
        """Remember what a new document adds to the documents of users."""
        if collection == "follows":
            self._links[document["follower"], "following"].append(document["at"])
            self._links[document["followee"], "followers"].append(document["at"])
            self._followed.add(document["followee"])
            self._unsettled += 1
        elif collection == "microposts":
            reference = shapes.reference(document)
            self._references[document["author"]].append(reference)
            self._unindexed.append(document)
            self._unsettled += 1

    def _settle(self) -> None:
        """Write references, counts, marks and index of all that was inserted."""
        for _piece in segments.add_all(self.database, self._unindexed):
            pass
        self._unindexed.clear()
        for (username, count), times in self._links.items():
            users.add_links(self.database, username, count, times)
        made = (
            times for (_, count), times in self._links.items() if count == "following"
        )
        marks.note_followed(self.database, chain.from_iterable(made))
        for username, held in self._references.items():
            references.add_many(self.database, username, held)
        found = sorted(
            (one["id"] for held in self._references.values() for one in held),
            reverse=True,
        )
        if found:
            latest = found[: marks.LATEST]
            marks.note(self.database, found[-1], found[0], pushed=latest)
        self._links.clear()
        self._references.clear()
        self._unsettled = 0
