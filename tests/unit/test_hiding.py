"""Hiding and showing a micropost, stepped at each command: whoever comes in between and
whoever is killed there, it is shown or it is hidden, and nothing of it is lost."""

import itertools
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymongo import MongoClient, monitoring

from microblog.database.embedded import EmbeddedServer
from microblog.errors import MicroblogError
from microblog.settings import Settings
from microblog.store import (
    Database,
    Document,
    check,
    hidden,
    ids,
    microposts,
    references,
    shapes,
    undone,
    users,
)
from microblog.store.shapes import MODERATED
from microblog.store.walks import MINUTE
from tests.factories import Factory

TEXT, EDITED = "a text #word", "an edited text #other"
Act = Callable[[Database, Document], Any]
SECONDS = 60.0  # that one command may take
COMMANDS = 2000  # that an act may send


class Killed(BaseException):
    """The process ends here: nothing in it may catch that."""


class Actor:
    """Does something in a thread of its own, and waits before each command."""

    def __init__(self, name: str, act: Callable[[], Any]):
        self.name, self.act, self.is_done, self.is_killed = name, act, False, False
        self.has_done_it = False
        self.went_wrong: BaseException | None = None
        self._may_go, self._has_stopped = threading.Semaphore(0), threading.Semaphore(0)
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        try:
            self.act()
            self.has_done_it = True
        except (MicroblogError, Killed):
            pass
        except BaseException as error:
            self.went_wrong = error
        finally:
            self.is_done = True
            self._has_stopped.release()

    def hold(self) -> None:
        """Called by the driver before a command is sent."""
        self._has_stopped.release()
        self._may_go.acquire()
        if self.is_killed:
            raise Killed

    def begin(self) -> None:
        """Go as far as before the first command."""
        self.thread.start()
        self._wait()

    def step(self, steps: int = 1) -> None:
        """Send so many commands, as far as there are any."""
        for _ in range(steps):
            if not self.is_done:
                self._may_go.release()
                self._wait()

    def _wait(self) -> None:
        assert self._has_stopped.acquire(timeout=SECONDS), f"{self.name} hangs"

    def kill(self) -> None:
        """End before the next command."""
        self.is_killed = True
        self.step()

    def end(self) -> None:
        """Send all that is left."""
        self.step(COMMANDS)
        assert self.is_done, f"{self.name} comes to no end"
        self.thread.join()
        assert self.went_wrong is None


class Stage(monitoring.CommandListener):
    """A client whose commands wait for whoever directs the actors."""

    def __init__(self) -> None:
        self.actors: dict[threading.Thread, Actor] = {}

    def enter(self, name: str, act: Callable[[], Any]) -> Actor:
        """An actor before its first command."""
        actor = Actor(name, act)
        self.actors[actor.thread] = actor
        actor.begin()
        return actor

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        """Called by the driver in the thread that sends the command."""
        if actor := self.actors.get(threading.current_thread()):
            actor.hold()

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        """Nothing to do."""

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        """Nothing to do."""


class Theatre:
    """Microposts, each of an author of its own, and what is done to them at once."""

    def __init__(self, make: Factory, stage: Stage, acting: Database):
        self.make, self.stage, self.acting = make, stage, acting
        self._names = (f"author{number}" for number in itertools.count())

    @property
    def database(self) -> Database:
        return self.make.database

    def micropost(self, *, is_hidden: bool) -> Document:
        """Its outward form."""
        name = next(self._names)
        database, document = self.database, shapes.new_document(ids.new(), name, TEXT)
        user = users.create(database, name)
        about = {"author": name, "by": "judge", "why": "spam", "at": datetime.now(UTC)}
        if is_hidden:
            kept = {**document, "hidden": about}
            database.microposts.insert_one(hidden.of_kept(kept))
        else:
            database.microposts.insert_one(document)
            embedded = [shapes.reference(document)]
            assert references.set_with(database, user, embedded, are_new=True)
        return {**shapes.shown(document), **({"hidden": about} if is_hidden else {})}

    def enter(self, act: str, micropost: Document) -> Actor:
        """Somebody who is about to do something to it."""
        # Each in a process of its own: in one, they would wait for each other.
        shared = self.acting
        process = Database(shared.client, shared.name, shared.changes)
        return self.stage.enter(act, partial(ACTS[act], process, micropost))

    def assert_whole(self, micropost: Document, *actors: Actor) -> None:
        """Once all are done or dead, and what the dead have begun was finished."""
        for actor in actors:
            actor.end()
        database, id = self.database, micropost["id"]
        hidden.finish(database)
        left = undone.find(database, "microposts", MODERATED, before=ids.MAXIMUM)
        assert left == []
        done = {actor.name for actor in actors if actor.has_done_it}
        begun = {actor.name for actor in actors}
        is_gone = database.microposts.find_one({"_id": id}) is None
        if is_gone and "delete" in begun - done:
            # Killed between its two writes: what is left of it is for repair.
            assert check.mend_user(database, micropost["author"])
        author = users.find(database, micropost["author"])
        assert author is not None
        seen = microposts.find(database, author, id)
        held = hidden.find(database, id)
        embedded = {one["id"]: one["text"] for one in author["microposts"]}
        assert not (seen and held)
        if found := seen or held:
            assert "delete" not in done
            wanted = {TEXT, EDITED} if "edit" in begun - done else {TEXT}
            assert found["text"] in ({EDITED} if "edit" in done else wanted)
        else:
            assert "delete" in begun
        assert embedded.get(id) == (seen["text"] if seen else None)
        assert [str(one) for one in check.of_user(database, author)] == []


