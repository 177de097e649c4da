"""The plain text of a post that its server keeps as HTML."""

import re
from html.parser import HTMLParser
from urllib.parse import urlsplit

LINES = {"br", "li", "tr"}
PARAGRAPHS = {"p", "div", "blockquote", "pre", "ul", "ol", "h1", "h2", "h3", "h4"}
UNSEEN = {"script", "style", "template"}
BLANK = re.compile(r"[ \t\r\n]+")


class _Reader(HTMLParser):
    """Collects what a reader sees."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._unseen = 0
        self._mentioned: str | None = None  # the host of whom a link names
        self._begin = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Line ends; where a link begins that names somebody."""
        given = dict(attrs)
        if tag in UNSEEN:
            self._unseen += 1
        elif tag in LINES:
            self.parts.append("\n")
        elif tag in PARAGRAPHS:
            self.parts.append("\n\n")
        elif tag == "a" and "mention" in (given.get("class") or "").split():
            self._mentioned = _host(given.get("href") or "")
            self._begin = len(self.parts)

    def handle_endtag(self, tag: str) -> None:
        """Line ends; who was named is of another server."""
        if tag in UNSEEN:
            self._unseen = max(0, self._unseen - 1)
        elif tag in PARAGRAPHS:
            self.parts.append("\n\n")
        elif tag == "a" and self._mentioned is not None:
            name = "".join(self.parts[self._begin :])
            if name.startswith("@") and "@" not in name[1:] and self._mentioned:
                self.parts.append(f"@{self._mentioned}")
            self._mentioned = None

    def handle_data(self, data: str) -> None:
        """What is seen."""
        if not self._unseen:
            self.parts.append(BLANK.sub(" ", data))


def _host(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


def plain(html: str) -> str:
    """The text, with a blank line between paragraphs. Who is named (`@bob`) is named
    with the server (`@bob@example.org`), or somebody of this site would be."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    text = re.sub(r" *\n *", "\n", "".join(reader.parts))
    return re.sub(r"\n{3,}", "\n\n", text).strip()
