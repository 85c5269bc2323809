"""How a rule is to be told: in which language, with what names for what has only a number."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from segments.rules.words import Language


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What people call things that a rule names by number or code.

    Attributes:
        segments: by number.
        lists: static lists, by number.
        values: of a property (`segments.rules.behaviour.Property`): code to name, such as those of stores.
    """

    segments: Mapping[int, str] = field(default_factory=dict)
    lists: Mapping[int, str] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


NO_NAMES = Names()


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """Language, currency of the shop, names."""

    language: Language
    currency: str = "JPY"
    names: Names = NO_NAMES

    @property
    def japanese(self) -> bool:
        """Whether the language is Japanese."""
        return self.language is Language.JA

    def segment(self, segment_id: int) -> str:
        """A segment's name, in quotes; its number where it has none."""
        return self.quoted(self.names.segments.get(segment_id, f"#{segment_id}"))

    def list(self, list_id: int) -> str:
        """A static list's name, in quotes; its number where it has none."""
        return self.quoted(self.names.lists.get(list_id, f"#{list_id}"))

    def value(self, name: str, code: str) -> str:
        """A property's value by name, in quotes; the code itself where it has none."""
        return self.quoted(self.names.values.get(name, {}).get(code, code))

    def quoted(self, text: str) -> str:
        """A text in the quotes of the language."""
        return f"「{text}」" if self.japanese else f'"{text}"'
