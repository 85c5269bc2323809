"""A rule in words, as a marketer would say it, in Japanese and English."""

from datetime import date

from segments.rules import words
from segments.rules.operators import KINDS, Kind
from segments.rules.rule import All, Any_, Attribute, Did, Not, Rule, Within
from segments.rules.words import Language


def describe(rule: Rule, language: str, *, currency: str = "JPY") -> str:
    """The rule as one sentence without a full stop.

    Args:
        rule: a parsed rule.
        language: "ja" or "en".
        currency: the shop's currency, for amounts of money.
    """
    return _tell(rule, Language(language), currency)


def _tell(rule: Rule, language: Language, currency: str) -> str:
    match rule:
        case All(()):
            return "すべての会員" if language is Language.JA else "everyone"
        case All((only,)) | Any_((only,)):
            return _tell(only, language, currency)
        case All(rules) | Any_(rules):
            return _joiner(rule, language).join(_inner(part, language, currency) for part in rules)
        case Not(part):
            return _denied(_tell(part, language, currency), language)
        case Attribute():
            return _attribute(rule, language, currency)
        case Did():
            return _did_ja(rule) if language is Language.JA else _did_en(rule)
        case _:
            raise TypeError(f"no words for {rule}")


def _joiner(rule: All | Any_, language: Language) -> str:
    if isinstance(rule, All):
        return " かつ " if language is Language.JA else " and "
    return " または " if language is Language.JA else " or "


def _inner(rule: Rule, language: Language, currency: str) -> str:
    """A part of a group; a group inside a group stands in brackets."""
    sentence = _tell(rule, language, currency)
    if not _is_group(rule):
        return sentence
    return f"（{sentence}）" if language is Language.JA else f"({sentence})"


def _is_group(rule: Rule) -> bool:
    match rule:
        case All((only,)) | Any_((only,)):
            return _is_group(only)
        case All(rules) | Any_(rules):
            return len(rules) > 1
    return False


def _denied(sentence: str, language: Language) -> str:
    return f"（{sentence}）に当てはまらない" if language is Language.JA else f"not ({sentence})"


def _attribute(condition: Attribute, language: Language, currency: str) -> str:
    japanese = language is Language.JA
    match KINDS[condition.name]:
        case Kind.NUMBER:
            return _number_ja(condition, currency) if japanese else _number_en(condition, currency)
        case Kind.TEXT:
            return _text_ja(condition) if japanese else _text_en(condition)
        case Kind.BOOLEAN:
            return _boolean(condition, language)
        case Kind.DATE:
            return _date_ja(condition) if japanese else _date_en(condition)


def _number_ja(condition: Attribute, currency: str) -> str:
    name, op = condition.name, condition.op
    label = words.attribute_label(name, Language.JA)
    amounts = [words.amount(name, number, Language.JA, currency) for number in _numbers(condition)]
    exactly = "ちょうど" if name in words.UNITS else ""
    pattern = {
        "=": f"{label}が{exactly}{{0}}",
        "!=": f"{label}が{{0}}ではない",
        "<": f"{label}が{{0}}未満",
        "<=": f"{label}が{{0}}以下",
        ">": f"{label}が{{0}}より多い",
        ">=": f"{label}が{{0}}以上",
        "between": f"{label}が{{0}}以上{{1}}以下",
    }[op]
    return pattern.format(*amounts)


def _number_en(condition: Attribute, currency: str) -> str:
    name, op = condition.name, condition.op
    counted = name in words.UNITS
    amounts = [words.amount(name, number, Language.EN, currency) for number in _numbers(condition)]
    comparison = {
        "=": "exactly {0}",
        "!=": "exactly {0}",
        "<": "fewer than {0}" if counted else "less than {0}",
        "<=": "at most {0}",
        ">": "more than {0}",
        ">=": "at least {0}",
        "between": "between {0} and {1}",
    }[op].format(*amounts)
    if counted:
        return f"{'does not have' if op == '!=' else 'has'} {comparison}"
    return f"{words.attribute_label(name, Language.EN)} is {'not ' if op == '!=' else ''}{comparison}"


def _numbers(condition: Attribute) -> tuple[int, ...]:
    value = condition.value if isinstance(condition.value, tuple) else (condition.value,)
    return tuple(number for number in value if isinstance(number, int))


