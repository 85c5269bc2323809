"""What campaigns did to each customer, as occurrences that segment rules read: received, opened, converted.

One occurrence a campaign and customer, as a campaign's report counts people (`campaigns.attribution`): received by whoever
had a push accepted, opened by whoever tapped it before the window ended, converted by whoever of the treated arm did what
counts as success within the window.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from campaigns.attribution import TEST_DELIVERY
from campaigns.experiment import ArmName
from segments.events import EventName

OCCURRENCES: dict[str, pl.DataType] = {
    "customer_id": pl.Int64(),
    "campaign_id": pl.Int32(),
    "at": pl.Datetime("us", "UTC"),
    "amount": pl.Int64(),
}
"""Columns of occurrences; ``amount`` is what a converted customer spent in the window (minor units, refunds taken off)."""

_BOUGHT, _RETURNED = str(EventName.ORDER_COMPLETED), str(EventName.ORDER_REFUNDED)

COUNTED = frozenset({str(EventName.PUSH_TAPPED), _BOUGHT, _RETURNED})
"""Events that are read whatever a campaign's success is."""


@dataclass(frozen=True, slots=True)
class Launched:
    """A campaign that was launched: what counts as its success, and the window of both arms."""

    campaign_id: int
    conversion_event: str
    planned_at: datetime
    ends_at: datetime

    def in_window(self) -> pl.Expr:
        """Whether an event happened in the window."""
        return pl.col("occurred_at").is_between(self.planned_at, self.ends_at, closed="left")


def received(accepted: pl.LazyFrame) -> pl.LazyFrame:
    """From ``campaign_id``, ``customer_id``, ``at`` of accepted pushes, merges applied, to the first of each campaign."""
    return _first(accepted.with_columns(pl.lit(0, pl.Int64).alias("amount")))


def opened(events: pl.LazyFrame, campaigns: Sequence[Launched]) -> pl.LazyFrame:
    """The first tap of each customer on a push of each campaign, within its window.

    Args:
        events: the lake's events, merges applied.
        campaigns: those that were launched.
    """
    windows = [(one.campaign_id, one.planned_at, one.ends_at) for one in campaigns]
    schema: dict[str, pl.DataType] = {"campaign_id": pl.Int32(), "from": OCCURRENCES["at"], "to": OCCURRENCES["at"]}
    theirs = pl.col("delivery_id").fill_null(-1) != TEST_DELIVERY
    taps = events.filter((pl.col("event") == str(EventName.PUSH_TAPPED)) & theirs)
    known = taps.join(pl.LazyFrame(windows, schema=schema, orient="row"), on="campaign_id")
    within = known.filter(pl.col("occurred_at").is_between("from", "to", closed="left"))
    return _first(within.select("customer_id", "campaign_id", at="occurred_at", amount=pl.lit(0, pl.Int64)))


def converted(
    events: pl.LazyFrame, arms: pl.LazyFrame, campaign: Launched, *, verified: Collection[str] = ()
) -> pl.LazyFrame:
    """Who of the treated did what counts as success within the window: when first, and what he spent in it.

    Args:
        events: the lake's events, merges applied.
        arms: ``customer_id`` and ``arm`` of the campaign, merges applied; who stands in both arms is in neither.
        campaign: the campaign.
        verified: weighty events for which the word of a trusted source stands.
    """
    one_arm = arms.group_by("customer_id").agg(pl.col("arm").unique())
    treated = one_arm.filter(pl.col("arm") == [str(ArmName.TREATED)]).select("customer_id")
    counted = pl.col("trusted") | ~pl.col("event").is_in(sorted(verified))
    asked = pl.col("event").is_in([campaign.conversion_event, _BOUGHT, _RETURNED])
    seen = events.filter(asked & campaign.in_window() & counted).join(treated, on="customer_id", how="semi")
    name, amount = pl.col("event"), pl.col("amount").fill_null(0)
    success = pl.col("occurred_at").filter(name == campaign.conversion_event)
    spent = pl.when(name == _BOUGHT).then(amount).when(name == _RETURNED).then(-amount).otherwise(0)
    each = seen.group_by("customer_id").agg(success.min().alias("at"), spent.sum().alias("amount"))
    return each.drop_nulls("at").select(
        "customer_id", pl.lit(campaign.campaign_id, pl.Int32).alias("campaign_id"), "at", "amount"
    )


def _first(rows: pl.LazyFrame) -> pl.LazyFrame:
    """The first occurrence of each campaign and customer."""
    return (
        rows.group_by("customer_id", "campaign_id").agg(pl.col("at").min(), pl.col("amount").sum()).select(*OCCURRENCES)
    )
