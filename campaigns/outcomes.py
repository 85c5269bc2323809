"""What each person did after a campaign: one row a person, out of which every figure of a report is counted.

Identity is a map applied here: everyone is counted under the customer he was merged into, and who then stands in both arms
has none. Conversions, sales and coupons are counted over the window that begins with a person's first entry, in both arms
alike; taps belong to the push before them, whichever entry that was.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from campaigns.attribution import INFLUENCE, TEST_DELIVERY, followed_events
from segments.events import EventName

ENTRIES: dict[str, pl.DataType] = {
    "customer_id": pl.Int64(),
    "arm": pl.String(),
    "variant": pl.String(),
    "planned_at": pl.Datetime("us", "UTC"),
    "accepted": pl.Boolean(),
    "rest": pl.Boolean(),
}
"""Columns of entries: one row per person, occurrence and step that was drawn into an arm; ``accepted``: on a device of hers; ``rest``:
not for a test of the variants, but for what came out best of it."""

OUTCOMES: dict[str, pl.DataType] = {
    "customer_id": pl.Int64(),
    "arm": pl.String(),
    "variant": pl.String(),
    "accepted": pl.Boolean(),
    "received": pl.Boolean(),
    "tapped": pl.Boolean(),
    "launched": pl.Boolean(),
    "converted": pl.Boolean(),
    "orders": pl.Int64(),
    "spent": pl.Int64(),
    "presented": pl.Boolean(),
    "redeemed": pl.Boolean(),
    "rest": pl.Boolean(),
}
"""Columns of outcomes. ``arm`` is null for who stands in both; ``variant`` for the control, and for who was drawn into several.
``rest``: who was in no test of the variants; theirs is what came out best, and not of a draw."""

_TOUCHES = (EventName.PUSH_TAPPED, EventName.PUSH_RECEIVED, EventName.APPLICATION_OPENED)
_BOUGHT, _RETURNED = str(EventName.ORDER_COMPLETED), str(EventName.ORDER_REFUNDED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What counts.

    Attributes:
        campaign_id: whose taps count.
        conversion_event: name of the event that counts as success.
        conversion_days: length of the window.
        coupons: ids of the coupons that the campaign is about.
        proven: names of weighty events that a trusted source reports; of these, untrusted facts do not count.
    """

    campaign_id: int
    conversion_event: str
    conversion_days: int
    coupons: Sequence[str] = ()
    proven: frozenset[str] = frozenset()

    @property
    def window(self) -> timedelta:
        """The length of everyone's window."""
        return timedelta(days=self.conversion_days)


def outcomes(entries: pl.LazyFrame, events: pl.LazyFrame, *, survivors: pl.LazyFrame, asked: Asked) -> pl.LazyFrame:
    """One row (`OUTCOMES`) for everyone in ``entries``.

    Args:
        entries: `ENTRIES` of one campaign.
        events: the lake's events of at least the time in which anything can count.
        survivors: ``customer_id, survivor`` of customers that were merged into another.
        asked: what counts.
    """
    entered = under_survivors(entries, survivors)
    people = _people(entered)
    theirs = under_survivors(events.filter(_counts(asked)), survivors)
    after = _after(theirs, people, asked)
    touched = _touched(theirs, entered, asked)
    found = people.join(after, on="customer_id", how="left").join(touched, on="customer_id", how="left")
    said = [
        pl.col(name).fill_null(value=False) if dtype == pl.Boolean() else pl.col(name).fill_null(0)
        for name, dtype in OUTCOMES.items()
        if name not in ("customer_id", "arm", "variant")
    ]
    return found.select("customer_id", "arm", "variant", *said)


def under_survivors(frame: pl.LazyFrame, survivors: pl.LazyFrame) -> pl.LazyFrame:
    """The same rows, each under the customer who is left after all merges."""
    return (
        frame.join(survivors.select("customer_id", "survivor"), on="customer_id", how="left")
        .with_columns(pl.coalesce("survivor", "customer_id").alias("customer_id"))
        .drop("survivor")
    )


