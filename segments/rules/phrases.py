"""What happened, as a phrase: events, their filters, and what followed."""

from segments.event_properties import is_own, own_name
from segments.events import EventName
from segments.rules import words
from segments.rules.behaviour import Behaviour, Match, Property, is_money
from segments.rules.own_phrases import own_en, own_ja
from segments.rules.telling import Telling
from segments.rules.words import Language

_NAMED_JA = {
    Property.STORE: "店舗",
    Property.CATEGORY: "カテゴリー",
    Property.PRODUCT: "商品",
    Property.BRAND: "ブランド",
    Property.COUPON: "クーポン",
    Property.CAMPAIGN: "配信",
    Property.RANK: "会員ランク",
    Property.PLATFORM: "OS",
}
_AT_JA = (Property.STORE, Property.PLATFORM)
"""Where something happens: …での. Everything else is …の."""

_BEFORE_EN = {
    Property.STORE: "at store",
    Property.CATEGORY: "of category",
    Property.CAMPAIGN: "of campaign",
    Property.RANK: "to rank",
    Property.BRAND: "of brand",
    Property.PLATFORM: "on platform",
    Property.COUPON: "of coupon",
    Property.PRODUCT: "of product",
}
"""Where the phrase has no object that the filter could name."""
_OBJECTS_EN = {
    Property.COUPON: "a coupon",
    Property.STORE: "a store",
    Property.CAMPAIGN: "a campaign",
    Property.PRODUCT: "a product",
}
_NAMED_IN_EVENTS = (Property.COUPON, Property.CAMPAIGN, Property.RANK, Property.PRODUCT)
_HELD_EN = {
    Property.CATEGORY: ("something from category", "nothing from category"),
    Property.PRODUCT: ("product", "no product"),
    Property.BRAND: ("something of brand", "nothing of brand"),
}
"""What an order holds."""

_ORDER = str(EventName.ORDER_COMPLETED)
_HOURS = 24


def what(behaviour: Behaviour, telling: Telling) -> str:
    """A noun in Japanese, a past participle in English."""
    if telling.japanese:
        return _what_ja(behaviour, telling)
    event, where = _counted(behaviour)
    return f"{_phrase_en(words.done(event), event, where, telling)}{_after_en(behaviour, telling)}"


def measured_ja(behaviour: Behaviour, telling: Telling) -> str:
    """What is summed: 購入, 「Recipe Viewed」の「minutes」."""
    of = {"": "", "score": "の点数"}.get(behaviour.measured, f"の「{own_name(behaviour.measured)}」")
    return f"{_what_ja(behaviour, telling)}{of}"


def measured_en(behaviour: Behaviour, telling: Telling) -> str:
    """What is summed, as a noun: orders at store "S01", "minutes" of "Recipe Viewed"."""
    of = {"": "", "score": "scores of "}.get(behaviour.measured, f'"{own_name(behaviour.measured)}" of ')
    return f"{of}{noun_en(behaviour, telling)}"


def noun_en(behaviour: Behaviour, telling: Telling) -> str:
    """An English plural: orders at store "S01"."""
    event, where = _counted(behaviour)
    noun = words.MANY.get(event, words.event_label(event, Language.EN))
    return f"{_phrase_en(noun, event, where, telling)}{_after_en(behaviour, telling)}"


def _counted(behaviour: Behaviour) -> tuple[str, tuple[Match, ...]]:
    """What is counted: of a sequence its second event."""
    one = behaviour if behaviour.then is None else behaviour.then
    return one.event, one.where


def _what_ja(behaviour: Behaviour, telling: Telling) -> str:
    first = _one_ja(behaviour.event, behaviour.where, telling)
    if behaviour.then is None:
        return first
    days, hours = divmod(behaviour.then.within_hours, _HOURS)
    span = f"{behaviour.then.within_hours}時間" if hours else f"{days}日"
    return f"{first}から{span}以内の{_one_ja(behaviour.then.event, behaviour.then.where, telling)}"


def _one_ja(event: str, where: tuple[Match, ...], telling: Telling) -> str:
    """The filter on what the event itself is about stands in its name: クーポン「A」の利用."""
    phrase, before = words.event_label(event, Language.JA), ""
    for match in where:
        noun = "" if is_own(match.name) else _NAMED_JA.get(Property(match.name), "")
        if match.name in _NAMED_IN_EVENTS and phrase.startswith(noun):
            phrase = _named_ja(match, phrase, noun, telling)
        else:
            before += _match_ja(match, event, telling)
    return before + phrase


