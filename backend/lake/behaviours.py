"""Behaviours that no stored column answers, from the lake: of everyone, or anew only of those of whom there is news.

History only grows between two compactions: whoever has no row in a file that was added since, and was not merged, did
nothing new, so that what was found of him still stands.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from backend.lake.asked_sources import Standing
from backend.lake.frame_view import FrameView
from backend.lake.kept_columns import Held, Made
from backend.lake.neighbours import among
from backend.lake.sample import Sampled
from backend.lake.schemas import ORDER_LINES_SCHEMA, Table
from backend.lake.tables import Lake
from segments.events import EventName
from segments.history import under_survivors
from segments.reduce.days import BUCKETS
from segments.rules.behaviour import OF_LINES, Behaviour, asks_lines, source_of
from segments.rules.occurrences import behaviour_rows, days_needed, event_columns, events_of, reaches
from segments.rules.packing import pack_occurrences
from segments.windows import Window

MOST_FILES = 200
MOST_CHANGED = 50_000
"""Of more new files, or more customers with news, everybody is looked at again."""

_ORDER = str(EventName.ORDER_COMPLETED)
_DAYS = (
    "customer_id",
    "business_day",
    "event",
    "key",
    "detail",
    "count",
    "amount",
    "first_at",
    "last_at",
    "first_seq",
    "trusted",
)
_LINES = ("seq", "customer_id", "business_day", *sorted(OF_LINES))


@dataclass(frozen=True, slots=True)
class _Read:
    """What rows were worked out of.

    Attributes:
        basis: what every row depends on.
        files: of each table.
        survivors: who was merged with whom.
    """

    basis: Hashable
    files: dict[Table, frozenset[str]]
    survivors: Mapping[int, int]


class Behaviours:
    """Behaviours of the customers of one lake. Calls block."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake

    def rows(self, behaviour: Behaviour, view: FrameView, standing: Standing, held: Held | None) -> Made:
        """``customer_id`` and the behaviour's columns of everyone who did it, and what the next call wants to know.

        Args:
            behaviour: of source "days", "lines" or "events".
            view: up to its day.
            standing: merges, and the moment from which minutes count back.
            held: what the last call gave.
        """
        minutes = behaviour.minutes is not None
        # The files first: what is added while rows are read is looked at the next time.
        files = {} if minutes else {table: self._lake.files(table) for table in _tables(behaviour)}
        read = _Read((view.day, view.verified), files, standing.survivors)
        before = held.notes if held is not None and isinstance(held.notes, _Read) else None
        if held is None or before is None or minutes or before.basis != read.basis:
            return self._found(behaviour, view, standing, None), read
        changed = self._changed(before, read)
        if changed is None:
            return self._found(behaviour, view, standing, None), read
        if not changed:
            return held.rows, read
        anew = self._found(behaviour, view, standing, changed)
        kept = held.rows.filter(~pl.col("customer_id").is_in(sorted(changed)))
        return pl.concat([kept, anew]), read

    def _changed(self, before: _Read, now: _Read) -> frozenset[int] | None:
        """Every number of the customers of whom there may be news; None where there is no telling."""
        if any(not files <= now.files[table] for table, files in before.files.items()):
            return None
        added = {table: now.files[table] - files for table, files in before.files.items()}
        if sum(map(len, added.values())) > MOST_FILES:
            return None
        found = [self._lake.rows_in(table, files).select("customer_id").unique() for table, files in added.items()]
        ids = {*pl.concat(found).unique().collect().get_column("customer_id").to_list()}
        if before.survivors is not now.survivors:
            for number, survivor in now.survivors.items() - before.survivors.items():
                ids |= {number, survivor, before.survivors.get(number, number)}
        whole = _numbers_of(ids, now.survivors)
        return whole if len(whole) <= MOST_CHANGED else None

    def _found(
        self, behaviour: Behaviour, view: FrameView, standing: Standing, customers: frozenset[int] | None
    ) -> pl.DataFrame:
        """The columns of everyone, or of some customers under all of their numbers."""
        events = self._events(behaviour, view, standing, customers)
        if behaviour.minutes is not None and behaviour.event == _ORDER:
            # The whole history of those who ordered of late: whether an order is new is told by all that is known of it.
            ids = events.select("customer_id").unique().collect().get_column("customer_id").to_list()
            customers = _numbers_of({*ids}, standing.survivors)
        rows = behaviour_rows(
            behaviour,
            days=under_survivors(self._days(behaviour, customers), standing.survivors),
            events=under_survivors(events, standing.survivors),
            lines=self._lines(behaviour, customers),
            verified=view.verified,
            now=standing.now,
            day=view.day,
        )
        return pack_occurrences(rows, behaviour).collect()

    def _days(self, behaviour: Behaviour, customers: frozenset[int] | None) -> pl.LazyFrame:
        needed = days_needed(behaviour)
        if not needed:
            return self._lake.rows_in(Table.CUSTOMER_DAYS, ())
        asked = pl.col("event").is_in(needed)
        if customers is None:
            return self._lake.customer_days().filter(asked).select(_DAYS)
        ids = pl.Series("customer_id", sorted(customers), dtype=pl.Int64)
        return self._lake.customer_days({*(ids % BUCKETS)}).filter(among(ids) & asked).select(_DAYS)

    def _events(
        self, behaviour: Behaviour, view: FrameView, standing: Standing, customers: frozenset[int] | None
    ) -> pl.LazyFrame:
        if source_of(behaviour) != "events":
            return self._lake.rows_in(Table.EVENTS, ())
        back = reaches(behaviour)
        window = None if back is None else Window(standing.calendar.business_day(standing.now - back), view.day)
        asked = self._lake.events(window).filter(pl.col("event").is_in(events_of(behaviour)))
        return _of(asked, customers).select(event_columns(behaviour))

    def _lines(self, behaviour: Behaviour, customers: frozenset[int] | None) -> pl.LazyFrame:
        if not _asks_lines(behaviour):
            return self._lake.rows_in(Table.ORDER_LINES, ())
        return _of(self._lake.order_lines(), customers).select(_LINES)


