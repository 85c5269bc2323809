"""Where customers stand with the shop: life-cycle states and churn, by days since the last purchase."""

from collections.abc import Iterator
from datetime import date, timedelta

import numpy as np
import polars as pl

from segments.metrics.facts import Facts
from segments.metrics.metric import Options
from segments.metrics.purchase_days import PurchaseDays, number_of, pieces
from segments.metrics.purchases import gap, number_purchases
from segments.metrics.thresholds import HISTORY_DAYS, Thresholds, from_gaps, latest
from segments.windows import Window

STATES = ("none", "churned", "dormant", "at_risk", "new", "returned", "active")
"""States, in the order in which the first that fits is taken."""

_ALIVE = ("new", "returned", "active")


def derive_thresholds(facts: Facts, *, since: date, version: int = 0) -> Thresholds:
    """Thresholds from the history of everyone before ``since``; the provisional ones where it is too short."""
    history_days = (since - (facts.begins() or since)).days
    gaps = count_gaps(facts, before=since) if history_days >= HISTORY_DAYS else {}
    return from_gaps(gaps, history_days=history_days, since=since, version=version)


def count_gaps(facts: Facts, *, before: date) -> dict[int, int]:
    """How often each number of days passed between a customer's consecutive purchase days, both before a day."""
    if facts.frame is not None:
        counted = [gaps_of(purchases) for _, purchases in pieces(facts.frame, before - timedelta(days=1))]
        return dict(pl.concat(counted).group_by("gap").agg(pl.col("times").sum()).rows())
    closed = number_purchases(facts, "days").filter(pl.col("business_day") < before, pl.col("number") > 1)
    return dict(closed.group_by(gap().alias("gap")).len().collect().rows())


def gaps_of(purchases: PurchaseDays) -> pl.DataFrame:
    """``gap`` and ``times``: how often each number of days passed between two purchases of the same customer."""
    times = np.bincount(purchases.gaps()[1])
    found = np.flatnonzero(times)
    return pl.DataFrame({"gap": found, "times": times[found]})


def thresholds_for(facts: Facts, window: Window) -> Thresholds:
    """The version in force when the window begins.

    Where none is stored that began by then, what the history before the window gives.
    """
    stored = latest(facts.thresholds, on=window.first)
    return stored if stored is not None else derive_thresholds(facts, since=window.first)


def states_on(facts: Facts, day: date, thresholds: Thresholds, *, basis: str = "days") -> pl.LazyFrame:
    """``customer_id`` and ``state`` at the end of a day: everyone on record by then, exactly once."""
    key = ("states", day, thresholds, basis)
    return facts.once(key, lambda: facts.lay(state_parts(facts, day, thresholds, basis=basis)).lazy())


def state_parts(facts: Facts, day: date, thresholds: Thresholds, *, basis: str) -> Iterator[pl.DataFrame]:
    """`states_on`, some customers after the others."""
    state = state_of(day, thresholds).alias("state")
    if facts.frame is None or basis != "days":
        bought = _bought(facts, day, thresholds, basis)
        yield facts.known_by(day).join(bought, on="customer_id", how="left").select("customer_id", state).collect()
        return
    for rows, purchases in pieces(facts.frame, day, "known_since"):
        bought_here = buying(purchases, day, thresholds)
        stands = rows.with_row_index("row").join(bought_here.cast({"row": pl.UInt32}), on="row", how="left")
        yield stands.filter(pl.col("known_since") <= day).select("customer_id", state)


def life_cycle_states(facts: Facts, window: Window, options: Options) -> pl.LazyFrame:
    """Members whose last purchase is at most T1 days ago ÷ all members, at the end of the window."""
    thresholds = thresholds_for(facts, window)
    people = _members(facts, window, thresholds, options)
    return people.select(
        pl.col("state").is_in(list(_ALIVE)).sum().cast(pl.Int64).alias("numerator"),
        pl.len().cast(pl.Int64).alias("denominator"),
        _notes(thresholds, f"by_{options['basis']}"),
    )


def state_counts(facts: Facts, window: Window, options: Options) -> pl.LazyFrame:
    """A row a state with its customers, their share, and between how many days since the last purchase it lies."""
    thresholds = thresholds_for(facts, window)
    counted = _members(facts, window, thresholds, options).group_by("state").len("customers")
    bounds = _bounds(thresholds)
    every = pl.LazyFrame(
        [(state, *bounds[state]) for state in reversed(STATES)],
        schema={"state": pl.String, "over": pl.Int64, "up_to": pl.Int64},
        orient="row",
    )
    customers = pl.col("customers").fill_null(0).cast(pl.Int64)
    rows = every.join(counted, on="state", how="left", maintain_order="left").with_columns(customers)
    total = pl.col("customers").sum()
    return rows.with_columns(pl.when(total > 0).then(pl.col("customers") / total).alias("share"))


