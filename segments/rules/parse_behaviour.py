"""JSON → conditions on behaviour: what happened, with which properties, what followed, when, and what is asked of it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from segments.customers import NEWEST
from segments.errors import RuleError
from segments.event_properties import PREFIX, is_own
from segments.nearest import hint
from segments.rules.behaviour import (
    LEDGER_EVENTS,
    NUMBERS,
    Behaviour,
    Keeps,
    Match,
    Then,
    has_amount,
    has_score,
    properties_of,
)
from segments.rules.operators import AMOUNT_OPERATORS, EVENT_OPERATORS, WHEN_OPERATORS, Operand, Operator
from segments.rules.own_properties import check_own_name, read_filter, read_number, read_range
from segments.rules.reading import (
    MOST_DAYS,
    Path,
    day,
    listed,
    number,
    number_range,
    only,
    read_operator,
    read_value,
    shown,
    text,
    texts,
    whole,
)
from segments.rules.rule import Behavioural, Between, Changed, Did, InPeriods, Measure, When, Window, Within

_SPANS: dict[str, int] = {"days": MOST_DAYS, "weeks": MOST_DAYS // 7, "hours": 7 * 24, "minutes": 7 * 24 * 60}
"""Units of a relative window, and how many of them it may have."""
_WINDOW = (*_SPANS, "from", "to")
_WHAT = ("event", "where", "then")
LONGEST_SEQUENCE = 365
"""Days within which a second event can follow."""
MOST_PERIODS: dict[str, int] = {"day": 366, "week": 104, "month": 60}
_MEASURES = ("sum", "max")


def parse_behavioural(document: dict[str, Any], path: Path) -> Behavioural:
    """The condition that a document with ``event`` states.

    Raises:
        RuleError: where it is none; the message says what would be right.
    """
    match next((key for key in (*_MEASURES, "when", "in_periods", "change") if key in document), None):
        case "sum" | "max" as measure:
            return _measure(document, measure, path)
        case "when":
            return _when(document, path)
        case "in_periods":
            return _in_periods(document, path)
        case "change":
            return _changed(document, path)
        case _:
            return _did(document, path)


def _did(document: dict[str, Any], path: Path) -> Did:
    only(document, {*_WHAT, "op", "times", *_WINDOW}, path)
    window = _window(document, path)
    behaviour = _behaviour(document, path, window=window)
    operator = read_operator(document, EVENT_OPERATORS, "an event", path)
    least, most = (1, NEWEST) if operator.op == "at_least" else (0, NEWEST - 1)
    times = whole(document.get("times"), least, most, f'"times" of {operator.op}', (*path, "times"))
    return Did(behaviour, operator.op, times, window)


def _measure(document: dict[str, Any], measure: Any, path: Path) -> Measure:
    only(document, {*_WHAT, measure, "op", "value", *_WINDOW}, path)
    window = _window(document, path)
    told = _behaviour(document, path, window=window, keeps="amounts")
    behaviour = replace(told, measured=_measured(document[measure], told.counted, (*path, measure)))
    operator = read_operator(document, AMOUNT_OPERATORS, f'"{measure}"', path)
    if not is_own(behaviour.measured):
        value: Any = read_value(document.get("value"), operator, path)
    else:
        read = read_range if operator.operand is Operand.NUMBERS else read_number
        value = read(document.get("value"), f'the value of "{operator.op}"', (*path, "value"))
    return Measure(behaviour, measure, operator.op, value, window)


def _measured(name: Any, event: str, path: Path) -> str:
    """What is summed: empty for the event's amount."""
    if isinstance(name, str) and is_own(name) and event not in LEDGER_EVENTS:
        check_own_name(name, event, path)
        return name
    known = [*(["amount"] if has_amount(event) else []), *(["score"] if has_score(event) else [])]
    if name in known:
        return "" if name == "amount" else str(name)
    others = [] if event in LEDGER_EVENTS else [f'"{PREFIX}…"']
    problem = f'the event "{event}" has no {"amount" if name == "amount" else shown(name)}'
    raise RuleError(f"{problem} to be measured; it has {listed([*known, *others]) or 'none'}", path)


def _when(document: dict[str, Any], path: Path) -> When:
    only(document, {*_WHAT, "when", "op", "value"}, path)
    which: Any = _one_of(document["when"], ("first", "last"), "when", path)
    behaviour = _behaviour(document, path, keeps="days" if which == "first" else "newest")
    operator = read_operator(document, WHEN_OPERATORS, f"the {which} time", path)
    value: Any = read_value(document.get("value"), operator, path)
    return When(behaviour, which, operator.op, value)


def _in_periods(document: dict[str, Any], path: Path) -> InPeriods:
    only(document, {*_WHAT, "in_periods", "of_last", "unit"}, path)
    unit: Any = _one_of(document.get("unit"), tuple(MOST_PERIODS), "unit", path)
    of_last = whole(document.get("of_last"), 1, MOST_PERIODS[unit], f'"of_last" {unit}s', (*path, "of_last"))
    least = whole(document["in_periods"], 1, of_last, '"in_periods"', (*path, "in_periods"))
    return InPeriods(_behaviour(document, path, keeps="days"), least, of_last, unit)


def _changed(document: dict[str, Any], path: Path) -> Changed:
    only(document, {*_WHAT, "change", "days"}, path)
    change: Any = _one_of(document["change"], ("stopped", "came_back"), "change", path)
    days = whole(document.get("days"), 1, MOST_DAYS, '"days"', (*path, "days"))
    # Who stopped did it last in the span before: the newest days tell. Who came back may have done it too often for that.
    return Changed(_behaviour(document, path, keeps="newest" if change == "stopped" else "days"), change, days)