def sampled_rows(behaviour: Behaviour, sampled: Sampled, view: FrameView, *, now: datetime) -> pl.DataFrame:
    """As `Behaviours.rows`, of the people of a sample; blocks."""
    from_events = source_of(behaviour) == "events"
    rows = behaviour_rows(
        behaviour,
        days=sampled.days(days_needed(behaviour), _DAYS),
        events=sampled.events(events_of(behaviour) if from_events else (), event_columns(behaviour)),
        lines=sampled.lines(_LINES) if _asks_lines(behaviour) else pl.LazyFrame(schema=ORDER_LINES_SCHEMA),
        verified=view.verified,
        now=now,
        day=view.day,
    )
    return pack_occurrences(rows, behaviour).collect()


def _numbers_of(ids: set[int], survivors: Mapping[int, int]) -> frozenset[int]:
    """These numbers and every other number of the same people."""
    people = {survivors.get(number, number) for number in ids}
    return frozenset(ids | people | {number for number, survivor in survivors.items() if survivor in people})


def _of(rows: pl.LazyFrame, customers: frozenset[int] | None) -> pl.LazyFrame:
    """The rows of some customers; told by a range too, by which parts of files are passed over."""
    if customers is None:
        return rows
    number, ids = pl.col("customer_id"), sorted(customers)
    near = number.is_between(ids[0], ids[-1]) if ids else pl.lit(value=False)
    return rows.filter(near & number.is_in(ids))


def _tables(behaviour: Behaviour) -> list[Table]:
    """Tables whose rows decide."""
    tables = [Table.CUSTOMER_DAYS] if days_needed(behaviour) else []
    tables += [Table.ORDER_LINES] if _asks_lines(behaviour) else []
    return [*tables, Table.EVENTS] if source_of(behaviour) == "events" else tables


def _asks_lines(behaviour: Behaviour) -> bool:
    then = behaviour.then
    second = then is not None and asks_lines(then.event, then.where)
    return second or asks_lines(behaviour.event, behaviour.where)
