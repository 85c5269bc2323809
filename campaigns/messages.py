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


def counted_for(campaigns: Sequence[Launched]) -> list[str]:
    """Names of the events that tell who `succeeded`, and what he spent."""
    return sorted({_BOUGHT, _RETURNED, *(one.conversion_event for one in campaigns)})


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


def succeeded(events: pl.LazyFrame, campaigns: Sequence[Launched], *, verified: Collection[str] = ()) -> pl.LazyFrame:
    """Who did what counts as a campaign's success within its window, whoever was in it: when first, and what he spent meanwhile.

    Args:
        events: the lake's events, merges applied.
        campaigns: those that were launched; each event is looked at once for each of them.
        verified: weighty events for which the word of a trusted source stands.
    """
    counted = pl.col("trusted") | ~pl.col("event").is_in(sorted(verified))
    name, amount = pl.col("event"), pl.col("amount").fill_null(0)
    spent = pl.when(name == _BOUGHT).then(amount).when(name == _RETURNED).then(-amount).otherwise(0)
    seen = [
        events.filter(name.is_in([one.conversion_event, _BOUGHT, _RETURNED]) & one.in_window() & counted).select(
            "customer_id",
            pl.lit(one.campaign_id, pl.Int32).alias("campaign_id"),
            pl.when(name == one.conversion_event).then("occurred_at").alias("at"),
            spent.cast(pl.Int64).alias("amount"),
        )
        for one in campaigns
    ]
    each = pl.concat([pl.LazyFrame(schema=OCCURRENCES), *seen]).group_by("customer_id", "campaign_id")
    return each.agg(pl.col("at").min(), pl.col("amount").sum()).drop_nulls("at").select(*OCCURRENCES)


def converted(succeeded: pl.LazyFrame, arms: pl.LazyFrame) -> pl.LazyFrame:
    """Those who `succeeded` and were treated.

    Args:
        succeeded: `OCCURRENCES`.
        arms: ``customer_id``, ``campaign_id`` and ``arm``, merges applied; who stands in both arms of a campaign is in neither.
    """
    treated = pl.col("arm") == str(ArmName.TREATED)
    both = arms.group_by("customer_id", "campaign_id").agg(treated.all().alias("treated"))
    return succeeded.join(both.filter("treated"), on=["customer_id", "campaign_id"], how="semi")


def _first(rows: pl.LazyFrame) -> pl.LazyFrame:
    """The first occurrence of each campaign and customer."""
    return (
        rows.group_by("customer_id", "campaign_id").agg(pl.col("at").min(), pl.col("amount").sum()).select(*OCCURRENCES)
    )