def _text_ja(condition: Attribute) -> str:
    label = words.attribute_label(condition.name, Language.JA)
    quoted = "".join(f"「{text}」" for text in _texts(condition))
    endings = {
        "is": f"が{quoted}",
        "is_not": f"が{quoted}ではない",
        "in": f"が{quoted}のいずれか",
        "not_in": f"が{quoted}のいずれでもない",
        "contains": f"に{quoted}を含む",
        "starts_with": f"が{quoted}で始まる",
        "is_set": "の記録がある",
        "is_not_set": "の記録がない",
    }
    return label + endings[condition.op]


def _text_en(condition: Attribute) -> str:
    label = words.attribute_label(condition.name, Language.EN)
    quoted = ", ".join(f'"{text}"' for text in _texts(condition))
    endings = {
        "is": f"is {quoted}",
        "is_not": f"is not {quoted}",
        "in": f"is one of {quoted}",
        "not_in": f"is none of {quoted}",
        "contains": f"contains {quoted}",
        "starts_with": f"starts with {quoted}",
        "is_set": "is known",
        "is_not_set": "is not known",
    }
    return f"{label} {endings[condition.op]}"


def _texts(condition: Attribute) -> tuple[str, ...]:
    value = condition.value if isinstance(condition.value, tuple) else (condition.value,)
    return tuple(text for text in value if isinstance(text, str))


def _boolean(condition: Attribute, language: Language) -> str:
    yes_ja, no_ja, yes_en, no_en = words.YES_NO[condition.name]
    if condition.op == "is_true":
        return yes_ja if language is Language.JA else yes_en
    return no_ja if language is Language.JA else no_en


def _date_ja(condition: Attribute) -> str:
    label = words.attribute_label(condition.name, Language.JA)
    match condition.op, condition.value:
        case "within_days", int(days):
            return f"{label}が過去{days}日以内"
        case "before_days", int(days):
            return f"{label}が{days}日以上前"
        case "next_days", int(days):
            return f"{label}が今日" if days == 1 else f"{label}が今日から{days}日以内"
        case "on_or_after", date() as moment:
            return f"{label}が{words.day(moment, Language.JA)}以降"
        case "on_or_before", date() as moment:
            return f"{label}が{words.day(moment, Language.JA)}以前"
        case _:
            return f"{label}の記録が{'ある' if condition.op == 'is_set' else 'ない'}"


def _date_en(condition: Attribute) -> str:
    deed = words.WHEN[condition.name]
    match condition.op, condition.value:
        case "within_days", int(days):
            return f"{deed} {_last_days_en(days)}"
        case "before_days", int(days):
            return f"{deed} at least {_counted(days, 'day')} ago"
        case "next_days", int(days):
            return f"{deed} today" if days == 1 else f"{deed} in the next {days} days"
        case "on_or_after", date() as moment:
            return f"{deed} on or after {words.day(moment, Language.EN)}"
        case "on_or_before", date() as moment:
            return f"{deed} on or before {words.day(moment, Language.EN)}"
        case _:
            label = words.attribute_label(condition.name, Language.EN)
            return f'the day of "{label}" is {"known" if condition.op == "is_set" else "not known"}'


def _did_ja(condition: Did) -> str:
    label = words.event_label(condition.behaviour.event, Language.JA)
    days = _days(condition)
    period = "これまで" if days is None else f"過去{days}日間"
    match condition.op, condition.times:
        case "at_least", 1:
            return f"{period}に{label}がある"
        case (("at_most" | "exactly"), 0):
            return f"一度も{label}がない" if days is None else f"{period}に{label}がない"
        case "at_least", times:
            return f"{period}の{label}が{times}回以上"
        case "at_most", times:
            return f"{period}の{label}が{times}回以下"
        case _:
            return f"{period}の{label}がちょうど{condition.times}回"


def _did_en(condition: Did) -> str:
    days = _days(condition)
    period = "" if days is None else f" {_last_days_en(days)}"
    deed = words.done(condition.behaviour.event)
    match condition.op, condition.times:
        case "at_least", 1:
            return f"has {deed}{period}" if period else f"has {deed} at least once"
        case (("at_most" | "exactly"), 0):
            return f"has not {deed}{period}" if period else f"has never {deed}"
        case _:
            how = {"at_least": "at least", "at_most": "at most", "exactly": "exactly"}[condition.op]
            return f"has {deed} {how} {_times_en(condition.times)}{period}"


def _days(condition: Did) -> int | None:
    return condition.window.days if isinstance(condition.window, Within) else None


def _last_days_en(days: int) -> str:
    return "today" if days == 1 else f"in the last {days} days"


def _times_en(times: int) -> str:
    return {1: "once", 2: "twice"}.get(times, f"{times} times")


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
