"""Orders out of order lines: one event for each order number, with an id that a second import repeats. Pure."""

import hashlib
from dataclasses import dataclass

import polars as pl

from segments.money import decimals

LONGEST_MESSAGE_ID = 100


@dataclass(frozen=True, slots=True)
class Orders:
    """The events of some orders, oldest first.

    Attributes:
        events: row (of its first line), payload (the event's JSON text), occurred_at.
        rejected: row, reason, value of lines whose order contradicts itself.
    """

    events: pl.DataFrame
    rejected: pl.DataFrame


def orders_of(lines: pl.DataFrame, currency: str) -> Orders:
    """Sum lines to orders.

    An order whose amount is negative is money given back: `Order Refunded`, for the order that `cancelled_order_id`
    names, else for none (it lowers sales and takes no order away). A row with `cancelled_order_id` and no amount is
    an `Order Cancelled`.

    Args:
        lines: all lines of each order in it, as `segments.imports.check_rows` gives them.
        currency: of the amounts.
    """
    people = pl.col("customer_id").n_unique().over("order_id")
    two = lines.filter(people > 1)
    rejected = two.select(
        "row",
        pl.lit("the order names two customers").alias("reason"),
        pl.concat_str("order_id", pl.lit(": "), "customer_id").alias("value"),
    )
    ordered = _summed(lines.filter(people == 1)).sort("ordered_at", "row")
    return Orders(
        ordered.select("row", _payload(currency).alias("payload"), pl.col("ordered_at").alias("occurred_at")), rejected
    )


def _summed(lines: pl.DataFrame) -> pl.DataFrame:
    written = lines.with_columns(pl.concat_str(pl.lit("{"), _line(), pl.lit("}")).alias("line"))
    summed = written.sort("row").group_by("order_id", maintain_order=True).agg(
        pl.col("row").first(),
        pl.col("customer_id").first(),
        pl.col("ordered_at").min(),
        pl.col("amount").sum(),
        pl.col("amount").is_not_null().any().alias("has_amount"),
        pl.col("store").drop_nulls().first(),
        pl.col("cancelled_order_id").drop_nulls().first(),
        pl.col("line").filter(pl.any_horizontal(pl.col("product", "category", "brand").is_not_null())).str.join(","),
    )  # fmt: skip
    ids = [_message_id(order_id) for order_id in summed["order_id"]]
    return summed.with_columns(pl.Series("message_id", ids, dtype=pl.String))


def _message_id(order_id: str) -> str:
    """The order's number itself where it is short enough, so that people recognise it."""
    name = f"order-{order_id}"
    if len(name) <= LONGEST_MESSAGE_ID:
        return name
    return f"order-{hashlib.blake2b(order_id.encode(), digest_size=16).hexdigest()}"


def _line() -> pl.Expr:
    fields = [
        _field("product_id", "product"),
        _field("category", "category"),
        _field("brand", "brand"),
        _field("quantity", "quantity"),
        _field("price", "price"),
    ]
    return pl.concat_str(*fields).str.strip_chars_start(",")


def _payload(currency: str) -> pl.Expr:
    refund = pl.col("amount") < 0
    cancelled = pl.col("cancelled_order_id").is_not_null()
    event = (
        pl.when(cancelled & ~pl.col("has_amount")).then(pl.lit("Order Cancelled"))
        .when(refund | cancelled).then(pl.lit("Order Refunded"))
        .otherwise(pl.lit("Order Completed"))
    )  # fmt: skip
    about = pl.when(refund | cancelled).then(pl.coalesce("cancelled_order_id", "order_id")).otherwise("order_id")
    money = pl.concat_str(
        pl.lit(',"total":'), _major(pl.col("amount").abs(), currency), pl.lit(f',"currency":"{currency}"')
    )
    lines = pl.concat_str(pl.lit(',"products":['), "line", pl.lit("]"))
    return pl.concat_str(
        pl.lit('{"type":"track","event":"'), event, pl.lit('"'),
        _field("messageId", "message_id"), _field("userId", "customer_id"),
        pl.lit(',"timestamp":"'), pl.col("ordered_at").dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ"),
        pl.lit('","properties":{'), _json("order_id", about),
        pl.when(pl.col("has_amount")).then(money).otherwise(pl.lit("")),
        _field("store_id", "store"),
        pl.when((pl.col("line") != "") & ~(refund | cancelled)).then(lines).otherwise(pl.lit("")),
        pl.lit("}}"),
    )  # fmt: skip


def _field(name: str, column: str) -> pl.Expr:
    """``,"name":value``, or nothing where there is no value."""
    return (
        pl.when(pl.col(column).is_not_null())
        .then(pl.concat_str(pl.lit(","), _json(name, pl.col(column))))
        .otherwise(pl.lit(""))
    )


def _json(name: str, value: pl.Expr) -> pl.Expr:
    """``"name":value``, escaped as JSON asks."""
    text = pl.struct(value.alias(name)).struct.json_encode()
    return text.str.slice(1, text.str.len_chars() - 2)


def _major(minor: pl.Expr, currency: str) -> pl.Expr:
    """Minor units as a decimal number: 1250 → 12.50 for GBP, 1280 → 1280 for JPY."""
    places = decimals(currency)
    if not places:
        return minor.cast(pl.String)
    return pl.concat_str(
        (minor // 10**places).cast(pl.String), pl.lit("."), (minor % 10**places).cast(pl.String).str.zfill(places)
    )
