"""The frame's rows as figures read them: counted orders in order, and a bit a day and week, for any history."""

from datetime import date, timedelta

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from segments.calendar import BusinessCalendar
from segments.customers import BITMAP_PREFIX, ORDER_LISTS
from segments.reduce.anywhere import Rules, reduce_here
from segments.reduce.bitmaps import ACTIVITIES, WORD
from tests.segments import reference_customers
from tests.segments.history import DAY_ZERO, Happening, days_of, histories, moment

WHO = (1, 2, 3)
LONG = st.sampled_from((5, 21, 200))


def rows(history: list[Happening], day: date, *, week_starts: int = 1) -> list[dict[str, object]]:
    names = sorted(reference_customers.verified_names(history))
    asked = pl.DataFrame({"customer_id": WHO}, schema={"customer_id": pl.Int64})
    rules = Rules(verified=names, week_starts=week_starts)
    return reduce_here(days_of(history), asked, day=day, rules=rules).sort("customer_id").to_dicts()


def days_in(row: dict[str, object], event: str) -> set[date]:
    """Days whose bit is set, read from the names of the columns as their documentation says."""
    start = f"{BITMAP_PREFIX}{event}:day:"
    words = {int(name.removeprefix(start)): word for name, word in row.items() if name.startswith(start)}
    return {
        date(1970, 1, 1) + timedelta(days=number * WORD + bit)
        for number, word in words.items()
        for bit in range(WORD)
        if int(str(word)) >> bit & 1
    }


def weeks_in(row: dict[str, object], event: str, calendar: BusinessCalendar) -> set[date]:
    """First days of the weeks whose bit is set."""
    start = f"{BITMAP_PREFIX}{event}:week:"
    words = {int(name.removeprefix(start)): word for name, word in row.items() if name.startswith(start)}
    return {
        calendar.week_of(date(1970, 1, 1)) + timedelta(weeks=number * WORD + bit)
        for number, word in words.items()
        for bit in range(WORD)
        if int(str(word)) >> bit & 1
    }


@settings(max_examples=12, deadline=None)
@given(history=LONG.flatmap(lambda days: histories(days=days)), offset=st.integers(-1, 210), starts=st.integers(1, 7))
def test_orders_and_bits_are_what_happened(history: list[Happening], offset: int, starts: int) -> None:
    day, calendar = DAY_ZERO + timedelta(days=offset), BusinessCalendar(week_starts=starts)
    for who, row in zip(WHO, rows(history, day, week_starts=starts), strict=True):
        assert {name: row[name] for name in ORDER_LISTS} == reference_customers.order_lists(history, who, day)
        for event in ACTIVITIES:
            active = reference_customers.active_days(history, who, day, event)
            assert days_in(row, event) == active
            assert weeks_in(row, event, calendar) == {calendar.week_of(one) for one in active}


def test_words_begin_where_they_are_told_to() -> None:
    history = [Happening(1, 1, "Application Opened", moment(300), device=1)]
    asked, day = pl.DataFrame({"customer_id": [1]}), DAY_ZERO + timedelta(days=301)
    early = reduce_here(days_of(history), asked, day=day, rules=Rules(begins=DAY_ZERO))
    late = reduce_here(days_of(history), asked, day=day, rules=Rules())
    assert {*late.columns} < {*early.columns}
    more = [name for name in early.columns if name not in late.columns]
    assert set(early.select(more).row(0)) == {0}
