"""What one look at a rule tells: sizes, a picture, and the same few people however they are found."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

import polars as pl
import pytest

from segments.preview import SAMPLE, look
from segments.rules.masks import Masks
from segments.rules.parse import parse
from segments.sampling import NEAR, drawn, is_near, near_limit

PEOPLE = 40_000
RANKS = ["gold", "silver", None]


@dataclass(frozen=True)
class View:
    """A frame of which every other row is out of force."""

    rows: pl.LazyFrame
    current: pl.Expr = field(default_factory=lambda: ~pl.col("old"))
    masks: Masks = field(default_factory=Masks)
    as_of: datetime = datetime(2026, 4, 1, tzinfo=UTC)
    made_at: datetime = datetime(2026, 4, 1, tzinfo=UTC)
    day: date = date(2026, 4, 1)
    seq: int = 1
    customers: int = PEOPLE
    raw_since: date | None = None

    @property
    def frame(self) -> pl.LazyFrame:
        return self.rows.filter(self.current)


def stored() -> pl.DataFrame:
    ids = [who // 2 for who in range(2 * PEOPLE)]
    return pl.DataFrame(
        {
            "customer_id": ids,
            "old": [place % 2 == 0 for place in range(2 * PEOPLE)],
            "rank": [RANKS[who % 3] for who in ids],
            "orders": [who % 4000 for who in ids],
            "launches": 1,
            "last_order": date(2026, 3, 1),
            "last_seen": date(2026, 3, 1),
            "reachable": [who % 4 == 0 for who in ids],
            "test_account": [who % 10 == 9 for who in ids],
        }
    )


@pytest.mark.parametrize("least", [1, 2800, 3998, 4000], ids=["most", "some", "few", "nobody"])
def test_a_look_counts_members_and_shows_those_who_stand_lowest_in_the_draw(least: int) -> None:
    rows = stored()
    rule = parse({"attribute": "orders", "op": ">=", "value": least})
    members = [who for who in range(PEOPLE) if who % 4000 >= least and who % 10 != 9]
    lowest = (
        pl.DataFrame({"customer_id": members}, schema={"customer_id": pl.Int64})
        .sort(drawn(), "customer_id")
        .head(SAMPLE)
    )
    limit = near_limit(PEOPLE)
    near = is_near(rows.get_column("customer_id"), limit)
    for view in (View(rows.lazy()), View(rows.with_columns(near).lazy())):
        found = look(view, rule, exclude_test_accounts=True)
        assert (found.size, found.total) == (len(members), PEOPLE * 9 // 10)
        assert found.reachable == sum(who % 4 == 0 for who in members)
        assert {group.name: group.size for group in found.groups} == Counter(RANKS[who % 3] for who in members)
        assert [one["customer_id"] for one in found.sample] == lowest.get_column("customer_id").to_list()


def test_so_many_stand_near_that_ten_people_are_found_among_them() -> None:
    numbers = pl.Series("customer_id", range(1, 1_000_001))
    for customers in (1, 12_000, 100_000, 1_000_000):
        near = is_near(numbers.head(customers), near_limit(customers))
        assert near.name == NEAR
        assert min(customers, 11_000) <= near.sum() <= 26_000
    limit = near_limit(1_000_000)
    assert is_near(numbers, limit).equals(numbers.to_frame().select((drawn() < limit).alias(NEAR)).to_series())
    assert near_limit(1_000_000) == near_limit(600_000) < near_limit(500_000)
