"""A small sample of customers with all of their history, kept beside the frame: what is answered while everyone is still being asked.

Who is in it follows from his number alone (`segments.sampling`); a person has every number that was merged into his. The files
(`backend.lake.sample_files`) hold everything up to one event of the log; what came since is read in those files of the lake that
hold any of it, each once. Nothing depends on a sample: without one, or where it is behind, the answer takes longer.

Whoever took over a number whose history was not drawn is left out until the sample is drawn anew.
"""

import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import narwhals as nw
import numpy as np
import polars as pl

from backend.lake.sample_files import SampleIndex, read_index, read_rows
from backend.lake.schemas import LAYOUTS, RAW, Table
from backend.lake.tables import Lake
from segments.history import MERGES
from segments.reduce import days as reduce_days
from segments.sampling import drawn

FOLDER = "sample"
"""Inside of the frame's folder."""

EVENTS = (
    "seq", "customer_id", "event", "business_day", "occurred_at", "trusted", "platform", "device_key", "amount", "coupon_id",
    "store", "rank", "category", "score", "campaign_id", "delivery_id", "order_key", "valid_until", "properties",
)  # fmt: skip
"""Columns of events that are kept: those by which behaviours are told, and those of which days are counted."""

LINES = tuple(LAYOUTS[Table.ORDER_LINES].schema)

DAYS = tuple(name for name in reduce_days.DAYS_SCHEMA if name != "bucket")

_AT_ONCE = 1_000_000
"""Numbers that are drawn together."""

MOST_NEW = 2_000_000
"""A sample that lacks more rows of the lake than these does not answer."""


@dataclass(frozen=True, slots=True)
class People:
    """Who is in a sample, by the merges that are known now.

    Attributes:
        numbers: every merged number that matters, with the survivor (`MERGES`).
        absent: survivors who are left out: not all of their history was drawn.
    """

    limit: int
    numbers: pl.DataFrame
    absent: pl.Series

    def under_survivors(self, rows: pl.LazyFrame) -> pl.LazyFrame:
        """Rows of the sample's files under the survivors. Some may be of people who are not in it: nobody asks for those."""
        if self.numbers.is_empty():
            return rows
        joined = rows.join(self.numbers.lazy(), on="customer_id", how="left")
        return joined.with_columns(pl.coalesce("survivor", "customer_id").alias("customer_id")).drop("survivor")


def near_merges(survivors: Mapping[int, int], limit: int) -> pl.DataFrame:
    """The merges that matter to a sample (`MERGES`): of a number that would be in it, or into somebody who is."""
    count = len(survivors)
    pairs = pl.DataFrame(
        {
            "customer_id": np.fromiter(survivors.keys(), np.int64, count),
            "survivor": np.fromiter(survivors.values(), np.int64, count),
        },
        schema=MERGES,
    )
    into = pairs.select(pl.col("survivor").alias("customer_id")).select(drawn() < limit).to_series()
    return pairs.filter((drawn() < limit) | into)


def own_numbers(merges: pl.DataFrame, limit: int) -> pl.Expr:
    """Over rows of the lake: whether they are of a number that belongs to somebody in the sample."""
    by_survivor = merges.select(pl.col("survivor").alias("customer_id")).select(drawn() < limit).to_series()
    mine = merges.get_column("customer_id").filter(by_survivor)
    others = merges.get_column("customer_id").filter(~by_survivor)
    number = pl.col("customer_id")
    return ((drawn() < limit) & ~number.is_in(others.implode())) | number.is_in(mine.implode())


@dataclass(frozen=True, slots=True)
class Sampled:
    """A sample as it stands: history that `segments.rules.occurrences` reads, merges applied.

    Attributes:
        people: who is in it.
    """

    folder: Path
    index: SampleIndex
    people: People
    new_events: pl.DataFrame
    new_lines: pl.DataFrame
    since: date | None

    def events(self, names: Collection[str], columns: Sequence[str]) -> pl.LazyFrame:
        """Some columns of the events of some names."""
        new = self.new_events.filter(pl.col("event").is_in([*names])).select(columns)
        return self._kept(pl.concat([self._read("events", names, columns), new]).lazy())

    def lines(self, columns: Sequence[str]) -> pl.LazyFrame:
        """Some columns of the order lines."""
        return self._kept(pl.concat([self._read("lines", None, columns), self.new_lines.select(columns)]).lazy())

    def days(self, names: Collection[str], columns: Sequence[str]) -> pl.LazyFrame:
        """Some columns of the rows of customer_days of some events."""
        rows = self._read("days", names, columns)
        if not self.new_events.is_empty():
            new = days_of(self.new_events, self.new_lines).filter(pl.col("event").is_in([*names]))
            rows = pl.concat([rows, new.select(columns)])
        return self.people.under_survivors(rows.lazy())

    def _kept(self, rows: pl.LazyFrame) -> pl.LazyFrame:
        """Without what was dropped from the lake since: the answer for everyone has none of it either."""
        kept = rows if self.since is None else rows.filter(pl.col("business_day") >= self.since)
        return self.people.under_survivors(kept)

    def _read(self, what: str, names: Collection[str] | None, columns: Sequence[str]) -> pl.DataFrame:
        return read_rows(self.folder, self.index.tables[what], names, columns=columns)


