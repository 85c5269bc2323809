"""What a dry run says beside the counts."""

from datetime import date, timedelta

import polars as pl

from campaigns.preview import base_rate
from segments.customers import days_column
from segments.reduce.latest import latest_columns

TODAY = date(2026, 6, 30)


def test_the_base_rate_counts_who_did_it_in_so_many_days_up_to_today() -> None:
    ages: list[list[int]] = [[0], [6], [7], [6, 30], [], [400]]
    lists = pl.Series(days_column("Order Completed"), [[TODAY - timedelta(days=age) for age in each] for each in ages], pl.List(pl.Date))  # fmt: skip
    members = pl.DataFrame([lists]).with_columns(latest_columns(["Order Completed"]))
    assert base_rate(members, day=TODAY, event="Order Completed", days=7) == 3 / 6
    assert base_rate(members, day=TODAY, event="Order Completed", days=1) == 1 / 6
    more = pl.concat([members, members.head(2).select(pl.all().shift(2))])
    assert base_rate(more, day=TODAY, event="Order Completed", days=7) == 3 / 8
    assert base_rate(members, day=TODAY, event="Store Visited", days=7) is None
    assert base_rate(members, day=None, event="Order Completed", days=7) is None
    assert base_rate(members.clear(), day=TODAY, event="Order Completed", days=7) is None
