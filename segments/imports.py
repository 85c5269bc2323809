"""Rows of an order file: which rows fit, and what they are. Pure.

A row is one line of an order. Rows that do not fit are told apart with a reason and the value at fault; everything else
becomes typed columns, from which `segments.order_lines` makes orders.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from segments.import_cells import LARGEST, LONGEST_ID, Cells
from segments.import_checks import MORE_DECIMALS, ROW, TOO_LONG, Check, Checked, judge, time_checks
from segments.import_fields import BadMapping
from segments.money import decimals


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFile:
    """How to read an order file.

    Attributes:
        columns: field → column of the file.
        currency: ISO 4217 code of all amounts.
        named: whether the currency was named for this file, or is the shop's own.
        zone: time zone of times that name none.
        now: no order is later than a day after.
    """

    columns: Mapping[str, str]
    currency: str
    named: bool
    zone: str
    now: datetime


_TEXTS = ("order_id", "customer_id", "store", "product", "category", "brand", "cancelled_order_id")
_NUMBERS = ("total", "quantity", "unit_price")


def check_rows(rows: pl.DataFrame, file: OrderFile) -> Checked:
    """Tell rows that fit from rows that do not, and type the former.

    Args:
        rows: the file's columns and `ROW`.
        file: how to read them.

    Raises:
        BadMapping: amounts have fractions though the currency was not named and has none.
    """
    cells = Cells(rows, file.columns)
    typed = rows.select(
        pl.col(ROW).alias("row"),
        *(cells.id(field).alias(field) for field in _TEXTS),
        *(cells.given(field).alias(f"{field} given") for field in ("ordered_at", *_NUMBERS)),
        cells.moment("ordered_at", file.zone).alias("ordered_at"),
        *(cells.number(field).alias(field) for field in _NUMBERS),
    ).with_columns(_line_total().alias("line_total"))
    _refuse_fractions(typed, file)
    checked = judge(typed, _checks(file))
    scale = 10 ** decimals(file.currency)
    good = checked.good.select(
        "row", "order_id", "customer_id", "ordered_at",
        _whole(pl.col("line_total") * scale).alias("amount"),
        *_quantity_and_price(),
        "store", "product", "category", "brand", "cancelled_order_id",
    )  # fmt: skip
    return Checked(good, checked.rejected)


def _line_total() -> pl.Expr:
    return pl.coalesce(pl.col("total"), pl.col("quantity") * pl.col("unit_price"))


def _whole(amount: pl.Expr) -> pl.Expr:
    """Rounded half away from zero; a hair is added because 0.285 is a little less than that as a float."""
    return ((amount.abs() + 1e-6) + 0.5).floor().cast(pl.Int64) * amount.sign().cast(pl.Int64)


def _has_fraction(field: str, scale: int = 1) -> pl.Expr:
    scaled = pl.col(field) * scale
    return ((scaled - scaled.round()).abs() > 1e-6).fill_null(value=False)  # noqa: PLR2004 - what floats leave over


def _refuse_fractions(typed: pl.DataFrame, file: OrderFile) -> None:
    if file.named or decimals(file.currency):
        return
    found = typed.filter(_has_fraction("total") | (_has_fraction("unit_price") & pl.col("total").is_null()))
    if found.is_empty():
        return
    row = found.row(0, named=True)
    given = row["total given"] if row["total"] is not None else row["unit_price given"]
    raise BadMapping(
        f"Row {row['row']} has the amount {given}, but {file.currency} has no decimals: "
        "name the currency of the file, for example --currency GBP or --currency USD.",
        code="fraction", field="total", row=str(row["row"]), amount=str(given), currency=file.currency,
    )  # fmt: skip


def _checks(file: OrderFile) -> list[Check]:
    return [*_id_checks(), *time_checks("ordered_at", file.now, about=pl.col("order_id")), *_amount_checks(file)]


def _id_checks() -> list[Check]:
    long = [pl.col(field).str.len_chars() > LONGEST_ID for field in _TEXTS]
    return [
        Check(pl.col("order_id").is_null(), "no order_id", pl.lit("")),
        Check(pl.col("customer_id").is_null(), "no customer_id", pl.col("order_id")),
        Check(pl.any_horizontal(*long), TOO_LONG, pl.col("order_id").str.head(40)),
    ]


def _amount_checks(file: OrderFile) -> list[Check]:
    places = decimals(file.currency)
    amount = pl.coalesce("total given", pl.concat_str("quantity given", pl.lit(" × "), "unit_price given", ignore_nulls=True))  # fmt: skip
    unreadable = [pl.col(f"{field} given").is_not_null() & pl.col(field).is_null() for field in _NUMBERS]
    fractions = [_has_fraction("total", 10**places), *([] if places else [_has_fraction("unit_price")])]
    return [
        Check(pl.any_horizontal(*unreadable), "the amount is not a number", amount),
        Check(pl.col("line_total").is_null() & pl.col("cancelled_order_id").is_null(), "no amount", amount),
        Check(pl.any_horizontal(*fractions), MORE_DECIMALS, amount),
        Check(pl.col("line_total").abs() > LARGEST, "the amount is too large", amount),
    ]


def _quantity_and_price() -> list[pl.Expr]:
    """What an order line says: whole quantities as they are; anything else as one piece at the line's amount."""
    whole = pl.col("total").is_null() & ~_has_fraction("quantity") & (pl.col("quantity") > 0)
    quantity = pl.when(whole).then(pl.col("quantity").cast(pl.Int64, strict=False)).otherwise(1)
    price = pl.when(whole).then(pl.col("unit_price")).otherwise(pl.col("line_total"))
    return [quantity.alias("quantity"), price.alias("price")]
