"""A micropost in JSON: alone, or ready made for pages of many."""

from datetime import datetime
from functools import lru_cache
from typing import Any

import orjson

from microblog import metrics
from microblog.store import Document, ids
from microblog.views.users import href as user_href

KEPT = 4000  # microposts in JSON, of about 600 bytes


def href(url: str, micropost: Document) -> str:
    """The address of a micropost in the API of the site at `url`."""
    author = user_href(url, micropost["author"])
    return f"{author}/collection/{micropost['id']}"


def listed_form(request: Any, micropost: Document) -> orjson.Fragment:
    """A micropost as ready JSON, for pages of many."""
    return _listed(
        request.site.url,
        micropost["id"],
        micropost["author"],
        micropost["text"],
        micropost["referenced"],
        micropost["edited"],
    )


@lru_cache(maxsize=KEPT)
def _listed(
    url: str,
    id: int,
    author: str,
    text: str,
    referenced: str | None,
    edited: datetime | None,
) -> orjson.Fragment:
    """Kept by all that it is made of."""
    micropost = {"id": id, "author": author, "text": text}
    micropost |= {"referenced": referenced, "edited": edited}
    return orjson.Fragment(orjson.dumps(form(url, micropost)))


metrics.CACHES["forms"] = _listed.cache_info


def form(url: str, micropost: Document) -> Document:
    """A micropost in JSON, of the site at `url`."""
    edited = micropost["edited"]
    return {
        "id": str(micropost["id"]),
        "href": href(url, micropost),
        "user": user_href(url, micropost["author"]),
        "username": micropost["author"],
        "text": micropost["text"],
        "timestamp": timestamp(ids.moment(micropost["id"])),
        "referenced": micropost["referenced"],
        "edited": timestamp(edited) if edited else None,
        **({"hidden": True} if "hidden" in micropost else {}),
    }


def timestamp(moment: datetime) -> str:
    """A moment in UTC, to the millisecond (RFC 3339)."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"
