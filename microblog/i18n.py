"""Words in the language of their reader; the catalogues stand in `locale/`.

A message is made by `_`, English with its values beside it, wherever something goes
wrong; a page translates it, an app gets it in English.
"""

from typing import Any

from translationstring import TranslationString, TranslationStringFactory

DOMAIN = "microblog"
LANGUAGES = {"en": "English", "de": "Deutsch"}

_make = TranslationStringFactory(DOMAIN)


def _(message: str, mapping: dict[str, Any] | None = None) -> str:
    """The message, to be translated for its reader; `mapping` fills its `${name}`s."""
    made: str = _make(message, mapping=mapping)
    return made


def plain(message: str) -> str:
    """The message in English, its values filled in."""
    if isinstance(message, TranslationString):
        return str(message.interpolate())
    return message


def negotiate(request: Any) -> str:
    """The language of a page: the reader's choice, else the browser's, else the
    site's."""
    known = request.known
    chosen: str = known.credential.get("language", "") if known else ""
    if chosen in LANGUAGES:
        return chosen
    default = request.site.site_language
    found: str = request.accept_language.lookup(
        list(LANGUAGES), default=default, default_tag=None
    )
    return found


def includeme(config: Any) -> None:
    """Pyramid finds the catalogues and asks `negotiate`."""
    config.add_translation_dirs("microblog:locale")
    config.set_locale_negotiator(negotiate)
