"""Random conditions on behaviour, as JSON documents, close to what `tests.segments.rules.happened` makes happen."""

from typing import Any

from hypothesis import strategies as st

from segments.rules.behaviour import NUMBERS, has_amount, properties_of
from tests.segments.history import moment
from tests.segments.rules.happened import EVENTS

TEXTS = {
    "store": ("S1", "S2", "S3"),
    "category": ("tea", "milk"),
    "product": ("P1", "P2"),
    "coupon": ("spring", "tea"),
    "campaign": ("7", "8"),
    "rank": ("gold", "silver"),
    "platform": ("ios", "android"),
}
DAYS = st.integers(0, 41).map(lambda day: moment(day).date().isoformat())
SMALL = st.integers(0, 10)
RANGE = st.tuples(SMALL, SMALL).map(sorted)


@st.composite
def _filter(draw: st.DrawFn, name: str) -> Any:
    if name in NUMBERS:
        op = draw(st.sampled_from((">=", "<=", "between")))
        return {op: draw(RANGE if op == "between" else SMALL)}
    texts = sorted(draw(st.sets(st.sampled_from(TEXTS[name]), min_size=1)))
    if draw(st.booleans()):
        return {"not_in": texts}
    return texts[0] if len(texts) == 1 else texts


@st.composite
def _what(draw: st.DrawFn, *, amounts: bool = False) -> dict[str, Any]:
    events = [event for event in EVENTS if has_amount(event) or not amounts]
    document: dict[str, Any] = draw(_event(EVENTS if amounts else events))
    if not amounts and draw(st.integers(0, 2)):
        return document
    if amounts and has_amount(document["event"]) and draw(st.booleans()):
        return document
    span = draw(st.sampled_from(({"within_hours": 1}, {"within_hours": 30}, {"within_days": 1}, {"within_days": 3})))
    return document | {"then": draw(_event(events)) | span}


@st.composite
def _event(draw: st.DrawFn, events: Any) -> dict[str, Any]:
    event = draw(st.sampled_from(events))
    names = draw(st.sets(st.sampled_from(properties_of(event)), max_size=2))
    where = {name.value: draw(_filter(name)) for name in sorted(names)}
    return {"event": event} | ({"where": where} if where else {})


windows = st.one_of(
    st.just({}),
    st.builds(lambda days: {"days": days}, st.integers(1, 13)),
    st.builds(lambda weeks: {"weeks": weeks}, st.integers(1, 3)),
    st.builds(lambda hours: {"hours": hours}, st.integers(1, 60)),
    st.builds(lambda minutes: {"minutes": minutes}, st.integers(1, 150)),
    st.builds(lambda ends: dict(zip(("from", "to"), sorted(ends), strict=True)), st.tuples(DAYS, DAYS)),
    st.builds(lambda day: {"from": day}, DAYS),
    st.builds(lambda day: {"to": day}, DAYS),
)


@st.composite
def conditions(draw: st.DrawFn) -> dict[str, Any]:
    """Any condition with ``event``."""
    kind = draw(st.sampled_from(("times", "times", "amount", "when", "periods", "change")))
    if kind == "times":
        op = draw(st.sampled_from(("at_least", "at_most", "exactly")))
        times = draw(st.integers(1 if op == "at_least" else 0, 3))
        return draw(_what()) | {"op": op, "times": times} | draw(windows)
    if kind == "amount":
        asked = draw(_filter("amount"))
        ((op, value),) = asked.items()
        return (
            draw(_what(amounts=True))
            | {draw(st.sampled_from(("sum", "max"))): "amount", "op": op, "value": value}
            | draw(windows)
        )
    what = draw(_what())
    if kind == "when":
        op = draw(st.sampled_from(("within_days", "before_days", "on_or_after", "on_or_before")))
        value = draw(DAYS if op.startswith("on") else st.integers(1, 13))
        return what | {"when": draw(st.sampled_from(("first", "last"))), "op": op, "value": value}
    if kind == "periods":
        of_last = draw(st.integers(1, 4))
        unit = draw(st.sampled_from(("day", "week", "month")))
        return what | {"in_periods": draw(st.integers(1, of_last)), "of_last": of_last, "unit": unit}
    return what | {"change": draw(st.sampled_from(("stopped", "came_back"))), "days": draw(st.integers(1, 9))}
