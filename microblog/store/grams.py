"""Grams: what makes parts of texts and of names findable.

A gram is a run of three characters of a case-folded text. The embedded server takes
such strings into an index faster than numbers, and in less room. Whoever finds
something by a gram looks for the part itself in it.
"""

import re

from microblog import text as grammar

LENGTH = 3  # code points
_AUTHOR = "@"  # keeps the grams of a name apart from those of a text
_BEGINNING = "^"  # and those of beginnings apart from those of runs
_WORD = re.compile(r"\w+")


def of_micropost(author: str, text: str) -> list[str]:
    """The distinct grams of a micropost, sorted."""
    return sorted({*of_text(text), *of_author(author)})


def of_text(part: str) -> list[str]:
    """The grams of a part of a text, in order; none if it is shorter than three."""
    return _grams(grammar.fold(part))


def of_author(part: str) -> list[str]:
    """The grams of a part of an author's name, in order."""
    return _grams(part, _AUTHOR)


def of_user(username: str, name: str) -> list[str]:
    """The distinct grams of a user, sorted: of the runs of three characters, and of the
    first and the first two of the username and of each word of the name."""
    folded = grammar.fold(name)
    beginnings = {word[:n] for word in _words(username, folded) for n in (1, 2)}
    marked = {_BEGINNING + beginning for beginning in beginnings}
    return sorted({*marked, *_grams(username), *_grams(folded)})


def of_user_part(part: str) -> list[str]:
    """The grams by which a part of a username or name is found, in order; of one or two
    characters, of a beginning. None: of nothing."""
    folded = grammar.fold(part)
    if 0 < len(folded) < LENGTH:
        return [_BEGINNING + folded]
    return _grams(folded)


def is_in_user(part: str, username: str, name: str) -> bool:
    """Whether the username or the name contains `part`, without regard to case; one or
    two characters must begin a word."""
    part, folded = grammar.fold(part), grammar.fold(name)
    if len(part) < LENGTH:
        return any(word.startswith(part) for word in _words(username, folded))
    return part in username or part in folded


def _words(username: str, folded: str) -> set[str]:
    return {username, *folded.split(), *_WORD.findall(folded)}


def _grams(text: str, prefix: str = "") -> list[str]:
    return [prefix + text[i : i + LENGTH] for i in range(len(text) - LENGTH + 1)]
