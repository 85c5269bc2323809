"""What happened, as a phrase: events, their filters, and what followed."""

from segments.rules import words
from segments.rules.behaviour import (
    CAMPAIGN_OPENED,
    CAMPAIGN_RECEIVED,
    LEDGER_EVENTS,
    Behaviour,
    Match,
    Property,
    is_money,
)
from segments.rules.telling import Telling
from segments.rules.words import Language

_NAMED_JA = {
    Property.STORE: "店舗",
    Property.CATEGORY: "カテゴリー",
    Property.PRODUCT: "商品",
    Property.COUPON: "クーポン",
    Property.CAMPAIGN: "配信",
    Property.RANK: "ランク",
    Property.PLATFORM: "OS",
}
_AFTER_JA = {
    Property.STORE: "での",
    Property.CATEGORY: "を含む",
    Property.PRODUCT: "を含む",
    Property.COUPON: "の",
    Property.CAMPAIGN: "の",
    Property.RANK: "への",
    Property.PLATFORM: "での",
}
_BEFORE_EN = {
    Property.STORE: "at store",
    Property.CATEGORY: "with category",
    Property.PRODUCT: "with product",
    Property.COUPON: "for coupon",
    Property.CAMPAIGN: "from campaign",
    Property.RANK: "to rank",
    Property.PLATFORM: "on platform",
}
_HOURS = 24


def what(behaviour: Behaviour, telling: Telling) -> str:
    """A noun in Japanese, a past participle in English."""
    return _what_ja(behaviour, telling) if telling.japanese else _what_en(behaviour, telling)


def noun_en(behaviour: Behaviour, telling: Telling) -> str:
    """An English plural, for what has amounts: orders at store "S01"."""
    counted = behaviour if behaviour.then is None else Behaviour(behaviour.then.event, behaviour.then.where)
    noun = words.MANY.get(counted.event, words.event_label(counted.event, Language.EN))
    return f"{noun}{_filters_en(counted.where, counted.event, telling)}{_after_en(behaviour, telling)}"


def _what_ja(behaviour: Behaviour, telling: Telling) -> str:
    first = _one_ja(behaviour.event, behaviour.where, telling)
    if behaviour.then is None:
        return first
    days, hours = divmod(behaviour.then.within_hours, _HOURS)
    span = f"{behaviour.then.within_hours}時間" if hours else f"{days}日"
    return f"{first}から{span}以内の{_one_ja(behaviour.then.event, behaviour.then.where, telling)}"


def _one_ja(event: str, where: tuple[Match, ...], telling: Telling) -> str:
    return "".join(_match_ja(match, event, telling) for match in where) + words.event_label(event, Language.JA)


def _match_ja(match: Match, event: str, telling: Telling) -> str:
    name = Property(match.name)
    if isinstance(match.value, int) or match.op == "between":
        return _size_ja(match, event, telling)
    quoted = "".join(telling.value(name, text) for text in match.value if isinstance(text, str))
    several = "のいずれか" if match.op == "in" and len(match.value) > 1 else ""
    contains = _AFTER_JA[name] == "を含む" and event == "Order Completed"
    if match.op == "not_in":
        return (
            f"{_NAMED_JA[name]}{quoted}を含まない"
            if contains
            else f"{quoted}以外の{_NAMED_JA[name]}{_belongs_ja(name)}"
        )
    return f"{_NAMED_JA[name]}{quoted}{several}{_AFTER_JA[name] if contains else _belongs_ja(name)}"


def _belongs_ja(name: Property) -> str:
    after = _AFTER_JA[name]
    return "の" if after == "を含む" else after


def _size_ja(match: Match, event: str, telling: Telling) -> str:
    sizes = [_size(number, match, event, telling) for number in _ends(match)]
    compared = {">=": "{0}以上", "<=": "{0}以下", "between": "{0}以上{1}以下"}[match.op].format(*sizes)
    return f"{compared}の" if match.name == Property.AMOUNT else f"点数が{compared}の"


def _what_en(behaviour: Behaviour, telling: Telling) -> str:
    event, where = behaviour.event, behaviour.where
    if behaviour.then is not None:
        event, where = behaviour.then.event, behaviour.then.where
    return f"{words.done(event)}{_filters_en(where, event, telling)}{_after_en(behaviour, telling)}"


def _after_en(behaviour: Behaviour, telling: Telling) -> str:
    if behaviour.then is None:
        return ""
    days, hours = divmod(behaviour.then.within_hours, _HOURS)
    span = words.counted(behaviour.then.within_hours, "hour") if hours else words.counted(days, "day")
    first = f"{words.done(behaviour.event)}{_filters_en(behaviour.where, behaviour.event, telling)}"
    return f" (within {span} after having {first})"


def _filters_en(where: tuple[Match, ...], event: str, telling: Telling) -> str:
    return "".join(f" {_match_en(match, event, telling)}" for match in where)


def _match_en(match: Match, event: str, telling: Telling) -> str:
    name = Property(match.name)
    if isinstance(match.value, int) or match.op == "between":
        sizes = [_size(number, match, event, telling) for number in _ends(match)]
        compared = {">=": "at least {0}", "<=": "at most {0}", "between": "{0} to {1}"}[match.op].format(*sizes)
        return f"of {compared}" if name is Property.AMOUNT else f"with a score of {compared}"
    quoted = " or ".join(telling.value(name, text) for text in match.value if isinstance(text, str))
    before = "of campaign" if name is Property.CAMPAIGN and event not in LEDGER_EVENTS else _BEFORE_EN[name]
    if event in (CAMPAIGN_RECEIVED, CAMPAIGN_OPENED):
        before = before.replace("from campaign", "namely")
    if match.op == "in":
        return f"{before} {quoted}"
    preposition, _, noun = before.partition(" ")
    if event == "Order Completed" and preposition == "with":
        return f"without {noun} {quoted}"
    return f"{preposition} a {noun} other than {quoted}" if noun else f"other than {quoted}"


def _size(number: int, match: Match, event: str, telling: Telling) -> str:
    if match.name != Property.AMOUNT:
        return f"{number}"
    if is_money(event):
        return words.money(number, telling.currency, telling.language)
    return words.amount("points", number, telling.language, telling.currency)


def _ends(match: Match) -> tuple[int, ...]:
    value = match.value if isinstance(match.value, tuple) else (match.value,)
    return tuple(number for number in value if isinstance(number, int))
