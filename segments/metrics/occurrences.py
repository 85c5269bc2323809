"""How often each customer did something on each business day; figures about the same event share it."""

import polars as pl

from segments.events import EventName
from segments.metrics.facts import Facts, within
from segments.metrics.property_filter import asks_own, keep_matching
from segments.metrics.purchases import counted_orders
from segments.reduce.bitmaps import ACTIVITIES, days_within
from segments.windows import Window

_ORDER = str(EventName.ORDER_COMPLETED)


def occurrences(facts: Facts, event: str, *, where: str = "") -> pl.LazyFrame:
    """``customer_id``, ``business_day``, ``times`` of an event; orders are counted orders.

    ``where`` keeps those that a property filter keeps (see `property_filter`); it reads event by event.

    Raises:
        BadOption: the filter cannot be read.
    """

    def per_day() -> pl.LazyFrame:
        rows = _matching(facts, event, where) if where else _all(facts, event)
        return rows.group_by("customer_id", "business_day").agg(pl.col("count").sum().alias("times"))

    return facts.once(("occurrences", event, where), per_day)


def happened_on(facts: Facts, event: str, *, where: str = "") -> pl.LazyFrame:
    """``customer_id`` and ``business_day`` of an event, days perhaps more than once: where only whether counts, not how often.

    ``where``: see `occurrences`.

    Raises:
        BadOption: the filter cannot be read.
    """

    def rows() -> pl.LazyFrame:
        found = _matching(facts, event, where) if where else _all(facts, event)
        return found.select("customer_id", "business_day")

    return facts.once(("happened on", event, where), rows)


def count_days(facts: Facts, event: str, window: Window, **parts: Window) -> pl.LazyFrame:
    """``customer_id`` and ``days``: on how many business days of a window its members did something, of those who did.

    ``parts`` are windows inside of it, each a column more.
    """
    if facts.frame is not None and event in ACTIVITIES:
        columns = facts.frame.collect_schema().names()
        counts = {name: days_within(columns, event, span) for name, span in {"days": window, **parts}.items()}
        rows = facts.frame.with_columns(**counts).filter(pl.col("days") > 0)
        return facts.keep_rows(rows, lambda them: facts.keep_members(them, window)).select("customer_id", *counts)
    did = facts.keep_members(occurrences(facts, event).filter(within(window)), window)
    counts = {name: within(span).sum() for name, span in parts.items()}
    return did.group_by("customer_id").agg(pl.len().alias("days"), **counts)


def _all(facts: Facts, event: str) -> pl.LazyFrame:
    if event == _ORDER:
        return counted_orders(facts).with_columns(pl.lit(1, pl.Int64).alias("count"))
    return facts.of([event])


def _matching(facts: Facts, event: str, where: str) -> pl.LazyFrame:
    kept = keep_matching(facts.happened([event], own=asks_own(where)), facts.lines, where)
    if event == _ORDER:
        # The report with the lowest number is the order: another report of it decides nothing.
        seqs = kept.select(pl.col("seq").alias("first_seq"))
        kept = counted_orders(facts).join(seqs, on="first_seq", how="semi")
    return kept.with_columns(pl.lit(1, pl.Int64).alias("count"))
