"""What KPIs are computed from: history, definitions, calendar, and who is asked about."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TypeAlias

import narwhals as nw
import polars as pl

from segments.calendar import BusinessCalendar
from segments.reduce.activity import NOT_THEIR_ACT
from segments.reduce.trust import only_verified
from segments.windows import Window

Belongs: TypeAlias = Callable[[pl.LazyFrame], pl.LazyFrame]
"""From pairs (``customer_id``, ``as_of``) to those whose customer was in the segment at the end of that day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """The facts of one shop at one moment.

    Attributes:
        days: customer_days, merges applied, aggregated or not, without the customers who are to be left out.
        today: the business day that is running; it has not ended.
        coupons: definitions with ``coupon_id``, ``audience`` and ``valid_until``; None where there are none.
        verified: weighty events for which a trusted source reported; None looks in ``days``.
        members: whose figures are asked for; None for everyone.
        history_imported: purchases from before the first event are in ``days``, so first orders are first orders.
    """

    days: pl.LazyFrame
    today: date
    calendar: BusinessCalendar = field(default_factory=BusinessCalendar)
    coupons: pl.LazyFrame | None = None
    verified: Collection[str] | None = None
    members: Belongs | None = None
    history_imported: bool = False

    def of(self, events: Sequence[str]) -> pl.LazyFrame:
        """Rows of these events up to today, without the unverified ones that have stepped back."""
        rows = self.days.filter(pl.col("event").is_in(list(events)) & (pl.col("business_day") <= self.today))
        kept: pl.LazyFrame = only_verified(nw.from_native(rows), verified=self.verified).to_native()
        return kept

    def ended(self, day: pl.Expr) -> pl.Expr:
        """Whether a business day is over."""
        return day < self.today

    def keep_members(self, rows: pl.LazyFrame, window: Window) -> pl.LazyFrame:
        """Rows (with ``customer_id``) of the segment's members by the rule for period KPIs."""
        if self.members is None:
            return rows
        before = window.first - timedelta(days=1)
        acts = self.days.filter(~pl.col("event").is_in(list(NOT_THEIR_ACT)))
        first = acts.group_by("customer_id").agg(pl.col("business_day").min().alias("first_seen"))
        asked = (
            rows.select("customer_id")
            .unique()
            .join(first, on="customer_id", how="left")
            .select("customer_id", pl.max_horizontal("first_seen", pl.lit(before)).alias("as_of"))
        )
        return rows.join(self.members(asked).select("customer_id"), on="customer_id", how="semi")

    def keep_cohort(self, rows: pl.LazyFrame) -> pl.LazyFrame:
        """Rows (with ``customer_id`` and ``as_of``) whose customer was a member at the end of that day."""
        if self.members is None:
            return rows
        asked = rows.select("customer_id", "as_of").unique()
        return rows.join(self.members(asked), on=["customer_id", "as_of"], how="semi")


def within(window: Window) -> pl.Expr:
    """Whether ``business_day`` lies in the window."""
    return pl.col("business_day").is_between(window.first, window.last)
