"""Archives of elsewhere by the command: what becomes a micropost, and what does not."""

import contextlib
import gzip
import json
import struct
import tarfile
import time
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
from microblog.portable import archives, html_text, loading, posts, tar
from microblog.portable.json_stream import JsonStream
from microblog.store import Database, bulk, hidden, ids, reading, users
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
        ("a <b title='>' id=\">\">c</B >", "a c"),
        ("a < b &lt;c&gt; <3", "a < b <c> <3"),
        ("a<!-- <b> -->b<!DOCTYPE x>c<?d?>e", "abce"),
        ("<script>if (a<b) '</p>'</script>a<template><p>b</template>c", "ac"),
        ("a <b  <i> </i> c", "a c"),
        ("a <b", "a"),
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


def many_files(count: int, size: int) -> bytes:
    """A zip whose list has so many files with names of that size, and which seems to
    hold a second, harmless end of it: there `zipfile` does not look."""
    listed = bytearray(b"PK\x01\x02".ljust(46, b"\0") + b"x" * size)
    struct.pack_into("<H", listed, 28, size)
    directory = bytes(listed) * count
    end = b"PK\x05\x06PK\x05\x06" + struct.pack("<HHLLH", 1, 1, len(directory), 0, 0)
    return directory + end


def empty_files() -> bytes:
    """A tar of more files than anybody has."""
    head = tarfile.TarInfo("a").tobuf(tarfile.USTAR_FORMAT)
    return gzip.compress(head * (tar.MOST_HEADERS + 1), 1)


def listed_again(count: int, size: int) -> bytes:
    """A zip that lists its one file so often, of that size each time."""
    content = in_zip({"data/tweets.js": script([tweet()])})
    at, end = content.rfind(b"PK\x01\x02"), content.rfind(b"PK\x05\x06")
    listed = bytearray(content[at:end])
    struct.pack_into("<L", listed, 24, size)
    ending = bytearray(content[end:])
    struct.pack_into("<HHL", ending, 8, count, count, len(listed) * count)
    return content[:at] + bytes(listed) * count + bytes(ending)


def far_away() -> bytes:
    """A zip whose file begins where no file has a place."""
    content = in_zip({"outbox.json": GOOD})
    at, end = content.rfind(b"PK\x01\x02"), content.rfind(b"PK\x05\x06")
    listed, ending = bytearray(content[at:end]), bytearray(content[end:])
    listed += struct.pack("<HHQ", 1, 8, (1 << 64) - 1)
    struct.pack_into("<H", listed, 30, 12)
    struct.pack_into("<L", listed, 42, 0xFFFFFFFF)
    struct.pack_into("<L", ending, 12, len(listed))
    return content[:at] + bytes(listed) + bytes(ending)


