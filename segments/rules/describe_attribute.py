"""Conditions on attributes in words."""

from datetime import date

from segments.coded_values import CODE_WORDS
from segments.rules import words
from segments.rules.operators import Kind, kind_asked
from segments.rules.rule import Attribute
from segments.rules.telling import Telling
from segments.rules.words import Language


def describe_attribute(condition: Attribute, telling: Telling) -> str:
    """The condition as one sentence without a full stop."""
    match kind_asked(condition.name, condition.op):
        case Kind.NUMBER:
            return _number_ja(condition, telling) if telling.japanese else _number_en(condition, telling)
        case Kind.TEXT | Kind.LIST:
            return _text_ja(condition, telling) if telling.japanese else _text_en(condition, telling)
        case Kind.BOOLEAN:
            return _boolean(condition, telling)
        case Kind.DATE:
            return _date_ja(condition) if telling.japanese else _date_en(condition)


def value_in_words(name: str, text: str, telling: Telling) -> str:
    """A text value, in quotes: codes by their name, everything else as it is."""
    known = CODE_WORDS.get(name, {}).get(text)
    return telling.quoted(known[telling.language] if known else text)


def _number_ja(condition: Attribute, telling: Telling) -> str:
    name, op = condition.name, condition.op
    if name == "birthday_in" and (birthday := _birthday_ja(condition)) is not None:
        return birthday
    label = words.attribute_label(name, Language.JA)
    amounts = [words.amount(name, number, Language.JA, telling.currency) for number in _numbers(condition)]
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


def _number_en(condition: Attribute, telling: Telling) -> str:
    name, op = condition.name, condition.op
    if name == "birthday_in" and (birthday := _birthday_en(condition)) is not None:
        return birthday
    counted = name in words.UNITS
    amounts = [words.amount(name, number, Language.EN, telling.currency) for number in _numbers(condition)]
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


def _birthday_ja(condition: Attribute) -> str | None:
    match condition.op, condition.value:
        case "=", 0:
            return "今日が誕生日"
        case "=", int(days):
            return f"{days}日後が誕生日"
        case ("<=", days) | ("between", (0, days)):
            return f"誕生日が今日から{days}日以内"
        case "between", (first, last):
            return f"誕生日が{first}日後から{last}日後まで"
    return None


def _birthday_en(condition: Attribute) -> str | None:
    match condition.op, condition.value:
        case "=", 0:
            return "has a birthday today"
        case "=", int(days):
            return f"has a birthday in exactly {words.counted(days, 'day')}"
        case ("<=", days) | ("between", (0, days)):
            return f"has a birthday within the next {days} days"
        case "between", (first, last):
            return f"has a birthday in {first} to {last} days"
    return None


def _numbers(condition: Attribute) -> tuple[int, ...]:
    value = condition.value if isinstance(condition.value, tuple) else (condition.value,)
    return tuple(number for number in value if isinstance(number, int))


def _text_ja(condition: Attribute, telling: Telling) -> str:
    label = words.attribute_label(condition.name, Language.JA)
    quoted = "".join(value_in_words(condition.name, text, telling) for text in _texts(condition))
    endings = {
        "is": f"が{quoted}",
        "is_not": f"が{quoted}ではない",
        "in": f"が{quoted}のいずれか",
        "not_in": f"が{quoted}のいずれでもない",
        "contains": f"に{quoted}を含む",
        "not_contains": f"に{quoted}を含まない",
        "starts_with": f"が{quoted}で始まる",
        "has_any": f"に{quoted}のいずれかがある",
        "has_all": f"に{quoted}がすべてある",
        "has_none": f"に{quoted}のいずれもない",
        "is_set": "の記録がある",
        "is_not_set": "の記録がない",
    }
    return label + endings[condition.op]


def _text_en(condition: Attribute, telling: Telling) -> str:
    label = words.attribute_label(condition.name, Language.EN)
    quoted = ", ".join(value_in_words(condition.name, text, telling) for text in _texts(condition))
    endings = {
        "is": f"is {quoted}",
        "is_not": f"is not {quoted}",
        "in": f"is one of {quoted}",
        "not_in": f"is none of {quoted}",
        "contains": f"contains {quoted}",
        "not_contains": f"does not contain {quoted}",
        "starts_with": f"starts with {quoted}",
        "has_any": f"has at least one of {quoted}",
        "has_all": f"has all of {quoted}",
        "has_none": f"has none of {quoted}",
        "is_set": "is known",
        "is_not_set": "is not known",
    }
    return f"{label} {endings[condition.op]}"


def _texts(condition: Attribute) -> tuple[str, ...]:
    value = condition.value if isinstance(condition.value, tuple) else (condition.value,)
    return tuple(text for text in value if isinstance(text, str))


def _boolean(condition: Attribute, telling: Telling) -> str:
    yes = condition.op == "is_true"
    if condition.name in words.YES_NO:
        yes_ja, no_ja, yes_en, no_en = words.YES_NO[condition.name]
        return (yes_ja if yes else no_ja) if telling.japanese else (yes_en if yes else no_en)
    label = words.attribute_label(condition.name, telling.language)
    if telling.japanese:
        return f"{label}が「はい」である" if yes else f"{label}が「はい」でない"
    return f"{label} is {'yes' if yes else 'not yes'}"


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
    label = words.attribute_label(condition.name, Language.EN)
    deed = words.WHEN.get(condition.name) or f"{label} is"
    match condition.op, condition.value:
        case "within_days", int(days):
            return f"{deed} {words.last_days(days)}"
        case "before_days", int(days):
            return f"{deed} at least {words.counted(days, 'day')} ago"
        case "next_days", int(days):
            return f"{deed} today" if days == 1 else f"{deed} in the next {days} days"
        case "on_or_after", date() as moment:
            return f"{deed} on or after {words.day(moment, Language.EN)}"
        case "on_or_before", date() as moment:
            return f"{deed} on or before {words.day(moment, Language.EN)}"
        case _:
            return f'the day of "{label}" is {"known" if condition.op == "is_set" else "not known"}'
