"""Every refusal names its place and says what would be right."""

from typing import Any

import pytest

from segments.customers import NEWEST
from segments.errors import RuleError
from segments.rules.operators import Kind
from segments.rules.parse import DEEPEST, MOST_CONDITIONS, dump, parse, place_of
from segments.rules.references import every_behaviour
from segments.rules.rule import All, Attribute

ORDERS = {"attribute": "orders", "op": "=", "value": 1}


def order(**changes: Any) -> dict[str, Any]:
    return {"event": "Order Completed", "op": "at_least", "times": 1} | changes


ORDERED = {"event": "Order Completed"}


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
    (order(weeks=3, days=3), (), "a condition has one window, not days, weeks together"),
    (order(hours=169), ("hours",), '"hours" is a whole number from 1 to 168'),
    (order(minutes=0), ("minutes",), '"minutes" is a whole number from 1 to 10080'),
    (order(weeks="2"), ("weeks",), 'not "2"'),
    (order(to="2026-01-32"), ("to",), '"to" is a day like'),
    (order(**{"from": "2026-02-01", "to": "2026-01-31"}), ("to",), "begins on 2026-02-01 but ends on 2026-01-31"),
    (order(where=[]), ("where",), '"where" is {property: value}, not []'),
    (order(where={}), ("where",), '"where" is {property: value}'),
    (order(where={"stoer": "S1"}), ("where", "stoer"), 'has no "stoer" to filter by; the nearest is store'),
    (order(where={"score": {">=": 1}}), ("where", "score"), 'no "score" to filter by; the nearest is store'),
    (order(event="Spun", where={"store": "S1"}), ("where", "store"), "there are platform"),
    (order(where={"store": 3}), ("where", "store"), 'the value of "store" is a text'),
    (order(where={"store": []}), ("where", "store"), "is a list of 1 to 500 texts"),
    (order(where={"store": ["S1", ""]}), ("where", "store", 1), "each entry of"),
    (order(where={"store": {"not_in": ["S1"], "in": []}}), ("where", "store"), "has one of in, not_in"),
    (order(where={"store": {">=": 3}}), ("where", "store"), '>= cannot stand here; a filter on "store" has in, not_in'),
    (order(where={"amount": 3}), ("where", "amount"), '"amount" is compared like {">=": 1000}, not 3'),
    (order(where={"amount": {">=": "3"}}), ("where", "amount", ">="), 'the value of ">=" is a whole number'),
    (order(where={"amount": {"between": [3, 1]}}), ("where", "amount", "between"), "begins at 3 but ends at 1"),
    (order(then="x"), ("then",), '"then" is {"event": name, "within_hours": n}'),
    (order(then={"event": "Spun"}), ("then",), 'either "within_hours" or "within_days"'),
    (order(then={"event": "Spun", "within_hours": 1, "within_days": 1}), ("then",), "either"),
    (order(then={"event": "Spun", "within_days": 366}), ("then", "within_days"), "from 1 to 365"),
    (order(then={"event": "Spun", "within_days": 1, "days": 3}), ("then",), "days cannot stand here; what follows has"),
    (order(then={"event": "Spun", "where": {"rank": "x"}, "within_days": 1}), ("then", "where", "rank"), 'no "rank"'),
    (order(then={"event": "Campaign Opened", "within_days": 1}), ("then", "event"), "cannot be part of a sequence"),
    (order(event="Campaign Opened", then={"event": "Spun", "within_days": 1}), ("event",), "part of a sequence"),
    (ORDERED | {"sum": "amount", "op": ">="}, ("value",), "not None"),
    (ORDERED | {"sum": "total", "op": ">=", "value": 1}, ("sum",), 'has no "total" to be measured; it has amount'),
    (ORDERED | {"max": "amount", "op": "=", "value": 1}, ("op",), '"max" has <=, >=, between'),
    (ORDERED | {"sum": "amount", "max": "amount", "op": ">=", "value": 1}, (), "max cannot stand here"),
    ({"event": "Spun", "sum": "amount", "op": ">=", "value": 1}, ("sum",), 'the event "Spun" has no amount'),
    (ORDERED | {"sum": "score", "op": ">=", "value": 1}, ("sum",), 'has no "score"'),
    (ORDERED | {"sum": 3, "op": ">=", "value": 1}, ("sum",), "has no 3 to be measured"),
    (ORDERED | {"max": "property:points", "op": ">=", "value": 0.00001}, ("value",), "at most 4 decimals"),
    (ORDERED | {"max": "property:points", "op": "between", "value": [2, 1.5]}, ("value",), "begins above its end"),
    (
        ORDERED | {"max": "property:points", "op": ">=", "value": "3"},
        ("value",),
        'a number with at most 4 decimals, not "3"',
    ),
    (ORDERED | {"max": "property:user_id", "op": ">=", "value": 3}, ("max",), '"user_id" cannot be asked'),
    ({"event": "Campaign Opened", "sum": "property:x", "op": ">=", "value": 1}, ("sum",), "has no"),
    (order(where={"property:": "x"}), ("where", "property:"), "cannot be asked"),
    (order(where={"property:email": "x"}), ("where", "property:email"), "who somebody is"),
    (order(where={"recipe_id": "x"}), ("where", "recipe_id"), 'no "recipe_id" to filter by'),
    (order(where={"property:size": None}), ("where", "property:size"), 'the value of "property:size" is a text'),
    (order(where={"property:size": []}), ("where", "property:size"), "is a list of 1 to 500 texts"),
    (order(where={"property:size": "x" * 101}), ("where", "property:size"), "at most 100 characters"),
    (order(where={"property:size": 10**13}), ("where", "property:size"), "is a number with at most 4 decimals"),
    (order(where={"property:size": {}}), ("where", "property:size"), "has one of in, not_in, has_all"),
    (order(where={"property:size": {">": 1, "<": 3}}), ("where", "property:size"), "has one of in, not_in, has_all"),
    (order(where={"property:size": {"is_not": 1}}), ("where", "property:size"), "is_not cannot stand here"),
    (order(where={"property:size": {"is_set": 1}}), ("where", "property:size", "is_set"), "is true or false, not 1"),
    (order(where={"property:size": {">": True}}), ("where", "property:size", ">"), "is a number"),
    (order(where={"property:size": {"between": [1]}}), ("where", "property:size", "between"), "[lowest, highest]"),
    (order(where={"property:size": {"contains": ["a"]}}), ("where", "property:size", "contains"), "is a text"),
    (order(event="Campaign Opened", where={"property:x": 1}), ("where", "property:x"), "has no"),
    (
        order(then={"event": "Spun", "where": {"property:x": []}, "within_days": 1}),
        ("then", "where", "property:x"),
        "1 to 500",
    ),
    (ORDERED | {"when": "second", "op": "within_days", "value": 1}, ("when",), "is one of first, last"),
    (ORDERED | {"when": "first", "op": "next_days", "value": 1}, ("op",), "the first time has within_days"),
    (ORDERED | {"when": "first", "op": "within_days", "value": 1, "days": 3}, (), "days cannot stand here"),
    (ORDERED | {"in_periods": 3, "of_last": 2, "unit": "week"}, ("in_periods",), "from 1 to 2"),
    (ORDERED | {"in_periods": 1, "of_last": 105, "unit": "week"}, ("of_last",), "from 1 to 104"),
    (ORDERED | {"in_periods": 1, "of_last": 2, "unit": "year"}, ("unit",), "is one of day, week, month"),
    (ORDERED | {"change": "left", "days": 3}, ("change",), "is one of stopped, came_back"),
    (ORDERED | {"change": "stopped"}, ("days",), "not None"),
    ({"segment": "x"}, ("segment",), '"segment" is a whole number from 1'),
    ({"segment": 1, "op": "is"}, (), "op cannot stand here"),
    ({"list": 0}, ("list",), '"list" is a whole number from 1'),
    ({"share": 10, "salt": "a"}, ("share",), '"share" is [from, to] in percent, not 10'),
    ({"share": [10, 10], "salt": "a"}, ("share",), "begins at 10% but ends at 10%"),
    ({"share": [0, 10.001], "salt": "a"}, ("share", 1), "with at most two decimals, not 10.001"),
    ({"share": [0, 101], "salt": "a"}, ("share", 1), "from 0 to 100"),
    ({"share": [0, 10]}, ("salt",), '"salt" is a text'),
    ({"attribute": "trait:", "op": "is_set"}, ("attribute",), "the name of a trait is a text"),
    ({"attribute": "trait:hue", "op": "like"}, ("op",), 'no operator of the trait "hue"'),
    ({"attribute": "ordrs", "op": "="}, ("attribute",), "the nearest are orders"),
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


