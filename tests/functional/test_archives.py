"""Archives of elsewhere by the command: what becomes a micropost, and what does not."""

import json
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from microblog.errors import BadArchive
from microblog.i18n import plain
from microblog.portable import archives, html_text, loading, posts
from microblog.portable.json_stream import JsonStream
from microblog.store import Database, bulk, ids, reading, users
from microblog.store.check import check
from tests.archives import (
    FIRST,
    in_tar,
    in_zip,
    note,
    outbox,
    script,
    tweet,
    unfit,
)
from tests.archives import main as generate
from tests.factories import Factory
from tests.functional.command import Done, Run

Import = Callable[..., Done]


@pytest.fixture
def bring(run: Run, make: Factory, tmp_path: Path) -> Import:
    """`microblog import --user alice` of a file of these bytes."""
    make.user("alice")

    def bring(content: bytes, *options: str) -> Done:
        path = tmp_path / "archive"
        path.write_bytes(content)
        return run("import", "--user", "alice", *options, str(path))

    return bring


def texts(database: Database) -> list[tuple[datetime, str]]:
    """Dates and texts of all microposts, the oldest first."""
    found = sorted(database.microposts.find(), key=lambda one: one["_id"])
    return [(ids.moment(one["_id"]), one["text"]) for one in found]


@pytest.mark.parametrize(
    "pack",
    [
        outbox,
        lambda items: in_zip(
            {"media/a.png": b"\0" * 999, "outbox.json": outbox(items)}
        ),
        lambda items: in_tar(
            {"actor.json": b"{}", "archive/outbox.json": outbox(items)}
        ),
    ],
    ids=["json", "zip", "tar"],
)
def test_mastodon_archive_keeps_dates_and_comes_once(
    bring: Import, database: Database, pack: Callable[[list[Any]], bytes]
) -> None:
    content = pack([note(number) for number in range(50)])
    done = bring(content)
    said = "microposts: 50 new, 0 already there\nleft out: 0\n"
    assert (done.status, done.output, done.errors) == (0, said, "")
    there = texts(database)
    assert there == [
        (FIRST + timedelta(hours=n), f"Post {n} & a link") for n in range(50)
    ]
    again = bring(content)
    assert again.output == "microposts: 0 new, 50 already there\nleft out: 0\n"
    assert texts(database) == there
    assert sorted(map(str, check(database))) == []
    user = users.find(database, "alice") or {}
    assert (user["counts"]["microposts"], len(user["microposts"])) == (50, 40)


def test_generated_archive_of_1000_posts(
    run: Run, make: Factory, database: Database, tmp_path: Path
) -> None:
    """The command in the documents."""
    make.user("alice")
    path = tmp_path / "archive.tar.gz"
    generate("mastodon", "1000", str(path))
    done = run("import", "--user", "alice", str(path))
    assert done.output == "microposts: 1000 new, 0 already there\nleft out: 0\n"
    assert database.microposts.count_documents({"author": "alice"}) == 1000


def test_what_does_not_fit_is_told_and_not_lost(
    bring: Import, database: Database, tmp_path: Path
) -> None:
    media = [{"type": "Document", "url": "/media/1.png"}]
    items = [*unfit(), note(1), note(2, attachment=media)]
    done = bring(outbox(items), "--left", str(tmp_path / "left"))
    assert done.output == "microposts: 2 new, 0 already there\nleft out: 9\n"
    reasons = [line.split(": post ")[1] for line in done.errors.splitlines()]
    assert reasons == [
        "1: is a boost of another's post",
        "2: is a poll",
        "3: was not public",
        "4: is 299 characters long, 255 are allowed",
        "5: has media and no text",
        "6: has a date in the future",
        "7: is not what it should be",
        "8: is empty",
        "9: is no post",
        "11: imported: 1 media left out",
    ]
    lines = (tmp_path / "left").read_text().splitlines()
    left = [json.loads(line) for line in lines]
    assert [one["original"] for one in left] == [*unfit(), items[-1]]
    assert [one["imported"] for one in left] == [False] * 9 + [True]
    assert [text for _at, text in texts(database)] == [
        "Post 1 & a link",
        "Post 2 & a link",
    ]


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>a<br>b</p><p>c</p>", "a\nb\n\nc"),
        ("<p>1 &lt; 2 &amp;&#38; 3</p>", "1 < 2 && 3"),
        (
            '<p><span class="h-card"><a href="https://there.example/@bob" '
            'class="u-url mention">@<span>bob</span></a></span> hi</p>',
            "@bob@there.example hi",
        ),
        (
            '<a href="https://t.example/tags/x" class="mention hashtag">#<span>x</span>'
            "</a>",
            "#x",
        ),
        (
            '<a href="https://example.org/long"><span class="invisible">https://</span>'
            '<span class="ellipsis">example.org/lo</span><span class="invisible">ng'
            "</span></a>",
            "https://example.org/long",
        ),
        ("<script>alert(1)</script><p>a</p><style>b{}</style>", "a"),
        ("<ul><li>a</li><li>b</li></ul>", "a\nb"),
        ("a <b>c", "a c"),
        ('<a class="mention" href="http://[">@bob</a>', "@bob"),
    ],
)
def test_html_of_a_post_becomes_plain_text(html: str, text: str) -> None:
    assert html_text.plain(html) == text


