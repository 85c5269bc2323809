"""Random conditions on behaviour, as JSON documents, close to what `tests.segments.rules.happened` makes happen."""

from collections.abc import Sequence
from random import Random
from typing import Any

from segments.rules.behaviour import NUMBERS, Property, has_amount, properties_of
from tests.segments.history import moment
from tests.segments.rules.happened import OWN

MINUTES = "property:minutes"

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
        what, measured = _measured(draw, events)
        return what | {draw.choice(("sum", "max")): measured, "op": op, "value": value} | _window(draw)
    return _what(draw, events) | {"when": _when, "periods": _periods, "change": _change}[kind](draw)


def _measured(draw: Random, events: Sequence[str]) -> tuple[dict[str, Any], str]:
    if draw.random() < 0.5:
        return _what(draw, events, amounts=True), "amount"
    what = _what(draw, events)
    scored = what.get("then", what)["event"] == "Survey Answered"
    return what, "score" if scored and draw.random() < 0.7 else draw.choice((MINUTES, MINUTES, "property:recipe_id"))


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
    for name in draw.sample(sorted(OWN), k=draw.choice((0, 0, 1, 1, 2))):
        if not (event == "Product Viewed" and name == "property:category"):
            where[name] = _own_filter(draw, name)
    return {"event": event} | ({"where": where} if where else {})


def _filter(draw: Random, name: Property) -> Any:
    if name in NUMBERS:
        return _size(draw, 10)
    texts = sorted(draw.sample(TEXTS[name], k=draw.choice((1, 1, 2))))
    if draw.random() < 0.4:
        return {"not_in": texts[:1]}
    return texts[0] if len(texts) == 1 else texts


def _own_filter(draw: Random, name: str) -> Any:
    texts = sorted(draw.sample(("R1", "R2", "7", "tea", "hot", "true"), k=draw.choice((1, 2))))
    number = draw.choice((0, 1.25, 5, 7, 20, 20.5))
    ends = sorted((number, draw.choice((-3, 1, 20, 20.5))))
    sized = ({op: number} for op in ("<", "<=", ">", ">=", "!="))
    worded = [texts[0] if len(texts) == 1 else texts, {"not_in": texts}, {"has_all": texts}]
    parts = ({op: draw.choice(("R", "2", "t", "ea"))} for op in ("contains", "not_contains", "starts_with"))
    if name == MINUTES and draw.random() < 0.7:
        return draw.choice((number, {"between": ends}, *sized))
    if name == "property:gift" and draw.random() < 0.7:
        return draw.random() < 0.5
    return draw.choice((*worded, *parts, {"is_set": True}, {"is_set": False}, True, *sized))


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
