"""Suggested values are those that occur, each with the people who did something with it; of many customers a bucket tells."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest

from segments import observed_values
from segments.observed_values import COUNTED, people_by_value
from segments.windows import Window
from tests.segments.history import Happening, days_of, frames, moment

DAY = moment(40).date()


@dataclass
class Told:
    rows: list[Happening]

    def customer_days(self, buckets: Collection[int] | None = None) -> pl.LazyFrame:
        days = days_of(self.rows)
        return days if buckets is None else days.filter(pl.col("bucket").is_in(list(buckets)))

    def events(self, window: Window | None = None) -> pl.LazyFrame:
        return frames(self.rows)[0]

    def order_lines(self, window: Window | None = None) -> pl.LazyFrame:
        lines = frames(self.rows)[1]
        return lines if window is None else lines.filter(pl.col("business_day").is_between(window.first, window.last))

    def raw_since(self) -> date | None:
        return None


def did(customer: int, event: str, *, ago: int = 1, **more: Any) -> Happening:
    return Happening(seq=0, customer=customer, event=event, at=moment(40 - ago, 600), **more)


ROWS = [
    replace(row, seq=seq)
    for seq, row in enumerate(
        [
            did(1, "Store Visited", store="S1"),
            did(1, "Store Visited", ago=9, store="S1"),
            did(1, "Order Completed", order=1, store="S2", lines=(("tea", 1, 60),), products=("P1",), brands=("ito",)),
            did(
                2, "Order Completed", order=2, store="S1", lines=(("tea", 2, 60), ("milk", 1, 9)), products=("P1", "P2")
            ),
            did(16, "Product Viewed", category="milk"),
            did(16, "Coupon Viewed", coupon="spring"),
            did(16, "Order Completed", ago=200, order=3, lines=(("tea", 1, 60),), brands=("uno",)),
            did(2, "Membership Rank Changed", rank="gold"),
        ]
    )
]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("store", {"S1": 2, "S2": 1}),
        ("category", {"tea": 3, "milk": 2}),
        ("coupon", {"spring": 1}),
        ("rank", {"gold": 1}),
        ("campaign", {}),
        ("product", {"P1": 2, "P2": 1}),
        ("brand", {"ito": 1}),
    ],
)
def test_people_are_counted_once_a_value(name: str, expected: dict[str, int]) -> None:
    assert name in COUNTED
    assert people_by_value(Told(ROWS), name, customers=3, day=DAY, most=9) == (expected, False)


def test_the_most_frequent_come_first_and_others_are_left_out() -> None:
    assert people_by_value(Told(ROWS), "category", customers=3, day=DAY, most=1) == ({"tea": 3}, False)


def test_of_many_customers_those_of_one_bucket_stand_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observed_values, "COUNTED_WHOLE", 2)
    assert people_by_value(Told(ROWS), "category", customers=3, day=DAY, most=9) == ({"milk": 16, "tea": 16}, True)
    recent = [replace(ROWS[6], at=ROWS[6].at + timedelta(days=150))]
    assert people_by_value(Told(recent), "brand", customers=3, day=DAY, most=9) == ({"uno": 16}, True)
