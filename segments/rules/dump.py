"""Rule → JSON: ``parse(dump(rule)) == rule``."""

from datetime import date
from typing import Any

from segments.event_properties import is_own
from segments.rules.behaviour import Behaviour, Match, Then
from segments.rules.own_properties import write_filter, written_number
from segments.rules.rule import (
    All,
    Any_,
    Attribute,
    Behavioural,
    Between,
    Changed,
    Did,
    InList,
    InPeriods,
    InSegment,
    Measure,
    Not,
    Rule,
    Share,
    When,
    Window,
    Within,
)

_HOURS = 24


def dump(rule: Rule) -> dict[str, Any]:
    """The rule as a JSON document; ``parse(dump(rule)) == rule``. The rule of another segment is not written."""
    match rule:
        case All(rules):
            return {"all": [dump(part) for part in rules]}
        case Any_(rules):
            return {"any": [dump(part) for part in rules]}
        case Not(part):
            return {"not": dump(part)}
        case Attribute() | InSegment() | InList() | Share():
            return _simple(rule)
        case _:
            return _behavioural(rule)


def _simple(condition: Attribute | InSegment | InList | Share) -> dict[str, Any]:
    match condition:
        case Attribute(name, op, value):
            return {"attribute": name, "op": op} | ({} if value is None else {"value": _plain(value)})
        case InSegment(segment_id):
            return {"segment": segment_id}
        case InList(list_id):
            return {"list": list_id}
        case Share(first, last, salt):
            return {"share": [_percent(first), _percent(last)], "salt": salt}


def _behavioural(condition: Behavioural) -> dict[str, Any]:
    said: dict[str, Any] = {"event": condition.behaviour.event}
    match condition:
        case Did(_, op, times, window):
            said |= {"op": op, "times": times} | _window(window)
        case Measure(behaviour, measure, op, value, window):
            said |= {measure: behaviour.measured or "amount", "op": op, "value": _measured(behaviour, value)} | _window(
                window
            )
        case When(_, which, op, value):
            said |= {"when": which, "op": op, "value": _plain(value)}
        case InPeriods(_, least, of_last, unit):
            said |= {"in_periods": least, "of_last": of_last, "unit": unit}
        case Changed(_, change, days):
            said |= {"change": change, "days": days}
    return said | _what(condition.behaviour)


def _what(behaviour: Behaviour) -> dict[str, Any]:
    where = {"where": _where(behaviour.where)} if behaviour.where else {}
    return where if behaviour.then is None else where | {"then": _then(behaviour.then)}


def _then(then: Then) -> dict[str, Any]:
    where = {"where": _where(then.where)} if then.where else {}
    days, hours = divmod(then.within_hours, _HOURS)
    return {"event": then.event, **where} | ({"within_hours": then.within_hours} if hours else {"within_days": days})


def _where(matches: tuple[Match, ...]) -> dict[str, Any]:
    return {match.name: _match(match) for match in matches}


def _measured(behaviour: Behaviour, value: int | tuple[int, int]) -> Any:
    if not is_own(behaviour.measured):
        return _plain(value)
    return [written_number(end) for end in value] if isinstance(value, tuple) else written_number(value)


def _match(match: Match) -> Any:
    if is_own(match.name):
        return write_filter(match.op, match.value)
    if match.op != "in":
        return {match.op: _plain(match.value)}
    texts = _plain(match.value)
    return texts[0] if len(texts) == 1 else texts


def _window(window: Window) -> dict[str, Any]:
    match window:
        case None:
            return {}
        case Within(number, unit):
            return {unit: number}
        case Between(first, last):
            return {key: day.isoformat() for key, day in (("from", first), ("to", last)) if day is not None}


def _plain(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    return list(value) if isinstance(value, tuple) else value


def _percent(hundredths: int) -> int | float:
    return hundredths // 100 if hundredths % 100 == 0 else hundredths / 100
