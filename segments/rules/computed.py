"""Attributes that are computed from columns of the frame when a rule asks, because they move with the day.

Each is written twice: as an expression over the frame, and over one row for `explain`. Who was born on 29 February has the
28th for a birthday in other years.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import Any

import polars as pl

from segments.ages import AGES, LIMITS
from segments.rules.kind import Kind

_FEBRUARY, _LEAP_DAY = 2, 29


@dataclass(frozen=True, slots=True)
class Computed:
    """One computed attribute.

    Attributes:
        facet: where pages list it, as in `segments.customers.Attribute`.
        needs: columns of the frame that it is computed from, beside ``as_of``.
        express: makes the expression over a frame; where there are ``codes``, it gives the place of the value among them.
        of: over a row; None where something is not known, as the expression is null.
        codes: every value that there is, of a text; empty for numbers.
    """

    name: str
    kind: Kind
    ja: str
    en: str
    facet: str
    needs: tuple[str, ...]
    express: Callable[[], pl.Expr]
    of: Callable[[Mapping[str, Any]], Any]
    codes: tuple[str, ...] = ()

    @property
    def expression(self) -> pl.Expr:
        """What is computed, over a frame. Made when it is asked for: work of Polars at import would start its threads."""
        return self.express()


def _looked_up(table: pl.Series) -> pl.Expr:
    """What holds of the frame's day, looked up: of a million rows that takes a fraction of working it out."""
    return pl.lit(table.cast(pl.Int32)).gather(pl.col("as_of").cast(pl.Int32))


def _place(month: int, day: int) -> int:
    """The place of a day in a year that has a 29th of February, the first of January being 1."""
    return (date(_SOME_LEAP_YEAR, month, 1) - date(_SOME_LEAP_YEAR, 1, 1)).days + day


def _age() -> pl.Expr:
    born = pl.col("birth_year") * 10_000 + pl.col("birth_month").cast(pl.Int32) * 100 + pl.col("birth_day")
    elapsed = _today().key - born
    return pl.when(elapsed >= 0).then(elapsed) // 10_000


def _band(age: pl.Expr) -> pl.Expr:
    """The place of the band in `AGES`."""
    span = LIMITS[1] - LIMITS[0]
    return (age // span).clip(LIMITS[0] // span - 1, LIMITS[-1] // span) - (LIMITS[0] // span - 1)


def _days_to_birthday() -> pl.Expr:
    today = _today()
    place = pl.lit(today.places).gather(pl.col("birth_month").cast(pl.Int32) * _SLOTS + pl.col("birth_day"))
    # In a year without a 29th of February that day and all after it come one day earlier.
    later = (place >= _LEAP_PLACE).cast(pl.Int32)
    this, following = place - later * today.short, place - later * today.next_short
    wait = this - today.place
    return pl.when(wait >= 0).then(wait).otherwise(following + today.year_days - today.place)


_SOME_LEAP_YEAR = 2000
_SLOTS = 32
_LEAP_PLACE = _place(_FEBRUARY, _LEAP_DAY)


@dataclass(frozen=True, slots=True)
class _Today:
    """What holds of the frame's day.

    Attributes:
        places: the place of each day of the year, by its month and day in one number.
        key: year, month and day in one number, by which ages are told.
        place: of the day in its year.
        short: 1 in years without a 29th of February.
        next_short: the same of the year after.
        year_days: days of the year.
    """

    places: pl.Series
    key: pl.Expr
    place: pl.Expr
    short: pl.Expr
    next_short: pl.Expr
    year_days: pl.Expr


@cache
def _today() -> _Today:
    days = pl.date_range(date(1970, 1, 1), date(2199, 12, 31), eager=True)  # those that a frame can stand on
    leap = days.dt.is_leap_year().cast(pl.Int32)
    month_day = days.dt.month().cast(pl.Int32) * 100 + days.dt.day()
    # In other years the 28th of February stands for the 29th, too.
    stands_for_29th = ((month_day == _FEBRUARY * 100 + _LEAP_DAY - 1) & (leap == 0)).cast(pl.Int32)
    places = [_place(max(slot // _SLOTS, 1), slot % _SLOTS) for slot in range(13 * _SLOTS)]
    return _Today(
        places=pl.Series("places", places, pl.Int32),
        key=_looked_up(days.dt.year() * 10_000 + month_day + stands_for_29th),
        place=_looked_up(days.dt.ordinal_day()),
        short=_looked_up(1 - leap),
        next_short=_looked_up(1 - days.dt.offset_by("1y").dt.is_leap_year().cast(pl.Int32)),
        year_days=_looked_up(365 + leap),
    )


def _birthday_of(row: Mapping[str, Any], year: int) -> date | None:
    month, day = row.get("birth_month"), row.get("birth_day")
    if month is None or day is None:
        return None
    try:
        return date(year, month, day)
    except ValueError:
        return date(year, month, day - 1)


def _age_of(row: Mapping[str, Any]) -> int | None:
    today, born = row["as_of"], row.get("birth_year")
    birthday = _birthday_of(row, today.year)
    if birthday is None or born is None:
        return None
    age: int = today.year - born - (birthday > today)
    return age if age >= 0 else None


def _band_of(row: Mapping[str, Any]) -> str | None:
    age = _age_of(row)
    return None if age is None else AGES[sum(age >= limit for limit in LIMITS)]


def _days_to_birthday_of(row: Mapping[str, Any]) -> int | None:
    today = row["as_of"]
    years = (_birthday_of(row, today.year), _birthday_of(row, today.year + 1))
    waits = [(day - today) // timedelta(days=1) for day in years if day is not None and day >= today]
    return min(waits, default=None)


_BIRTHDAY = ("birth_month", "birth_day")
_BIRTH = ("birth_year", *_BIRTHDAY)

COMPUTED: dict[str, Computed] = {
    one.name: one
    for one in (
        Computed("age", Kind.NUMBER, "年齢", "Age", "profile", _BIRTH, _age, _age_of),
        Computed("age_band", Kind.TEXT, "年代", "Age band", "profile", _BIRTH, lambda: _band(_age()), _band_of, AGES),
        Computed(
            "birthday_in", Kind.NUMBER, "誕生日までの日数", "Days to the birthday", "profile", _BIRTHDAY,
            _days_to_birthday, _days_to_birthday_of,
        ),
    )
}  # fmt: skip
"""Computed attributes by name."""


def value_of(name: str, row: Mapping[str, Any]) -> Any:
    """An attribute's value in a row of the frame, computed where it is not a column."""
    return COMPUTED[name].of(row) if name in COMPUTED else row.get(name)
