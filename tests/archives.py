"""Archives as other sites hand them out, made up.

python -m tests.archives mastodon 1000 archive.tar.gz
python -m tests.archives twitter 1000 archive.zip
"""

import io
import json
import sys
import tarfile
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

PUBLIC = "https://www.w3.org/ns/activitystreams#Public"
HOME = "https://social.example/users/alice"
FIRST = datetime(2023, 1, 2, 3, 4, 5, tzinfo=UTC)


def note(number: int = 0, **more: Any) -> dict[str, Any]:
    """An activity of a Mastodon outbox; `more`: what of its object is different."""
    moment = FIRST + timedelta(hours=number)
    content = f'<p>Post {number} &amp; a <a href="https://example.org/a">link</a></p>'
    object = {
        "type": "Note",
        "id": f"{HOME}/statuses/{number}",
        "published": moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "to": [PUBLIC],
        "cc": [f"{HOME}/followers"],
        "summary": None,
        "inReplyTo": None,
        "content": content,
        "attachment": [],
    }
    return {"type": "Create", "actor": HOME, "object": {**object, **more}}


def unfit() -> list[dict[str, Any]]:
    """Activities that can be no micropost, each for another reason."""
    boost = {"type": "Announce", "actor": HOME, "object": f"{HOME}/statuses/1"}
    media = [{"type": "Document", "url": "/media/1.png"}]
    return [
        boost,
        note(type="Question", content="<p>Yes or no?</p>"),
        note(to=[f"{HOME}/followers"], cc=[]),
        note(content=f"<p>{'long ' * 60}</p>"),
        note(content="", attachment=media),
        note(published="2999-01-01T00:00:00Z"),
        note(published="yesterday"),
        note(content=None),
        {"type": "Create", "object": 7},
    ]


def outbox(items: list[Any]) -> bytes:
    """A Mastodon outbox."""
    collection = {
        "@context": "https://www.w3.org/ns/activitystreams",
        "id": "outbox.json",
        "type": "OrderedCollection",
        "totalItems": len(items),
        "orderedItems": items,
    }
    return json.dumps(collection).encode()


def tweet(number: int = 0, **more: Any) -> dict[str, Any]:
    """An item of a Twitter archive."""
    moment = FIRST + timedelta(minutes=number)
    entities: dict[str, Any] = {"urls": [], "user_mentions": []}
    return {
        "tweet": {
            "id_str": str(10**18 + number),
            "created_at": moment.strftime("%a %b %d %H:%M:%S +0000 %Y"),
            "full_text": f"Tweet {number} &amp; more",
            "retweeted": False,
            "entities": entities,
            **more,
        }
    }


def script(items: list[Any], part: int = 0) -> bytes:
    """A `tweets.js`."""
    return f"window.YTD.tweets.part{part} = {json.dumps(items, indent=2)}".encode()


def in_zip(files: dict[str, bytes]) -> bytes:
    """A zip of files by their names."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return made.getvalue()


def in_tar(files: dict[str, bytes]) -> bytes:
    """A tar.gz of files by their names."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return made.getvalue()


def main(kind: str, count: str, path: str) -> None:
    """Write an archive of so many posts."""
    numbers = range(int(count))
    if kind == "mastodon":
        content, name = outbox([note(number) for number in numbers]), "outbox.json"
    else:
        content, name = script([tweet(number) for number in numbers]), "data/tweets.js"
    pack = in_zip if path.endswith(".zip") else in_tar
    Path(path).write_bytes(pack({name: content}))


if __name__ == "__main__":
    main(*sys.argv[1:])
