"""What share of net sales is gross margin, as the shop states it: a rate for each product category, and one for the rest."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import polars as pl

WHOLE = 10_000
"""Basis points of all: 2250 of them are 22.5 %."""

_LINE = re.compile(r"(.*[^\s=,:、：，])[\s=,:、：，]+([^\s=,:、：，]+)")
_PERCENT = re.compile(r"([0-9]{1,3})(?:\.([0-9]{1,2}))?")
_KEYS = {"version": pl.Int64, "category": pl.String, "own_rate": pl.Int64}


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginRates:
    """One version of the rates, in basis points of net sales.

    Attributes:
        version: its number.
        valid_from: the first business day whose sales it is for; they are its until a later version begins.
        default: of every category that is not named, and of sales without a category; None: their margin is not known.
        categories: names as order lines carry them, and their rates, by name.
    """

    version: int
    valid_from: date
    default: int | None = None
    categories: tuple[tuple[str, int], ...] = ()


def read_percent(text: str) -> int:
    """Basis points of a percentage with at most two decimals: ``22.5`` → 2250. Full-width figures and a % are understood.

    Raises:
        ValueError: it is none from 0 to 100.
    """
    typed = unicodedata.normalize("NFKC", text).strip().removesuffix("%").strip()
    found = _PERCENT.fullmatch(typed)
    points = WHOLE + 1 if found is None else int(found[1]) * 100 + int((found[2] or "").ljust(2, "0"))
    if points > WHOLE:
        raise ValueError(f"{text!r} is not a percentage from 0 to 100 with at most two decimals")
    return points


def write_percent(points: int) -> str:
    """Basis points as a percentage: 2250 → ``22.5``."""
    return f"{Decimal(points) / 100:f}"


def read_rate(line: str) -> tuple[str, int]:
    """A category and its rate, apart by a blank, a tab, a comma, a colon or an equals sign: ``tea = 22.5``.

    Raises:
        ValueError: it is not of that form.
    """
    found = _LINE.fullmatch(line.strip().rstrip("%％ \t"))
    if found is None:
        raise ValueError(f"{line.strip()!r} is not a category and its percentage, like tea = 22.5")
    return found[1].strip(), read_percent(found[2])


def version_on(day: pl.Expr, versions: Sequence[MarginRates]) -> pl.Expr:
    """The number of the version in force on a day: that which began last by then, of equals the newest; null before the first."""
    found = pl.lit(None, pl.Int64)
    for one in sorted(versions, key=lambda each: (each.valid_from, each.version)):
        found = pl.when(day >= one.valid_from).then(pl.lit(one.version, pl.Int64)).otherwise(found)
    return found


def by_category(versions: Sequence[MarginRates]) -> pl.LazyFrame:
    """``version``, ``category``, ``own_rate``: every rate that a version names."""
    rows = [(one.version, name, rate) for one in versions for name, rate in one.categories]
    return pl.LazyFrame(rows, schema=_KEYS, orient="row")


def by_default(versions: Sequence[MarginRates]) -> pl.LazyFrame:
    """``version`` and its ``default``, null where it has none."""
    rows = [(one.version, one.default) for one in versions]
    return pl.LazyFrame(rows, schema={"version": pl.Int64, "default": pl.Int64}, orient="row")