def _named_ja(match: Match, phrase: str, noun: str, telling: Telling) -> str:
    words_ja, rest = _quoted_ja(match, telling), phrase.removeprefix(noun)
    if match.name == Property.RANK:
        return f"{noun}の{words_ja}{'以外' if match.op == 'not_in' else ''}へ{rest}"
    return f"{words_ja}以外の{phrase}" if match.op == "not_in" else f"{noun}{words_ja}{rest}"


def _quoted_ja(match: Match, telling: Telling) -> str:
    texts = [text for text in match.value if isinstance(text, str)] if isinstance(match.value, tuple) else []
    several = "のいずれか" if match.op == "in" and len(texts) > 1 else ""
    return "".join(telling.value(match.name, text) for text in texts) + several


def _match_ja(match: Match, event: str, telling: Telling) -> str:
    if is_own(match.name):
        return own_ja(match, telling)
    name = Property(match.name)
    if name in (Property.AMOUNT, Property.SCORE):
        return _size_ja(match, event, telling)
    quoted, noun = _quoted_ja(match, telling), _NAMED_JA[name]
    if event == _ORDER and name in _HELD_EN:
        return f"{noun}{quoted}を{'含まない' if match.op == 'not_in' else '含む'}"
    where = "での" if name in _AT_JA else "の"
    return f"{quoted}以外の{noun}{where}" if match.op == "not_in" else f"{noun}{quoted}{where}"


def _size_ja(match: Match, event: str, telling: Telling) -> str:
    sizes = [_size(number, match, event, telling) for number in _ends(match)]
    compared = {">=": "{0}以上", "<=": "{0}以下", "between": "{0}以上{1}以下"}[match.op].format(*sizes)
    return f"{compared}の" if match.name == Property.AMOUNT else f"点数が{compared}の"


def _after_en(behaviour: Behaviour, telling: Telling) -> str:
    if behaviour.then is None:
        return ""
    days, hours = divmod(behaviour.then.within_hours, _HOURS)
    span = words.counted(behaviour.then.within_hours, "hour") if hours else words.counted(days, "day")
    first = _phrase_en(words.done(behaviour.event), behaviour.event, behaviour.where, telling)
    return f" (within {span} after having {first})"


def _phrase_en(phrase: str, event: str, where: tuple[Match, ...], telling: Telling) -> str:
    """The filter on what the event itself is about takes its object's place: redeemed the coupon "A"."""
    for match in where:
        thing = "" if is_own(match.name) else _OBJECTS_EN.get(Property(match.name), "")
        if thing and thing in phrase:
            quoted = _quoted_en(match, telling)
            named = f"{thing} other than {quoted}" if match.op == "not_in" else f"the {thing[2:]} {quoted}"
            phrase = phrase.replace(thing, named)
        else:
            phrase = f"{phrase} {_match_en(match, event, telling)}"
    return phrase


def _quoted_en(match: Match, telling: Telling) -> str:
    texts = [text for text in match.value if isinstance(text, str)] if isinstance(match.value, tuple) else []
    return " or ".join(telling.value(match.name, text) for text in texts)


def _match_en(match: Match, event: str, telling: Telling) -> str:
    if is_own(match.name):
        return own_en(match, telling)
    name = Property(match.name)
    if name in (Property.AMOUNT, Property.SCORE):
        return _size_en(match, event, telling)
    quoted = _quoted_en(match, telling)
    if event == _ORDER and name in _HELD_EN:
        return f"with {_HELD_EN[name][match.op == 'not_in']} {quoted}"
    preposition, _, noun = _BEFORE_EN[name].partition(" ")
    return f"{preposition} a {noun} other than {quoted}" if match.op == "not_in" else f"{preposition} {noun} {quoted}"


def _size_en(match: Match, event: str, telling: Telling) -> str:
    sizes = [_size(number, match, event, telling) for number in _ends(match)]
    compared = {">=": "at least {0}", "<=": "at most {0}", "between": "{0} to {1}"}[match.op].format(*sizes)
    if match.name == Property.SCORE:
        return f"with a score of {compared}"
    return f"for {compared}" if is_money(event) else f"({compared})"


def _size(number: int, match: Match, event: str, telling: Telling) -> str:
    if match.name != Property.AMOUNT:
        return f"{number}"
    if is_money(event):
        return words.money(number, telling.currency, telling.language)
    return words.amount("points", number, telling.language, telling.currency)


def _ends(match: Match) -> tuple[int, ...]:
    value = match.value if isinstance(match.value, tuple) else (match.value,)
    return tuple(number for number in value if isinstance(number, int))
