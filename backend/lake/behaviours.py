"""Behaviours that no stored column answers, from the lake: of everyone, or anew only of those of whom there is news.

History only grows between two compactions: whoever has no row in a file that was added since, and was not merged, did
nothing new, so that what was found of him still stands.
"""

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl

from backend.lake.asked_sources import Standing
from backend.lake.frame_view import FrameView
from backend.lake.kept_columns import Held, Made
from backend.lake.neighbours import among
from backend.lake.parting import PLACE, Parting, Some
from backend.lake.sample import Sampled
from backend.lake.schemas import ORDER_LINES_SCHEMA, Table
from backend.lake.shelf import Shelf, parts_of
from backend.lake.tables import Lake
from segments.events import EventName
from segments.history import under_survivors
from segments.reduce.days import BUCKETS
from segments.rules.behaviour import OF_LINES, Behaviour, asks_lines, source_of
from segments.rules.occurrences import behaviour_rows, days_needed, deciding, event_columns, events_of, reaches
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
    """Behaviours of the customers of one lake. Calls block.

    Args:
        lake: history.
        scratch: a folder for parts of it while they are worked on, and for what was found.
    """

    def __init__(self, lake: Lake, scratch: Path) -> None:
        self._lake = lake
        self._scratch = scratch
        self._shelf = Shelf(scratch)

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
        few = self._recent(behaviour, view, standing) if minutes and behaviour.event == _ORDER else None
        if few is not None and len(few) <= MOST_CHANGED:
            return self._some(behaviour, view, standing, few), read
        changed = None if before is None or minutes or before.basis != read.basis else self._changed(before, read)
        if held is None or changed is None:
            return self._shelf.lay(self._everyone(behaviour, view, standing)), read
        if not changed:
            return held.rows, read
        anew = self._some(behaviour, view, standing, changed)
        return self._shelf.lay(_with_news(held.rows, changed, anew)), read

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

    def _recent(self, behaviour: Behaviour, view: FrameView, standing: Standing) -> frozenset[int]:
        """Every number of those who ordered of late: all that is known of them tells whether an order is new."""
        ids = self._events(behaviour, view, standing).select("customer_id").unique().collect()
        return _numbers_of({*ids.get_column("customer_id").to_list()}, standing.survivors)

    def _some(
        self, behaviour: Behaviour, view: FrameView, standing: Standing, customers: frozenset[int]
    ) -> pl.DataFrame:
        """The columns of some customers, given with all of their numbers."""
        ids = pl.Series("customer_id", sorted(customers), dtype=pl.Int64)
        rows = behaviour_rows(
            behaviour,
            days=under_survivors(self._days(behaviour, ids), standing.survivors),
            events=under_survivors(_of(self._events(behaviour, view, standing), ids), standing.survivors),
            lines=_of(self._lines(behaviour), ids),
            verified=view.verified,
            now=standing.now,
            day=view.day,
        )
        return pack_occurrences(rows, behaviour).sort(PLACE).collect()

    def _everyone(self, behaviour: Behaviour, view: FrameView, standing: Standing) -> Iterator[pl.DataFrame]:
        """The columns of everyone: of some customers after the others, in the order of `PLACE`."""
        merged = pl.LazyFrame({"customer_id": [*standing.survivors]}, schema={"customer_id": pl.Int64})
        absorbed = self._days(behaviour).join(merged, on="customer_id", how="semi")
        elsewhere = {"events": self._events(behaviour, view, standing), "lines": self._lines(behaviour)}
        elsewhere |= {"absorbed": absorbed} if standing.survivors else {}
        with Parting(self._scratch, events={*events_of(behaviour), *days_needed(behaviour)}) as parting:
            for name, rows in elsewhere.items():
                parting.add(name, under_survivors(rows, standing.survivors))
            for some, found in parting.parts(self._sizes(behaviour), upto=_highest(view)):
                own = self._days(behaviour, some=some)
                if standing.survivors:
                    own = pl.concat([own.join(merged, on="customer_id", how="anti"), found["absorbed"]])
                history = {"days": own, "events": found["events"], "lines": found["lines"]}
                rows = behaviour_rows(behaviour, **history, verified=view.verified, now=standing.now, day=view.day)
                yield pack_occurrences(rows, behaviour).sort(PLACE).collect()

    def _sizes(self, behaviour: Behaviour) -> dict[int, int]:
        """How many rows each bucket of customer_days has, if a behaviour reads them."""
        if not days_needed(behaviour):
            return {}
        sizes = self._lake.parts(Table.CUSTOMER_DAYS).group_by("value").agg(pl.col("rows").sum())
        return {int(bucket): int(rows) for bucket, rows in sizes.iter_rows()}

    def _days(
        self, behaviour: Behaviour, among_them: pl.Series | None = None, *, some: Some | None = None
    ) -> pl.LazyFrame:
        """Rows of customer_days that decide: of everyone, of these numbers, or of some customers."""
        needed = days_needed(behaviour)
        if not needed:
            return self._lake.rows_in(Table.CUSTOMER_DAYS, ()).select(_DAYS)
        rows = (
            self._lake.customer_days() if some is None else self._lake.customer_days({some.bucket}).filter(some.number)
        )
        if among_them is not None:
            rows = self._lake.customer_days({*(among_them % BUCKETS)}).filter(among(among_them))
        return rows.filter(pl.col("event").is_in(needed)).select(_DAYS)

    def _events(self, behaviour: Behaviour, view: FrameView, standing: Standing) -> pl.LazyFrame:
        if source_of(behaviour) != "events":
            return self._lake.rows_in(Table.EVENTS, ()).select(event_columns(behaviour))
        back = reaches(behaviour)
        window = None if back is None else Window(standing.calendar.business_day(standing.now - back), view.day)
        return self._lake.events(window).filter(deciding(behaviour)).select(event_columns(behaviour))

    def _lines(self, behaviour: Behaviour) -> pl.LazyFrame:
        lines = self._lake.order_lines() if _asks_lines(behaviour) else self._lake.rows_in(Table.ORDER_LINES, ())
        return lines.select(_LINES)


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
    return pack_occurrences(rows, behaviour).sort(PLACE).collect()