def _one_of(value: Any, allowed: tuple[str, ...], key: str, path: Path) -> str:
    if not isinstance(value, str) or value not in allowed:
        raise RuleError(f'"{key}" is one of {listed(allowed)}, not {shown(value)}', (*path, key))
    return value


def _behaviour(document: Mapping[str, Any], path: Path, *, window: Window = None, keeps: Keeps = "newest") -> Behaviour:
    event = text(document["event"], "an event name", (*path, "event"))
    return Behaviour(
        event,
        where=_where(document.get("where"), event, (*path, "where")),
        then=_then(document.get("then"), event, (*path, "then")),
        minutes=window.minutes if isinstance(window, Within) else None,
        until=window.last if isinstance(window, Between) else None,
        keeps=keeps,
    )


def _window(document: Mapping[str, Any], path: Path) -> Window:
    given = {key: document[key] for key in _WINDOW if document.get(key) is not None}
    if not given:
        return None
    unit: Any = next(iter(given))
    if len(given) > 1 and {*given} != {"from", "to"}:
        raise RuleError(f"a condition has one window, not {listed(given)} together", path)
    if unit in _SPANS:
        return Within(whole(given[unit], 1, _SPANS[unit], f'"{unit}"', (*path, unit)), unit)
    first, last = (_end(given, key, path) for key in ("from", "to"))
    if first is not None and last is not None and last < first:
        raise RuleError(f"the window begins on {first} but ends on {last}; write the earlier day first", (*path, "to"))
    return Between(first, last)


def _end(given: Mapping[str, Any], key: str, path: Path) -> date | None:
    return day(given[key], f'"{key}"', (*path, key)) if key in given else None


def _then(value: Any, first: str, path: Path) -> Then | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise RuleError(f'"then" is {{"event": name, "within_hours": n}}, not {shown(value)}', path)
    only(value, {"event", "where", "within_hours", "within_days"}, path, kind="what follows")
    event = text(value.get("event"), "an event name", (*path, "event"))
    for name, place in ((first, path[:-1]), (event, path)):
        if name in LEDGER_EVENTS:
            raise RuleError(f'"{name}" cannot be part of a sequence', (*place, "event"))
    return Then(event, _where(value.get("where"), event, (*path, "where")), _within(value, path))


def _within(value: Mapping[str, Any], path: Path) -> int:
    """Hours."""
    given = [key for key in ("within_hours", "within_days") if value.get(key) is not None]
    if len(given) != 1:
        raise RuleError('"then" says within how long: either "within_hours" or "within_days"', path)
    hours = 24 if given == ["within_days"] else 1
    return hours * whole(value[given[0]], 1, LONGEST_SEQUENCE * 24 // hours, f'"{given[0]}"', (*path, given[0]))


def _where(value: Any, event: str, path: Path) -> tuple[Match, ...]:
    """In the order of `properties_of`: two that say the same are the same."""
    if value is None:
        return ()
    if not isinstance(value, dict) or not value:
        raise RuleError(f'"where" is {{property: value}}, not {shown(value)}', path)
    known, own = properties_of(event), []
    for name in value:
        if isinstance(name, str) and is_own(name) and event not in LEDGER_EVENTS:
            check_own_name(name, event, (*path, name))
            own.append(name)
        elif name not in known:
            problem = f'the event "{event}" has no {shown(name)} to filter by'
            raise RuleError(f"{problem}; {hint(str(name), known)}", (*path, str(name)))
    told = [
        (_sized if name in NUMBERS else _worded)(name, value[name], (*path, name)) for name in known if name in value
    ]
    return (*told, *(Match(name, *read_filter(name, value[name], (*path, name))) for name in sorted(own)))


def _worded(name: str, value: Any, path: Path) -> Match:
    op = "in"
    if isinstance(value, dict):
        op, value, path = _operation(value, ("in", "not_in"), name, path)
    subject = f'the value of "{name}"'
    if name == "campaign":  # people know campaigns by number
        value = [_written(one) for one in value] if isinstance(value, list) else _written(value)
    given = texts(value, subject, path) if isinstance(value, list) else (text(value, subject, path),)
    # The same texts in another order are the same question.
    return Match(str(name), op, tuple(sorted({*given})))


def _written(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _sized(name: str, value: Any, path: Path) -> Match:
    if not isinstance(value, dict):
        raise RuleError(f'"{name}" is compared like {{">=": 1000}}, not {shown(value)}', path)
    op, compared, place = _operation(value, tuple(each.op for each in AMOUNT_OPERATORS), name, path)
    read = number_range if _operator(op).operand is Operand.NUMBERS else number
    return Match(str(name), op, read(compared, f'the value of "{op}"', place))


def _operator(op: str) -> Operator:
    return next(each for each in AMOUNT_OPERATORS if each.op == op)


def _operation(value: dict[str, Any], allowed: tuple[str, ...], name: str, path: Path) -> tuple[str, Any, Path]:
    """The one operator of a filter, what it compares with, and where that stands."""
    only(value, allowed, path, kind=f'a filter on "{name}"')
    if len(value) != 1:
        raise RuleError(f'a filter on "{name}" has one of {listed(allowed)}', path)
    (op,) = value
    return op, value[op], (*path, op)