def test_warning_of_a_post_comes_first() -> None:
    found = posts.mastodon(note(summary="Careful", content="<p>hot</p>"))
    assert found.text == "Careful\n\nhot"


@pytest.mark.parametrize(
    "pack",
    [
        script,
        lambda items: in_zip({"data/tweets.js": script(items), "data/x.js": b"x"}),
        lambda items: in_zip(
            {
                "data/tweets.js": script(items[:3]),
                "data/tweets-part1.js": script(items[3:], 1),
            }
        ),
    ],
    ids=["js", "zip", "parts"],
)
def test_twitter_archive(
    bring: Import, database: Database, pack: Callable[[list[Any]], bytes]
) -> None:
    link = {"url": "https://t.co/a", "expanded_url": "https://example.org/a"}
    picture = {"url": "https://t.co/p", "type": "photo"}
    items = [
        tweet(0),
        tweet(1, full_text="RT @bob: his"),
        tweet(
            2,
            full_text="@Bob see https://t.co/a https://t.co/p",
            entities={"urls": [link], "user_mentions": [{"screen_name": "bob"}]},
            extended_entities={"media": [picture]},
        ),
        tweet(3, full_text="https://t.co/p", entities={"media": [picture]}),
        tweet(4, created_at="2023-01-01"),
    ]
    done = bring(pack(items))
    assert done.output == "microposts: 2 new, 0 already there\nleft out: 3\n"
    assert texts(database) == [
        (FIRST, "Tweet 0 & more"),
        (FIRST + timedelta(minutes=2), "@Bob@twitter.com see https://example.org/a"),
    ]
    assert bring(pack(items)).output.startswith("microposts: 0 new, 2 already there")


def bomb() -> bytes:
    """A small zip that says that it unpacks to 600 MB."""
    made = BytesIO()
    with (
        zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("outbox.json", "w") as file,
    ):
        file.write(b'{"orderedItems": [')
        for _ in range(600):
            file.write(b" " * (1 << 20))
    return made.getvalue()


def liar() -> bytes:
    """A zip that says it unpacks to less than it does."""
    content = bytearray(in_zip({"outbox.json": outbox([note()] * 99)}))
    at = content.rfind(b"PK\x01\x02")
    struct.pack_into("<L", content, at + 24, 100)
    return bytes(content)


def many_files() -> bytes:
    """A zip whose list of files says it has 1 GB."""
    content = bytearray(in_zip({"outbox.json": outbox([note()])}))
    struct.pack_into("<L", content, len(content) - 10, 1 << 30)
    return bytes(content)


