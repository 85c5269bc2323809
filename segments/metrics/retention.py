"""Retention: of those who started in a period, who came back in which later one.

``active(c, m)``: customer c has at least k return events in calendar period m after his period 0, or return
events on at least k distinct business days of it.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal, cast

import polars as pl

from segments.calendar import END_OF_MONTH, MONTHS, BusinessCalendar
from segments.metrics import cohort_bits
from segments.metrics.facts import Facts, within
from segments.metrics.metric import Options
from segments.metrics.occurrences import happened_on, occurrences
from segments.reduce.bitmaps import WORD, words_of
from segments.windows import Window

_EPOCH = date(1970, 1, 1)
_DAYS_OF_WEEK = 7
UnitName = Literal["day", "week", "month"]


@dataclass(frozen=True, slots=True)
class Periods:
    """Calendar periods as whole numbers that count up by one: days, weeks or months."""

    unit: str
    calendar: BusinessCalendar

    def of(self, day: pl.Expr) -> pl.Expr:
        """The number of the period that holds ``day``; months are the shop's, which end on its closing day."""
        if self.unit == "month":
            number = day.dt.year().cast(pl.Int32) * MONTHS + day.dt.month().cast(pl.Int32) - 1
            return number + (day > self._closes(number)).cast(pl.Int32)
        ordinal = day.cast(pl.Date).to_physical()
        return ordinal if self.unit == "day" else (ordinal - self._offset()) // _DAYS_OF_WEEK

    def first_day(self, number: pl.Expr) -> pl.Expr:
        """The first business day of a period."""
        if self.unit == "month":
            return self._closes(number - 1) + pl.duration(days=1)
        ordinal = number if self.unit == "day" else number * _DAYS_OF_WEEK + self._offset()
        return ordinal.cast(pl.Int32).cast(pl.Date)

    def last_day(self, number: pl.Expr) -> pl.Expr:
        """The last business day of a period."""
        return self.first_day(number + 1) - pl.duration(days=1)

    def _closes(self, number: pl.Expr) -> pl.Expr:
        """The closing day of a month; a month with fewer days closes on its last."""
        last = pl.date(number // MONTHS, number % MONTHS + 1, 1).dt.month_end()
        if self.calendar.closing_day >= END_OF_MONTH:
            return last
        closing = pl.min_horizontal(last.dt.day(), pl.lit(self.calendar.closing_day, pl.Int8))
        return last + pl.duration(days=closing - last.dt.day())

    def _offset(self) -> int:
        """Days from the epoch to the first start of a week at or before it."""
        return (self.calendar.week_of(_EPOCH) - _EPOCH).days


def starts(facts: Facts, window: Window, options: Options) -> pl.LazyFrame:
    """(``customer_id``, ``cohort``): who starts in which period, members only."""
    periods = Periods(str(options["unit"]), facts.calendar)
    days = happened_on(facts, str(options["start"]), where=str(options["start_where"]))
    if options["starts"] == "first":
        days = days.group_by("customer_id").agg(pl.col("business_day").min())
    found = days.filter(within(window)).select("customer_id", periods.of(pl.col("business_day")).alias("cohort"))
    ends = pl.min_horizontal(periods.last_day(pl.col("cohort")), pl.lit(facts.today))
    pairs = found.unique().with_columns(ends.alias("as_of"))
    name = (*(str(options[name]) for name in ("start", "start_where", "starts", "unit")), window)
    return facts.keep_cohort(pairs, name=name).select("customer_id", "cohort")


def actives(facts: Facts, options: Options) -> pl.LazyFrame:
    """(``customer_id``, ``period``) of everyone who is active in a period."""
    periods = Periods(str(options["unit"]), facts.calendar)
    back, where = str(options["return"]), str(options["return_where"])
    if int(options["k"]) == 1:
        once = happened_on(facts, back, where=where)
        return once.select("customer_id", periods.of(pl.col("business_day")).alias("period")).unique()
    days = occurrences(facts, back, where=where)
    enough = (pl.len() if options["count_by"] == "days" else pl.col("times").sum()) >= int(options["k"])
    return (
        days.with_columns(periods.of(pl.col("business_day")).alias("period"))
        .group_by("customer_id", "period")
        .agg(enough.alias("enough"))
        .filter("enough")
        .select("customer_id", "period")
    )


def retention(facts: Facts, window: Window, options: Options) -> pl.LazyFrame:
    """The triangle in long form: one row per cohort and period that has begun.

    Columns: ``cohort`` (first day), ``period``, ``numerator``, ``denominator``, ``incomplete``, ``complete_for_h``.
    Periods are 0..periods for ``exact``, the single ``a`` for ``range``, 0..H for ``rolling``.
    """
    periods = Periods(str(options["unit"]), facts.calendar)
    whole = not is_cut(window, str(options["unit"]), facts.calendar)
    by_bits = whole and facts.frame is not None and cohort_bits.answers(options)
    sizes, counted = _from_frame(facts, window, options) if by_bits else _from_history(facts, window, options)
    table = sizes.join(_columns(options), how="cross").join(counted, on=["cohort", "period"], how="left")
    needed = pl.col("cohort") + pl.col("needs")
    return (
        table.filter(periods.first_day(pl.col("cohort") + pl.col("begins")) <= facts.today)
        .select(
            periods.first_day(pl.col("cohort")).alias("cohort"),
            "period",
            pl.col("numerator").fill_null(0),
            "denominator",
            (~facts.ended(periods.last_day(needed))).alias("incomplete"),
            facts.ended(periods.last_day(pl.col("cohort") + _horizon(options))).alias("complete_for_h"),
        )
        .sort("cohort", "period")
    )


def _from_history(facts: Facts, window: Window, options: Options) -> tuple[pl.LazyFrame, pl.LazyFrame]:
    """(``cohort``, ``denominator``) and (``cohort``, ``period``, ``numerator``)."""
    who = starts(facts, window, options)
    sizes = who.group_by("cohort").agg(pl.len().cast(pl.Int64).alias("denominator"))
    came = who.join(actives(facts, options), on="customer_id").select(
        "customer_id", "cohort", (pl.col("period") - pl.col("cohort")).cast(pl.Int64).alias("m")
    )
    return sizes, _counted(came, options)


def _from_frame(facts: Facts, window: Window, options: Options) -> tuple[pl.LazyFrame, pl.LazyFrame]:
    """The same from activity bitmaps: for whole periods, and what `cohort_bits.answers` says."""
    frame, unit = cast("pl.LazyFrame", facts.frame), str(options["unit"])
    columns = frame.collect_schema().names()
    began, back = (words_of(columns, str(options[name]), unit) for name in ("start", "return"))
    periods = Periods(unit, facts.calendar)
    numbers = pl.select(first=periods.of(pl.lit(window.first)), last=periods.of(pl.lit(window.last))).row(0)
    first, last = (int(number) for number in numbers)
    if options["starts"] == "first":
        rows = frame.with_columns(cohort=cohort_bits.first_period(began)).filter(
            pl.col("cohort").is_between(first, last)
        )
    else:
        rows = pl.concat(
            frame.filter(cohort_bits.active_in(began, number)).with_columns(cohort=pl.lit(number, pl.Int64))
            for number in range(first, last + 1)
        )
    ends = pl.min_horizontal(periods.last_day(pl.col("cohort")), pl.lit(facts.today))
    name = (*(str(options[name]) for name in ("start", "start_where", "starts", "unit")), window)
    mine = facts.keep_rows(rows, lambda them: facts.keep_cohort(them.with_columns(as_of=ends), name=name))
    parts = []
    for number in range(first // WORD, last // WORD + 1):
        words = {each: back[each] for each in (number, number + 1) if each in back}
        found = mine.filter(pl.col("cohort") // WORD == number) if first // WORD < last // WORD else mine
        parts.append(cohort_bits.starters(found.select("cohort", *words.values()).collect(), words, number))
    return cohort_bits.count(cohort_bits.together(parts), options)


def is_cut(window: Window, unit: str, calendar: BusinessCalendar) -> bool:
    """Whether the window begins or ends inside a period, so that a cohort at its edge is a part only."""
    after = window.last + timedelta(days=1)
    return any(_period_start(day, unit, calendar) != day for day in (window.first, after))


def _period_start(day: date, unit: str, calendar: BusinessCalendar) -> date:
    if unit == "month":
        return calendar.month(day).first
    return calendar.week_of(day) if unit == "week" else day


def _horizon(options: Options) -> int:
    return int(options["b"] if options["type"] == "range" else options["horizon"])


def _columns(options: Options) -> pl.LazyFrame:
    """The periods asked for: the number shown, the first it looks at, and the last that must have ended."""
    if options["type"] == "range":
        rows = [(int(options["a"]), int(options["a"]), int(options["b"]))]
    elif options["type"] == "rolling":
        rows = [(n, n, int(options["horizon"])) for n in range(int(options["horizon"]) + 1)]
    else:
        rows = [(n, n, n) for n in range(max(int(options["periods"]), int(options["horizon"])) + 1)]
    schema = {"period": pl.Int64, "begins": pl.Int64, "needs": pl.Int64}
    return pl.LazyFrame(rows, schema=schema, orient="row")


def _counted(came: pl.LazyFrame, options: Options) -> pl.LazyFrame:
    """Customers per ``cohort`` and ``period`` shown: exact by m; range and rolling by the last m they came in."""
    if options["type"] == "exact":
        return _people(came.rename({"m": "period"}).filter(pl.col("period") >= 0))
    low, high = (0, int(options["horizon"])) if options["type"] == "rolling" else (int(options["a"]), int(options["b"]))
    last = came.filter(pl.col("m").is_between(low, high)).group_by("customer_id", "cohort").agg(pl.col("m").max())
    if options["type"] == "range":
        return _people(last.with_columns(pl.lit(low, pl.Int64).alias("period")))
    return _people(last.with_columns(pl.int_ranges(0, pl.col("m") + 1).alias("period")).explode("period"))


def _people(rows: pl.LazyFrame) -> pl.LazyFrame:
    return rows.group_by("cohort", "period").agg(pl.len().cast(pl.Int64).alias("numerator"))
