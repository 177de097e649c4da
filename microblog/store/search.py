"""Search by parts of texts and names, newest or oldest first.

A search reads, window by window, what holds one gram of what is sought, and looks for
the parts themselves in it. Which gram is the rarest nobody counts: each window asks for
the one that has met the fewest so far. Common ones are asked for once, in a small
window, and dropped. Windows of microposts are spans of time, those of users are steps.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from microblog import text as grammar
from microblog.store import Database, Document, grams, ids, marks, users
from microblog.store.shapes import shown
from microblog.store.walks import MINUTE, Frontier, Start, in_order, next_span

CANDIDATES = 50  # wanted from a window
FIRST_STEPS = 2  # the width of the first window, for users
MOST_CANDIDATES = 2_000  # read before a search pauses


@dataclass(frozen=True)
class Pause:
    """In a walk: enough was read for one request, the search goes on beyond `id`."""

    id: int


@dataclass
class _Gram:
    """A gram of what is sought, and how common it has been so far."""

    text: str
    span: int  # of the next window
    covered: int = 0
    met: int = 0

    @property
    def density(self) -> float:
        return self.met / self.covered if self.covered else 0.0

    def learn(self, span: int, met: int) -> None:
        self.covered += span
        self.met += met
        self.span = next_span(span, met, CANDIDATES)


def walk(
    database: Database, text: str, username: str, start: Start
) -> Iterator[Document | Pause]:
    """The microposts that have `text` in their text and `username` in their author's
    name, without regard to case. `text`: at least three characters, folded here."""
    part, name = grammar.fold(text), username.lower()
    known = marks.microposts(database) or {"oldest": 0, "newest": 0}
    # The clock of another process may be ahead, and the mark may lag behind.
    latest = max(ids.now(), known["newest"]) + MINUTE
    frontier = Frontier(start, known["oldest"], latest)
    unmarked = frontier.before - known["newest"] - 1 if start.descending else 0
    parts = grams.of_text(text) + grams.of_author(name)

    def read(gram: str, after: int, before: int) -> list[Document]:
        # Not sorted by the server: sorted, this query reads every entry of the gram.
        query = {"grams": gram, "_id": {"$gt": after, "$lt": before}}
        return in_order(list(database.microposts.find(query)), start, "_id")

    gone, candidates = users.gone(database), 0
    sought = [_Gram(one, MINUTE) for one in parts]
    for found in _windows(sought, frontier, read, unmarked):
        for document in found:
            fits = part in grammar.fold(document["text"]) and name in document["author"]
            if fits and document["author"] not in gone:
                yield shown(document)
        candidates += len(found)
        if candidates > MOST_CANDIDATES and frontier.is_open:
            yield Pause(frontier.position)
            return


def walk_users(database: Database, part: str, start: Start) -> Iterator[Document]:
    """The documents of the users whose username or name has `part` in it, without
    regard to case, by when they joined (`joined`). One or two characters must begin the
    username or a word of the name; of nothing, nobody is found."""

    def read(gram: str, after: int, before: int) -> list[Document]:
        query = {"grams": gram, "joined": {"$gt": after, "$lt": before}}
        return in_order(list(database.names.find(query)), start, "joined")

    sought = [_Gram(one, FIRST_STEPS) for one in grams.of_user_part(part)]
    if sought:
        for found in _windows(sought, users.frontier(database, start), read):
            fit = [
                one["_id"]
                for one in found
                if grams.is_in_user(part, one["_id"], one["name"])
            ]
            here = users.find_many(database, fit)
            yield from (here[name] for name in fit if name in here)


def _windows(
    sought: list[_Gram],
    frontier: Frontier,
    read: Callable[[str, int, int], list[Document]],
    unmarked: int = 0,
) -> Iterator[list[Document]]:
    """What `read(gram, after, before)` returns for each window, by its rarest gram. The
    first covers the `unmarked` ids too."""
    while frontier.is_open:
        gram = min(sought, key=lambda gram: gram.density)
        span = max(gram.span, unmarked)
        found = read(gram.text, *frontier.advance(span))
        if not unmarked:
            gram.learn(span, len(found))
        unmarked = 0
        yield found
