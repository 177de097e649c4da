"""Pieces of pages that come again and again.

Each is kept by all that it is made of: a piece that would look different has another
key, so that none can be outdated.
"""

from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import Any

from microblog import markup, metrics
from microblog.store import ids

WEEK = 7 * 1440  # minutes
KEPT = 6000  # articles, of about 1 KB, and blocks

Block = Callable[[], str]


class Fragments:
    """The pieces of an application's pages."""

    def __init__(self, environment: Any):
        """`environment`: Jinja2's. Whoever works on templates sees each change."""
        self.most = 0 if environment.auto_reload else KEPT
        self.article = lru_cache(self.most)(self._article)
        metrics.CACHES["articles"] = self.article.cache_info
        self._environment = environment
        self._blocks: dict[Any, str] = {}
        self._ages: dict[tuple[str, int], str] = {}

    def block(self, key: Any, render: Block) -> str:
        """The piece of this key, by `render` at first."""
        found = self._blocks.get(key)
        if found is None:
            found = render()
            if len(self._blocks) >= self.most:
                self._blocks.clear()
            if self.most:
                self._blocks[key] = found
        return found

    def of(self, one: dict[str, Any], picture: bool, language: str, age: str) -> str:
        """A micropost (its outward form) in HTML, but for what its reader can do."""
        return self.article(
            one["id"],
            one["author"],
            one["text"],
            one["referenced"],
            one["edited"],
            picture,
            language,
            age,
        )

    def age(
        self, id: int, now: datetime, language: str, translate: Callable[[str], str]
    ) -> str:
        """How long ago the thing with this id was made."""
        minutes = (int(now.timestamp() * 1000) - (id >> ids.BITS)) // 60_000
        if minutes >= WEEK:
            return markup.day_of(ids.day(id))
        # There are few: 60 of minutes, 23 of hours, 6 of days.
        unit = 1 if minutes < 60 else 60 if minutes < 1440 else 1440
        key = language, minutes // unit * unit
        if key not in self._ages:
            self._ages[key] = translate(markup.age(ids.moment(id), now))
        return self._ages[key]

    def _article(
        self,
        id: int,
        author: str,
        text: str,
        referenced: str | None,
        edited: datetime | None,
        picture: bool,
        language: str,
        age: str,
    ) -> str:
        """A micropost in HTML, as a page in that language shows it."""
        template = self._environment.get_template("macros/article.jinja2")
        one = {"id": id, "author": author, "text": text}
        one |= {"referenced": referenced, "edited": edited}
        html: str = template.module.article(one, picture, age)
        return html
