"""A plan as the rows of the ledger, made by columns: a million people take a second."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime

import polars as pl

from campaigns.content import Content, Variant
from campaigns.experiment import ArmName, variant_column
from campaigns.fields import FIELDS, MergeField, clean
from campaigns.gates import Plan
from campaigns.inbox import SHOWN_THOUGH_LEFT_OUT
from campaigns.templates import fields_of

PEOPLE_COLUMNS = (
    "customer_id", "arm", "variant", "left_out", "state", "planned_at", "not_before", "merge_fields",
    "campaign_id", "occurrence", "step", "version", "expires_at", "changed_at",
)  # fmt: skip
"""Columns of the rows, in their order."""


def rows_of(
    plan: Plan,
    *,
    campaign_id: int,
    occurrence: int,
    version: int,
    salt: str,
    contents: Sequence[Content],
    variants: Sequence[Variant] = (),
    now: datetime,
    step: int = 0,
    rest: bool = False,
) -> pl.DataFrame:
    """Everyone of a plan as a row of the ledger, `PEOPLE_COLUMNS`, in the order of their key.

    Args:
        plan: who is in which arm, or left out why.
        campaign_id: whose ledger.
        occurrence: what for.
        version: of the campaign's definition.
        salt: the campaign's.
        contents: what may be said, for the merge fields that are kept.
        variants: contents that are compared; none: nobody has a variant.
        now: when the rows are written.
        step: of a journey.
        rest: they are in no test, and are sent what came out best of one; a column says so then.
    """
    treated = pl.col("arm") == str(ArmName.TREATED)
    drawn = _variants(salt=salt, variants=variants)
    return (
        plan.people.sort("customer_id")
        .with_columns(drawn)
        .select(
            "customer_id",
            "arm",
            pl.when(treated).then(pl.col("variant")),
            "left_out",
            pl.when(treated).then(pl.lit("planned")).alias("state"),
            pl.col("not_before").alias("planned_at"),
            "not_before",
            pl.when(treated | pl.col("left_out").is_in(SHOWN_THOUGH_LEFT_OUT))
            .then(_merge_fields(plan.people, contents))
            .otherwise(pl.lit("{}"))
            .alias("merge_fields"),
            pl.lit(campaign_id).alias("campaign_id"),
            pl.lit(occurrence).alias("occurrence"),
            pl.lit(step).alias("step"),
            pl.lit(version).alias("version"),
            _moment(plan.expires_at).alias("expires_at"),
            _moment(now).alias("changed_at"),
            *([pl.lit(value=True).alias("rest")] if rest else []),
        )
    )


def _moment(moment: datetime) -> pl.Expr:
    return pl.lit(moment.astimezone(UTC), dtype=pl.Datetime("us", "UTC"))


def _variants(*, salt: str, variants: Sequence[Variant]) -> pl.Expr:
    return variant_column(salt, variants) if variants else pl.lit(None, dtype=pl.String).alias("variant")


def _merge_fields(people: pl.DataFrame, contents: Sequence[Content]) -> pl.Expr:
    """The fields that any content uses, as JSON; empty ones are not in it."""
    used = {name for content in contents for name in fields_of(content)}
    pieces = [
        _piece(field, people[field.column])
        for field in FIELDS
        if field.column is not None and field.name in used and field.column in people.columns
    ]
    if not pieces:
        return pl.lit("{}")
    return pl.concat_str(pl.lit("{"), pl.concat_str(pieces, separator=", ", ignore_nulls=True), pl.lit("}"))


def _piece(field: MergeField, values: pl.Series) -> pl.Expr:
    """`"name": value`, each different value cleaned once; null where there is none."""
    assert field.column is not None  # noqa: S101 - private fields are read at the moment of sending
    if field.kind is int:
        return pl.format(f'"{field.name}": {{}}', pl.col(field.column))
    cleaned = {value: clean({field.name: value}) for value in values.drop_nulls().unique().to_list()}
    told = {value: json.dumps(kept, ensure_ascii=False)[1:-1] if kept else None for value, kept in cleaned.items()}
    if not told:
        return pl.lit(None, dtype=pl.String)
    return pl.col(field.column).replace_strict(told, default=None, return_dtype=pl.String())
