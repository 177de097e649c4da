"""The grammar of texts."""

import re
import time
import unicodedata

import pytest

from microblog import text
from microblog.i18n import plain


@pytest.mark.parametrize(
    ("raw", "kept"),
    [
        ("a" * 255, "a" * 255),
        ("\U0001f600" * 255, "\U0001f600" * 255),
        ("e\u0301" * 255, "é" * 255),
        ("a\r\nb\rc\u2028d\u2029e", "a\nb\nc\nd\ne"),
        ("tab\tand line\n", "tab\tand line\n"),
        ("\u202eright to left", "\u202eright to left"),
        ("\ufe0f", "\ufe0f"),
        ("\ue000", "\ue000"),
        (
            "\U0001f468\u200d\U0001f469\u200d\U0001f467",
            "\U0001f468\u200d\U0001f469\u200d\U0001f467",
        ),
    ],
)
def test_accepted(raw: str, kept: str) -> None:
    assert text.checked(raw) == kept


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("", "is empty"),
        (" \t\n", "is empty"),
        ("\u200b" * 10, "is empty"),
        ("\u2800", "is empty"),
        ("\u3164", "is empty"),
        ("\ufeff", "is empty"),
        ("a" * 256, "is 256 characters long, 255 are allowed"),
        ("nul\0", r"U\+0000"),
        ("bell\x07", r"U\+0007"),
        ("next line\x85", r"U\+0085"),
        ("escape\x1b", r"U\+001B"),
        ("half\ud800", "lone surrogate"),
    ],
)
def test_refused(raw: str, reason: str) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011 (the words are checked)
        text.checked(raw)
    assert re.search(reason, plain(refused.value.args[0]))


def test_line_ends_of_a_browser_count_once() -> None:
    assert len(text.checked("a" * 250 + "\r\n" * 5)) == 255


@pytest.mark.parametrize(
    ("written", "names"),
    [
        ("hi @bob", ["bob"]),
        ("@Bob, @bob and @al_ice!", ["bob", "al_ice"]),
        ("mail bob@example.org", []),
        ("@" + "a" * 31, []),
        ("(@bob)", ["bob"]),
        ("x@@bob", []),
        ("@bob@example.org", []),
        ("http://example.org/@bob", []),
    ],
)
def test_mentions(written: str, names: list[str]) -> None:
    assert text.mentions(written) == names


@pytest.mark.parametrize(
    ("written", "tags"),
    [
        ("#One #two #ONE", ["one", "two"]),
        ("#1 #1a", ["1a"]),
        ("a#b ##c &#39;", []),
        ("#Straße", ["strasse"]),
        ("http://example.org/#part", []),
    ],
)
def test_tags(written: str, tags: list[str]) -> None:
    assert text.tags(written) == tags


def test_long_text_of_marks_takes_no_minute() -> None:
    """Normalising takes as long as the square of their number."""
    marks = "\N{COMBINING GRAVE ACCENT BELOW}\N{COMBINING GRAVE ACCENT}"
    began = time.process_time()
    with pytest.raises(ValueError, match="characters long"):
        text.checked("a" + marks * 50_000)
    assert time.process_time() - began < 0.5


def test_four_characters_may_become_one() -> None:
    one = unicodedata.normalize("NFD", "\u1f82")
    assert len(one) == 4
    assert text.checked(one * 255) == "\u1f82" * 255
    with pytest.raises(ValueError, match="characters long"):
        text.checked(one * 256)
    assert text.checked("a\r\n" * 127 + "a") == "a\n" * 127 + "a"
