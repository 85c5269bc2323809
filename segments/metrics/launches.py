"""Launches: launch rate over installed apps, active users, stickiness, launch days."""

from datetime import timedelta
from typing import Literal

import polars as pl

from segments.events import EventName
from segments.metrics.facts import Facts, within
from segments.metrics.metric import Options
from segments.metrics.occurrences import count_days, occurrences
from segments.reduce.days import DEVICE_SEEN
from segments.windows import Window

_LAUNCH = str(EventName.APPLICATION_OPENED)
_ENDS = [str(EventName.APPLICATION_UNINSTALLED), str(EventName.ADDRESS_RETIRED)]
SEEN_DAYS = 180
"""How long an app counts as installed after its device was last seen."""
MONTH = 30
"""Days of MAU."""


def launch_rate(facts: Facts, window: Window, _options: Options) -> pl.LazyFrame:
    """Customers who launched in the window, of those installed at any time in it."""
    launched = _launches(facts, window).select("customer_id", pl.lit(value=True).alias("launched"))
    installed = installed_customers(facts, window).with_columns(pl.lit(value=False).alias("launched"))
    everyone = facts.keep_members(pl.concat([launched, installed]), window)
    people = everyone.group_by("customer_id").agg(pl.col("launched").any())
    return people.select(
        pl.col("launched").sum().cast(pl.Int64).alias("numerator"), pl.len().cast(pl.Int64).alias("denominator")
    )


def installed_customers(facts: Facts, window: Window) -> pl.LazyFrame:
    """Column ``customer_id``: whose app was installed at some time in the window, as far as devices tell.

    A device counts that was seen in the window, or in the 180 days before it and has since neither been
    uninstalled nor had its address answered UNREGISTERED.
    """
    begins = window.first - timedelta(days=SEEN_DAYS)
    lasting = facts.once("seen, lasting", lambda: _seen(facts, "anti").select("customer_id", "business_day").unique())
    plain = lasting.filter(pl.col("business_day").is_between(begins, window.last))
    seen = facts.once("seen, some ended", lambda: _seen(facts, "semi"))
    before = pl.col("business_day").is_between(begins, window.first, closed="left")
    latest = seen.filter(before).group_by("customer_id", "key").agg(pl.col("last_at").max())
    ends = _ends(facts).filter(pl.col("business_day") < window.first)
    ended = ends.group_by("customer_id", "key").agg(pl.col("last_at").max().alias("ended_at"))
    kept = latest.join(ended, on=["customer_id", "key"], how="left").filter(
        pl.col("ended_at").is_null() | (pl.col("ended_at") < pl.col("last_at"))
    )
    found = (plain, kept, seen.filter(within(window)))
    return pl.concat([each.select("customer_id") for each in found]).unique()


def _ends(facts: Facts) -> pl.LazyFrame:
    return facts.once("ended", lambda: facts.of(_ENDS).select("customer_id", "key", "business_day", "last_at"))


def _seen(facts: Facts, how: Literal["semi", "anti"]) -> pl.LazyFrame:
    """Days on which devices were seen, of the customers who have ("semi") or have not ("anti") ever ended one.

    Most have not; for them it does not matter which device it was.
    """
    rows = facts.of([DEVICE_SEEN]).select("customer_id", "key", "business_day", "last_at")
    return rows.join(_ends(facts).select("customer_id").unique(), on="customer_id", how=how)


def launch_days(facts: Facts, window: Window, _options: Options) -> pl.LazyFrame:
    """Distinct days with a launch, per customer who launched in the window."""
    return count_days(facts, _LAUNCH, window).select(
        pl.col("days").sum().cast(pl.Int64).alias("numerator"), pl.len().cast(pl.Int64).alias("denominator")
    )


def dau(facts: Facts, window: Window, _options: Options) -> pl.LazyFrame:
    """Customers with a launch on the last day of the window."""
    return _active_users(facts, window, days=1)


def wau(facts: Facts, window: Window, _options: Options) -> pl.LazyFrame:
    """Customers with a launch in the 7 days that end the window."""
    return _active_users(facts, window, days=7)


def mau(facts: Facts, window: Window, _options: Options) -> pl.LazyFrame:
    """Customers with a launch in the 30 days that end the window."""
    return _active_users(facts, window, days=MONTH)


def stickiness(facts: Facts, window: Window, _options: Options) -> pl.LazyFrame:
    """DAU ÷ MAU on the last day of the window."""
    return _stickiness(facts, window, days=1)


def weekly_stickiness(facts: Facts, window: Window, _options: Options) -> pl.LazyFrame:
    """WAU ÷ MAU on the last day of the window."""
    return _stickiness(facts, window, days=7)


def _active_users(facts: Facts, window: Window, *, days: int) -> pl.LazyFrame:
    people = count_days(facts, _LAUNCH, _span(window, days))
    return people.select(pl.len().cast(pl.Int64).alias("numerator"), pl.lit(None, dtype=pl.Int64).alias("denominator"))


def _stickiness(facts: Facts, window: Window, *, days: int) -> pl.LazyFrame:
    # Both by the membership of the longer span, so that the numerator stays inside the denominator.
    people = count_days(facts, _LAUNCH, _span(window, MONTH), recent=_span(window, days))
    return people.select(
        (pl.col("recent") > 0).sum().cast(pl.Int64).alias("numerator"), pl.len().cast(pl.Int64).alias("denominator")
    )


def _span(window: Window, days: int) -> Window:
    return Window(window.last - timedelta(days=days - 1), window.last)


def _launches(facts: Facts, window: Window) -> pl.LazyFrame:
    return occurrences(facts, _LAUNCH).select("customer_id", "business_day").filter(within(window))
