"""Rows of product and store files: which fit, and what they define. Pure.

A blank cell says nothing: what was defined before stays.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from segments.import_cells import LONGEST_ID, Cells
from segments.import_checks import MORE_DECIMALS, ROW, TOO_LONG, Check, Checked, judge
from segments.money import decimals

_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class DefinitionFile:
    """How to read it: field → column, and the currency of prices."""

    columns: Mapping[str, str]
    currency: str


def check_products(rows: pl.DataFrame, file: DefinitionFile) -> Checked:
    """Rows with product_id, name, name_en, category and price (minor units), and those that do not fit."""
    cells = Cells(rows, file.columns)
    typed = rows.select(
        *_named(cells, "product_id"),
        cells.given("category").alias("category"),
        cells.given("price").alias("price given"),
        cells.number("price").alias("price"),
    ).with_columns(pl.col("price") * 10 ** decimals(file.currency))
    given, price = pl.col("price given"), pl.col("price")
    checks = [
        *_name_checks("product_id", "category"),
        Check(given.is_not_null() & price.is_null(), "price is not a number", given),
        Check(price < 0, "price is below zero", given),
        Check((price - price.round()).abs() > 1e-6, MORE_DECIMALS, given),  # noqa: PLR2004 - what floats leave over
    ]
    checked = judge(typed, checks)
    good = checked.good.drop("price given").with_columns(price.round().cast(pl.Int64))
    return Checked(good, checked.rejected)


def check_stores(rows: pl.DataFrame, file: DefinitionFile) -> Checked:
    """Rows with store_id, name, name_en and prefecture, and those that do not fit."""
    cells = Cells(rows, file.columns)
    typed = rows.select(*_named(cells, "store_id"), cells.given("prefecture").alias("prefecture"))
    return judge(typed, _name_checks("store_id", "prefecture"))


def _named(cells: Cells, id_field: str) -> list[pl.Expr]:
    return [
        pl.col(ROW).alias("row"),
        cells.id(id_field).alias(id_field),
        cells.given("name").alias("name"),
        cells.given("name_en").alias("name_en"),
    ]


def _name_checks(id_field: str, *texts: str) -> list[Check]:
    long = [pl.col(field).str.len_chars() > _LONGEST_NAME for field in ("name", "name_en", *texts)]
    return [
        Check(pl.col(id_field).is_null(), f"no {id_field}", pl.coalesce("name", pl.lit(""))),
        Check(pl.col(id_field).str.len_chars() > LONGEST_ID, TOO_LONG, pl.col(id_field).str.head(40)),
        Check(pl.any_horizontal(*long), "a name has more than 200 characters", pl.col(id_field)),
    ]