@pytest.fixture
def theatre(
    settings: Settings,
    make: Factory,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Theatre]:
    uri = settings.mongodb_uri.get_secret_value()
    if not uri:
        uri = EmbeddedServer(settings.data_dir, 0).ensure()  # Finds the one that runs.
    stage = Stage()
    client: MongoClient[Document] = MongoClient(
        uri, tz_aware=True, event_listeners=[stage]
    )
    # Nobody waits: who is killed is dead, and who is not is stepped.
    monkeypatch.setattr(check, "SETTLE_SECONDS", 0)
    monkeypatch.setattr(hidden, "MINUTE", -MINUTE)
    yield Theatre(make, stage, Database(client, database.name, database.changes))
    client.close()


def hide(database: Database, micropost: Document) -> None:
    hidden.hide(database, micropost["id"], "judge", "spam")


def show(database: Database, micropost: Document) -> None:
    hidden.show(database, micropost["id"])


def edit(database: Database, micropost: Document) -> None:
    microposts.change(database, micropost, {"text": EDITED})


def delete(database: Database, micropost: Document) -> None:
    hidden.delete(database, micropost)


def finish(database: Database, micropost: Document) -> None:
    hidden.finish(database)


ACTS: dict[str, Act] = {act.__name__: act for act in (hide, show, edit, delete, finish)}


@pytest.mark.parametrize("first", ["hide", "show"])
@pytest.mark.parametrize("second", [*ACTS])
def test_whoever_comes_in_between_two_commands(
    theatre: Theatre, first: str, second: str
) -> None:
    """The first stops before each of its commands in turn, until the second is done or
    for good."""
    for is_killed in (False, True):
        for steps in itertools.count():
            micropost = theatre.micropost(is_hidden=first == "show")
            one = theatre.enter(first, micropost)
            one.step(steps)
            was_done = one.is_done
            if is_killed:
                one.kill()
            other = theatre.enter(second, micropost)
            other.end()
            theatre.assert_whole(micropost, one, other)
            if was_done:
                break


@pytest.mark.parametrize("is_hidden", [False, True], ids=["seen", "hidden"])
def test_hidden_and_shown_at_once(theatre: Theatre, is_hidden: bool) -> None:
    """Each stops once, anywhere, and lets the other go on."""
    for steps in itertools.count():
        for more in itertools.count(step=2):
            micropost = theatre.micropost(is_hidden=is_hidden)
            one = theatre.enter("hide", micropost)
            other = theatre.enter("show", micropost)
            one.step(steps)
            other.step(more)
            were_done = one.is_done, other.is_done
            theatre.assert_whole(micropost, one, other)
            if were_done[1]:
                break
        if were_done[0]:
            break


@given(
    is_hidden=st.booleans(),
    acts=st.lists(st.sampled_from([*ACTS]), min_size=2, max_size=4),
    plan=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9)), max_size=40),
)
@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_any_number_in_any_order(
    theatre: Theatre, is_hidden: bool, acts: list[str], plan: list[tuple[int, int]]
) -> None:
    """Each step of the plan is one actor's, who sends a command or, one time in ten, is
    killed."""
    micropost = theatre.micropost(is_hidden=is_hidden)
    actors = [theatre.enter(act, micropost) for act in acts]
    for number, chance in plan:
        actor = actors[number % len(actors)]
        if chance:
            actor.step()
        else:
            actor.kill()
    theatre.assert_whole(micropost, *actors)
