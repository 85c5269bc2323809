"""Rows that fit and rows that do not: the first check that a row fails names its reason. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import polars as pl

ROW = "row number"
"""Name of the column that numbers a file's rows as people count them; no file has a column of that name."""

TOO_LONG = "an id has more than 255 characters"
MORE_DECIMALS = "more decimals than the currency has"

_OLDEST = datetime(2000, 1, 1, tzinfo=UTC)
_AHEAD = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must not be: where ``fails`` holds, the row is rejected.

    Attributes:
        reason: why, the same words for the same fault; pages translate it.
        value: what was found there.
    """

    fails: pl.Expr
    reason: str
    value: pl.Expr


@dataclass(frozen=True, slots=True)
class Checked:
    """Rows told apart.

    Attributes:
        good: rows that fit, typed; ``row`` is the row's number.
        rejected: row, reason, value.
    """

    good: pl.DataFrame
    rejected: pl.DataFrame


def judge(typed: pl.DataFrame, checks: Sequence[Check]) -> Checked:
    """Tell rows apart by the first check that each one fails.

    Args:
        typed: ``row`` and what the checks look at.
        checks: in the order in which their reasons go before each other.
    """
    judged = typed.with_columns(
        _first([(check.fails, pl.lit(check.reason)) for check in checks]).alias("reason"),
        _first([(check.fails, check.value.cast(pl.String)) for check in checks]).alias("value"),
    )
    return Checked(
        good=judged.filter(pl.col("reason").is_null()).drop("reason", "value"),
        rejected=judged.filter(pl.col("reason").is_not_null()).select("row", "reason", "value"),
    )


def time_checks(field: str, now: datetime, *, about: pl.Expr, required: bool = True) -> list[Check]:
    """A moment must be there, be one, and lie between the year 2000 and a day from ``now``.

    Args:
        field: name of the column; ``"<field> given"`` is what was found.
        now: an aware time.
        about: names the row where nothing was found.
        required: whether it must be there.
    """
    given = pl.col(f"{field} given")
    missing = Check(given.is_null(), f"no {field}", about)
    return [
        *([missing] if required else []),
        Check(given.is_not_null() & pl.col(field).is_null(), f"{field} is not a time", given),
        Check(pl.col(field) < _OLDEST, f"{field} is before the year 2000", given),
        Check(pl.col(field) > now.astimezone(UTC) + _AHEAD, f"{field} is in the future", given),
    ]


def _first(cases: Sequence[tuple[pl.Expr, pl.Expr]]) -> pl.Expr:
    outcome: pl.Expr = pl.lit(None, dtype=pl.String)
    for fails, then in reversed(cases):
        outcome = pl.when(fails.fill_null(value=False)).then(then).otherwise(outcome)
    return outcome
