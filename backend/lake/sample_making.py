"""Draws the sample (`backend.lake.sample`) and keeps it up: only the one writer of the lake does, a bounded piece a turn.

What lies in the lake is read day by day, some millions of rows a turn; the days of customers are counted of it, and where raw
history was dropped those of before are read. From then on only what is new is added, now and then.

Where several processes take turns at that, each draws for itself until one is done; a file beside the sample says to all of them when
somebody was taken out, so that none goes on with what it read before.
"""

import shutil
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from uuid import uuid4

import msgspec
import polars as pl

from backend.lake.manifest import replace_file
from backend.lake.sample import DAYS, EVENTS, LINES, days_of, near_merges, own_numbers
from backend.lake.sample_files import (
    LAYOUT,
    SampleIndex,
    Stored,
    put_in_force,
    read_index,
    read_rows,
    remove,
    write_rows,
)
from backend.lake.schemas import Table
from backend.lake.tables import Lake
from segments.reduce.days import DEVICE_SEEN
from segments.sampling import GROWN, LEAST, PEOPLE, drawn, limit_for

ROWS_AT_ONCE = 4_000_000
"""Rows of the lake that are looked through in one turn: one to three CPU seconds."""

BEHIND = 200_000
"""What is new is added when the files that hold any of it have more rows than these."""

LACKING = 0.02
"""The sample is drawn anew when this share of its people is left out because of merges."""

BETWEEN_LOOKS = 16
"""Turns from one look at what is new to the next."""

_TAKEN_OUT = "taken-out"

_NEEDED = 2_000_000_000
"""Bytes of the disk that have to be free: a sample takes a tenth of them."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What is drawn from.

    Attributes:
        customers: rows of the frame.
        top: the highest number of a customer in it.
        survivors: everyone who was merged, with whom he is today.
    """

    customers: int
    top: int
    survivors: Mapping[int, int]


@dataclass(slots=True)
class _Begun:
    """A sample on its way; it is lost with the process, and begun anew."""

    index: SampleIndex
    merges: pl.DataFrame
    left: list[tuple[Table, str, int]]
    taken_out: bytes
    events: list[pl.DataFrame] = field(default_factory=list)
    lines: list[pl.DataFrame] = field(default_factory=list)


