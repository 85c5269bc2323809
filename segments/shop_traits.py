"""Traits that a shop uses in segments: which may be, and what they are as columns of the frame.

A few, chosen by the shop, and never one that says who somebody is or how to reach him: rules and pages show values and
count them, and the frame holds surrogate ids only.
"""

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

MOST = 30
"""Traits that a shop may use in segments."""

LONGEST_NAME = 60
LONGEST_VALUE = 100
"""Characters of a value; a longer one is free text."""

COLUMN_PREFIX = "trait:"
MANY = "[]"
"""Behind the name of a trait that holds several texts."""

_PERSONAL = frozenset({
    "name", "firstname", "lastname", "givenname", "familyname", "fullname", "nickname", "kana", "furigana", "mail", "email",
    "phone", "phonenumber", "tel", "telephone", "mobile", "fax", "address", "street", "zip", "zipcode", "postcode", "postal",
})  # fmt: skip
_PERSONAL_JA = (
    "氏名",
    "名前",
    "姓名",
    "フリガナ",
    "ふりがな",
    "メール",
    "電話",
    "携帯番号",
    "住所",
    "番地",
    "郵便番号",
)
_WORD = re.compile(r"[a-z]+|[A-Z][a-z]*|[A-Z]+(?![a-z])")
_MAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_PHONE = re.compile(r"(\+|0)[\d\-() ]{8,18}")
_ADDRESS = re.compile(r"[都道府県].{1,12}[市区町村郡].*[\d一二三四五六七八九十０-９]")
_FEW = 0.05
"""Share of values that may look like a phone number without being one."""


@dataclass(frozen=True, slots=True)
class ShopTrait:
    """One of them.

    Attributes:
        many: it holds several texts.
    """

    name: str
    many: bool = False

    @property
    def column(self) -> str:
        """Its column for rules."""
        return f"{COLUMN_PREFIX}{self.name}"

    @property
    def stored(self) -> str:
        """Its column in stored rows: another one for several texts, so that no two rows disagree on what it holds."""
        return f"{self.column}{MANY if self.many else '!'}"

    @property
    def dtype(self) -> pl.DataType:
        """Of its column: texts, read by each condition as what it asks for."""
        return pl.List(pl.String()) if self.many else pl.String()


def read_trait(written: str) -> ShopTrait:
    """A trait as settings hold it: ``plan``, ``interests[]``."""
    return ShopTrait(written.removesuffix(MANY), written.endswith(MANY))


def written_trait(trait: ShopTrait) -> str:
    """The same the other way round."""
    return trait.name + (MANY if trait.many else "")


def column_shown(stored: str) -> str | None:
    """The column for rules of a stored one; None for columns that are no traits."""
    if not stored.startswith(COLUMN_PREFIX):
        return None
    return stored.removesuffix(MANY) if stored.endswith(MANY) else stored.removesuffix("!")


def refused_names(written: Sequence[str]) -> str | None:
    """Why these traits cannot be used, as one sentence; None where they can."""
    names = [read_trait(one).name for one in written]
    if len(names) > MOST:
        return f"At most {MOST} traits can be used in segments."
    if len({*names}) < len(names):
        return "Name each trait once."
    for name in names:
        if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable() or name != name.strip():
            return f"The name of a trait is one line of 1 to {LONGEST_NAME} characters."
        if is_personal(name):
            return f'"{name}" looks like a name, mail address, phone number or address: such traits are not used in segments.'
    return None


def refused_values(name: str, values: Sequence[Any]) -> str | None:
    """Why a trait cannot be used by what people have under its name, as one sentence that repeats no value."""
    texts = [text for value in values for text in _texts(value)]
    if any(len(text) > LONGEST_VALUE for text in texts):
        return f'"{name}" holds texts of more than {LONGEST_VALUE} characters: free text is not used in segments.'
    phones = sum(_PHONE.fullmatch(text) is not None for text in texts)
    if any(_MAIL.search(text) or _ADDRESS.search(text) for text in texts) or phones > len(texts) * _FEW:
        return f'"{name}" holds mail addresses, phone numbers or addresses: such traits are not used in segments.'
    return None


def looks_personal(text: str, *, is_code: bool = False) -> bool:
    """Whether a text looks like a mail address, a phone number or an address; ``is_code``: long numbers are no phone numbers here."""
    if _MAIL.search(text) or _ADDRESS.search(text):
        return True
    return not is_code and _PHONE.fullmatch(text) is not None


def observed(name: str, values: Sequence[Any]) -> ShopTrait:
    """The trait as most of those who have it do: one value, or several texts."""
    return ShopTrait(name, sum(isinstance(value, list) for value in values) * 2 > len(values))


def cell(trait: ShopTrait, value: Any) -> str | list[str] | None:
    """A person's value in the column; None where there is none, or none that fits."""
    if trait.many:
        return [text for text in _texts(value) if len(text) <= LONGEST_VALUE] if isinstance(value, list) else None
    if value is None or isinstance(value, list | dict):
        return None
    text = _text(value)
    return text if len(text) <= LONGEST_VALUE else None


def is_personal(name: str) -> bool:
    """Whether a name says that its values are who somebody is, or how to reach him."""
    words = [word.lower() for word in _WORD.findall(name)]
    pairs = ["".join(pair) for pair in itertools.pairwise(words)]
    return not _PERSONAL.isdisjoint([*words, *pairs]) or any(word in name for word in _PERSONAL_JA)


def _texts(value: Any) -> list[str]:
    return [_text(one) for one in value] if isinstance(value, list) else [] if value is None else [_text(value)]


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