TOO_MANY = "holds too many files: take the one with the posts"
GOOD = outbox([note()])
DEEP = b'{"orderedItems": [' + b"[" * 100_000 + b"]" * 100_000 + b"]}"
BAD = {
    "empty": (b"", "is no archive that is known here"),
    "of nothing known": (b"hello", "is no archive that is known here"),
    "picture": (b"\x89PNG\r\n\x1a\n", "is not UTF-8"),
    "half a zip": (in_zip({"outbox.json": GOOD})[:-30], "is damaged"),
    "half a tar": (in_tar({"outbox.json": GOOD})[:200], "is damaged"),
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
    "many files": (many_files(archives.MOST_FILES + 1, 1), TOO_MANY),
    "long list of files": (many_files(200, (1 << 16) - 1), TOO_MANY),
    "tar of many files": (empty_files(), TOO_MANY),
    "bomb of parts": (listed_again(3, 200 << 20), "unpacks to more than is allowed"),
    "far away": (far_away(), "is damaged"),
    "gzip with a long name": (
        b"\x1f\x8b\x08\x08\0\0\0\0\0\xff" + b"a" * (8 << 20),
        "is damaged",
    ),
    "many gzips": (gzip.compress(b"") * 100_000, "is damaged"),
    "endless number": (
        b'{"orderedItems": [1.' + b"0" * (3 << 20) + b"]}",
        "is not the JSON that it should be",
    ),
    "no number": (b'{"orderedItems": [NaN]}', "is not the JSON that it should be"),
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


NOTHING = "microposts: 0 new, 0 already there\nleft out: 0\n"


def test_command_says_why_an_archive_is_refused(bring: Import) -> None:
    done = bring(b"hello")
    assert (done.status, done.output) == (1, NOTHING)
    assert done.errors.endswith("archive is no archive that is known here\n")
    done = bring(outbox([note(), *unfit()])[:-20])
    said = "microposts: 1 new, 0 already there\nleft out: 8\n"
    assert (done.status, done.output) == (1, said)
    assert done.errors.endswith("archive is not the JSON that it should be\n")


def budget(megabytes: int) -> archives._Budget:
    """What an archive may unpack to."""
    return archives._Budget(megabytes << 20, lambda: None)


def test_tar_that_unpacks_to_too_much() -> None:
    packed = BytesIO(in_tar({"media": b"\0" * (4 << 20), "outbox.json": GOOD}))
    with pytest.raises(BadArchive, match="unpacks to more than is allowed"):
        list(archives._in_tar(packed, budget(1)))
    packed.seek(0)
    assert len(list(archives._in_tar(packed, budget(8)))) == 1


def header(type: bytes, content: bytes) -> bytes:
    """A tar that begins with this header."""
    member = tarfile.TarInfo("a")
    member.type, member.size = type, len(content)
    padded = content + b"\0" * (-len(content) % 512)
    good = gzip.decompress(in_tar({"outbox.json": GOOD}))
    return gzip.compress(member.tobuf(tarfile.USTAR_FORMAT) + padded + good, 1)


@pytest.mark.parametrize(
    ("type", "content"),
    [
        (tarfile.XHDTYPE, b"7 a=bc\n" * 2000),
        (tarfile.XGLTYPE, b"7 a=bc\n" * 2000),
        (tarfile.GNUTYPE_LONGNAME, b"x" * 8193),
        (tarfile.XHDTYPE, b"5 a=b\n"),
        (tarfile.XHDTYPE, b"0 a=b\n"),
        (tarfile.XHDTYPE, b"-6 a=b\n"),
        (tarfile.XHDTYPE, b"6 abc\n"),
        (tarfile.XHDTYPE, b"12 size=-100\n"),
        (tarfile.XHDTYPE, b"12 size=9999\n"),
    ],
)
def test_headers_of_a_tar_are_bounded(type: bytes, content: bytes) -> None:
    with pytest.raises(BadArchive, match="is damaged"):
        list(archives.read(BytesIO(header(type, content))))


def test_tar_with_holes_is_refused() -> None:
    packed = BytesIO(header(tarfile.GNUTYPE_SPARSE, b""))
    with pytest.raises(BadArchive, match="packed in an unusual way"):
        list(archives.read(packed))


@pytest.mark.parametrize(
    "format", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]
)
def test_tar_with_long_names_links_and_folders(format: int) -> None:
    made = BytesIO()
    folder = "é" * 40 + "/" + "b" * 50 + "/"
    with tarfile.open(fileobj=made, mode="w:gz", format=format) as archive:
        for name, type, content in (
            (folder, tarfile.DIRTYPE, b""),
            (f"{folder}link", tarfile.SYMTYPE, b""),
            (f"{folder}picture", tarfile.REGTYPE, b"p" * 700),
            ("outbox.json", tarfile.SYMTYPE, b""),
            (f"{folder}outbox.json", tarfile.REGTYPE, GOOD),
        ):
            member = tarfile.TarInfo(name)
            member.type, member.size = type, len(content)
            member.linkname = "/etc/passwd" if type == tarfile.SYMTYPE else ""
            archive.addfile(member, BytesIO(content))
    ((found, convert),) = archives.read(made)
    assert posts.converted(convert, found).text == "Post 0 & a link"


