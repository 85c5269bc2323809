"""Conditions on behaviour in words: 過去30日間の店舗「S01」での購入が2回以上; has ordered at store "S01" at least twice ….

Japanese qualifies a noun (店舗「S01」での購入); English a participle (ordered at store "S01").
"""

from datetime import date

from segments.event_properties import is_own
from segments.rules import phrases, words
from segments.rules.behaviour import Behaviour, is_money
from segments.rules.own_phrases import plain_number
from segments.rules.rule import Behavioural, Between, Changed, Did, InPeriods, Measure, When, Window, Within
from segments.rules.telling import Telling
from segments.rules.words import Language


def describe_behavioural(condition: Behavioural, telling: Telling) -> str:
    """The condition as one sentence without a full stop."""
    what = phrases.what(condition.behaviour, telling)
    match condition:
        case Did():
            return _did_ja(condition, what) if telling.japanese else _did_en(condition, what)
        case Measure():
            return _measure_ja(condition, telling) if telling.japanese else _measure_en(condition, telling)
        case When():
            return _when_ja(condition, what) if telling.japanese else _when_en(condition, what)
        case InPeriods():
            return _periods_ja(condition, what) if telling.japanese else _periods_en(condition, what)
        case Changed():
            return _changed_ja(condition, what) if telling.japanese else _changed_en(condition, what)


def amount_in_words(number: int, behaviour: Behaviour, telling: Telling) -> str:
    """Money as the shop writes it, points with their unit, other numbers as they are."""
    if behaviour.measured:
        return plain_number(number) if is_own(behaviour.measured) else f"{number:,}"
    if is_money(behaviour.counted):
        return words.money(number, telling.currency, telling.language)
    return words.amount("points", number, telling.language, telling.currency)


def _did_ja(condition: Did, what: str) -> str:
    period = window_ja(condition.window)
    match condition.op, condition.times:
        case "at_least", 1:
            return f"{period}に{what}がある"
        case (("at_most" | "exactly"), 0):
            return f"一度も{what}がない" if condition.window is None else f"{period}に{what}がない"
        case "at_least", times:
            return f"{period}の{what}が{times}回以上"
        case "at_most", times:
            return f"{period}の{what}が{times}回以下"
        case _:
            return f"{period}の{what}がちょうど{condition.times}回"


def _did_en(condition: Did, deed: str) -> str:
    period = window_en(condition.window)
    match condition.op, condition.times:
        case "at_least", 1:
            return f"has {deed}{period}" if period else f"has {deed} at least once"
        case (("at_most" | "exactly"), 0):
            return f"has not {deed}{period}" if period else f"has never {deed}"
        case _:
            how = {"at_least": "at least", "at_most": "at most", "exactly": "exactly"}[condition.op]
            return f"has {deed} {how} {words.times(condition.times)}{period}"


def window_ja(window: Window) -> str:
    """過去30日間, 2026年1月1日から2026年1月31日まで, これまで."""
    match window:
        case Within(number, unit):
            counter = {"days": "日間", "weeks": "週間", "hours": "時間", "minutes": "分間"}[unit]
            return f"過去{number}{counter}"
        case Between(date() as first, date() as last):
            return f"{words.day(first, Language.JA)}から{words.day(last, Language.JA)}まで"
        case Between(date() as first, None):
            return f"{words.day(first, Language.JA)}以降"
        case Between(None, date() as last):
            return f"{words.day(last, Language.JA)}まで"
        case _:
            return "これまで"


def window_en(window: Window) -> str:
    """Behind a verb, with a space before it; empty for ever."""
    match window:
        case Within():
            return f" {_last_en(window)}"
        case Between(date() as first, date() as last):
            return f" from {words.day(first, Language.EN)} to {words.day(last, Language.EN)}"
        case Between(date() as first, None):
            return f" since {words.day(first, Language.EN)}"
        case Between(None, date() as last):
            return f" up to {words.day(last, Language.EN)}"
        case _:
            return ""


def _last_en(window: Within) -> str:
    if window.unit == "days":
        return words.last_days(window.number)
    return f"in the last {f'{window.number} {window.unit}' if window.number > 1 else window.unit.removesuffix('s')}"


def _measure_ja(condition: Measure, telling: Telling) -> str:
    amounts = [amount_in_words(number, condition.behaviour, telling) for number in _ends(condition.value)]
    measure = "合計" if condition.measure == "sum" else "1回あたりの最大"
    comparison = {">=": "{0}以上", "<=": "{0}以下", "between": "{0}以上{1}以下"}[condition.op].format(*amounts)
    return (
        f"{window_ja(condition.window)}の{phrases.measured_ja(condition.behaviour, telling)}の{measure}が{comparison}"
    )


def _measure_en(condition: Measure, telling: Telling) -> str:
    amounts = [amount_in_words(number, condition.behaviour, telling) for number in _ends(condition.value)]
    measure = "the total" if condition.measure == "sum" else "the largest"
    comparison = {">=": "at least {0}", "<=": "at most {0}", "between": "between {0} and {1}"}[condition.op]
    of = phrases.measured_en(condition.behaviour, telling)
    return f"{measure} of {of}{window_en(condition.window)} is {comparison.format(*amounts)}"


def _ends(value: int | tuple[int, int]) -> tuple[int, ...]:
    return value if isinstance(value, tuple) else (value,)


def _when_ja(condition: When, what: str) -> str:
    which = "最初" if condition.which == "first" else "最後"
    match condition.op, condition.value:
        case "within_days", int(days):
            return f"{which}の{what}が過去{days}日以内"
        case "before_days", int(days):
            return f"{which}の{what}が{days}日以上前"
        case "on_or_after", date() as moment:
            return f"{which}の{what}が{words.day(moment, Language.JA)}以降"
        case _, moment:
            return f"{which}の{what}が{words.day(moment, Language.JA) if isinstance(moment, date) else moment}以前"


def _when_en(condition: When, deed: str) -> str:
    did = f"has {deed} for the {condition.which} time"
    match condition.op, condition.value:
        case "within_days", int(days):
            return f"{did} {words.last_days(days)}"
        case "before_days", int(days):
            return f"{did} at least {words.counted(days, 'day')} ago"
        case "on_or_after", date() as moment:
            return f"{did} on or after {words.day(moment, Language.EN)}"
        case _, moment:
            return f"{did} on or before {words.day(moment, Language.EN) if isinstance(moment, date) else moment}"


def _periods_ja(condition: InPeriods, what: str) -> str:
    counter = {"day": "日", "week": "週間", "month": "か月"}[condition.unit]
    return f"直近{condition.of_last}{counter}のうち{condition.least}{counter}以上で{what}がある"


def _periods_en(condition: InPeriods, deed: str) -> str:
    if condition.of_last == 1:
        return f"has {deed} in the running {condition.unit}"
    return f"has {deed} in at least {condition.least} of the last {words.counted(condition.of_last, condition.unit)}"


def _changed_ja(condition: Changed, what: str) -> str:
    days = condition.days
    if condition.change == "stopped":
        return f"過去{days}日間に{what}がない（その前の{days}日間にはあった）"
    return f"過去{days}日間に{what}がある（その前の{days}日間にはなく、さらに前にはあった）"


def _changed_en(condition: Changed, deed: str) -> str:
    last, before = words.last_days(condition.days), f"the {words.counted(condition.days, 'day')} before"
    if condition.days == 1:
        before = "the day before"
    if condition.change == "stopped":
        return f"has not {deed} {last} (but did in {before})"
    return f"has {deed} {last} (not in {before}, but some time earlier)"
