"""Retention equals counting on fingers, and its shapes keep their order."""

from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segments.calendar import BusinessCalendar
from segments.errors import BadOption
from segments.events import EventName
from segments.metrics.compute import compute
from segments.metrics.facts import Facts
from segments.metrics.metric import Measured, Triangle
from segments.metrics.retention import Periods, is_cut
from segments.windows import Window
from tests.segments.history import Happening, days_of, histories, moment
from tests.segments.metrics.members import MEMBERS, after, belongs
from tests.segments.metrics.reference import Shop, retention

EVENTS = (EventName.APPLICATION_OPENED, EventName.STORE_VISITED, EventName.ORDER_COMPLETED, EventName.ORDER_CANCELLED)
HISTORIES = histories(names=EVENTS, days=100, customers=4, size=50)
NAMED = st.sampled_from([str(name) for name in EVENTS[:3]])


@st.composite
def choices(draw: st.DrawFn) -> dict[str, Any]:
    horizon, a = draw(st.integers(0, 4)), draw(st.integers(0, 3))
    return {
        "start": draw(NAMED),
        "return": draw(NAMED),
        "starts": draw(st.sampled_from(("first", "every"))),
        "k": draw(st.integers(1, 2)),
        "count_by": draw(st.sampled_from(("events", "days"))),
        "type": draw(st.sampled_from(("exact", "range", "rolling"))),
        "unit": draw(st.sampled_from(("day", "week", "month"))),
        "n": draw(st.integers(0, horizon)),
        "a": a,
        "b": draw(st.integers(a, 4)),
        "horizon": horizon,
        "periods": draw(st.integers(0, 5)),
    }


def table(measured: Measured) -> Triangle:
    assert measured.table is not None
    return measured.table


@settings(max_examples=60, deadline=None)
@given(
    history=HISTORIES,
    options=choices(),
    first=st.integers(0, 60),
    length=st.integers(0, 60),
    today=st.integers(40, 150),
    closes=st.sampled_from((31, 1, 20, 29, 30)),
    segment=st.booleans(),
)
def test_retention_equals_the_reference(
    *,
    history: list[Happening],
    options: dict[str, Any],
    first: int,
    length: int,
    today: int,
    closes: int,
    segment: bool,
) -> None:
    window, kept = Window(after(first), after(first + length)), BusinessCalendar(closing_day=closes)
    facts = Facts(days=days_of(history), today=after(today), members=MEMBERS if segment else None, calendar=kept)
    shop = Shop(history, after(today), belongs if segment else None, closing_day=closes)
    expected = retention(shop, window.first, window.last, options)
    measured = compute("retention", facts, window, options=options)
    found = {
        (cohort.start, cell.period): (cell.numerator, cell.denominator, cell.incomplete)
        for cohort in table(measured).cohorts
        for cell in cohort.cells
    }
    assert found == {at: cell[:3] for at, cell in expected.items()}
    assert [(cell.period, cell.numerator, cell.denominator) for cell in table(measured).pooled] == pooled(
        expected, options
    )


def pooled(cells: dict[tuple[date, int], Any], options: dict[str, Any]) -> list[tuple[int, int, int]]:
    """The cells of the cohorts that are complete for H, added up by period."""
    horizon = options["b"] if options["type"] == "range" else options["horizon"]
    complete = [(period, cell) for (_, period), cell in cells.items() if cell[3] and period <= horizon]
    return [
        (shown, sum(c[0] for p, c in complete if p == shown), sum(c[1] for p, c in complete if p == shown))
        for shown in sorted({period for period, _ in complete})
    ]


@settings(max_examples=25, deadline=None)
@given(history=HISTORIES, options=choices())
def test_exact_rolling_and_range_keep_their_order(history: list[Happening], options: dict[str, Any]) -> None:
    facts, window = Facts(days=days_of(history), today=after(120)), Window(after(0), after(70))
    horizon = options["horizon"]

    def line(**changes: Any) -> dict[int, int]:
        chosen = {**options, "n": 0, **changes}
        pool = table(compute("retention", facts, window, options=chosen)).pooled
        return {cell.period: cell.numerator for cell in pool}

    exact, rolling = line(type="exact"), line(type="rolling")
    spread = line(type="range", a=0, b=horizon)
    assert all(exact[n] <= rolling[n] for n in exact)
    assert all(rolling[n] >= rolling[n + 1] for n in range(len(rolling) - 1))
    assert all(spread[0] >= count for count in exact.values())


@settings(max_examples=15, deadline=None)
@given(history=HISTORIES, unit=st.sampled_from(("day", "week", "month")))
def test_period_zero_is_whole_for_the_same_event_once(history: list[Happening], unit: str) -> None:
    facts = Facts(days=days_of(history), today=after(200))
    measured = compute("retention", facts, Window(after(0), after(100)), options={"unit": unit})
    assert all(cohort.cells[0].numerator == cohort.size for cohort in table(measured).cohorts)


@pytest.mark.parametrize("closes", [1, 20, 28, 29, 30, 31])
def test_months_are_those_of_the_shops_books(closes: int) -> None:
    """Of four years with a leap day, on both sides of every closing day."""
    kept, first = BusinessCalendar(closing_day=closes), date(2023, 1, 1)
    days = pl.DataFrame({"day": [first + timedelta(days=n) for n in range(4 * 366)]})
    periods = Periods("month", kept)
    number = periods.of(pl.col("day"))
    found = days.select("day", periods.first_day(number).alias("first"), periods.last_day(number).alias("last"))
    assert all(kept.month(day) == Window(*month) for day, *month in found.iter_rows())
    march = Window(date(2024, 2, 21), date(2024, 3, 20))
    cut = [is_cut(march, "month", BusinessCalendar(closing_day=each)) for each in (20, 31)]
    assert cut == [False, True]


def test_every_day_of_the_week_is_seven_by_days() -> None:
    opened = "Application Opened"
    history = [Happening(day + 1, 1, opened, moment(day)) for day in range(14)]
    history += [Happening(day + 50, 2, opened, moment(day)) for day in (0, *range(8, 14))]
    facts = Facts(days=days_of(history), today=after(40))
    options = {"k": 7, "count_by": "days", "n": 1, "horizon": 1}
    measured = compute("retention", facts, Window(after(0), after(6)), options=options)
    assert (measured.numerator, measured.denominator, measured.incomplete) == (1, 2, False)


def test_a_period_that_runs_is_marked_and_one_to_come_is_absent() -> None:
    history = [Happening(1, 1, "Application Opened", moment(0)), Happening(2, 1, "Application Opened", moment(15))]
    measured = compute("retention", Facts(days=days_of(history), today=after(15)), Window(after(0), after(6)))
    (cohort,) = table(measured).cohorts
    assert [(cell.period, cell.numerator, cell.incomplete) for cell in cohort.cells] == [
        (0, 1, False),
        (1, 0, False),
        (2, 1, True),
    ]
    assert (measured.value, measured.incomplete) == (None, True)


def test_a_window_that_cuts_a_week_says_so() -> None:
    facts = Facts(days=days_of([]), today=after(50))
    assert compute("retention", facts, Window(after(0), after(6))).notes == ()
    assert compute("retention", facts, Window(after(1), after(6))).notes == ("cut_cohort",)


@pytest.mark.parametrize("options", [{"type": "range", "a": 3, "b": 2}, {"n": 5, "horizon": 4}])
def test_impossible_periods_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(BadOption, match=r"after it ends|beyond the horizon"):
        compute("retention", Facts(days=days_of([]), today=after(9)), Window(after(0), after(6)), options=options)