def churn_rate(facts: Facts, window: Window, _options: Options) -> pl.LazyFrame:
    """Customers who crossed T3 in the window ÷ those within it when the window began."""
    return _crossing(facts, window, pl.col("churned"))


def customer_kept_rate(facts: Facts, window: Window, _options: Options) -> pl.LazyFrame:
    """The rest of the same people: still within T3 at the end of the window."""
    return _crossing(facts, window, ~pl.col("churned"))


def thresholds_used(facts: Facts, window: Window, _options: Options) -> pl.LazyFrame:
    """The thresholds of the figure, in one row."""
    used = thresholds_for(facts, window)
    row = (used.t1, used.t2, used.t3, used.version, used.since, used.provisional)
    return pl.LazyFrame([row], schema=["t1", "t2", "t3", "version", "since", "provisional"], orient="row")


def state_of(day: date, thresholds: Thresholds) -> pl.Expr:
    """Over `buying`, of whoever is on record; null where he never bought: the state at the end of a day."""
    recency = (pl.lit(day) - pl.col("last")).dt.total_days()
    return (
        pl.when(pl.col("last").is_null()).then(pl.lit("none"))
        .when(recency > thresholds.t3).then(pl.lit("churned"))
        .when(recency > thresholds.t2).then(pl.lit("dormant"))
        .when(recency > thresholds.t1).then(pl.lit("at_risk"))
        .when(pl.col("purchases") == 1).then(pl.lit("new"))
        .when(pl.col("came_back")).then(pl.lit("returned"))
        .otherwise(pl.lit("active"))
    )  # fmt: skip


def buying(purchases: PurchaseDays, day: date, thresholds: Thresholds) -> pl.DataFrame:
    """``row``, ``last``, ``purchases`` and ``came_back`` of each buyer: whether one of the last T1 days closed a gap beyond T2.

    ``purchases`` are those up to the end of ``day``.
    """
    end = purchases.first[1:]
    places, gaps = purchases.gaps()
    closed = places[(gaps > thresholds.t2) & (purchases.days[places] >= number_of(day) - thresholds.t1)]
    came_back = np.zeros(len(end), bool)
    came_back[purchases.whose(closed)] = True
    last = pl.Series(purchases.days[end - 1].astype(np.int32)).cast(pl.Date)
    count = np.diff(purchases.first)
    return purchases.table({"last": last, "purchases": count, "came_back": came_back})


def _bought(facts: Facts, day: date, thresholds: Thresholds, basis: str) -> pl.LazyFrame:
    """`buying`, of a row a purchase."""
    fresh = pl.col("business_day") >= day - timedelta(days=thresholds.t1)
    return (
        number_purchases(facts, basis)
        .filter(pl.col("business_day") <= day)
        .group_by("customer_id")
        .agg(
            pl.col("business_day").max().alias("last"),
            pl.len().cast(pl.Int64).alias("purchases"),
            ((gap() > thresholds.t2) & fresh).any().alias("came_back"),
        )
    )


def _members(facts: Facts, window: Window, thresholds: Thresholds, options: Options) -> pl.LazyFrame:
    people = states_on(facts, facts.stands_on(window), thresholds, basis=str(options["basis"]))
    return facts.keep_members(people, window)


def _crossing(facts: Facts, window: Window, which: pl.Expr) -> pl.LazyFrame:
    thresholds = thresholds_for(facts, window)
    far = timedelta(days=thresholds.t3)
    before = window.first - timedelta(days=1)
    day, end = pl.col("business_day"), facts.stands_on(window)
    last = number_purchases(facts, "days").filter(day <= end).group_by("customer_id")
    people = last.agg(day.filter(day <= before).max().alias("before"), day.max().alias("last"))
    base = facts.keep_members(people.filter(pl.col("before") >= before - far), window)
    return base.with_columns((pl.col("last") < end - far).alias("churned")).select(
        which.sum().cast(pl.Int64).alias("numerator"),
        pl.len().cast(pl.Int64).alias("denominator"),
        _notes(thresholds),
    )


def _bounds(thresholds: Thresholds) -> dict[str, tuple[int | None, int | None]]:
    """Days since the last purchase of each state: over how many, and up to how many."""
    t1, t2, t3 = thresholds.t1, thresholds.t2, thresholds.t3
    near = dict.fromkeys(_ALIVE, (None, t1))
    return {"none": (None, None), "churned": (t3, None), "dormant": (t2, t3), "at_risk": (t1, t2), **near}


def _notes(thresholds: Thresholds, *codes: str) -> pl.Expr:
    marked = ["thresholds_provisional"] if thresholds.provisional else []
    marked += [] if thresholds.version else ["thresholds_derived"]
    return pl.lit(pl.Series([[*codes, *marked]], dtype=pl.List(pl.String))).alias("notes")
