"""Words of the pages: English is the key, Japanese stands in ``locales/ja/messages.po``.

The catalogue is read from the .po file itself: there is no compiled copy that could be stale.
"""

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from babel.messages.pofile import read_po

LANGUAGES = ("ja", "en")
"""Languages of the pages, the first one where nothing is known about the reader."""


def mark(message: str) -> str:
    """The message itself: marks a text that is translated later, where it is shown."""
    return message


@cache
def catalog(language: str) -> dict[str, str]:
    """Translations of one language by their English text; English is its own catalogue and empty."""
    if language == "en":
        return {}
    source = resources.files("admin_ui") / "locales" / language / "messages.po"
    with source.open("rb") as file:
        messages = read_po(file, locale=language)
    found: dict[str, str] = {}
    for message in messages:
        ids = message.id if isinstance(message.id, (list, tuple)) else [message.id]
        texts = message.string if isinstance(message.string, (list, tuple)) else [message.string]
        for number, key in enumerate(ids):
            text = texts[min(number, len(texts) - 1)]
            if key and text:
                found[str(key)] = str(text)
    return found


@dataclass(frozen=True, slots=True)
class Say:
    """Says things in one language: ``say("Saved.")``, ``say("%(n)s rows", n=3)``."""

    language: str

    def __call__(self, message: str, **values: Any) -> str:
        """The message in this language, with its places filled."""
        text = catalog(self.language).get(message, message)
        return text % values if values else text.replace("%%", "%")

    def plural(self, one: str, many: str, count: int, **values: Any) -> str:
        """One or many of something; ``%(n)s`` is the count."""
        return self(one if count == 1 else many, **{"n": count, **values})

    def pick(self, texts: Any) -> str:
        """The text of this language from something that carries ``ja`` and ``en``, as key or as attribute."""
        if isinstance(texts, str):
            return texts
        if isinstance(texts, dict):
            return str(texts.get(self.language) or texts.get("ja") or texts.get("en") or "")
        return str(getattr(texts, self.language))


def preferred(accept_language: str) -> str:
    """The first of our languages that a browser asks for, by its weights."""
    wishes: list[tuple[float, int, str]] = []
    for place, part in enumerate(accept_language.split(",")):
        tag, _, weight = part.strip().partition(";q=")
        language = tag.partition("-")[0].lower()
        if language in LANGUAGES:
            wishes.append((-_weight(weight), place, language))
    return min(wishes)[2] if wishes else LANGUAGES[0]


def _weight(text: str) -> float:
    try:
        return float(text) if text else 1.0
    except ValueError:
        return 0.0