def test_traits_that_the_shop_uses_are_checked() -> None:
    known = {"colour": Kind.TEXT, "children": Kind.NUMBER}
    parse({"attribute": "trait:colour", "op": "is", "value": "red"}, traits=known)
    with pytest.raises(RuleError, match='"color" is no trait that is used in segments; the nearest is colour'):
        parse({"not": {"attribute": "trait:color", "op": "is", "value": "red"}}, traits=known)
    with pytest.raises(RuleError, match='"is" is no operator of the trait "children"'):
        parse({"attribute": "trait:children", "op": "is", "value": "2"}, traits=known)


def test_what_is_said_in_another_way_is_the_same_behaviour() -> None:
    one = parse(order(where={"amount": {">=": 1}, "store": ["S2", "S1", "S2"]}, hours=2))
    two = parse(order(where={"store": {"in": ["S1", "S2"]}, "amount": {">=": 1}}, minutes=120))
    assert every_behaviour(one) == every_behaviour(two)
    sequence = {"event": "Spun The Wheel"}
    days, hours = ({**sequence, "within_days": 2}, {**sequence, "within_hours": 48})
    assert dump(parse(order(then=hours))) == order(then=days)
    pushed = {"event": "Campaign Opened", "op": "at_least", "times": 1}
    assert parse(pushed | {"where": {"campaign": [8, 7]}}) == parse(pushed | {"where": {"campaign": ["7", "8"]}})


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