class SampleMaker:
    """The one writer of a sample. Calls block.

    Args:
        lake: whose customers are drawn.
        folder: where the files go.
    """

    def __init__(self, lake: Lake, folder: Path) -> None:
        self._lake = lake
        self._folder = folder
        self._begun: _Begun | None = None
        self._turns = 0
        self._worn_out = False

    def is_lacking(self, customers: int) -> bool:
        """Whether there should be a sample of so many customers, and is none, or one of far fewer."""
        if customers < LEAST:
            return False
        index = read_index(self._folder)
        wanted = index is None or customers > GROWN * index.customers or self._worn_out
        return wanted and shutil.disk_usage(_existing(self._folder)).free > _NEEDED

    def is_due(self, customers: int) -> bool:
        """Whether `go_on` has anything to do; what was begun is let go where another process was done first, or took somebody out."""
        lacking = self.is_lacking(customers)
        if self._begun is not None and not (lacking and self._begun.taken_out == self._taken_out()):
            self._begun = None
        if lacking:
            return True
        index, self._turns = read_index(self._folder), self._turns + 1
        if index is None or self._turns % BETWEEN_LOOKS:
            return False
        parts = self._lake.parts(Table.EVENTS).filter(pl.col("upto").fill_null(index.upto + 1) > index.upto)
        return int(parts.get_column("rows").sum()) > BEHIND or self._since() != index.raw_since

    def go_on(self, standing: Standing) -> None:
        """Draw the next piece, or add what is new."""
        if self.is_lacking(standing.customers):
            self._draw(standing)
        elif (index := read_index(self._folder)) is not None:
            self._follow(index, standing)

    @property
    def is_drawing(self) -> bool:
        """Whether a piece was drawn, and others are left: who was merged with whom is known by then."""
        return self._begun is not None

    def _draw(self, standing: Standing) -> None:
        begun, self._begun = self._begun, None  # whatever goes wrong, it is begun anew
        begun = begun or self._begin(standing)
        rows = 0
        while begun.left and rows < ROWS_AT_ONCE:
            rows += self._look_through(begun)
        if begun.left:
            self._begun = begun
        else:
            self._finish(begun)

    def forget(self, customer_ids: Collection[int]) -> None:
        """Take persons out, by every number of theirs; what is being drawn is begun anew."""
        self._let_go_of_begun()
        index = read_index(self._folder)
        if index is None:
            remove(self._folder)  # what no index tells of, such as files of an earlier release, may hold them too
            return
        theirs = pl.col("customer_id").is_in(sorted(customer_ids))
        kept = {what: self._without(what, stored, theirs) for what, stored in index.tables.items()}
        put_in_force(self._folder, msgspec.structs.replace(index, tables=kept))

    def remove(self) -> None:
        """Have no sample: what it was drawn from is not the same any more."""
        self._let_go_of_begun()
        remove(self._folder)

    def _let_go_of_begun(self) -> None:
        """Here, and by whichever other process has begun one; whoever begins makes the folder."""
        self._begun = None
        if self._folder.exists():
            replace_file(self._folder / _TAKEN_OUT, uuid4().bytes)

    def _taken_out(self) -> bytes:
        """Other bytes each time that somebody was taken out."""
        path = self._folder / _TAKEN_OUT
        return path.read_bytes() if path.exists() else b""

    def _begin(self, standing: Standing) -> _Begun:
        self._folder.mkdir(parents=True, exist_ok=True)
        limit, parts = limit_for(standing.customers), self._lake.parts(Table.EVENTS)
        index = SampleIndex(
            limit=limit,
            customers=standing.customers,
            upto=_highest(parts),
            top=_top(standing),
            raw_since=self._since(),
            tables={},
            layout=LAYOUT,
        )
        lines = self._lake.parts(Table.ORDER_LINES)
        days = {*parts.get_column("value"), *lines.get_column("value")}
        sizes = {day: int(parts.filter(pl.col("value") == day).get_column("rows").sum()) for day in days}
        left = [(table, str(day), sizes[day]) for day in sorted(days) for table in (Table.EVENTS, Table.ORDER_LINES)]
        return _Begun(index, near_merges(standing.survivors, limit), left, self._taken_out())

    def _look_through(self, begun: _Begun) -> int:
        """One day of one table; gives how many rows were looked through."""
        table, day, rows = begun.left.pop()
        into, columns = (begun.events, EVENTS) if table is Table.EVENTS else (begun.lines, LINES)
        parts = self._lake.parts(table)
        files = parts.filter(pl.col("value") == date.fromisoformat(day)).get_column("file").to_list()
        known = self._lake.rows_in(table, files).filter(pl.col("seq") <= begun.index.upto)
        own = known.filter(own_numbers(begun.merges, begun.index.limit))
        into.append(own.select(columns).collect(engine="streaming"))
        return rows if table is Table.EVENTS else 0

    def _finish(self, begun: _Begun) -> None:
        events = pl.concat([self._lake.rows_in(Table.EVENTS, ()).select(EVENTS).collect(), *begun.events])
        lines = pl.concat([self._lake.rows_in(Table.ORDER_LINES, ()).select(LINES).collect(), *begun.lines])
        days = pl.concat([self._older_days(begun), days_of(events, lines)])
        self._worn_out = False
        self._put(begun.index, events, lines, days, begun.merges)

    def _older_days(self, begun: _Begun) -> pl.DataFrame:
        """Days of before raw history begins: they are in customer_days only."""
        if not begun.index.raw_since:
            return days_of(_empty(EVENTS, self._lake, Table.EVENTS), _empty(LINES, self._lake, Table.ORDER_LINES))
        before = pl.col("business_day") < date.fromordinal(begun.index.raw_since)
        own = before & (pl.col("event") != DEVICE_SEEN) & own_numbers(begun.merges, begun.index.limit)
        return self._lake.customer_days().filter(own).select(DAYS).collect(engine="streaming")

    def _follow(self, index: SampleIndex, standing: Standing) -> None:
        """Add what came since, and leave out what was dropped."""
        merges = near_merges(standing.survivors, index.limit)
        new_events = self._new(Table.EVENTS, index, merges).select(EVENTS).collect()
        new_lines = self._new(Table.ORDER_LINES, index, merges).select(LINES).collect()
        since = self._since()
        kept = pl.col("business_day") >= date.fromordinal(max(since, 1))
        events, lines, days, then = (
            read_rows(self._folder, index.tables[what]) for what in ("events", "lines", "days", "merges")
        )
        held = _held(merges, then, index)
        upto = max(index.upto, _highest(self._lake.parts(Table.EVENTS)))
        self._put(
            msgspec.structs.replace(index, upto=upto, top=_top(standing), raw_since=since),
            pl.concat([events, new_events]).filter(kept),
            pl.concat([lines, new_lines]).filter(kept),
            pl.concat([days, days_of(new_events, new_lines)]),
            held,
        )
        lacking = held.filter(pl.col("survivor").is_not_null()).join(merges, on="customer_id", how="inner")
        others = lacking.filter(pl.col("survivor") != pl.col("survivor_right"))
        self._worn_out = others.get_column("survivor_right").n_unique() > LACKING * PEOPLE

    def _new(self, table: Table, index: SampleIndex, merges: pl.DataFrame) -> pl.LazyFrame:
        parts = self._lake.parts(table).filter(pl.col("upto").fill_null(index.upto + 1) > index.upto)
        rows = self._lake.rows_in(table, parts.get_column("file").to_list())
        return rows.filter((pl.col("seq") > index.upto) & own_numbers(merges, index.limit))

    def _put(
        self, index: SampleIndex, events: pl.DataFrame, lines: pl.DataFrame, days: pl.DataFrame, merges: pl.DataFrame
    ) -> None:
        tables = {"events": events, "lines": lines, "days": days, "merges": merges}
        stored = {what: write_rows(self._folder, what, rows) for what, rows in tables.items()}
        put_in_force(self._folder, msgspec.structs.replace(index, tables=stored))

    def _without(self, what: str, stored: Stored, theirs: pl.Expr) -> Stored:
        rows = read_rows(self._folder, stored)
        kept = rows.filter(~theirs)
        return stored if kept.height == rows.height else write_rows(self._folder, what, kept)

    def _since(self) -> int:
        since = self._lake.raw_since()
        return 0 if since is None else since.toordinal()


def _held(merges: pl.DataFrame, then: pl.DataFrame, index: SampleIndex) -> pl.DataFrame:
    """The merges as `backend.lake.sample` has to see them: a number whose history was not drawn goes on as it was."""
    both = merges.join(then.rename({"survivor": "before"}), on="customer_id", how="left")
    before = pl.coalesce("before", "customer_id")
    was_in = both.select(before.alias("customer_id")).select(drawn() < index.limit).to_series()
    drawn_whole = was_in | (both.get_column("customer_id") > index.top)
    return both.select("customer_id", pl.when(drawn_whole).then("survivor").otherwise(before).alias("survivor"))


def _highest(parts: pl.DataFrame) -> int:
    return max([0, *(int(seq) for seq in parts.get_column("upto").drop_nulls())])


def _top(standing: Standing) -> int:
    return max([standing.top, *standing.survivors])


def _empty(columns: tuple[str, ...], lake: Lake, table: Table) -> pl.DataFrame:
    return lake.rows_in(table, ()).select(columns).collect()


def _existing(path: Path) -> Path:
    return path if path.exists() else _existing(path.parent)
