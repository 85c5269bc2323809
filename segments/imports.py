"""Rows of an order file: which column is which field, and which rows fit. Pure.

A row is one line of an order. Rows that do not fit are told apart with a reason and the value at fault; everything else
becomes typed columns (`LINES`), from which `segments.order_lines` makes orders.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from segments.errors import FactsError
from segments.money import decimals

FIELDS: dict[str, str] = {
    "order_id": "number of the order; lines of one number are one order",
    "customer_id": "the customer's id in the shop's own system",
    "ordered_at": "when it was bought",
    "total": "amount of the line or order, in the currency's major unit",
    "quantity": "how many; with unit_price, where there is no total",
    "unit_price": "price of one",
    "store": "store id",
    "product": "product id",
    "category": "category of the product",
    "cancelled_order_id": "number of the order that this one takes back",
}
"""What a column may be mapped to, and what it means."""

ROW = "row number"
"""Name of the column that numbers a file's rows as people count them; no file has a column of that name."""

LARGEST = 10**13
LONGEST_ID = 255


class BadMapping(FactsError):
    """A mapping of columns to fields, or a currency or time zone, that cannot be used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFile:
    """How to read an order file.

    Attributes:
        columns: field → column of the file.
        currency: ISO 4217 code of all amounts.
        named: whether the currency was named for this file, or is the shop's own.
        zone: time zone of times that name none.
    """

    columns: Mapping[str, str]
    currency: str
    named: bool
    zone: str


@dataclass(frozen=True, slots=True)
class Checked:
    """A chunk of rows, told apart.

    Attributes:
        lines: row, order_id, customer_id, ordered_at (UTC), amount (minor units), quantity, price (major unit, as
            text), store, product, category, cancelled_order_id.
        rejected: row, reason, value.
    """

    lines: pl.DataFrame
    rejected: pl.DataFrame


def read_mapping(pairs: Sequence[str], columns: Sequence[str]) -> dict[str, str]:
    """Field → column from ``column=field`` pairs; a column that has a field's name stands for it unless told otherwise.

    Raises:
        BadMapping: naming the pair at fault and what would be right, or the field that is missing.
    """
    found: dict[str, str] = {}
    for pair in pairs:
        column, _, field = pair.rpartition("=")
        _check_pair(pair, column, field, columns, found)
        found[field] = column
    mapped = set(found.values())
    found |= {name: name for name in columns if name in FIELDS and name not in found and name not in mapped}
    _require(found, columns)
    return found


def _check_pair(pair: str, column: str, field: str, columns: Sequence[str], found: Mapping[str, str]) -> None:
    if not column:
        raise BadMapping(f"--map {pair} is not column=field: write --map {columns[0]}=order_id.")
    if field not in FIELDS:
        raise BadMapping(f"--map {pair}: there is no field {field}. Fields are {', '.join(FIELDS)}.")
    if column not in columns:
        raise BadMapping(f"--map {pair}: the file has no column {column}. Its columns are {', '.join(columns)}.")
    if field in found:
        raise BadMapping(f"--map {pair}: {field} is {found[field]} already; each field has one column.")


def _require(found: Mapping[str, str], columns: Sequence[str]) -> None:
    for field in ("order_id", "customer_id", "ordered_at"):
        if field not in found:
            raise BadMapping(
                f"No column stands for {field} ({FIELDS[field]}): add --map COLUMN={field}. "
                f"The file's columns are {', '.join(columns)}."
            )
    if "total" not in found and not {"quantity", "unit_price"} <= found.keys():
        raise BadMapping("No column stands for the amount: add --map COLUMN=total, or both quantity and unit_price.")


def check_rows(rows: pl.DataFrame, file: OrderFile) -> Checked:
    """Tell rows that fit from rows that do not, and type the former.

    Args:
        rows: the file's columns and `ROW`.
        file: how to read them.

    Raises:
        BadMapping: amounts have fractions though the currency was not named and has none.
    """
    typed = rows.select(
        pl.col(ROW).alias("row"),
        *(_text(rows, file, field).alias(field) for field in ("order_id", "customer_id", "store", "product", "category", "cancelled_order_id")),
        *(_raw(file, field).alias(f"{field} given") for field in ("ordered_at", "total", "quantity", "unit_price")),
        _moment(rows, file).alias("ordered_at"),
        *(_number(rows, file, field).alias(field) for field in ("total", "quantity", "unit_price")),
    ).with_columns(_line_total().alias("line_total"))  # fmt: skip
    _refuse_fractions(typed, file)
    judged = typed.with_columns(*_verdict(file))
    good = judged.filter(pl.col("reason").is_null())
    scale = 10 ** decimals(file.currency)
    return Checked(
        lines=good.select(
            "row", "order_id", "customer_id", "ordered_at",
            _whole(pl.col("line_total") * scale).alias("amount"),
            *_quantity_and_price(),
            "store", "product", "category", "cancelled_order_id",
        ),
        rejected=judged.filter(pl.col("reason").is_not_null()).select("row", "reason", "value"),
    )  # fmt: skip


def _column(file: OrderFile, field: str) -> pl.Expr:
    return pl.col(file.columns[field]) if field in file.columns else pl.lit(None, dtype=pl.String)


def _dtype(rows: pl.DataFrame, file: OrderFile, field: str) -> pl.DataType:
    return rows.schema[file.columns[field]] if field in file.columns else pl.String()


def _raw(file: OrderFile, field: str) -> pl.Expr:
    return _column(file, field).cast(pl.String)


def _text(rows: pl.DataFrame, file: OrderFile, field: str) -> pl.Expr:
    """An id as text: 17850, not 17850.0; nothing where it is blank."""
    column = _column(file, field)
    if _dtype(rows, file, field).is_float():
        whole = column.cast(pl.Int64, strict=False)
        column = pl.when(whole == column).then(whole.cast(pl.String)).otherwise(column.cast(pl.String))
    text = column.cast(pl.String).str.strip_chars()
    return pl.when(text != "").then(text)


def _number(rows: pl.DataFrame, file: OrderFile, field: str) -> pl.Expr:
    """A number; ``¥1,280`` is one too. Nothing where it is none, or not finite."""
    column = _column(file, field)
    if not _dtype(rows, file, field).is_numeric():
        column = column.cast(pl.String).str.replace_all(r"[,\s¥￥円]", "")
    number = column.cast(pl.Float64, strict=False)
    return pl.when(number.is_finite() & (number.abs() <= LARGEST)).then(number)


_WITH_OFFSET = ("%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%dT%H:%M%#z")
_NAIVE = ("%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M")
_OFFSET = re.compile(r"([Zz]|[+-]\d{2}:?\d{2})$").pattern


def _moment(rows: pl.DataFrame, file: OrderFile) -> pl.Expr:
    """A moment in UTC. A day without a time is taken as its noon, so that no day boundary moves it to another day."""
    column, dtype = _column(file, "ordered_at"), _dtype(rows, file, "ordered_at")
    if isinstance(dtype, pl.Datetime):
        return _utc(column, file.zone) if dtype.time_zone is None else column.dt.convert_time_zone("UTC").cast(pl.Datetime("us", "UTC"))  # fmt: skip
    if dtype == pl.Date:
        return _utc(column.cast(pl.Datetime("us")) + pl.duration(hours=12), file.zone)
    text = (
        column.cast(pl.String)
        .str.strip_chars()
        .str.replace_all("/", "-", literal=True)
        .str.replace(r"^(\S+)\s+", "${1}T")
    )
    text = text.str.replace(r"\s+", "")
    offset = text.str.contains(_OFFSET) & text.str.contains("T", literal=True)
    exact = pl.coalesce(text.str.to_datetime(form, strict=False, time_unit="us") for form in _WITH_OFFSET)
    naive = pl.coalesce(
        *(text.str.to_datetime(form, strict=False, time_unit="us") for form in _NAIVE),
        text.str.to_date("%Y-%m-%d", strict=False).cast(pl.Datetime("us")) + pl.duration(hours=12),
    )
    return pl.when(offset).then(exact).otherwise(_utc(naive, file.zone))


def _utc(naive: pl.Expr, zone: str) -> pl.Expr:
    """Local time to UTC: of two possible moments the earlier, of none (a clock put forward) nothing."""
    local = naive.cast(pl.Datetime("us")).dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    return local.dt.convert_time_zone("UTC")


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
        "name the currency of the file, for example --currency GBP or --currency USD."
    )


def _verdict(file: OrderFile) -> list[pl.Expr]:
    """``reason`` and ``value`` of the first check that a row does not pass; both null where it passes all."""
    places = decimals(file.currency)
    long = [pl.col(field).str.len_chars() > LONGEST_ID for field in ("order_id", "customer_id", "store", "product")]
    amount = pl.coalesce("total given", pl.concat_str("quantity given", pl.lit(" × "), "unit_price given", ignore_nulls=True))  # fmt: skip
    checks: list[tuple[pl.Expr, str, pl.Expr]] = [
        (pl.col("order_id").is_null(), "no order_id", pl.lit("")),
        (pl.col("customer_id").is_null(), "no customer_id", pl.col("order_id")),
        (pl.any_horizontal(*long).fill_null(value=False), f"an id has more than {LONGEST_ID} characters", pl.col("order_id").str.head(40)),
        (pl.col("ordered_at").is_null() & pl.col("ordered_at given").is_null(), "no ordered_at", pl.col("order_id")),
        (pl.col("ordered_at").is_null(), "ordered_at is not a time", pl.col("ordered_at given")),
        (pl.col("ordered_at").dt.year() < 2000, "ordered_at is before the year 2000", pl.col("ordered_at given")),  # noqa: PLR2004
        (pl.col("line_total").is_null() & pl.col("cancelled_order_id").is_null(), "no amount", amount),
        (_has_fraction("total", 10**places), f"more decimals than {file.currency} has", amount),
    ]  # fmt: skip
    if not places:
        checks.append((_has_fraction("unit_price"), f"more decimals than {file.currency} has", amount))
    checks.append((pl.col("line_total").abs() > LARGEST, "the amount is too large", amount))
    return [_first(checks, 1).alias("reason"), _first(checks, 2).alias("value")]


def _first(checks: Sequence[tuple[pl.Expr, str, pl.Expr]], part: int) -> pl.Expr:
    outcome: pl.Expr = pl.lit(None, dtype=pl.String)
    for check in reversed(checks):
        value = check[part]
        outcome = pl.when(check[0]).then(pl.lit(value) if isinstance(value, str) else value).otherwise(outcome)
    return outcome


def _quantity_and_price() -> list[pl.Expr]:
    """What an order line says: whole quantities as they are; anything else as one piece at the line's amount."""
    whole = pl.col("total").is_null() & ~_has_fraction("quantity") & (pl.col("quantity") > 0)
    quantity = pl.when(whole).then(pl.col("quantity").cast(pl.Int64, strict=False)).otherwise(1)
    price = pl.when(whole).then(pl.col("unit_price")).otherwise(pl.col("line_total"))
    return [quantity.alias("quantity"), price.alias("price")]
