"""Daily figures and the ledger of the days they were kept of."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

import asyncpg

from backend.store import queries
from backend.store.pool import Connection
from segments.snapshots import Snapshot
from segments.windows import Window

_SQL = queries.load("snapshots")


async def lock_plan(connection: Connection) -> None:
    """Hold off everyone else who plans and claims days, until the transaction ends."""
    await connection.execute(_SQL["lock_plan"])


async def last_planned(connection: Connection) -> date | None:
    """The newest day of the ledger."""
    found: date | None = await connection.fetchval(_SQL["last_planned"])
    return found


async def plan_days(connection: Connection, *, first: date, last: date, now: datetime) -> None:
    """Add every day from ``first`` to ``last`` that is not in the ledger."""
    await connection.execute(_SQL["plan_days"], first, last, now)


async def next_open(connection: Connection) -> asyncpg.Record | None:
    """The oldest day that is not done."""
    return await connection.fetchrow(_SQL["next_open"])


async def claim_day(connection: Connection, *, day: date, attempt_id: UUID, now: datetime, until: datetime) -> None:
    """Make the day this attempt's."""
    await connection.execute(_SQL["claim_day"], day, attempt_id, now, until)


async def hold_day(connection: Connection, *, day: date, attempt_id: UUID, until: datetime) -> bool:
    """Keep the day; False where it is another attempt's by now."""
    return await connection.fetchval(_SQL["hold_day"], day, attempt_id, until) is not None


async def insert_snapshots(connection: Connection, snapshots: Sequence[Snapshot]) -> None:
    """Add figures; those that are kept already stay as they are."""
    rows = [
        (s.choice, s.segment_id, s.business_day, s.segment_version, s.definition, s.window.first, s.window.last,
         float(s.numerator), s.denominator, s.value, s.incomplete, list(s.notes), s.taken_at)
        for s in snapshots
    ]  # fmt: skip
    await connection.executemany(_SQL["insert_snapshot"], rows)


async def list_kept(connection: Connection, *, day: date) -> set[tuple[str, int]]:
    """Choice and segment of every figure that is kept of a day."""
    return {(row["choice"], row["segment_id"]) for row in await connection.fetch(_SQL["list_kept"], day)}


async def finish_day(connection: Connection, *, day: date, attempt_id: UUID, now: datetime, failed: int) -> bool:
    """Mark the day done; False where it is another attempt's by now."""
    return await connection.fetchval(_SQL["finish_day"], day, attempt_id, now, failed) is not None


async def list_runs(connection: Connection, *, limit: int) -> list[asyncpg.Record]:
    """Days of the ledger, the newest first."""
    return list(await connection.fetch(_SQL["list_runs"], limit))


async def count_runs(connection: Connection) -> list[asyncpg.Record]:
    """How many days are in each state."""
    return list(await connection.fetch(_SQL["count_runs"]))


async def list_trend(connection: Connection, *, choice: str, segment_id: int, since: date) -> list[Snapshot]:
    """Every kept figure of one choice and one segment since a day, oldest first."""
    return [_snapshot(row) for row in await connection.fetch(_SQL["list_trend"], choice, segment_id, since)]


async def list_beside_everyone(
    connection: Connection, *, choices: Sequence[str], segment_id: int, since: date
) -> list[Snapshot]:
    """Every kept figure of these choices since a day, of one segment and of everyone."""
    rows = await connection.fetch(_SQL["list_beside_everyone"], list(choices), segment_id, since)
    return [_snapshot(row) for row in rows]


async def segments_at(connection: Connection, *, moment: datetime) -> list[tuple[int, int]]:
    """Number and version of the segments that there were at a moment."""
    return [(row["segment_id"], row["version"]) for row in await connection.fetch(_SQL["segments_at"], moment)]


def _snapshot(row: asyncpg.Record) -> Snapshot:
    return Snapshot(
        choice=row["choice"],
        segment_id=row["segment_id"],
        business_day=row["business_day"],
        segment_version=row["segment_version"],
        definition=row["definition"],
        window=Window(row["window_first"], row["window_last"]),
        numerator=row["numerator"],
        denominator=row["denominator"],
        value=row["value"],
        incomplete=row["incomplete"],
        notes=tuple(row["notes"]),
        taken_at=row["taken_at"],
    )