MARKS = "\N{COMBINING GRAVE ACCENT BELOW}\N{COMBINING GRAVE ACCENT}"
NAMES = [{"screen_name": "@" * 9000 + str(number)} for number in range(100)]
SLOW: dict[str, Callable[[], object]] = {
    "links": lambda: html_text.plain("<a " * 6600),
    "comments": lambda: html_text.plain("<!--" * 5000),
    "declarations": lambda: html_text.plain("<![CDATA[" * 2200),
    "scripts": lambda: html_text.plain("<script>" * 2500),
    "quotes": lambda: html_text.plain("<a x='=\"" * 2200),
    "attributes": lambda: html_text.plain("<a " + 'class="' * 2800),
    "spaces": lambda: html_text.plain(" <b>" * 5000),
    "marks": lambda: converted(note(content=f"<p>a{MARKS * 9000}</p>")),
    "many marks": lambda: posts.converted(
        posts.own, {**RECORD, "text": "a" + MARKS * 100_000}
    ),
    "names": lambda: posts.converted(
        posts.twitter,
        tweet(full_text="@" * 20_000, entities={"user_mentions": NAMES}),
    ),
    "pax": lambda: list(archives.read(BytesIO(header(tarfile.XHDTYPE, DIGITS)))),
    "gzip name": lambda: list(archives.read(BytesIO(LONG_NAME))),
}
DIGITS = b"1" * (64 << 10)
LONG_NAME = b"\x1f\x8b\x08\x08\0\0\0\0\0\xff" + b"a" * (16 << 20)
RECORD = {"timestamp": "2023-01-02T03:04:05Z", "referenced": None, "edited": None}


def converted(activity: dict[str, Any]) -> posts.Past:
    """What an activity of Mastodon is here."""
    return posts.converted(posts.mastodon, activity)


@pytest.mark.parametrize("name", SLOW)
def test_nothing_takes_long(name: str) -> None:
    """What took from half a second to minutes."""
    began = time.process_time()
    with contextlib.suppress(BadArchive, posts.Unfit):
        SLOW[name]()
    assert time.process_time() - began < 0.25


def test_who_imports_goes_on_with_the_work(bring: Import, database: Database) -> None:
    """While there is nothing new, and where there are no posts at all."""
    content = outbox([note(number) for number in range(450)])
    bring(content)
    held: list[int] = []
    work = loading.Loading(database, "alice", print, lambda: held.append(1))
    assert work.load(BytesIO(content)).known == 450
    assert len(held) >= 2
    blank = in_zip({"outbox.json": b" " * (40 << 20) + GOOD})
    work = loading.Loading(database, "alice", print, lambda: held.append(1))
    work.load(BytesIO(blank))
    assert len(held) >= 4


def test_import_ends_after_so_many_new_microposts(
    bring: Import, database: Database
) -> None:
    content = outbox([note(number) for number in range(450)])
    for expected in (200, 200):
        work = loading.Loading(database, "alice", print, most=200)
        with pytest.raises(BadArchive, match="bring it again") as ended:
            work.load(BytesIO(content))
        assert plain(ended.value.detail).endswith("after these 200")
        assert work.report.new == expected
    work = loading.Loading(database, "alice", print, most=200)
    assert work.load(BytesIO(content)) == loading.Report(new=50, known=400)


def test_what_is_too_deep_is_refused_wherever_it_shows(
    make: Factory, database: Database
) -> None:
    """Also by a hair: what could be read, and no more be written."""
    make.user("alice")
    refused = set()
    for depth in range(800, 1000):
        work = loading.Loading(database, "alice", lambda changed: changed.line)
        items = "[" * depth + "]" * depth
        try:
            work.load(BytesIO(f'{{"orderedItems": [{items}]}}'.encode()))
        except BadArchive as error:
            refused.add(plain(error.detail))
        assert all("original" not in one for one in work.report.first)
    assert refused == {"is not the JSON that it should be"}


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


def test_archive_brings_nothing_back_that_was_hidden(
    bring: Import, make: Factory, database: Database
) -> None:
    made = make.micropost(text="posted here")
    hidden.hide(database, made["id"], "judge", "spam")
    posted = note(content="posted here", published=ids.moment(made["id"]).isoformat())
    assert bring(outbox([posted])).output.startswith("microposts: 0 new, 1 already")
    assert make.user()["microposts"] == []


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