def _drawn_above(numbers: pl.Series, top: int, limit: int) -> pl.Series:
    """Those of the numbers above ``top`` that are drawn, each once."""
    number = pl.col("customer_id")
    parts = numbers.to_frame("customer_id").iter_slices(_AT_ONCE)
    return pl.concat(part.filter(number > top, drawn() < limit) for part in parts).to_series().unique()


def days_of(events: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    """The rows of customer_days that some events make, but for devices, which no rule asks for."""
    counted = reduce_days.customer_days(nw.from_native(events.lazy()), nw.from_native(lines.lazy())).to_native()
    rows: pl.DataFrame = counted.filter(pl.col("event") != reduce_days.DEVICE_SEEN).select(DAYS).collect()
    return rows


class Sample:
    """The sample of one lake, for whoever reads it. Calls block.

    Args:
        lake: whose customers.
        folder: where its files lie.
    """

    def __init__(self, lake: Lake, folder: Path) -> None:
        self._lake = lake
        self._folder = folder
        self._reading = threading.Lock()
        self._people: tuple[object, Mapping[int, int], People] | None = None
        self._found: dict[str, pl.DataFrame] = {}
        self._found_for: object = None
        self._last: tuple[object, Mapping[int, int], Sampled] | None = None
        self._drawn: tuple[object, int, pl.Series] | None = None

    def at(self, survivors: Mapping[int, int]) -> Sampled | None:
        """The sample as it stands; None where there is none, or it is too far behind.

        Args:
            survivors: everyone who was merged, with whom he is today.
        """
        with self._reading:
            index = read_index(self._folder)
            if index is None:
                return None
            state = (index.tables["events"].name, *(self._lake.state(table) for table in RAW))
            if self._last is None or self._last[0] != state or self._last[1] is not survivors:
                sampled = self._read(index, survivors)
                if sampled is None:
                    return None
                self._last = (state, survivors, sampled)
            return self._last[2]

    def places(self, sampled: Sampled, rows: pl.LazyFrame, current: pl.Expr) -> pl.Series:
        """Where its people stand among the frame's stored rows. Only numbers that are new are drawn: the others stay where they are."""
        numbers = rows.select("customer_id", current.alias("current")).collect()
        number = numbers.get_column("customer_id")
        with self._reading:
            made = (sampled.index.limit, sampled.index.customers)
            if self._drawn is None or self._drawn[0] != made:
                self._drawn = (made, 0, number.clear())
            _, top, known = self._drawn
            highest = number.max()
            if isinstance(highest, int) and highest > top:
                known = pl.concat([known, _drawn_above(number, top, sampled.index.limit)])
                self._drawn = (made, highest, known)
            people = known.filter(~known.is_in(sampled.people.absent.implode()))
        return numbers.select(
            (pl.col("customer_id").is_in(people.implode()) & pl.col("current")).arg_true()
        ).to_series()

    def _read(self, index: SampleIndex, survivors: Mapping[int, int]) -> Sampled | None:
        people = self._who(index, survivors)
        events, lines = (self._behind(table, index) for table in RAW)
        if sum(int(part.get_column("rows").sum()) for part in (events, lines)) > MOST_NEW:
            return None
        return Sampled(
            folder=self._folder,
            index=index,
            people=people,
            new_events=self._news(Table.EVENTS, events, index, people).select(EVENTS),
            new_lines=self._news(Table.ORDER_LINES, lines, index, people).select(LINES),
            since=self._lake.raw_since(),
        )

    def _who(self, index: SampleIndex, survivors: Mapping[int, int]) -> People:
        made = index.tables["merges"].name
        if self._people is not None and self._people[0] == made and self._people[1] is survivors:
            return self._people[2]
        merges = near_merges(survivors, index.limit)
        then = read_rows(self._folder, index.tables["merges"])
        held = merges.join(then.rename({"survivor": "before"}), on="customer_id", how="left")
        drawn_then = pl.coalesce("before", "customer_id").alias("customer_id")
        was_in = held.select(drawn_then).select(drawn() < index.limit).to_series()
        lacking = held.filter(~was_in & (pl.col("customer_id") <= index.top)).get_column("survivor").unique()
        people = People(index.limit, merges, lacking)
        self._people = (made, survivors, people)
        return people

    def _behind(self, table: Table, index: SampleIndex) -> pl.DataFrame:
        return self._lake.parts(table).filter(pl.col("upto").fill_null(index.upto + 1) > index.upto)

    def _news(self, table: Table, parts: pl.DataFrame, index: SampleIndex, people: People) -> pl.DataFrame:
        """What came since; each file of the lake is looked through once, as long as the same numbers matter."""
        known = (index.upto, index.limit, people.numbers.height)
        if self._found_for != known:
            self._found, self._found_for = {}, known
        files = parts.get_column("file").to_list()
        for file in files:
            if file not in self._found:
                rows = self._lake.rows_in(table, [file]).filter(pl.col("seq") > index.upto)
                own = rows.filter(
                    (drawn() < index.limit)
                    | pl.col("customer_id").is_in(people.numbers.get_column("customer_id").implode())
                )
                self._found[file] = own.collect()
        gone = {file for file in self._found if f"/{table}/" in file} - {*files}
        self._found = {file: rows for file, rows in self._found.items() if file not in gone}
        return pl.concat([pl.DataFrame(schema=LAYOUTS[table].schema), *(self._found[file] for file in files)])
