"""Statistics of the site, day by day: a page for everybody, and figures for apps."""

import re
from datetime import date, timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, Field, model_validator

from microblog import bodies, rest
from microblog.i18n import _
from microblog.pages import page
from microblog.resources.root import Root
from microblog.security import Permission
from microblog.store import Document, statistics
from microblog.views import answers

MOST = 366  # days in one answer
DEFAULT = 30

_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)

api = rest.service("statistics", "/statistics", context=Root)


def _day(text: str) -> date:
    try:
        day = date.fromisoformat(text if _DAY.fullmatch(text) else "")
    except ValueError:
        raise ValueError(_("must be a day like 2026-11-24")) from None
    if day.year < 1970:
        raise ValueError(_("must not lie before 1970"))
    return day


Day = Annotated[date, BeforeValidator(_day)]


class Between(BaseModel):
    """The first and the last day; by default the last 30 that are over."""

    since: Annotated[
        Day | None, Field(description="The first day, in UTC", examples=["2026-11-24"])
    ] = None
    until: Annotated[
        Day | None, Field(description="The last, too", examples=["2026-11-24"])
    ] = None

    @property
    def days(self) -> tuple[date, date]:
        """The two days."""
        last = statistics.last_finished()
        until = self.until or max(last, self.since or last)
        return self.since or until - timedelta(days=DEFAULT - 1), until

    @model_validator(mode="after")
    def _in_bounds(self) -> Self:
        since, until = self.days
        if since > until:
            raise ValueError(_("since lies after until"))
        if (until - since).days >= MOST:
            message = _("since and until may span ${maximum} days at most")
            raise ValueError(message % {"maximum": MOST})
        return self


class Span(BaseModel):
    """How many days the page shows."""

    days: Literal["7", "30", "90", "365"] = "30"


def form(figures: Document) -> Document:
    """The figures of a day in JSON."""
    shown = {name: figures[name] for name in statistics.FIGURES}
    return {"date": figures["_id"], **shown}


@api.get(
    permission=Permission.READ,
    validators=[rest.query(Between)],
    answers={200: answers.Days},
)
def read(request: Any) -> Document:
    """The figures of each day that is over."""
    since, until = request.validated["query"].days
    found = statistics.days(request.database, since, until)
    return {"result": [form(figures) for figures in found]}


@page(context=Root, name="statistics", renderer="statistics.jinja2")
def show(request: Any) -> Document:
    """The figures of the last days, as plots and as a table."""
    span = int(bodies.query(request, Span).days)
    until = statistics.last_finished()
    since = until - timedelta(days=span - 1)
    return {
        "days": statistics.days(request.database, since, until),
        "span": span,
        "since": since,
        "until": until,
        "first": statistics.number(since),
        "rounded": rounded,
    }


def rounded(most: int) -> int:
    """Where the scale of a plot ends: one digit and zeros, `most` or more."""
    unit = int(10 ** (len(str(most)) - 1))
    return max(-(-most // unit) * unit, 1)
