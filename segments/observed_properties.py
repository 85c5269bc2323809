"""Which own properties a shop's events really have, with which values, and how many people: what builders suggest.

What looks like a person is not shown, nor what only a few people did: a suggestion is a help, and tells of nobody.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from segments.history import History
from segments.observed_values import COUNTED_WHOLE
from segments.reduce.days import BUCKETS
from segments.rules.own_matching import NUMBER
from segments.shop_traits import looks_personal
from segments.windows import Window

LOOKED_AT = timedelta(days=30)
"""How far back events are looked at."""

LEAST_PEOPLE = 5
"""Of fewer people nothing is shown."""

MOST_PROPERTIES = 60
_NUMERIC = 0.9
"""Share of people with a number from which on a property is taken for one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedProperty:
    """One property of an event.

    Attributes:
        people: how many had it.
        number: nearly all of its values are numbers.
        values: the most frequent ones, with how many people had each.
    """

    name: str
    people: int
    number: bool
    values: dict[str, int]


def people_by_property(
    history: History, event: str, *, customers: int, day: date, most: int
) -> tuple[tuple[ObservedProperty, ...], bool]:
    """The own properties that an event had of late, the most frequent first, and whether the people are an estimate.

    Args:
        history: merges are not applied: who was merged counts twice here.
        event: its name.
        customers: how many there are.
        day: the running business day.
        most: values of each at most.
    """
    estimated = customers > COUNTED_WHOLE
    rows = history.events(Window(day - LOOKED_AT, day)).filter(pl.col("event") == event)
    some = rows.filter(pl.col("customer_id") % BUCKETS == 0) if estimated else rows
    parts = pl.col("properties").str.splitn("=", 2).struct.rename_fields(["name", "value"]).alias("part")
    each = some.select("customer_id", "properties").explode("properties").drop_nulls().unique()
    told = each.select("customer_id", parts).unnest("part").collect(engine="streaming")
    scale = BUCKETS if estimated else 1
    is_number = pl.col("customer_id").filter(pl.col("value").str.contains(NUMBER)).n_unique()
    names = told.group_by("name").agg(people=pl.col("customer_id").n_unique(), numbers=is_number)
    shown = names.filter(pl.col("people") >= LEAST_PEOPLE).sort("people", "name", descending=[True, False])
    values = told.group_by("name", "value").agg(people=pl.len()).filter(pl.col("people") >= LEAST_PEOPLE)
    ordered = values.sort("people", "value", descending=[True, False])
    return tuple(
        ObservedProperty(
            name=name,
            people=people * scale,
            number=numbers >= people * _NUMERIC,
            values=_shown(ordered.filter(pl.col("name") == name).head(most), scale),
        )
        for name, people, numbers in shown.head(MOST_PROPERTIES).iter_rows()
    ), estimated


def _shown(values: pl.DataFrame, scale: int) -> dict[str, int]:
    rows = values.select("value", "people").iter_rows()
    return {value: people * scale for value, people in rows if not looks_personal(value)}
