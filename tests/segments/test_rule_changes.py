"""What differs between two rules is told as deep inside as one place holds all of it."""

from typing import Any

import pytest
from hypothesis import given

from segments.rule_changes import rule_change
from segments.rules.describe import describe
from segments.rules.parse import parse
from segments.rules.rule import All
from segments.uses import dependants
from tests.segments.rules.strategies import rules

GOLD: dict[str, Any] = {"attribute": "rank", "op": "is", "value": "gold"}
BOUGHT: dict[str, Any] = {"attribute": "orders", "op": ">=", "value": 1}
OFTEN: dict[str, Any] = {"attribute": "orders", "op": ">=", "value": 5}
REACHED: dict[str, Any] = {"attribute": "reachable", "op": "is_true"}


@pytest.mark.parametrize(
    ("before", "after", "removed", "added"),
    [
        (GOLD, GOLD, [], []),
        (GOLD, {"all": [GOLD, REACHED]}, [], [REACHED]),
        ({"all": [GOLD, REACHED]}, GOLD, [REACHED], []),
        ({"all": [GOLD, BOUGHT]}, {"all": [GOLD, OFTEN]}, [BOUGHT], [OFTEN]),
        ({"all": [GOLD, BOUGHT]}, {"all": [BOUGHT, GOLD]}, [], []),
        ({"all": [BOUGHT, BOUGHT]}, {"all": [BOUGHT]}, [BOUGHT], []),
        ({"all": [REACHED, {"any": [GOLD, BOUGHT]}]}, {"all": [REACHED, {"any": [GOLD, OFTEN]}]}, [BOUGHT], [OFTEN]),
        ({"not": {"any": [GOLD, BOUGHT]}}, {"not": {"any": [GOLD]}}, [{"not": BOUGHT}], []),
        ({"any": [GOLD, BOUGHT]}, {"all": [GOLD, BOUGHT]}, [{"any": [GOLD, BOUGHT]}], [GOLD, BOUGHT]),
        (GOLD, BOUGHT, [GOLD], [BOUGHT]),
    ],
)
def test_conditions_that_went_and_came(before: Any, after: Any, removed: list[Any], added: list[Any]) -> None:
    change = rule_change(parse(before), parse(after))
    assert list(change.removed) == [parse(each) for each in removed]
    assert list(change.added) == [parse(each) for each in added]


@given(rules.map(parse), rules.map(parse))
def test_every_change_can_be_said(before: Any, after: Any) -> None:
    change = rule_change(before, after)
    assert all(describe(each, "ja") and describe(each, "en") for each in (*change.removed, *change.added))
    assert rule_change(before, before).removed == rule_change(before, before).added == ()
    back = rule_change(after, before)
    assert (back.removed, back.added) == (change.added, change.removed)


def test_who_asks_for_a_segment_over_any_number_of_steps() -> None:
    asks = {1: GOLD, 2: {"not": {"segment": 1}}, 3: {"all": [BOUGHT, {"segment": 2}]}, 4: {"segment": 5}, 5: GOLD}
    known = {number: parse(rule) for number, rule in asks.items()}
    assert dependants(1, known) == {2, 3}
    assert dependants(3, known) == frozenset()
    assert dependants(9, {**known, 1: All(())}) == frozenset()
