"""The ledger's rows of one campaign, as frames: where people and their devices stand, by any label of theirs, and who was drawn when."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import polars as pl

from campaigns.experiment import ArmName
from campaigns.report import People, PeopleGroup, add_up
from campaigns.retry import DeliveryState

PEOPLE: dict[str, pl.DataType] = {
    "customer_id": pl.Int64(),
    "occurrence": pl.Int64(),
    "step": pl.Int64(),
    "arm": pl.String(),
    "variant": pl.String(),
    "left_out": pl.String(),
    "state": pl.String(),
    "reason": pl.String(),
    "planned_at": pl.Int64(),
    "rest": pl.Int64(),
}
"""One row a person, occurrence and step; ``planned_at`` in microseconds since 1970; ``rest``: 1 for who is in no test of the variants."""

DEVICES: dict[str, pl.DataType] = {
    "customer_id": pl.Int64(),
    "occurrence": pl.Int64(),
    "step": pl.Int64(),
    "state": pl.String(),
    "reason": pl.String(),
}
"""One row a delivery; ``reason`` of those that were left out when they were to be tried again."""

STANDING: dict[str, pl.DataType] = {**PEOPLE, "states": pl.Int64(), "device_reason": pl.String()}
"""People with the states of their devices as a set of bits (`_BITS`) and the first reason of one; null where there are none."""

_BITS = {str(state): 1 << place for place, state in enumerate(DeliveryState)}

_NO_LABELS = pl.DataFrame(schema={"customer_id": pl.Int64(), "label": pl.String()})

_SHARED = ("arm", "left_out", "state", "reason", "states", "device_reason")


def standing_of(people: pl.LazyFrame, devices: pl.LazyFrame) -> pl.LazyFrame:
    """`STANDING` out of `PEOPLE` and `DEVICES`."""
    row = ["customer_id", "occurrence", "step"]
    found = devices.group_by(row).agg(
        pl.col("state").replace_strict(_BITS, return_dtype=pl.Int64).bitwise_or().alias("states"),
        pl.col("reason").min().alias("device_reason"),
    )
    return people.join(found, on=row, how="left").select(*STANDING)


def entries_of(standing: pl.LazyFrame) -> pl.LazyFrame:
    """`campaigns.outcomes.ENTRIES`: everyone who was drawn into an arm."""
    drawn = standing.filter(pl.col("arm").is_not_null())
    return drawn.select(
        "customer_id",
        "arm",
        pl.when(pl.col("arm") == ArmName.TREATED).then("variant").alias("variant"),
        pl.col("planned_at").cast(pl.Datetime("us", "UTC")),
        (pl.col("states").fill_null(0) & _BITS[DeliveryState.ACCEPTED] > 0).alias("accepted"),
        pl.col("rest") > 0,
    )


def people_by(standing: pl.LazyFrame, labels: pl.LazyFrame) -> dict[str | None, People]:
    """Where people stand, by label; of whom no label is known None.

    Args:
        standing: `STANDING`.
        labels: ``customer_id`` and ``label``, each customer once.
    """
    labelled = standing.join(labels.select("customer_id", "label"), on="customer_id", how="left")
    counted = labelled.group_by("label", *_SHARED).agg(pl.len().alias("people")).collect()
    groups: dict[str | None, list[PeopleGroup]] = {}
    for row in counted.iter_rows(named=True):
        groups.setdefault(row["label"], []).append(_group(row))
    return {label: add_up(each) for label, each in groups.items()}


def _group(row: Mapping[str, Any]) -> PeopleGroup:
    return PeopleGroup(
        arm=row["arm"],
        left_out=row["left_out"],
        state=row["state"],
        reason=row["reason"],
        states=frozenset(state for state, bit in _BITS.items() if (row["states"] or 0) & bit),
        reasons=frozenset({row["device_reason"]} - {None}),
        people=row["people"],
    )


def people_of(standing: pl.LazyFrame) -> People:
    """Where everybody stands."""
    return people_by(standing, _NO_LABELS.lazy()).get(None, People())


def devices_of(devices: pl.LazyFrame) -> dict[str, int]:
    """All deliveries by state."""
    return devices_by(devices, _NO_LABELS.lazy()).get(None, {})


def entry_span(standing: pl.DataFrame) -> tuple[datetime, datetime] | None:
    """The first and the last moment for which anybody who was drawn was planned; None of nobody."""
    drawn = standing.filter(pl.col("arm").is_not_null()).get_column("planned_at").cast(pl.Datetime("us", "UTC"))
    first, last = drawn.min(), drawn.max()
    return (first, last) if isinstance(first, datetime) and isinstance(last, datetime) else None


def devices_by(devices: pl.LazyFrame, labels: pl.LazyFrame) -> dict[str | None, dict[str, int]]:
    """Deliveries by state, by label.

    Args:
        devices: `DEVICES`.
        labels: ``customer_id`` and ``label``, each customer once.
    """
    labelled = devices.join(labels.select("customer_id", "label"), on="customer_id", how="left")
    counted = labelled.group_by("label", "state").len().sort("state").collect()
    found: dict[str | None, dict[str, int]] = {}
    for label, state, number in counted.iter_rows():
        found.setdefault(label, {})[state] = number
    return found


def stores_before(days: pl.LazyFrame, *, day: date) -> pl.LazyFrame:
    """``customer_id`` and ``label``: the store of each one's latest visit or order before a business day.

    What a push brings about cannot change it, so that both arms are divided alike.

    Args:
        days: rows of customer_days, merges applied.
        day: the business day of the launch.
    """
    order = pl.col("event") == "Order Completed"
    store = pl.when(order).then("detail").when(pl.col("event") == "Store Visited").then("key")
    seen = days.filter(pl.col("business_day") < day).select("customer_id", store.alias("label"), "last_at")
    named = seen.filter(pl.col("label").is_not_null() & (pl.col("label") != ""))
    latest = named.filter(pl.col("last_at") == pl.col("last_at").max().over("customer_id"))
    return latest.group_by("customer_id").agg(pl.col("label").min())
