"""What followed a campaign: taps, launches, conversions, money; both arms over the same window.

Works on the long table of facts (the lake's ``events``) and on the campaign's people. Identity is a map
applied here: everyone is counted under the customer he was merged into, and who then stands in both arms
is left out of both.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from campaigns.effect import Arm
from campaigns.experiment import ArmName
from segments.events import BY_NAME, EventName

TEST_DELIVERY = 0
"""The delivery number of test sends: what follows them counts nowhere."""

INFLUENCE = timedelta(hours=24)
"""A launch within this of the planned send time, without a tap, counts as an influenced open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """What followed, counted in customers.

    Attributes:
        received: treated customers whose device reported the push as shown.
        direct: treated customers who tapped it.
        influenced: treated customers who did not tap, but launched the app within `INFLUENCE`.
        left_out_merged: customers who stand in both arms after a merge.
    """

    received: int
    direct: int
    influenced: int
    treated: Arm
    control: Arm
    left_out_merged: int


def window_end(planned_at: datetime, conversion_days: int) -> datetime:
    """The declared end: the same moment for both arms, counted from the planned send time."""
    return planned_at + timedelta(days=conversion_days)


def follow(
    people: pl.LazyFrame,
    events: pl.LazyFrame,
    *,
    survivors: pl.LazyFrame,
    campaign_id: int,
    conversion_event: str,
    planned_at: datetime,
    conversion_days: int,
    proven: frozenset[str] = frozenset(),
) -> Followed:
    """Count what followed a campaign.

    Args:
        people: ``customer_id``, ``arm`` and ``accepted`` (whether a device of the person was accepted) of both arms.
        events: the lake's events, with at least ``customer_id, event, occurred_at, trusted,
            campaign_id, delivery_id, amount``.
        survivors: ``customer_id, survivor`` of customers that were merged into another.
        campaign_id: whose taps count.
        conversion_event: name of the event that counts as success.
        planned_at: start of the window of both arms.
        conversion_days: its length.
        proven: names of weighty events that a trusted source reports; of these, untrusted facts do not count.
    """
    arms = _one_arm_each(_under_survivors(people, survivors))
    ends = window_end(planned_at, conversion_days)
    counted_facts = pl.col("trusted") | ~pl.col("event").is_in(sorted(proven))
    in_window = pl.col("occurred_at").is_between(planned_at, ends, closed="left")
    seen = _under_survivors(events.filter(in_window & counted_facts), survivors).join(
        arms.filter(pl.col("arm").is_not_null()), on="customer_id"
    )
    marks = _marks(seen, campaign_id=campaign_id, conversion_event=conversion_event, planned_at=planned_at)
    each = arms.join(marks, on="customer_id", how="left").with_columns(
        pl.col("tapped", "received", "launched", "converted").fill_null(value=False), pl.col("spent").fill_null(0)
    )
    counted = each.group_by("arm").agg(*_sums()).collect()
    return _read(counted)


def weighty_events(conversion_event: str) -> tuple[str, ...]:
    """Events of a report that move money or reward: of these, trusted facts alone count once there are any."""
    read = {conversion_event, str(EventName.ORDER_COMPLETED), str(EventName.ORDER_REFUNDED)}
    return tuple(sorted(name for name in read if name in BY_NAME and BY_NAME[name].weighty))


def _under_survivors(frame: pl.LazyFrame, survivors: pl.LazyFrame) -> pl.LazyFrame:
    return (
        frame.join(survivors.select("customer_id", "survivor"), on="customer_id", how="left")
        .with_columns(pl.coalesce("survivor", "customer_id").alias("customer_id"))
        .drop("survivor")
    )


def _one_arm_each(people: pl.LazyFrame) -> pl.LazyFrame:
    """One row a person; arm is null for those who stand in both."""
    return people.group_by("customer_id").agg(
        pl.when(pl.col("arm").n_unique() == 1).then(pl.col("arm").first()).alias("arm"), pl.col("accepted").any()
    )


def _marks(seen: pl.LazyFrame, *, campaign_id: int, conversion_event: str, planned_at: datetime) -> pl.LazyFrame:
    name, amount = pl.col("event"), pl.col("amount").fill_null(0)
    ours = (pl.col("campaign_id") == campaign_id) & (pl.col("delivery_id").fill_null(-1) != TEST_DELIVERY)
    soon = pl.col("occurred_at") < planned_at + INFLUENCE
    bought, returned = name == EventName.ORDER_COMPLETED, name == EventName.ORDER_REFUNDED
    return seen.group_by("customer_id").agg(
        ((name == EventName.PUSH_TAPPED) & ours).any().alias("tapped"),
        ((name == EventName.PUSH_RECEIVED) & ours).any().alias("received"),
        ((name == EventName.APPLICATION_OPENED) & soon).any().alias("launched"),
        (name == conversion_event).any().alias("converted"),
        (pl.when(bought).then(amount).when(returned).then(-amount).otherwise(0)).sum().alias("spent"),
    )


def _sums() -> tuple[pl.Expr, ...]:
    reached = pl.col("accepted") | pl.col("tapped") | pl.col("received")
    return (
        pl.len().alias("customers"),
        pl.col("converted").sum().alias("conversions"),
        pl.col("spent").sum().alias("amount"),
        (pl.col("spent").cast(pl.Int128) ** 2).sum().alias("amount_squares"),
        (pl.col("spent").cast(pl.Int128) ** 3).sum().alias("amount_cubes"),
        pl.col("tapped").sum().alias("direct"),
        pl.col("received").sum().alias("received"),
        (reached & pl.col("launched") & ~pl.col("tapped")).sum().alias("influenced"),
    )


def _read(counted: pl.DataFrame) -> Followed:
    rows = {row["arm"]: row for row in counted.iter_rows(named=True)}
    treated = rows.get(ArmName.TREATED, {})
    return Followed(
        received=treated.get("received", 0),
        direct=treated.get("direct", 0),
        influenced=treated.get("influenced", 0),
        treated=_arm(treated),
        control=_arm(rows.get(ArmName.CONTROL, {})),
        left_out_merged=rows.get(None, {}).get("customers", 0),
    )


def _arm(row: dict[str, int]) -> Arm:
    return Arm(
        customers=row.get("customers", 0),
        conversions=row.get("conversions", 0),
        amount=row.get("amount", 0),
        amount_squares=int(row.get("amount_squares", 0)),
        amount_cubes=int(row.get("amount_cubes", 0)),
    )