def last_moment(planned_at: datetime, conversion_days: int) -> datetime:
    """After this nothing counts any more for whoever entered at ``planned_at``, last of all."""
    return planned_at + max(timedelta(days=conversion_days), INFLUENCE)


def _counts(asked: Asked) -> pl.Expr:
    """Events that any column is made of, by whom they may be reported."""
    read = {*followed_events(asked.conversion_event, coupons=bool(asked.coupons)), *map(str, _TOUCHES)}
    believed = pl.col("trusted") | ~pl.col("event").is_in(sorted(asked.proven))
    return pl.col("event").is_in(sorted(read)) & believed


def _people(entered: pl.LazyFrame) -> pl.LazyFrame:
    """One row a person, from her first entry on."""
    return entered.group_by("customer_id").agg(
        _only("arm").alias("arm"),
        _drawn_variant().alias("variant"),
        pl.col("planned_at").min().alias("starts_at"),
        pl.col("accepted").any(),
        pl.col("rest").all(),
    )


def _only(name: str) -> pl.Expr:
    """The one value of a group; null where there are several."""
    return pl.when(pl.col(name).n_unique() == 1).then(pl.col(name).first())


def _drawn_variant() -> pl.Expr:
    """The one variant of a draw; in a campaign that repeats, what is sent after the decision takes nobody out of it."""
    drawn = pl.col("variant").filter(~pl.col("rest") | pl.col("rest").all())
    return pl.when(drawn.n_unique() == 1).then(drawn.first())


def _after(events: pl.LazyFrame, people: pl.LazyFrame, asked: Asked) -> pl.LazyFrame:
    """Conversions, sales and coupons of each person's own window."""
    starts, name, amount = pl.col("starts_at"), pl.col("event"), pl.col("amount").fill_null(0)
    seen = events.join(people.select("customer_id", "starts_at"), on="customer_id").filter(
        pl.col("occurred_at").is_between(starts, starts + asked.window, closed="left")
    )
    bought, about = name == _BOUGHT, pl.col("coupon_id").is_in(list(asked.coupons))
    return seen.group_by("customer_id").agg(
        (name == asked.conversion_event).any().alias("converted"),
        pl.col("order_key").filter(bought).n_unique().cast(pl.Int64).alias("orders"),
        pl.when(bought).then(amount).when(name == _RETURNED).then(-amount).otherwise(0).sum().alias("spent"),
        ((name == EventName.COUPON_PRESENTED) & about).any().alias("presented"),
        ((name == EventName.COUPON_REDEEMED) & about).any().alias("redeemed"),
    )


def _touched(events: pl.LazyFrame, entered: pl.LazyFrame, asked: Asked) -> pl.LazyFrame:
    """Taps, arrivals and launches, each against the entry before it."""
    touches = events.filter(pl.col("event").is_in([str(name) for name in _TOUCHES])).sort("occurred_at")
    entries = entered.select("customer_id", "planned_at").unique().sort("planned_at")
    joined = touches.join_asof(
        entries, left_on="occurred_at", right_on="planned_at", by="customer_id", check_sortedness=False
    )
    since, name = pl.col("occurred_at") - pl.col("planned_at"), pl.col("event")
    ours = (pl.col("campaign_id") == asked.campaign_id) & (pl.col("delivery_id").fill_null(-1) != TEST_DELIVERY)
    soon = since < asked.window
    return (
        joined.drop_nulls("planned_at")
        .group_by("customer_id")
        .agg(
            ((name == EventName.PUSH_TAPPED) & ours & soon).any().alias("tapped"),
            ((name == EventName.PUSH_RECEIVED) & ours & soon).any().alias("received"),
            ((name == EventName.APPLICATION_OPENED) & (since < INFLUENCE)).any().alias("launched"),
        )
    )
