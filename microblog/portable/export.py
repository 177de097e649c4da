"""All that is held about a user, in a zip: JSON for programs, HTML for people.

`account.json` has the user and the logins, without their secrets; `microposts.json`,
`following.json`, `followers.json` are arrays with an item a line; `held/` has whatever
else goes with the account when that is deleted, by the same table. In memory is one
page of it at a time.
"""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

from microblog.mailing.messages import templates
from microblog.portable.archives import OWN
from microblog.settings import Settings
from microblog.store import (
    Database,
    Document,
    collection,
    files,
    follows,
    holdings,
    ids,
    pieces,
    sessions,
    tokens,
)
from microblog.store.walks import Start
from microblog.version import VERSION

FORMAT = "microblog export 1"
PAGE = 1000  # microposts on a page of HTML
PEOPLE = 1000  # of each kind, on the first page
EXACT = 2**53  # whole numbers that every reader of JSON has
OLDEST_FIRST = Start(descending=False, wanted=250)

# What nobody is told: secrets and their digests; what is computed, or only says how far
# a task is; which moderator (`by`) it was.
NEVER = {"password", "grams", "undone", "run", "leased", "by"}
OF_USER = NEVER | {"microposts", "folded", "undelivered"}
OF_LOGIN = NEVER | {"_id"}
# What others have told, and who they are.
HIDDEN_OF = {
    ("reports", "about"): {"_id", "reporter", "reason"},
    ("invitations", "by"): {"_id"},
}
LINKS = (
    ("following", follows.walk_following, "followee"),
    ("followers", follows.walk_followers, "follower"),
)


def write(
    database: Database, settings: Settings, user: Document, file: files.Writer
) -> None:
    """Write the export of a user, by the user's document."""
    account = _account(database, settings, user)
    # To their author they are there.
    user = {key: value for key, value in user.items() if key != "suspended"}
    with ZipFile(file, "w", ZIP_DEFLATED) as archive:  # type: ignore[call-overload]
        archive.writestr("account.json", _json(account) + "\n")
        microposts = collection.walk(database, user, OLDEST_FIRST)
        _array(archive, OWN, map(_micropost, microposts))
        for name, walk, side in LINKS:
            links = walk(database, user, OLDEST_FIRST)
            _array(archive, f"{name}.json", map(partial(_link, side), links))
        for name, owner, found in holdings.of_user(database, user["_id"]):
            omitted = NEVER | HIDDEN_OF.get((name, owner), set())
            suffix = "_about" if owner == "about" else ""
            documents = map(partial(_without, omitted), found)
            _array(archive, f"held/{name}{suffix}.json", documents)
        _write_pages(archive, database, settings, user, account)


def _account(database: Database, settings: Settings, user: Document) -> Document:
    return {
        "format": FORMAT,
        "program": f"microblog {VERSION}",
        "site": {"name": settings.site_name, "url": settings.url},
        "exported": datetime.now(UTC),
        "user": _without(OF_USER, {"username": user["_id"], **user}),
        "sessions": [
            _without(OF_LOGIN, one) for one in sessions.of_user(database, user["_id"])
        ],
        "tokens": [
            _without(OF_LOGIN, one) for one in tokens.of_user(database, user["_id"])
        ],
    }


def _micropost(one: Document) -> Document:
    return {
        "id": str(one["id"]),
        "timestamp": ids.moment(one["id"]),
        "text": one["text"],
        "referenced": one["referenced"],
        "edited": one["edited"],
    }


def _link(side: str, link: Document) -> Document:
    return {"username": link[side], "since": ids.moment(link["at"])}


def _without(omitted: set[str], value: Any) -> Any:
    """The value as JSON can have it, without these fields."""
    if isinstance(value, dict):
        return {
            key: _without(omitted, one)
            for key, one in value.items()
            if key not in omitted
        }
    if isinstance(value, list):
        return [_without(omitted, one) for one in value]
    if isinstance(value, int) and abs(value) > EXACT:
        return str(value)
    return value.hex() if isinstance(value, bytes) else value


def _json(value: Any) -> str:
    return json.dumps(value, default=_moment, ensure_ascii=False)


def _moment(value: datetime) -> str:
    return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _array(archive: ZipFile, name: str, items: Iterable[Document]) -> None:
    """An array with an item a line, so that it can be read line by line as well."""
    with archive.open(name, "w") as file:
        mark = "["
        for item in items:
            file.write(f"{mark}\n{_json(item)}".encode("utf-8", "backslashreplace"))
            mark = ","
        file.write(b"[]\n" if mark == "[" else b"\n]\n")


def _write_pages(
    archive: ZipFile,
    database: Database,
    settings: Settings,
    user: Document,
    account: Document,
) -> None:
    language = user.get("language") or settings.site_language
    environment = templates(language)
    shared = {"user": user, "site": settings, "language": language}

    def add(name: str, template: str, **values: Any) -> None:
        found = environment.get_template(f"export/{template}.jinja2")
        html = found.render(shared, moment=ids.moment, **values)
        archive.writestr(name, html.encode("utf-8", "backslashreplace"))

    number = 0
    microposts = collection.walk(database, user, OLDEST_FIRST)
    for number, page in enumerate(pieces(microposts, PAGE), 1):
        name = f"microposts/{number:04}.html"
        add(name, "microposts.html", microposts=page, number=number)
    people = {
        name: [
            link[side] for link in islice(walk(database, user, OLDEST_FIRST), PEOPLE)
        ]
        for name, walk, side in LINKS
    }
    add("style.css", "style.css")
    names = [name for name in archive.namelist() if name.endswith(".json")]
    add(
        "index.html",
        "index.html",
        account=account,
        pages=number,
        people=people,
        names=names,
    )
