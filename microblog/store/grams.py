"""Grams: what makes parts of texts and of usernames findable.

A gram is a run of three characters of a case-folded text, kept as a 32-bit number:
half the bytes of a string on disk and in the index. Two grams may share a number;
whoever finds a micropost by a gram looks for the part itself in it.
"""

from zlib import crc32

from microblog import text as grammar

LENGTH = 3  # code points
_AUTHOR = "@"  # keeps the grams of a name apart from those of a text


def of_micropost(author: str, text: str) -> list[int]:
    """The distinct grams of a micropost, sorted."""
    return sorted({*of_text(text), *of_author(author)})


def of_text(part: str) -> list[int]:
    """The grams of a part of a text, in order; none if it is shorter than three."""
    return _grams(grammar.fold(part))


def of_author(part: str) -> list[int]:
    """The grams of a part of an author's name, in order."""
    return _grams(part, _AUTHOR)


def _grams(text: str, prefix: str = "") -> list[int]:
    return [
        crc32((prefix + text[i : i + LENGTH]).encode()) - 2**31
        for i in range(len(text) - LENGTH + 1)
    ]
