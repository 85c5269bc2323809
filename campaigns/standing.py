"""The ledger's rows of one campaign, as frames: where people and their devices stand, by any label of theirs, and who was drawn when."""

from collections.abc import Mapping

import polars as pl

from campaigns.experiment import ArmName
from campaigns.report import People, PeopleGroup, add_up

STANDING: dict[str, pl.DataType] = {
    "customer_id": pl.Int64(),
    "arm": pl.String(),
    "variant": pl.String(),
    "left_out": pl.String(),
    "state": pl.String(),
    "reason": pl.String(),
    "planned_at": pl.Int64(),
    "states": pl.String(),
    "reasons": pl.String(),
}
"""One row a person, occurrence and step. ``planned_at`` in microseconds since 1970; ``states`` and ``reasons`` of her devices, joined
by commas."""

DEVICES: dict[str, pl.DataType] = {"customer_id": pl.Int64(), "state": pl.String(), "devices": pl.Int64()}
"""Deliveries of each person by state."""

_SHARED = ("arm", "left_out", "state", "reason", "states", "reasons")


def entries_of(standing: pl.LazyFrame) -> pl.LazyFrame:
    """`campaigns.outcomes.ENTRIES`: everyone who was drawn into an arm."""
    drawn = standing.filter(pl.col("arm").is_not_null())
    return drawn.select(
        "customer_id",
        "arm",
        pl.when(pl.col("arm") == ArmName.TREATED).then("variant").alias("variant"),
        pl.col("planned_at").cast(pl.Datetime("us", "UTC")),
        pl.col("states").fill_null("").str.split(",").list.contains("accepted").alias("accepted"),
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


def _group(row: Mapping[str, str | int | None]) -> PeopleGroup:
    return PeopleGroup(
        arm=_text(row["arm"]),
        left_out=_text(row["left_out"]),
        state=_text(row["state"]),
        reason=_text(row["reason"]),
        states=_set(row["states"]),
        reasons=_set(row["reasons"]),
        people=int(row["people"] or 0),
    )


def _text(value: str | int | None) -> str | None:
    return None if value is None else str(value)


def _set(value: str | int | None) -> frozenset[str]:
    return frozenset(str(value).split(",")) if value else frozenset()


def devices_by(devices: pl.LazyFrame, labels: pl.LazyFrame) -> dict[str | None, dict[str, int]]:
    """Deliveries by state, by label.

    Args:
        devices: `DEVICES`.
        labels: ``customer_id`` and ``label``, each customer once.
    """
    labelled = devices.join(labels.select("customer_id", "label"), on="customer_id", how="left")
    counted = labelled.group_by("label", "state").agg(pl.col("devices").sum()).sort("state").collect()
    found: dict[str | None, dict[str, int]] = {}
    for label, state, number in counted.iter_rows():
        found.setdefault(label, {})[state] = number
    return found


def stores_before(days: pl.LazyFrame, *, day: object) -> pl.LazyFrame:
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
