"""What was in each purchase: categories or products with quantity and money."""

import polars as pl

from segments.metrics.facts import Facts
from segments.metrics.purchases import KEYS, counted_orders, number_purchases
from segments.reduce.days import ORDER_LINE

_WORD = 63
"""Bits of a whole number that may carry a key."""

_LINES: dict[str, pl.DataType] = {
    "first_seq": pl.Int64(),
    "item": pl.Categorical(),
    "quantity": pl.Int64(),
    "amount": pl.Int64(),
}


def list_items(facts: Facts, *, basis: str, level: str) -> pl.LazyFrame:
    """A row per purchase and item, with what the customer had bought of the same in earlier purchases.

    ``customer_id``, ``number`` and ``business_day`` of the purchase, ``item``, ``quantity``, ``amount`` (minor units),
    ``earlier_quantity`` (0 where the item is new to the customer), ``earlier_amount``. Lines of the counted orders only; lines
    that name no item of this level, or none that was taken home (a quantity of 0 or below), are left out.
    """
    return facts.once(("items", basis, level), lambda: _with_earlier(_sorted(_placed(facts, basis, level).collect())))


def _placed(facts: Facts, basis: str, level: str) -> pl.LazyFrame:
    """Lines with the number of their purchase."""
    purchases = number_purchases(facts, basis).select(*KEYS[basis], "number")
    orders = counted_orders(facts).join(purchases, on=KEYS[basis], how="inner")
    placed = orders.select("first_seq", "customer_id", "number", "business_day")
    return _lines(facts, level).join(placed, on="first_seq", how="inner")


def _lines(facts: Facts, level: str) -> pl.LazyFrame:
    """``first_seq`` (the order's event), ``item``, ``quantity``, ``amount``."""
    if level == "category":
        rows = facts.days.filter((pl.col("event") == ORDER_LINE) & (pl.col("detail") != ""))
        named = rows.select("first_seq", "amount", item="detail", quantity="count")
    elif facts.lines is not None:
        rows = facts.lines.filter(pl.col("product").is_not_null())
        named = rows.select("quantity", "amount", first_seq="seq", item="product")
    else:
        return pl.LazyFrame(schema=_LINES)
    return named.filter(pl.col("quantity") > 0).select(
        "first_seq", pl.col("item").cast(pl.Categorical), "quantity", pl.col("amount").fill_null(0)
    )


def _sorted(lines: pl.DataFrame) -> pl.DataFrame:
    """One row per purchase and item, those of one customer and item together, oldest first."""
    coded = lines.with_columns(code=pl.col("item").to_physical().cast(pl.Int64))
    by = ["customer_id", "code", "number"]
    bits = [largest.bit_length() for largest in coded.select(pl.col(by).max().fill_null(0)).row(0)]
    if sum(bits) > _WORD:
        ordered, apart = coded.sort(by), by
    else:  # one number that holds all three sorts and groups several times as fast
        who, code, number = (pl.col(name) for name in by)
        key = (who * 2 ** bits[1] + code) * 2 ** bits[2] + number
        ordered, apart = coded.with_columns(key=key).sort("key"), ["key"]
    told = [name for name in ("customer_id", "number", "business_day", "item") if name not in apart]
    return ordered.group_by(apart, maintain_order=True).agg(pl.col(told).first(), pl.col("quantity", "amount").sum())


def _with_earlier(rows: pl.DataFrame) -> pl.LazyFrame:
    who, item = pl.col("customer_id"), pl.col("item")
    first = ((who != who.shift(1)) | (item != item.shift(1))).fill_null(value=True)
    return rows.lazy().select(
        "customer_id",
        "number",
        "business_day",
        "item",
        "quantity",
        "amount",
        *(_before(pl.col(name), first).alias(f"earlier_{name}") for name in ("quantity", "amount")),
    )


def _before(value: pl.Expr, first: pl.Expr) -> pl.Expr:
    """The sum of a run's earlier rows. The rows are sorted: a running sum less its start says what windows would."""
    so_far = value.cum_sum() - value
    return so_far - pl.when(first).then(so_far).forward_fill()
