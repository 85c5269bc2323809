"""Random conditions on behaviour, as JSON documents, close to what `tests.segments.rules.happened` makes happen."""

from collections.abc import Sequence
from random import Random
from typing import Any

from segments.rules.behaviour import NUMBERS, Property, has_amount, properties_of
from tests.segments.history import moment

TEXTS = {
    "store": ("S1", "S2", "S3"),
    "category": ("tea", "milk"),
    "product": ("P1", "P2"),
    "brand": ("ito", "uno"),
    "coupon": ("spring", "tea"),
    "campaign": ("7", "8"),
    "rank": ("gold", "silver"),
    "platform": ("ios", "android"),
}
SPANS = ({"within_hours": 1}, {"within_hours": 10}, {"within_hours": 30}, {"within_days": 1}, {"within_days": 3})


def draw_condition(draw: Random, events: Sequence[str]) -> dict[str, Any]:
    """Any condition with ``event``, of these events and orders."""
    kind = draw.choice(("times", "times", "amount", "when", "periods", "change"))
    if kind == "times":
        op = draw.choice(("at_least", "at_most", "exactly"))
        asked = {"op": op, "times": draw.randint(1 if op == "at_least" else 0, 4)}
        return _what(draw, events) | asked | _window(draw)
    if kind == "amount":
        ((op, value),) = _size(draw, 25).items()
        asked = {draw.choice(("sum", "max")): "amount", "op": op, "value": value}
        return _what(draw, events, amounts=True) | asked | _window(draw)
    return _what(draw, events) | {"when": _when, "periods": _periods, "change": _change}[kind](draw)


def _when(draw: Random) -> dict[str, Any]:
    op = draw.choice(("within_days", "before_days", "on_or_after", "on_or_before"))
    value = _day(draw) if op.startswith("on") else draw.randint(1, 13)
    return {"when": draw.choice(("first", "last")), "op": op, "value": value}


def _periods(draw: Random) -> dict[str, Any]:
    of_last = draw.randint(1, 4)
    unit = draw.choice(("day", "week", "month"))
    return {"in_periods": draw.randint(1, min(2, of_last)), "of_last": of_last, "unit": unit}


def _change(draw: Random) -> dict[str, Any]:
    return {"change": draw.choice(("stopped", "came_back")), "days": draw.randint(1, 6)}


def _what(draw: Random, events: Sequence[str], *, amounts: bool = False) -> dict[str, Any]:
    counted = [event for event in (*events, "Order Completed") if has_amount(event) or not amounts]
    if draw.random() < 0.7:
        return _event(draw, counted)
    return _event(draw, [*events, "Order Completed"]) | {"then": _event(draw, counted) | draw.choice(SPANS)}


def _event(draw: Random, events: Sequence[str]) -> dict[str, Any]:
    event = draw.choice(events)
    names = draw.sample(properties_of(event), k=draw.choice((0, 0, 1, 1, min(2, len(properties_of(event))))))
    where = {name.value: _filter(draw, name) for name in names}
    return {"event": event} | ({"where": where} if where else {})


def _filter(draw: Random, name: Property) -> Any:
    if name in NUMBERS:
        return _size(draw, 10)
    texts = sorted(draw.sample(TEXTS[name], k=draw.choice((1, 1, 2))))
    if draw.random() < 0.4:
        return {"not_in": texts[:1]}
    return texts[0] if len(texts) == 1 else texts


def _size(draw: Random, most: int) -> dict[str, Any]:
    op = draw.choice((">=", "<=", "between"))
    ends = sorted(draw.randint(0, most) for _ in range(2))
    return {op: ends if op == "between" else ends[0]}


def _window(draw: Random) -> dict[str, Any]:
    first, last = sorted((_day(draw), _day(draw)))
    return draw.choice(
        (
            {},
            {"days": draw.randint(1, 13)},
            {"weeks": draw.randint(1, 3)},
            {"hours": draw.choice((1, 2, 12, 13, 37, 60))},
            {"minutes": draw.choice((20, 80, 120, 121, 900))},
            {"from": first, "to": last},
            {"from": first},
            {"to": last},
        )
    )


def _day(draw: Random) -> str:
    return moment(40 - draw.randint(0, draw.choice((3, 41)))).date().isoformat()
