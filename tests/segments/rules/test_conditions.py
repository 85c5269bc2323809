"""The builder's catalogue offers exactly what `parse` takes."""

from typing import Any

import pytest

from segments.customers import BY_NAME
from segments.events import VOCABULARY
from segments.rules.behaviour import LEDGER_EVENTS
from segments.rules.computed import COMPUTED
from segments.rules.conditions import CONDITIONS, EventChoice
from segments.rules.operators import KINDS, UNASKED, Operand
from segments.rules.parse import parse

EXAMPLES: dict[Operand, dict[str, Any]] = {
    Operand.NUMBER: {"value": 1},
    Operand.NUMBERS: {"value": [1, 2]},
    Operand.TEXT: {"value": "gold"},
    Operand.TEXTS: {"value": ["gold"]},
    Operand.DAYS: {"value": 30},
    Operand.DATE: {"value": "2026-01-31"},
    Operand.NOTHING: {},
}


def test_every_offered_condition_parses() -> None:
    for attribute in CONDITIONS.attributes:
        for operator in attribute.operators:
            parse({"attribute": attribute.name, "op": operator.op, **EXAMPLES[operator.operand]})
    for event in CONDITIONS.events:
        for operator in CONDITIONS.event_operators:
            parse({"event": event.name, "op": operator.op, "times": 1})


ASKED: dict[str, dict[str, Any]] = {
    "times": {"op": "at_least", "times": 1},
    "sum": {"sum": "amount", "op": ">=", "value": 1},
    "max": {"max": "amount", "op": "between", "value": [1, 2]},
    "when": {"when": "first", "op": "within_days", "value": 3},
    "in_periods": {"in_periods": 1, "of_last": 2, "unit": "day"},
    "change": {"change": "stopped", "days": 3},
}


@pytest.mark.parametrize("event", CONDITIONS.events, ids=lambda event: event.name)
def test_everything_offered_of_an_event_parses(event: EventChoice) -> None:
    for measure in event.measures:
        parse({"event": event.name, **ASKED[measure.name]})
    for each in event.properties:
        for operator in each.operators:
            where = {each.name: {operator.op: EXAMPLES[operator.operand]["value"]}}
            parse({"event": event.name, **ASKED["times"], "where": where})
    if event.follows:
        parse({"event": event.name, **ASKED["times"], "then": {"event": event.name, "within_days": 1}})


def test_every_unit_and_change_offered_parses() -> None:
    opened = {"event": "Application Opened"}
    for window in CONDITIONS.windows:
        parse({**opened, **ASKED["times"], window.name: 1})
    for unit in CONDITIONS.periods:
        parse({**opened, **ASKED["in_periods"], "unit": unit.name})
    for change in CONDITIONS.changes:
        parse({**opened, **ASKED["change"], "change": change.name})
    for operator in CONDITIONS.when_operators:
        parse({**opened, **ASKED["when"], "op": operator.op, **EXAMPLES[operator.operand]})


def test_amounts_are_offered_as_money_or_as_points() -> None:
    amounts = {event.name: each for event in CONDITIONS.events for each in event.properties if each.name == "amount"}
    assert amounts["Order Completed"].money
    assert (amounts["Points Earned"].money, amounts["Points Earned"].en) == (False, "Points")


def test_every_attribute_and_event_is_offered_once() -> None:
    assert [attribute.name for attribute in CONDITIONS.attributes] == list(KINDS)
    assert {*KINDS} == {*BY_NAME, *COMPUTED} - UNASKED
    assert [event.name for event in CONDITIONS.events] == [*(event.name for event in VOCABULARY), *LEDGER_EVENTS]


def test_every_attribute_is_found_under_a_facet() -> None:
    found = [attribute for facet in CONDITIONS.facets for attribute in CONDITIONS.of(facet.name)]
    assert sorted(a.name for a in found) == sorted(KINDS)
    assert all(CONDITIONS.of(facet.name) for facet in CONDITIONS.facets)


def test_units_and_money_are_marked() -> None:
    by_name = {attribute.name: attribute for attribute in CONDITIONS.attributes}
    assert (by_name["orders"].unit_ja, by_name["orders"].unit_en, by_name["orders"].money) == ("回", "orders", False)
    assert by_name["spend"].money
