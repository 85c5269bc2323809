"""Suggested own properties are those that occur, with the people who had each; persons and rare values are not shown."""

from dataclasses import replace
from typing import Any

import pytest

from segments import observed_properties
from segments.observed_properties import people_by_property
from segments.reduce.days import BUCKETS
from tests.segments.history import Happening
from tests.segments.test_observed_values import DAY, Told, did

RECIPE = "Recipe Viewed"


def viewed(customer: int, *, ago: int = 1, **own: Any) -> Happening:
    return did(customer, RECIPE, ago=ago, own=tuple(own.items()))


def found(*rows: Happening, customers: int = 100) -> tuple[dict[str, Any], bool]:
    told = Told([replace(row, seq=seq) for seq, row in enumerate(rows)])
    seen, about = people_by_property(told, RECIPE, customers=customers, day=DAY, most=2)
    return {one.name: (one.people, one.number, one.values) for one in seen}, about


def test_properties_and_values_are_told_with_their_people() -> None:
    rows = [viewed(n, recipe_id=f"R{n % 2}", minutes=n, tags=["tea", "hot"]) for n in range(12)]
    again = [viewed(0, ago=2, recipe_id="R0"), did(1, "Other Thing", own=(("recipe_id", "R1"),))]
    assert found(*rows, *again) == (
        {
            "recipe_id": (12, False, {"R0": 6, "R1": 6}),
            "minutes": (12, True, {}),
            "tags": (12, False, {"hot": 12, "tea": 12}),
        },
        False,
    )


def test_what_only_a_few_did_is_not_shown() -> None:
    rows = [*(viewed(n, recipe_id="R1") for n in range(5)), *(viewed(n, recipe_id="R2", rare="x") for n in range(4))]
    assert found(*rows)[0] == {"recipe_id": (5, False, {"R1": 5})}


def test_a_value_that_looks_like_a_person_is_not_shown_though_many_have_it() -> None:
    rows = [viewed(n, shop_code="09012345678", kind="a") for n in range(9)]
    assert found(*rows)[0] == {"kind": (9, False, {"a": 9}), "shop_code": (9, True, {})}


def test_of_very_many_customers_one_bucket_stands_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observed_properties, "COUNTED_WHOLE", 10)
    rows = [viewed(n, recipe_id="R1") for n in range(6 * BUCKETS)]
    assert found(*rows, customers=11) == ({"recipe_id": (6 * BUCKETS, False, {"R1": 6 * BUCKETS})}, True)
