"""The last day on which a rank rose, and the last on which it fell: of reported ranks, and of computed ones.

Which of two ranks is the higher one say the rank rules: without rules, and of ranks that they do not name, nothing is said.
"""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from itertools import pairwise

import narwhals as nw
import polars as pl

from segments.events import EventName
from segments.rank_rules import RankVersion, spans
from segments.rank_walk import Step
from segments.reduce.days import Frame

WHO = ["customer_id", "as_of"]
TURNS: dict[str, pl.DataType] = {"rank_rose": pl.Date(), "rank_fell": pl.Date()}
"""Columns of the customer frame that say it of the ranks that the shop's own system reports."""

_CHANGED = str(EventName.MEMBERSHIP_RANK_CHANGED)
_DAY = timedelta(days=1)


def bounds(versions: Sequence[RankVersion]) -> Iterator[tuple[date, date, RankVersion]]:
    """Each version with the first and the last day on which it is in force."""
    held = spans(versions)
    for number, (begins, version) in enumerate(held):
        yield begins, held[number + 1][0] - _DAY if number + 1 < len(held) else date.max, version


def rank_changes(facts: Frame) -> Frame:
    """Rows of `WHO`, ``business_day``, ``last_at`` and ``rank`` for every rank that was reported."""
    told = facts.filter((nw.col("event") == _CHANGED) & (nw.col("key") != ""))
    return told.select(*WHO, "business_day", "last_at", nw.col("key").alias("rank"))


def reported_turns(changes: pl.DataFrame, versions: Sequence[RankVersion]) -> pl.DataFrame:
    """`WHO` and `TURNS` of all whose ranks were reported, by the rules that are in force on the as-of day."""
    found = [
        _turns(changes.filter(pl.col("as_of").is_between(begins, ends)), version.rules.names)
        for begins, ends, version in bounds(versions)
    ]
    schema = {"customer_id": pl.Int64(), "as_of": pl.Date(), **TURNS}
    return pl.concat([pl.DataFrame(schema=schema), *found])


def _turns(changes: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    places = {name: place for place, name in enumerate(names)}
    place = pl.col("rank").replace_strict(places, default=None, return_dtype=pl.Int64)
    # Of two ranks at one moment the first by name is the later one, as `segments.reduce.membership` has it.
    ordered = changes.sort([*WHO, "last_at", "rank"], descending=[False, False, False, True])
    placed = ordered.with_columns(place.alias("place")).with_columns(pl.col("place").shift().over(WHO).alias("before"))
    rose, fell = pl.col("place") > pl.col("before"), pl.col("place") < pl.col("before")
    day = pl.col("business_day")
    return placed.group_by(WHO).agg(
        day.filter(rose).max().alias("rank_rose"), day.filter(fell).max().alias("rank_fell")
    )


def last_turns(steps: Sequence[Step], versions: Sequence[tuple[date, RankVersion]]) -> tuple[date | None, date | None]:
    """The last days on which a computed rank rose and fell, by the rules that were in force on that day.

    Args:
        steps: in order.
        versions: `segments.rank_rules.spans`.
    """
    rose = fell = None
    for before, after in pairwise(steps):
        names = next(version.rules.names for begins, version in reversed(versions) if begins <= after.day)
        if before.rank not in names or after.rank not in names:
            continue
        if names.index(after.rank) > names.index(before.rank):
            rose = after.day
        else:
            fell = after.day
    return rose, fell
