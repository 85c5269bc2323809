"""Attributes that are computed from columns of the frame when a rule asks, because they move with the day.

Each is written twice: as an expression over the frame, and over one row for `explain`. Who was born on 29 February has the
28th for a birthday in other years.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
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
        expression: over a frame.
        of: over a row; None where something is not known, as the expression is null.
    """

    name: str
    kind: Kind
    ja: str
    en: str
    facet: str
    needs: tuple[str, ...]
    expression: pl.Expr
    of: Callable[[Mapping[str, Any]], Any]


def _birthday_in(year: pl.Expr) -> pl.Expr:
    """The birthday in that year."""
    leap = pl.date(year, 1, 1).dt.is_leap_year()
    born_leap = (pl.col("birth_month") == _FEBRUARY) & (pl.col("birth_day") == _LEAP_DAY)
    day = pl.when(born_leap & ~leap).then(pl.lit(_LEAP_DAY - 1, pl.Int8)).otherwise(pl.col("birth_day"))
    return pl.date(year, pl.col("birth_month"), day)


def _age() -> pl.Expr:
    year = pl.col("as_of").dt.year()
    before = (_birthday_in(year) > pl.col("as_of")).cast(pl.Int64)
    age = year.cast(pl.Int64) - pl.col("birth_year") - before
    return pl.when(age >= 0).then(age)


def _band(age: pl.Expr) -> pl.Expr:
    bands = [pl.when(age < above).then(pl.lit(code)) for above, code in zip(LIMITS, AGES, strict=False)]
    return pl.coalesce(*bands, pl.when(age.is_not_null()).then(pl.lit(AGES[-1])))


def _days_to_birthday() -> pl.Expr:
    year = pl.col("as_of").dt.year()
    this, following = _birthday_in(year), _birthday_in(year + 1)
    upcoming = pl.when(this >= pl.col("as_of")).then(this).otherwise(following)
    return (upcoming - pl.col("as_of")).dt.total_days()


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
        Computed("age", Kind.NUMBER, "年齢", "Age", "profile", _BIRTH, _age(), _age_of),
        Computed("age_band", Kind.TEXT, "年代", "Age band", "profile", _BIRTH, _band(_age()), _band_of),
        Computed(
            "birthday_in", Kind.NUMBER, "誕生日までの日数", "Days to the birthday", "profile", _BIRTHDAY,
            _days_to_birthday(), _days_to_birthday_of,
        ),
    )
}  # fmt: skip
"""Computed attributes by name."""


def value_of(name: str, row: Mapping[str, Any]) -> Any:
    """An attribute's value in a row of the frame, computed where it is not a column."""
    return COMPUTED[name].of(row) if name in COMPUTED else row.get(name)
