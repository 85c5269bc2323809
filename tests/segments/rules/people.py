"""Frame rows for rule tests: a person is written as what differs from someone of whom nothing is known."""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any

import polars as pl

from segments.customers import BY_NAME, DAYS_PREFIX, days_column
from segments.events import EventName
from segments.reduce.latest import latest_columns

TODAY = date(2026, 6, 30)
COUNTS = ("orders", "purchase_days", "spend", "launches", "visits", "coupons_held", "coupons_used", "points")


def ago(days: int) -> date:
    """The business day so many days before the as-of day."""
    return TODAY - timedelta(days=days)


def person(did: Mapping[str, list[int]] | None = None, **known: Any) -> dict[str, Any]:
    """A row of the frame: unknown everywhere but in ``known``; ``did`` gives ages of events in days."""
    row: dict[str, Any] = dict.fromkeys(BY_NAME) | dict.fromkeys(COUNTS, 0) | {"customer_id": 1, "as_of": TODAY}
    lists = {days_column(event): [ago(age) for age in sorted(ages)] for event, ages in (did or {}).items()}
    return row | known | lists


def frame_of(rows: Iterable[Mapping[str, Any]], events: Iterable[str] = (EventName.ORDER_COMPLETED,)) -> pl.DataFrame:
    """The customer frame of ``rows``, with the columns of the days of each of ``events`` and of each that the rows name."""
    people = list(rows)
    named = {key for row in people for key in row if key.startswith(DAYS_PREFIX)} | {days_column(e) for e in events}
    schema: dict[str, Any] = {name: one.dtype for name, one in BY_NAME.items()} | {
        name: pl.List(pl.Date()) for name in sorted(named)
    }
    schema |= {key: pl.Boolean() for row in people for key in row if key.startswith("list:")}
    full = [{name: row.get(name, [] if name in named else None) for name in schema} for row in people]
    lists = [name.removeprefix(DAYS_PREFIX) for name in sorted(named) if "|" not in name]
    return pl.DataFrame(full, schema=schema).with_columns(latest_columns(lists))
