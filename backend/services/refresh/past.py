"""The customer frame as it was at the end of a past business day, in a file.

Made of all that is known today: what came late is in it, and customers who were merged since are one. It holds what history
decides; profile, consent and reach are known as of now only, and are left out.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import asyncpg
import narwhals as nw
import polars as pl
import pyarrow.parquet as pq

from backend.clock import Clock
from backend.errors import BadInput, Unavailable
from backend.lake.by_customer import CustomerHistories
from backend.lake.engine import Engine, Session
from backend.lake.frame import CustomerFrame
from backend.lake.schemas import Table
from backend.lake.tables import Lake
from backend.services.refresh import elsewhere
from backend.services.refresh.elsewhere import Elsewhere
from backend.services.refresh.frame import AT_ONCE
from backend.services.refresh.frame_rules import definitions_of
from backend.services.refresh.history import Here, history_of
from backend.store import customers, rank_rules, shop
from backend.store.pool import Connection
from segments import events
from segments.reduce.anywhere import Rules, names_in
from segments.reduce.days import BUCKETS


class PastFrames:
    """Writes frames of past days."""

    def __init__(self, pool: asyncpg.Pool, clock: Clock, lake: Lake, frame: CustomerFrame, engine: Engine) -> None:
        self._pool = pool
        self._clock = clock
        self._lake = lake
        self._frame = frame
        self._engine = engine

    async def write(self, day: date, to: Path) -> int:
        """Write everyone who had any history by then into a new Parquet file; gives how many.

        Raises:
            BadInput: the day has not come, or the file exists or cannot be made.
            Unavailable: the engine does not answer.
        """
        async with self._pool.acquire() as connection:
            calendar = (await shop.read_settings(connection)).calendar
            past = await past_of(connection, self._lake, self._frame, self._engine, day)
        today = calendar.business_day(self._clock.now())
        if day > today:
            raise BadInput(f"{day} has not come yet: today is {today}.", field="as_of")
        if not await asyncio.to_thread(_is_new, to):
            raise BadInput(f"{to} exists already, or its folder does not: name a new file.", field="to")
        return await asyncio.to_thread(past.write, to)


async def past_of(connection: Connection, lake: Lake, frame: CustomerFrame, engine: Engine, day: date) -> "Past":
    """What the frame was at the end of a day, by what is known now."""
    calendar = (await shop.read_settings(connection)).calendar
    coupons = await customers.list_coupons(connection)
    rules = Rules(
        coupons=definitions_of(coupons) if coupons else None,
        ranks=await rank_rules.list_versions(connection),
        week_starts=calendar.week_starts,
    )
    listed = frozenset({*events.BY_NAME, *frame.manifest().marks.get("events", [])})
    return Past(lake, engine, day, await customers.list_merges(connection), rules, listed)


@dataclass(frozen=True, slots=True)
class Past:
    """The frame of a past day, not made yet."""

    lake: Lake
    engine: Engine
    day: date
    merges: Sequence[tuple[int, int]]
    rules: Rules
    listed: frozenset[str]

    def write(self, to: Path) -> int:
        """Make it into a new file; gives how many rows."""
        part = to.with_name(f"{to.name}.part")
        count = 0
        try:
            with self.engine.session() as session:
                pieces = self.pieces(session)
                first = next(pieces)
                table = first.to_arrow(compat_level=pl.CompatLevel.oldest())
                with pq.ParquetWriter(part, table.schema, compression="zstd") as file:
                    file.write_table(table)
                    count += first.height
                    for piece in pieces:
                        file.write_table(piece.to_arrow(compat_level=pl.CompatLevel.oldest()))
                        count += piece.height
            part.rename(to)
        except OSError as error:
            raise Unavailable(f"{to} cannot be written: {error.strerror or error}.", code="disk") from error
        finally:
            part.unlink(missing_ok=True)
        return count

    def pieces(self, session: Session) -> Iterator[pl.DataFrame]:
        """Make it piece by piece; at least one, so that a file without rows has its columns."""
        days = session.table(self.lake, Table.CUSTOMER_DAYS)
        occurring, verified = names_in(session, days)
        begins = session.collect(days.select(nw.col("business_day").min())).item()
        names = [name for name in occurring if name in self.listed]
        rules = replace(self.rules, events=names, verified=verified, begins=begins)
        numbers = self._who(session)
        there = Elsewhere(session, self.lake, self.merges) if self.engine.distributed else None
        size = AT_ONCE if there is None else elsewhere.AT_ONCE
        absorbed, histories = _by_survivor(self.merges), CustomerHistories(self.lake)
        for start in range(0, max(len(numbers), 1), size):
            wanted = numbers[start : start + size]
            gone = {one: number for number in wanted for one in absorbed.get(number, ())}
            source = there if there is not None else Here(history_of(histories, wanted, gone))
            yield source.rows(wanted, day=self.day, rules=rules)

    def _who(self, session: Session) -> list[int]:
        """Everyone with any history by the day, those of a bucket together."""
        known = session.table(self.lake, Table.CUSTOMER_DAYS)
        found = session.collect(known.filter(nw.col("business_day") <= self.day).select("customer_id").unique())
        survivors = dict(self.merges)
        numbers = {survivors.get(number, number) for number in found.get_column("customer_id").to_list()}
        return sorted(numbers, key=lambda number: (number % BUCKETS, number))


def _is_new(file: Path) -> bool:
    return file.parent.is_dir() and not file.exists()


def _by_survivor(merges: Sequence[tuple[int, int]]) -> Mapping[int, list[int]]:
    found: dict[int, list[int]] = {}
    for gone, survivor in merges:
        found.setdefault(survivor, []).append(gone)
    return found
