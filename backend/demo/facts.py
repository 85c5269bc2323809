"""What the demo shop's members did as rows of the lake, block by block: without JSON, log and database in between.

    for rows in lake_blocks(ShopConfig(last=date(2026, 3, 31), members=10_000_000), sources={APP: 1, SERVER: 2}):
        ...                                     # the lake's three tables of every 20,000 members

The same rows as those which a refresh makes of the same shop's events (a test compares them), but for three things that
come from a database: customers bear the number of the member, events a number that says their order among those of their
block and nothing about others', and they are received at the moment of their simulated arrival.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import narwhals as nw
import polars as pl

from backend.demo.behaviour import everything
from backend.demo.generator import BLOCK, arrival
from backend.demo.people import members
from backend.demo.purchases import order_lines
from backend.demo.shop import CURRENCY, ShopConfig
from backend.demo.wire import APP, SERVER, Happened, in_utc
from backend.lake.rows import LakeRows
from backend.lake.schemas import EVENTS_SCHEMA, ORDER_LINES_SCHEMA
from segments.ids import key64
from segments.reduce.days import customer_days
from segments.reduce.orders import ORDER_EVENTS

SEQS_A_BLOCK = 1_000_000_000
"""Numbers that a block has for its events: which it is decides them, so that blocks can be made in any order."""

_ORDER = "Order Completed"
_MOMENT = pl.Datetime("us", "UTC")
_BY_STORE = {"store": "store_id"}
_DETAILS: dict[str, dict[str, str]] = {
    _ORDER: {"amount": "total", **_BY_STORE, "category": "category"},
    "Order Refunded": {"amount": "total"},
    "Store Visited": _BY_STORE,
    "Points Earned": {"amount": "points"},
    "Points Spent": {"amount": "points"},
    "Membership Rank Changed": {"rank": "rank"},
    "Product Viewed": {"category": "category"},
    "Coupon Issued": {"coupon_id": "coupon_id", "valid_until": "valid_until"},
    "Coupon Viewed": {"coupon_id": "coupon_id"},
    "Coupon Presented": {"coupon_id": "coupon_id", **_BY_STORE},
    "Coupon Redeemed": {"coupon_id": "coupon_id", **_BY_STORE},
    "Coupon Expired": {"coupon_id": "coupon_id"},
    "Survey Answered": {"score": "score"},
    "Feedback Submitted": {"score": "rating"},
}
"""By event the columns of the lake that its properties fill, and what the simulation calls them."""

_BEFORE = pl.col("before").str.extract(r'"([^"]+)"$')
_KEPT: dict[str, tuple[pl.Expr, ...]] = {
    "Product Viewed": tuple(pl.format(f"{name}={{}}", name) for name in ("product_id", "name", "price")),
    "Survey Answered": (pl.lit("survey_id=nps"),),
    "Membership Rank Changed": (pl.format("previous_rank={}", _BEFORE),),
}
"""By event what the lake keeps of properties without a column of their own (`segments.event_properties`)."""


def lake_blocks(config: ShopConfig, *, sources: Mapping[str, int]) -> Iterator[LakeRows]:
    """The lake's rows of each block of members.

    Args:
        config: the shop.
        sources: numbers of the sources `APP` and `SERVER`.
    """
    for number in range(count_blocks(config)):
        yield lake_block(config, number, sources=sources)


def count_blocks(config: ShopConfig) -> int:
    """How many blocks of members a shop has."""
    return -(-config.members // BLOCK)


def lake_block(config: ShopConfig, number: int, *, sources: Mapping[str, int]) -> LakeRows:
    """The lake's rows of one block, the first being 0."""
    first = number * BLOCK
    people, happened = everything(members(config, first, min(BLOCK, config.members - first)), config)
    senders = _senders(people, sources)
    orders = next(each for each in happened if each.event == _ORDER)
    lines = order_lines(orders.frame, config)
    found = pl.concat([_rows(_with_category(each, lines), senders, sources[each.source]) for each in happened])
    arriving = found.with_columns(arrival(config).alias("arrival")).sort("arrival", "member", "event")
    events = arriving.select(
        pl.int_range(pl.len(), dtype=pl.Int64).alias("seq") + number * SEQS_A_BLOCK + 1,
        pl.col("arrival").cast(_MOMENT).alias("received_at"),
        pl.exclude("seq", "arrival", "received_at"),
    ).select(*EVENTS_SCHEMA)
    line_rows = _line_rows(lines, orders, events)
    days: pl.LazyFrame = customer_days(nw.from_native(events.lazy()), nw.from_native(line_rows.lazy())).to_native()
    return LakeRows(events, line_rows, days.collect())


