"""Whose date it is: the people of a day, out of the customer frame, as one expression."""

from calendar import isleap
from datetime import date, timedelta

import polars as pl

from campaigns.trigger import TRAIT, OnDate

_COLUMNS = {
    "birthday": ("birth_month", "birth_day"),
    "joined": ("joined",),
    "coupon_expiry": ("next_coupon_expiry",),
}
_FEBRUARY, _LEAP_DAY = 2, 29


def columns_of(trigger: OnDate) -> tuple[str, ...]:
    """Columns of the frame that tell whose date it is."""
    return _COLUMNS.get(trigger.date, (trigger.date,))


def whose_date(members: pl.DataFrame, trigger: OnDate, *, day: date) -> pl.DataFrame:
    """Those whose date, plus the trigger's days, is ``day``.

    A birthday comes every year, that of 29 February on the 28th where the year has no 29th; the other dates come once. Who has
    no such date, and everybody where the frame does not hold the column, is not among them.

    Args:
        members: with the columns of `columns_of`, as far as the frame has them.
        trigger: which date, and how many days after it.
        day: on the shop's calendar.
    """
    if not {*columns_of(trigger)} <= {*members.columns}:
        return members.clear()
    wanted = day - timedelta(days=trigger.days)
    return members.filter(_is_birthday(wanted) if trigger.date == "birthday" else _is_on(trigger, wanted))


def _is_birthday(wanted: date) -> pl.Expr:
    month, day = pl.col("birth_month"), pl.col("birth_day")
    its_day = (month == wanted.month) & (day == wanted.day)
    if (wanted.month, wanted.day) == (_FEBRUARY, _LEAP_DAY - 1) and not isleap(wanted.year):
        return its_day | ((month == _FEBRUARY) & (day == _LEAP_DAY))
    return its_day


def _is_on(trigger: OnDate, wanted: date) -> pl.Expr:
    if trigger.date.startswith(TRAIT):  # texts, with or without a time of day
        return pl.col(trigger.date).cast(pl.String).str.slice(0, len("2026-11-22")) == wanted.isoformat()
    return pl.col(trigger.date if trigger.date == "joined" else "next_coupon_expiry") == wanted
