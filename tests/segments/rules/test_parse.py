"""Every refusal names its place and says what would be right."""

from typing import Any

import pytest

from segments.customers import NEWEST
from segments.errors import RuleError
from segments.rules.parse import DEEPEST, MOST_CONDITIONS, parse, place_of
from segments.rules.rule import All, Attribute

ORDERS = {"attribute": "orders", "op": "=", "value": 1}


def order(**changes: Any) -> dict[str, Any]:
    return {"event": "Order Completed", "op": "at_least", "times": 1} | changes


def nested(levels: int) -> dict[str, Any]:
    document: dict[str, Any] = ORDERS
    for _ in range(levels - 1):
        document = {"not": document}
    return document


REFUSED: list[tuple[Any, tuple[str | int, ...], str]] = [
    ([], (), "[] is not a rule; a rule is one of"),
    ({}, (), "{} is not a rule; a rule is one of"),
    ({"some": []}, (), "is not a rule; a rule is one of"),
    ({"all": ORDERS}, ("all",), '"all" takes a list of rules'),
    ({"any": []}, ("any",), '"any" needs at least one rule; for everyone write {"all": []}'),
    ({"all": [], "any": [ORDERS]}, (), "any cannot stand here; this kind of rule has all"),
    ({"all": [ORDERS, 3]}, ("all", 1), "3 is not a rule"),
    ({"not": [ORDERS]}, ("not",), "is not a rule"),
    ({"any": [{"not": {"attribute": "hue"}}]}, ("any", 0, "not", "attribute"), '"hue" is no attribute; there are'),
    ({"attribute": "customer_id", "op": "=", "value": 1}, ("attribute",), '"customer_id" is no attribute'),
    ({"attribute": ["rank"], "op": "is_set"}, ("attribute",), "['rank'] is no attribute"),
    ({"attribute": "orders"}, ("op",), '"op" is missing; the number attribute "orders" has =, !=, <'),
    (ORDERS | {"op": "is"}, ("op",), '"is" is no operator of the number attribute "orders"; '),
    ({"attribute": "reachable", "op": "=", "value": True}, ("op",), "has is_true, is_false"),
    (ORDERS | {"days": 3}, (), "days cannot stand here; this kind of rule has attribute, op, value"),
    (ORDERS | {"value": "1"}, ("value",), 'the value of "=" is a whole number'),
    (ORDERS | {"value": True}, ("value",), "not True"),
    (ORDERS | {"value": 1.5}, ("value",), "not 1.5"),
    (ORDERS | {"value": 10**16}, ("value",), "to 1000000000000000"),
    ({"attribute": "orders", "op": "="}, ("value",), "not None"),
    (ORDERS | {"op": "between", "value": 3}, ("value",), "is [lowest, highest], both included, not 3"),
    (ORDERS | {"op": "between", "value": [1, "2"]}, ("value", 1), 'not "2"'),
    (ORDERS | {"op": "between", "value": [5, 2]}, ("value",), "begins at 5 but ends at 2"),
    ({"attribute": "rank", "op": "is", "value": " "}, ("value",), "a text of 1 to 200 characters"),
    ({"attribute": "rank", "op": "is", "value": "x" * 201}, ("value",), "a text of 1 to 200 characters"),
    ({"attribute": "rank", "op": "in", "value": "gold"}, ("value",), "is a list of 1 to 500 texts"),
    ({"attribute": "rank", "op": "in", "value": []}, ("value",), "is a list of 1 to 500 texts"),
    ({"attribute": "rank", "op": "in", "value": ["gold", 3]}, ("value", 1), "each entry of"),
    ({"attribute": "rank", "op": "is_set", "value": "gold"}, ("value",), '"is_set" takes no value'),
    ({"attribute": "joined", "op": "within_days", "value": 0}, ("value",), "from 1 to 3650, not 0"),
    ({"attribute": "joined", "op": "on_or_after", "value": "2026-2-1"}, ("value",), 'a day like "2026-01-31"'),
    ({"attribute": "joined", "op": "on_or_after", "value": "2026-02-30"}, ("value",), 'a day like "2026-01-31"'),
    ({"attribute": "joined", "op": "on_or_after", "value": 20260201}, ("value",), 'a day like "2026-01-31"'),
    (order(event=""), ("event",), "an event name is a text"),
    (order(op="did_not"), ("op",), '"did_not" is no operator of an event; an event has at_least, at_most, exactly'),
    (order(times=0), ("times",), '"times" of at_least is a whole number from 1 to 100, not 0'),
    (order(times=NEWEST + 1), ("times",), "from 1 to 100, not 101"),
    (order(op="at_most", times=NEWEST), ("times",), "from 0 to 99, not 100"),
    (order(op="exactly", times=-1), ("times",), "from 0 to 99, not -1"),
    ({"event": "Order Completed", "op": "at_least"}, ("times",), "not None"),
    (order(days=0), ("days",), '"days" is a whole number from 1 to 3650, not 0'),
    (order(value=1), (), "value cannot stand here; this kind of rule has days, event, from, hours, minutes, op,"),
    (nested(DEEPEST + 2), ("not",) * DEEPEST, "nested more than 10 levels deep"),
    ({"all": [ORDERS] * (MOST_CONDITIONS + 1)}, (), "the rule has 201 conditions; at most 200 are allowed"),
]


@pytest.mark.parametrize(("document", "path", "sentence"), REFUSED, ids=range(len(REFUSED)))
def test_refuses(document: Any, path: tuple[str | int, ...], sentence: str) -> None:
    with pytest.raises(RuleError) as refusal:
        parse(document)
    assert refusal.value.path == path
    assert sentence in refusal.value.message


def test_takes_what_lies_at_the_limits() -> None:
    parse(nested(DEEPEST))
    parse({"all": [ORDERS] * MOST_CONDITIONS})
    parse(order(times=NEWEST, days=3650))


def test_a_null_period_means_ever() -> None:
    assert parse(order(days=None)) == parse(order())


def test_a_null_value_is_no_value() -> None:
    assert parse({"all": [{"attribute": "rank", "op": "is_set", "value": None}]}) == All((Attribute("rank", "is_set"),))


def test_a_huge_foreign_value_is_shortened_in_the_message() -> None:
    with pytest.raises(RuleError) as refusal:
        parse(ORDERS | {"value": "x" * 10_000})
    assert len(refusal.value.message) < 200


def test_the_place_of_a_fault_reads_like_an_address() -> None:
    assert place_of(RuleError("", ("all", 1, "not", "value", 0))) == "all[1].not.value[0]"
    assert place_of(RuleError("")) == ""
