"""The plain text of a post that its server keeps as HTML, in time that grows with its
length alone: that of `html.parser` grows with the square, of "<a <a " for example."""

import re
from html import unescape
from urllib.parse import urlsplit

LINES = {"br", "li", "tr"}
PARAGRAPHS = {"p", "div", "blockquote", "pre", "ul", "ol", "h1", "h2", "h3", "h4"}
BLANK = re.compile(r"[ \t\r\n]+")

_VALUE = r"""=\s*+(?:"[^"]*+"|'[^']*+')"""
# Wherever one begins it ends, at the end of all if need be: nothing is looked at twice.
_TOKEN = re.compile(
    rf"""
    (?P<text>[^<]++)
    |<!--.*?(?:-->|\Z)
    |<[!?][^>]*+>?
    |<(?P<unseen>script|style|template)\b.*?(?:</(?P=unseen)\b[^>]*+>?|\Z)
    |<(?P<end>/?)(?P<tag>[a-z][^\s/>]*+)(?P<more>(?:{_VALUE}|[^>])*+)>?
    |(?P<mark><)
    """,
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)
_ATTRIBUTE = re.compile(
    r"""(?<!\S)(class|href)=(?:"([^"]*+)"|'([^']*+)'|(\S*+))""", re.IGNORECASE
)


class _Reader:
    """Collects what a reader sees."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self._mentioned = ""  # the host of whom a link names
        self._begin = 0

    def begin(self, tag: str, attributes: str) -> None:
        """Line ends; where a link begins that names somebody."""
        if tag in LINES:
            self.parts.append("\n")
        elif tag in PARAGRAPHS:
            self.parts.append("\n\n")
        elif tag == "a":
            given = {
                name.lower(): unescape("".join(values))
                for name, *values in _ATTRIBUTE.findall(attributes)
            }
            is_mention = "mention" in given.get("class", "").split()
            self._mentioned = _host(given.get("href", "")) if is_mention else ""
            self._begin = len(self.parts)

    def end(self, tag: str) -> None:
        """Line ends; who was named is of another server."""
        if tag in PARAGRAPHS:
            self.parts.append("\n\n")
        elif tag == "a" and self._mentioned:
            name = "".join(self.parts[self._begin :])
            if name.startswith("@") and "@" not in name[1:]:
                self.parts.append(f"@{self._mentioned}")
            self._mentioned = ""


def _host(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


def plain(html: str) -> str:
    """The text, with a blank line between paragraphs. Who is named (`@bob`) is named
    with the server (`@bob@example.org`), or somebody of this site would be."""
    reader = _Reader()
    for found in _TOKEN.finditer(html):
        if text := found["text"] or found["mark"]:
            reader.parts.append(BLANK.sub(" ", unescape(text)))
        elif tag := found["tag"]:
            if found["end"]:
                reader.end(tag.lower())
            else:
                reader.begin(tag.lower(), found["more"])
    text = re.sub(" {2,}", " ", "".join(reader.parts))
    text = re.sub(" ?\n ?", "\n", text)
    return re.sub(r"\n{3,}", "\n\n", text).strip()
