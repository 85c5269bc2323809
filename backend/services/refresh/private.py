"""The columns of the frame that PostgreSQL fills: profile, consent, reach."""

from collections.abc import Sequence
from typing import Any

import polars as pl

from segments.customers import SCHEMA
from segments.shop_traits import ShopTrait, cell
from segments.traits import birthday

_PRIVATE = {name: SCHEMA[name] for name in (
    "customer_id", "platform", "gender", "birth_year", "birth_month", "birth_day", "prefecture", "language", "app_version",
    "consented", "has_address", "reachable", "test_account",
)}  # fmt: skip


def private_columns(rows: list[dict[str, Any]], traits: Sequence[ShopTrait] = ()) -> pl.DataFrame:
    """``customer_id``, the private columns and those of traits, from rows of `backend.store.customers.read_private`."""
    made = []
    for row in rows:
        born = birthday(row["birthday"]) if row["birthday"] is not None else None
        made.append(
            (
                row["customer_id"],
                row["platform"],
                row["gender"],
                born.year if born is not None else None,
                born.month if born is not None else None,
                born.day if born is not None else None,
                row["prefecture"],
                _language(row["language"]),
                row["app_version"],
                row["consented"],
                row["has_address"],
                row["consented"] and row["allowed"],
                row["test_account"],
            )
        )
    known = pl.DataFrame(made, schema=_PRIVATE, orient="row")
    return known.with_columns(
        pl.Series(trait.stored, [cell(trait, (row["shop_traits"] or {}).get(trait.name)) for row in rows], trait.dtype)
        for trait in traits
    )


def _language(value: str | None) -> str | None:
    """The language of a locale: ja-JP and ja_JP are ja."""
    return value.replace("_", "-").split("-")[0].lower() if value else None