def _with_news(held: pl.DataFrame, changed: frozenset[int], anew: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """What was found before with what was found ``anew`` of the ``changed`` in its place, part by part."""
    parts, number, ids = [*parts_of(held)], pl.col("customer_id"), sorted(changed)
    for left, part in zip(range(len(parts) - 1, -1, -1), parts, strict=True):
        own = anew if not left else anew.filter(part.tail(1).select(PLACE).item() >= PLACE)
        anew = anew.slice(own.height)
        yield pl.concat([part.filter(~number.is_in(ids)), own]).sort(PLACE)


def _numbers_of(ids: set[int], survivors: Mapping[int, int]) -> frozenset[int]:
    """These numbers and every other number of the same people."""
    people = {survivors.get(number, number) for number in ids}
    return frozenset(ids | people | {number for number, survivor in survivors.items() if survivor in people})


def _of(rows: pl.LazyFrame, ids: pl.Series) -> pl.LazyFrame:
    """The rows of some customers; told by a range too, by which parts of files are passed over."""
    number = pl.col("customer_id")
    near = number.is_between(ids[0], ids[-1]) if len(ids) else pl.lit(value=False)
    return rows.filter(near & number.is_in(ids.implode()))


def _highest(view: FrameView) -> int:
    return int(view.rows.select(pl.col("customer_id").max()).collect().item() or 0)


def _tables(behaviour: Behaviour) -> list[Table]:
    """Tables whose rows decide."""
    tables = [Table.CUSTOMER_DAYS] if days_needed(behaviour) else []
    tables += [Table.ORDER_LINES] if _asks_lines(behaviour) else []
    return [*tables, Table.EVENTS] if source_of(behaviour) == "events" else tables


def _asks_lines(behaviour: Behaviour) -> bool:
    then = behaviour.then
    second = then is not None and asks_lines(then.event, then.where)
    return second or asks_lines(behaviour.event, behaviour.where)