def _senders(people: pl.DataFrame, sources: Mapping[str, int]) -> pl.DataFrame:
    """Phones as events name them: the device by the source and its own id, which changes with a new phone."""
    source = str(sources[APP])
    keys = {name: [key64(source, device) for device in people[name]] for name in ("device", "later_device")}
    platform = pl.when("ios").then(pl.lit("ios")).otherwise(pl.lit("android")).alias("platform")
    columns = [pl.Series(name, values, pl.Int64) for name, values in keys.items()]
    return people.select("member", "new_phone", platform, *columns)


def _with_category(happened: Happened, lines: pl.DataFrame) -> Happened:
    """An order has a category where all its lines have the same."""
    if happened.event != _ORDER:
        return happened
    only = pl.when(pl.col("category").n_unique() == 1).then(pl.col("category").first())
    by_order = lines.group_by("member", "order").agg(only)
    return replace(happened, frame=happened.frame.join(by_order, on=["member", "order"], how="left"))


def _rows(happened: Happened, senders: pl.DataFrame, source_id: int) -> pl.DataFrame:
    """One event's occurrences: the lake's columns, and those that `arrival` reads."""
    name, by_app = happened.event or "identify", happened.source == APP
    frame = happened.frame.join(senders, on="member", maintain_order="left") if by_app else happened.frame
    changed = (pl.col("at").dt.date() >= pl.col("new_phone")).fill_null(value=False)
    known = {
        "customer_id": pl.col("member") + 1,
        "event": pl.lit(name),
        "business_day": pl.col("at").dt.date(),
        "occurred_at": in_utc(),
        "source_id": pl.lit(source_id),
        "trusted": pl.lit(happened.source == SERVER),
        **{column: pl.col(ours) for column, ours in _DETAILS.get(name, {}).items()},
    }
    if name in _KEPT:
        kept = pl.concat_list(_KEPT[name]).list.drop_nulls()
        known["properties"] = pl.when(kept.list.len() > 0).then(kept)
    if by_app:
        device = pl.when(changed).then(pl.col("later_device")).otherwise(pl.col("device"))
        known |= {"platform": pl.col("platform"), "device_key": device}
    if name in ORDER_EVENTS:
        known["order_key"] = pl.lit(_order_keys(frame))
    if "total" in _DETAILS.get(name, {}).values():
        known["currency"] = pl.lit(CURRENCY)
    columns = (known.get(column, pl.lit(None)).cast(dtype).alias(column) for column, dtype in EVENTS_SCHEMA.items())
    moment = in_utc().dt.epoch("us").alias("moment")
    return frame.select("member", pl.lit(happened.source).alias("source"), moment, *columns)


def _order_keys(frame: pl.DataFrame) -> pl.Series:
    return pl.Series("order_key", [key64("order", number) for number in frame["order_id"]], pl.Int64)


def _line_rows(lines: pl.DataFrame, orders: Happened, events: pl.DataFrame) -> pl.DataFrame:
    """What was bought, with the order's number and that of its event."""
    keys = orders.frame.select("member", "order", _order_keys(orders.frame))
    told = events.filter(pl.col("event") == _ORDER).select("seq", "business_day", "order_key")
    known = lines.join(keys, on=["member", "order"]).join(told, on="order_key")
    amount = (pl.col("price") * pl.col("quantity")).alias("amount")
    named = known.with_columns(amount, pl.col("member") + 1, pl.col("product_id").alias("product"), brand=None)
    return named.rename({"member": "customer_id"}).select(
        pl.col(column).cast(dtype) for column, dtype in ORDER_LINES_SCHEMA.items()
    )
