"""A rule in words, as a marketer would say it, in Japanese and English."""

from segments.rules.describe_attribute import describe_attribute
from segments.rules.describe_behaviour import describe_behavioural
from segments.rules.rule import All, Any_, Attribute, InList, InSegment, Not, Rule, Share
from segments.rules.telling import NO_NAMES, Names, Telling
from segments.rules.words import Language


def describe(rule: Rule, language: str, *, currency: str = "JPY", names: Names = NO_NAMES) -> str:
    """The rule as one sentence without a full stop.

    Args:
        rule: a parsed rule.
        language: "ja" or "en".
        currency: the shop's currency, for amounts of money.
        names: of segments, lists and stores; what has none is told by its number or code.
    """
    return tell(rule, Telling(language=Language(language), currency=currency, names=names))


def tell(rule: Rule, telling: Telling) -> str:
    """`describe` with everything that it depends on in one."""
    match rule:
        case All(()):
            return "すべての会員" if telling.japanese else "everyone"
        case All((only,)) | Any_((only,)):
            return tell(only, telling)
        case All(rules) | Any_(rules):
            return _joiner(rule, telling).join(_inner(part, telling) for part in rules)
        case Not(part):
            sentence = tell(part, telling)
            return f"（{sentence}）に当てはまらない" if telling.japanese else f"not ({sentence})"
        case _:
            return _condition(rule, telling)


def _condition(rule: Rule, telling: Telling) -> str:
    match rule:
        case All() | Any_() | Not():
            raise TypeError("a group is no condition")
        case Attribute():
            return describe_attribute(rule, telling)
        case InSegment(segment_id):
            name = telling.segment(segment_id)
            return f"セグメント{name}に属する" if telling.japanese else f"is in the segment {name}"
        case InList(list_id):
            name = telling.list(list_id)
            return f"リスト{name}に載っている" if telling.japanese else f"is on the list {name}"
        case Share():
            return _share(rule, telling)
        case _:
            return describe_behavioural(rule, telling)


def _share(condition: Share, telling: Telling) -> str:
    first, last = condition.first / 100, condition.last / 100
    draw = telling.quoted(condition.salt)
    if telling.japanese:
        return f"無作為に選んだ{last - first:.6g}%に入る（抽選{draw}の{first:g}%から{last:g}%）"
    return f"is in a random {last - first:.6g}% ({first:g}% to {last:g}% of the draw {draw})"


def _joiner(rule: All | Any_, telling: Telling) -> str:
    if isinstance(rule, All):
        return " かつ " if telling.japanese else " and "
    return " または " if telling.japanese else " or "


def _inner(rule: Rule, telling: Telling) -> str:
    """A part of a group; a group inside a group stands in brackets."""
    sentence = tell(rule, telling)
    if not _is_group(rule):
        return sentence
    return f"（{sentence}）" if telling.japanese else f"({sentence})"


def _is_group(rule: Rule) -> bool:
    match rule:
        case All((only,)) | Any_((only,)):
            return _is_group(only)
        case All(rules) | Any_(rules):
            return len(rules) > 1
    return False
