"""A shop's own properties in sentences: 「minutes」が20以上の; with "minutes" of at least 20."""

from segments.event_properties import own_name
from segments.rules.behaviour import Match
from segments.rules.own_properties import written_number
from segments.rules.telling import Telling

_JA = {
    "in": "「{name}」が{texts}の",
    "not_in": "「{name}」が{texts}以外の",
    "has_all": "「{name}」に{texts}を含む",
    "contains": "「{name}」に{texts}という文字を含む",
    "not_contains": "「{name}」に{texts}という文字を含まない",
    "starts_with": "「{name}」が{texts}で始まる",
    "is_true": "「{name}」がはいの",
    "is_false": "「{name}」がいいえの",
    "is_set": "「{name}」の記録がある",
    "is_not_set": "「{name}」の記録がない",
    "=": "「{name}」がちょうど{0}の",
    "!=": "「{name}」が{0}以外の",
    "<": "「{name}」が{0}未満の",
    "<=": "「{name}」が{0}以下の",
    ">": "「{name}」が{0}より大きい",
    ">=": "「{name}」が{0}以上の",
    "between": "「{name}」が{0}以上{1}以下の",
}
_EN = {
    "in": 'with "{name}" {texts}',
    "not_in": 'with "{name}" other than {texts}',
    "has_all": 'with "{name}" including {texts}',
    "contains": 'with "{name}" containing {texts}',
    "not_contains": 'with "{name}" not containing {texts}',
    "starts_with": 'with "{name}" starting with {texts}',
    "is_true": 'with "{name}" being true',
    "is_false": 'with "{name}" being false',
    "is_set": 'with any "{name}"',
    "is_not_set": 'without any "{name}"',
    "=": 'with "{name}" of exactly {0}',
    "!=": 'with "{name}" other than {0}',
    "<": 'with "{name}" of less than {0}',
    "<=": 'with "{name}" of at most {0}',
    ">": 'with "{name}" of more than {0}',
    ">=": 'with "{name}" of at least {0}',
    "between": 'with "{name}" of {0} to {1}',
}
_SEVERAL_JA = {"in": "のいずれか", "has_all": "のすべて"}


def own_ja(match: Match, telling: Telling) -> str:
    """Before a noun."""
    texts = _quoted(match, telling)
    several = _SEVERAL_JA.get(match.op, "") if len(texts) > 1 else ""
    return _JA[match.op].format(*_numbers(match), name=own_name(match.name), texts="".join(texts) + several)


def own_en(match: Match, telling: Telling) -> str:
    """Behind a verb or a noun."""
    texts = (" and " if match.op == "has_all" else " or ").join(_quoted(match, telling))
    return _EN[match.op].format(*_numbers(match), name=own_name(match.name), texts=texts)


def plain_number(scaled: int) -> str:
    """A number of whole ten-thousandths: 1,234.5."""
    return f"{written_number(scaled):,}"


def _quoted(match: Match, telling: Telling) -> list[str]:
    given = match.value if isinstance(match.value, tuple) else ()
    return [telling.quoted(text) for text in given if isinstance(text, str)]


def _numbers(match: Match) -> list[str]:
    given = match.value if isinstance(match.value, tuple) else (match.value,)
    return [plain_number(number) for number in given if isinstance(number, int)]
