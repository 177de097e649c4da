"""From texts to HTML: links where they belong, all else as it was typed."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microblog import markup
from microblog.i18n import plain

NOW = datetime(2026, 8, 3, 12, tzinfo=UTC)
REL = 'rel="nofollow noopener ugc"'


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("nothing", "nothing"),
        ("a < b & c > d", "a &lt; b &amp; c &gt; d"),
        ("'\"", "&#39;&#34;"),
        ("@bob", '<a href="/users/bob">@bob</a>'),
        ("(@Bob_1)", '(<a href="/users/bob_1">@Bob_1</a>)'),
        ("@bob@carol", "@bob@carol"),
        ("bob@example.org", "bob@example.org"),
        ("@" + "x" * 31, "@" + "x" * 31),
        ("@böb", "@böb"),
        ("@kelvi\u212a", "@kelvi\u212a"),
        ("#word", '<a href="/tags/word">#word</a>'),
        ("#Word!", '<a href="/tags/word">#Word</a>!'),
        ("#Größe", '<a href="/tags/grösse">#Größe</a>'),
        ("#2026", "#2026"),
        ("a#b", "a#b"),
        ("&#39;", "&amp;#39;"),
        ("##a", "##a"),
        ("#a#b", '<a href="/tags/a">#a</a>#b'),
        (
            "see http://a.example/x.",
            f'see <a href="http://a.example/x" {REL}>http://a.example/x</a>.',
        ),
        (
            "https://a.example/?a=1&b=2",
            f'<a href="https://a.example/?a=1&amp;b=2" {REL}>'
            "https://a.example/?a=1&amp;b=2</a>",
        ),
        (
            "https://a.example/#word",
            f'<a href="https://a.example/#word" {REL}>https://a.example/#word</a>',
        ),
        ("www.a.example", "www.a.example"),
        ("//a.example", "//a.example"),
        ("ftp://a.example", "ftp://a.example"),
        ("mailto:a@a.example", "mailto:a@a.example"),
        ("javascript:alert(1)", "javascript:alert(1)"),
        ("data:text/html,x", "data:text/html,x"),
        ("http://", "http://"),
    ],
)
def test_linked(text: str, html: str) -> None:
    assert str(markup.linked(text)) == html


PIECES = st.sampled_from(
    ["http://a.example/", "https://", "@bob", "#tag", "<", ">", '"', "'", "&", "\n"]
) | st.text(max_size=5)


@given(st.lists(PIECES, max_size=12).map("".join))
def test_linked_says_what_the_text_says(text: str) -> None:
    html = str(markup.linked(text))
    links = re.findall('<a href="([^"<>]*)"(?: rel="[a-z ]+")?>', html)
    bare = re.sub('</a>|<a href="[^"<>]*"(?: rel="[a-z ]+")?>', "", html)
    assert unescape(bare) == text
    assert not set("<>\"'") & set(bare)
    allowed = ("http://", "https://", "/users/", "/tags/")
    assert all(unescape(link).lower().startswith(allowed) for link in links)


def test_content_of_a_feed_keeps_lines() -> None:
    assert markup.content("a\n<b>") == "a<br>&lt;b&gt;"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-5, "now"),
        (0, "now"),
        (59, "now"),
        (60, "1 min"),
        (3599, "59 min"),
        (3600, "1 h"),
        (86399, "23 h"),
        (86400, "1 d"),
        (7 * 86400 - 1, "6 d"),
        (7 * 86400, "2026-07-27"),
    ],
)
def test_age(seconds: int, shown: str) -> None:
    assert plain(markup.age(NOW - timedelta(seconds=seconds), NOW)) == shown


def test_moments() -> None:
    moment = NOW.replace(microsecond=123_000)
    assert markup.iso(moment) == "2026-08-03T12:00:00Z"
    assert markup.day(moment) == "2026-08-03"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("is so", "Is so."), ("Is so.", "Is so."), ("", "."), ("über", "Über.")],
)
def test_sentence(text: str, sentence: str) -> None:
    assert markup.sentence(text) == sentence


@pytest.mark.parametrize(
    ("agent", "shown"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Firefox/150.0", "Firefox, Linux"),
        (
            "Mozilla/5.0 (Windows NT 10.0) Chrome/150.0 Safari/537.36 Edg/150.0",
            "Edge, Windows",
        ),
        ("Mozilla/5.0 (Linux; Android 16) Chrome/150.0 Mobile", "Chrome, Android"),
        ("Mozilla/5.0 (iPhone; CPU like Mac OS X) Safari/604.1", "Safari, iPhone"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 15) Safari/604.1", "Safari, macOS"),
        ("curl/8.5.0", "curl"),
        ("<script>", ""),
        ("", ""),
    ],
)
def test_browser(agent: str, shown: str) -> None:
    assert markup.browser(agent) == shown


def test_avatar_is_the_same_for_a_name_and_alike_left_and_right() -> None:
    svg = str(markup.avatar("alice"))
    assert svg == str(markup.avatar("alice")) != str(markup.avatar("alicf"))
    squares = {(int(x), int(y)) for x, y in re.findall(r"M(\d) (\d)h1v1h-1z", svg)}
    assert squares == {(4 - x, y) for x, y in squares}
    assert re.search(r'class="avatar hue([0-9]|1[01])"', svg)


@pytest.mark.parametrize("number", range(100))
def test_every_avatar_shows_something(number: int) -> None:
    assert "M" in str(markup.avatar(f"user{number}"))
