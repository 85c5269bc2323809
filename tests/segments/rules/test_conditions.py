"""The builder's catalogue offers exactly what `parse` takes."""

from segments.customers import BY_NAME
from segments.events import VOCABULARY
from segments.rules.conditions import CONDITIONS
from segments.rules.operators import KINDS, UNASKED, Operand
from segments.rules.parse import parse

EXAMPLES = {
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


def test_every_attribute_and_event_is_offered_once() -> None:
    assert [attribute.name for attribute in CONDITIONS.attributes] == list(KINDS)
    assert {*KINDS} == {*BY_NAME} - UNASKED
    assert [event.name for event in CONDITIONS.events] == [event.name for event in VOCABULARY]


def test_every_attribute_is_found_under_a_facet() -> None:
    found = [attribute for facet in CONDITIONS.facets for attribute in CONDITIONS.of(facet.name)]
    assert sorted(a.name for a in found) == sorted(KINDS)
    assert all(CONDITIONS.of(facet.name) for facet in CONDITIONS.facets)


def test_units_and_money_are_marked() -> None:
    by_name = {attribute.name: attribute for attribute in CONDITIONS.attributes}
    assert (by_name["orders"].unit_ja, by_name["orders"].unit_en, by_name["orders"].money) == ("回", "orders", False)
    assert by_name["spend"].money
