"""Random rules (as JSON documents) and random people, kept close together so that conditions are often met."""

from datetime import date
from typing import Any

from hypothesis import strategies as st

from segments.ages import AGES as BANDS
from segments.customers import BY_NAME
from segments.rules.computed import COMPUTED
from segments.rules.operators import EVENT_OPERATORS, KINDS, OPERATORS, Kind, Operand
from tests.segments.rules.people import ago, person

EVENTS = ("Order Completed", "Application Opened", "Spun The Wheel")
TEXTS = st.sampled_from(["gold", "silver", "go", "東京都", "東", "old.", "G"])
NUMBERS = st.integers(-2, 12)
AGES = st.integers(0, 12)
DAYS = st.integers(-12, 12).map(ago)

_OPERANDS: dict[Operand, st.SearchStrategy[Any]] = {
    Operand.NUMBER: NUMBERS,
    Operand.NUMBERS: st.tuples(NUMBERS, NUMBERS).map(sorted),
    Operand.TEXT: TEXTS,
    Operand.TEXTS: st.lists(TEXTS, min_size=1, max_size=3),
    Operand.DAYS: st.integers(1, 13),
    Operand.DATE: DAYS.map(lambda day: day.isoformat()),
}
_AGES = st.integers(0, 100)
_COMPUTED: dict[str, dict[Operand, st.SearchStrategy[Any]]] = {
    "age_band": _OPERANDS
    | {Operand.TEXT: st.sampled_from(BANDS), Operand.TEXTS: st.lists(st.sampled_from(BANDS), min_size=1)},
    **{
        name: {Operand.NUMBER: _AGES, Operand.NUMBERS: st.tuples(_AGES, _AGES).map(sorted)}
        for name in ("age", "birthday_in")
    },
}
_KNOWN: dict[Kind, st.SearchStrategy[Any]] = {
    Kind.NUMBER: NUMBERS,
    Kind.TEXT: TEXTS,
    Kind.BOOLEAN: st.booleans(),
    Kind.DATE: DAYS,
}


@st.composite
def attribute_conditions(draw: st.DrawFn) -> dict[str, Any]:
    name = draw(st.sampled_from(sorted(KINDS)) | st.sampled_from(sorted(COMPUTED)))
    operator = draw(st.sampled_from(OPERATORS[KINDS[name]]))
    condition = {"attribute": name, "op": operator.op}
    if operator.operand is not Operand.NOTHING:
        condition["value"] = draw(_COMPUTED.get(name, _OPERANDS)[operator.operand])
    return condition


@st.composite
def behaviour_conditions(draw: st.DrawFn) -> dict[str, Any]:
    op = draw(st.sampled_from([operator.op for operator in EVENT_OPERATORS]))
    condition = {"event": draw(st.sampled_from([*EVENTS, "Absent"])), "op": op}
    condition["times"] = draw(st.integers(1 if op == "at_least" else 0, 5))
    if draw(st.booleans()):
        condition["days"] = draw(st.integers(1, 13))
    return condition


@st.composite
def other_conditions(draw: st.DrawFn) -> dict[str, Any]:
    if draw(st.booleans()):
        return {"list": draw(st.integers(1, 2))}
    first, last = sorted(draw(st.sets(st.integers(0, 10_000), min_size=2, max_size=2)))
    marks = [mark // 100 if mark % 100 == 0 else mark / 100 for mark in (first, last)]
    return {"share": marks, "salt": draw(st.sampled_from(("a", "b")))}


rules = st.recursive(
    attribute_conditions() | behaviour_conditions() | other_conditions(),
    lambda parts: (
        st.lists(parts, max_size=4).map(lambda found: {"all": found})
        | st.lists(parts, min_size=1, max_size=4).map(lambda found: {"any": found})
        | parts.map(lambda found: {"not": found})
    ),
    max_leaves=8,
)


@st.composite
def people(draw: st.DrawFn) -> dict[str, Any]:
    known = {name: draw(st.none() | _KNOWN[KINDS[name]]) for name in BY_NAME if name in KINDS}
    born = draw(st.none() | st.dates(date(1920, 1, 1), date(2026, 12, 31)) | st.just(date(2000, 2, 29)))
    parts = (None,) * 3 if born is None else (born.year, born.month, born.day)
    known |= dict(zip(("birth_year", "birth_month", "birth_day"), parts, strict=True))
    did = {event: draw(st.lists(AGES, max_size=6)) for event in EVENTS}
    lists = {f"list:{number}": draw(st.booleans()) for number in (1, 2)}
    return person(did, **known, **lists, customer_id=draw(st.integers(1, 2**40)))
