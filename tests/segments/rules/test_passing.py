"""Events that pass the filters of a trigger are those that a rule with the same filters counts."""

from typing import Any

import pytest

from segments.rules.matching import passing
from segments.rules.parse import parse
from segments.rules.rule import BEHAVIOURAL, conditions_of
from tests.segments.history import Happening, frames, moment

ORDER = "Order Completed"
HISTORY = [
    Happening(
        1, 1, ORDER, moment(1), order=1, amount=500, lines=(("tea", 1, 500),), brands=("ito",), own=(("gift", True),)
    ),
    Happening(2, 2, ORDER, moment(1), order=2, amount=900, lines=(("milk", 1, 900),), brands=("uno",)),
    Happening(3, 1, "Recipe Viewed", moment(2), own=(("recipe_id", "R1"), ("minutes", 20))),
    Happening(4, 2, "Recipe Viewed", moment(2), own=(("recipe_id", "R2"), ("minutes", "35"))),
    Happening(5, 2, "Product Viewed", moment(3), category="tea", own=(("product_id", "P1"), ("brand", "ito"))),
]


@pytest.mark.parametrize(
    ("event", "where", "passed"),
    [
        (ORDER, {"brand": "ito"}, {1}),
        (ORDER, {"brand": {"not_in": ["ito"]}}, {2}),
        (ORDER, {"property:gift": True}, {1}),
        (ORDER, {"property:gift": {"is_set": False}, "amount": {">=": 600}}, {2}),
        ("Recipe Viewed", {"property:recipe_id": ["R1", "R3"]}, {3}),
        ("Recipe Viewed", {"property:minutes": {">": 20}}, {4}),
        ("Product Viewed", {"product": "P1", "brand": "ito", "category": "tea"}, {5}),
        ("Product Viewed", {"brand": {"not_in": ["ito"]}}, set()),
    ],
)
def test_a_filter_passes_what_a_rule_counts(event: str, where: dict[str, Any], passed: set[int]) -> None:
    rule = parse({"event": event, "op": "at_least", "times": 1, "where": where})
    (behaviour,) = [one.behaviour for one in conditions_of(rule) if isinstance(one, BEHAVIOURAL)]
    kept = passing(*frames(HISTORY), event=event, filters=behaviour.where)
    assert {*kept.select("seq").collect().get_column("seq")} == passed
