"""Funnels: who did one thing after the other within a time limit."""

from datetime import date, timedelta
from functools import reduce
from itertools import pairwise

import polars as pl

from segments.events import EventName
from segments.metrics.facts import Facts, within
from segments.metrics.metric import Options
from segments.metrics.purchases import counted_orders
from segments.windows import Window

_ORDER = str(EventName.ORDER_COMPLETED)
STEPS = ("step1", "step2", "step3", "step4", "step5", "step6")
"""Options that name the steps; the first empty one ends the funnel."""


def funnel(facts: Facts, window: Window, options: Options) -> pl.LazyFrame:
    """Customers who reached the last step ÷ customers who did the first in the window."""
    last = len(_steps(options))
    reached = facts.once(_key(facts, window, options), lambda: _reached(facts, window, options))
    return reached.select(
        (pl.col("step") >= last).sum().cast(pl.Int64).alias("numerator"),
        pl.len().cast(pl.Int64).alias("denominator"),
        pl.lit(_last_day(facts, window, options) >= facts.today).alias("incomplete"),
    )


def funnel_steps(facts: Facts, window: Window, options: Options) -> pl.LazyFrame:
    """A row a step: how many got so far, of the first step and of the one before."""
    names = _steps(options)
    reached = facts.once(_key(facts, window, options), lambda: _reached(facts, window, options)).collect()
    counts = [reached.filter(pl.col("step") >= number).height for number in range(1, len(names) + 1)]
    rows = pl.LazyFrame({"step": range(1, len(names) + 1), "event": names, "customers": counts})
    count = pl.col("customers")
    before = count.shift(1, fill_value=pl.col("customers").first())
    return rows.with_columns(
        pl.when(count.first() > 0).then(count / count.first()).alias("share"),
        pl.when(before > 0).then(count / before).alias("of_previous"),
    )


def _steps(options: Options) -> list[str]:
    names = [str(options[step]) for step in STEPS]
    return names[: names.index("")] if "" in names else names


def _limit(options: Options) -> timedelta:
    return timedelta(**{str(options["within_unit"]): int(options["within"])})


def _last_day(facts: Facts, window: Window, options: Options) -> date:
    """The business day on which the time of the latest possible start runs out."""
    latest = facts.calendar.start_of(window.last + timedelta(days=1)) - timedelta.resolution
    return facts.calendar.business_day(latest + _limit(options))


def _key(facts: Facts, window: Window, options: Options) -> tuple[object, ...]:
    return ("funnel", facts.members and facts.members.key, window, *options.items())


def _reached(facts: Facts, window: Window, options: Options) -> pl.LazyFrame:
    """``customer_id`` and ``step``: the furthest step reached from any start in the window.

    From one start the earliest next step is never worse than a later one, so each start is followed once.
    """
    names, limit = _steps(options), _limit(options)
    first = _moments(facts, names[0]).filter(within(window)).select("customer_id", "at")
    starts = facts.keep_members(first, window).with_columns(
        pl.col("at").alias("begins"), (pl.col("at") + limit).alias("ends"), pl.lit(1, pl.Int64).alias("step")
    )
    followed = reduce(lambda rows, pair: _follow(facts, rows, *pair), pairwise(names), starts)
    return followed.group_by("customer_id").agg(pl.col("step").max())


def _follow(facts: Facts, rows: pl.LazyFrame, before: str, event: str) -> pl.LazyFrame:
    """The rows, a step further where the event followed in time. The same event again has to be a later one."""
    found = (
        rows.filter(pl.col("at").is_not_null())
        .sort("at")
        .join_asof(
            _moments(facts, event).select("customer_id", pl.col("at").alias("next")).sort("next"),
            left_on="at",
            right_on="next",
            by="customer_id",
            strategy="forward",
            allow_exact_matches=before != event,
            check_sortedness=False,
        )
    )
    done = pl.col("next") <= pl.col("ends")
    moved = found.with_columns(
        pl.when(done).then(pl.col("next")).alias("at"), (pl.col("step") + done.fill_null(value=False)).alias("step")
    )
    return pl.concat([moved.drop("next"), rows.filter(pl.col("at").is_null())])


def _moments(facts: Facts, event: str) -> pl.LazyFrame:
    """``customer_id``, ``business_day``, ``at`` of each time an event happened; orders are counted orders."""
    if event == _ORDER:
        return counted_orders(facts).select("customer_id", "business_day", pl.col("first_at").alias("at"))
    return facts.happened([event]).select("customer_id", "business_day", pl.col("occurred_at").alias("at"))