GOOD = outbox([note()])
DEEP = b'{"orderedItems": [' + b"[" * 100_000 + b"]" * 100_000 + b"]}"
BAD = {
    "empty": (b"", "is no archive that is known here"),
    "of nothing known": (b"hello", "is no archive that is known here"),
    "picture": (b"\x89PNG\r\n\x1a\n", "is not UTF-8"),
    "half a zip": (in_zip({"outbox.json": GOOD})[:-30], "is damaged"),
    "half a tar": (in_tar({"outbox.json": GOOD})[:-30], "is damaged"),
    "no tar": (b"\x1f\x8b" + b"x" * 99, "is damaged"),
    "no posts": (in_zip({"a": b"b"}), "has no posts that are known here"),
    "tar without posts": (in_tar({"a": b"b"}), "has no posts that are known here"),
    "out of it": (
        in_zip({"../../etc/passwd": b"x", "outbox.json": GOOD}),
        "has a file that would lie outside of it",
    ),
    "absolute": (
        in_tar({"/etc/outbox.json": GOOD}),
        "has a file that would lie outside of it",
    ),
    "half a JSON": (GOOD[:-40], "is not the JSON that it should be"),
    "other JSON": (b'{"a": 1}', "has no orderedItems"),
    "deep": (DEEP, "is not the JSON that it should be"),
    "not UTF-8": (b'{"orderedItems": ["\xff"]}', "is not UTF-8"),
    "long number": (b"[" + b"1" * 9999 + b"]", "is not the JSON that it should be"),
    "bomb": (bomb(), "unpacks to more than is allowed"),
    "liar": (liar(), "is damaged"),
    "many files": (many_files(), "holds too many files: take the one with the posts"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_archive_is_refused_in_clear_words(name: str) -> None:
    content, reason = BAD[name]
    tracemalloc.start()
    with pytest.raises(BadArchive) as refused:
        list(archives.read(BytesIO(content)))
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert plain(refused.value.detail) == reason
    assert peak < 64 << 20


def test_command_says_why_an_archive_is_refused(bring: Import) -> None:
    done = bring(b"hello")
    assert (done.status, done.output) == (1, "")
    assert done.errors.endswith("archive is no archive that is known here\n")


def test_tar_that_unpacks_to_too_much() -> None:
    packed = BytesIO(in_tar({"media": b"\0" * (4 << 20), "outbox.json": GOOD}))
    with pytest.raises(BadArchive, match="unpacks to more than is allowed"):
        list(archives._in_tar(packed, 1 << 20))
    packed.seek(0)
    assert len(list(archives._in_tar(packed, 8 << 20))) == 1


def test_headers_of_a_tar_are_bounded() -> None:
    name = "x" * (archives.LARGEST_READ + 1)
    packed = BytesIO(in_tar({name: b"", "outbox.json": GOOD}))
    with pytest.raises(BadArchive, match="unpacks to more than is allowed"):
        list(archives.read(packed))


@pytest.mark.parametrize("piece", [1, 2, 7, 1 << 16])
def test_json_is_read_in_pieces_of_any_size(
    monkeypatch: pytest.MonkeyPatch, piece: int
) -> None:
    monkeypatch.setattr("microblog.portable.json_stream.PIECE", piece)
    values = [1234567, -0.5, "é🦊\\", None, True, {"a": [1, {}]}, [], 98765]
    content = BytesIO(json.dumps({"x": {"y": 1}, "items": values, "z": 0}).encode())
    read = lambda size: content.read(min(size, piece))  # noqa: E731
    assert list(JsonStream(read).items_of("items")) == values


def test_posts_come_into_timelines(
    bring: Import, make: Factory, database: Database
) -> None:
    make.follow("bob", "alice")
    assert reading.build(database, "bob")["references"] == []
    bring(outbox([note(1)]))
    (found,) = reading.walk(database, make.user("bob"), reading.Start())
    assert found["text"] == "Post 1 & a link"


def test_import_that_was_cut_off_goes_on(
    bring: Import, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    content, calls = outbox([note(number) for number in range(50)]), []
    insert = bulk.insert
    monkeypatch.setattr(loading, "BATCH", 20)

    def cut(*arguments: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            raise BadArchive("was cut off")
        return insert(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(bulk, "insert", cut)
        assert bring(content).status == 1
    assert database.microposts.count_documents({}) == 20
    assert bring(content).output.startswith("microposts: 30 new, 20 already there")
    assert sorted(map(str, check(database))) == []


def test_archive_needs_a_user_and_a_file(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "archive"
    path.write_bytes(GOOD)
    done = run("import", "--user", "nobody", str(path))
    assert (done.status, done.errors) == (
        1,
        "microblog: there is no user 'nobody'\n",
    )


def test_dates_are_of_a_moment() -> None:
    for moment in ("2023-01-02T03:04:05", "1969-12-31T23:59:59Z", 5, None):
        record = {"text": "a", "timestamp": moment, "referenced": None, "edited": None}
        with pytest.raises(posts.Unfit):
            posts.converted(posts.own, record)
    record["timestamp"] = datetime.now(UTC).isoformat()
    assert posts.converted(posts.own, record).text == "a"
