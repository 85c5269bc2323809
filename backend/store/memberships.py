"""Who is in which segment: bits, changes, states. Only the holder of `lock_writer` writes, in the transaction in which he holds it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import asyncpg
import numpy as np
import numpy.typing as npt
import polars as pl

from backend.store import queries
from backend.store.binary_copy import Kind, copy_rows
from backend.store.pool import Connection

_SQL = queries.load("memberships")

PIECE = 20_000
"""Rows of bits in one statement, some 20 MB."""

FORGOTTEN = 10_000
"""Rows of changes that one statement forgets."""


@dataclass(frozen=True, slots=True)
class Writer:
    """The state of all memberships.

    Attributes:
        everyone: goes up when everybody is to be looked at again.
        as_of: up to when facts are in all memberships; None before the first time.
        seq: the last event that is in them.
    """

    everyone: int
    as_of: datetime | None
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """By what a segment's members were worked out, and how many they are. See the table's comment."""

    segment_id: int
    version: int
    basis: str
    moment: str
    everyone: int
    size: int
    reachable: int


async def lock_writer(connection: Connection) -> Writer | None:
    """Become the one who writes until the transaction ends; None while another is at it."""
    row = await connection.fetchrow(_SQL["lock_writer"])
    return Writer(**row) if row is not None else None


async def read_writer(connection: Connection) -> Writer:
    """The state of all memberships."""
    row = await connection.fetchrow(_SQL["read_writer"])
    assert row is not None  # noqa: S101 - the migration wrote the one row
    return Writer(**row)


async def look_at_everyone(connection: Connection) -> None:
    """Have everybody looked at again for every segment, in place of those in the queue."""
    await connection.execute(_SQL["look_at_everyone"])
    await connection.execute(_SQL["empty_queue"])


async def set_as_of(connection: Connection, *, as_of: datetime, seq: int) -> None:
    """All memberships hold facts up to then."""
    await connection.execute(_SQL["set_as_of"], as_of, seq)


async def read_queue(connection: Connection, *, limit: int) -> dict[int, int]:
    """Customers whose frame row was made anew, each with the version of the wish."""
    return {row["customer_id"]: row["version"] for row in await connection.fetch(_SQL["read_queue"], limit)}


async def clear_queue(connection: Connection, *, done: Mapping[int, int]) -> None:
    """Take customers out of the queue, except those who came into it again since `read_queue`."""
    await connection.execute(_SQL["clear_queue"], list(done), list(done.values()))


async def list_rules(connection: Connection) -> list[asyncpg.Record]:
    """Every segment (segment_id, version, live) with its present rule."""
    rows: list[asyncpg.Record] = await connection.fetch(_SQL["list_rules"])
    return rows


async def rules_mark(connection: Connection) -> str:
    """Another text as soon as `list_rules` gives something else."""
    return str(await connection.fetchval(_SQL["rules_mark"]))


async def mark_unknown(connection: Connection, *, segment_ids: Sequence[int]) -> None:
    """Have everybody looked at again for some segments."""
    await connection.execute(_SQL["mark_unknown"], segment_ids)


async def list_states(connection: Connection) -> dict[int, State]:
    """The state of every segment that was ever looked at."""
    return {row["segment_id"]: State(**row) for row in await connection.fetch(_SQL["list_states"])}


async def list_revisions(connection: Connection) -> dict[int, int]:
    """How often each static list has changed."""
    return {row["list_id"]: row["revision"] for row in await connection.fetch(_SQL["list_revisions"])}


async def read_blocks(
    connection: Connection, *, segment_ids: Sequence[int], blocks: Sequence[int] | None = None
) -> list[tuple[int, int, bytes]]:
    """Rows of bits (segment, block, bits) of some segments, in some blocks or all."""
    rows = await connection.fetch(_SQL["read_blocks"], segment_ids, blocks)
    return [(row["segment_id"], row["block"], row["bits"]) for row in rows]


async def put_blocks(connection: Connection, *, rows: Sequence[tuple[int, int, bytes]]) -> None:
    """Write rows of bits; those without any bit go."""
    full = [row for row in rows if any(row[2])]
    empty = [row for row in rows if not any(row[2])]
    for start in range(0, len(full), PIECE):
        await connection.execute(_SQL["put_blocks"], *_columns(full[start : start + PIECE]))
    if empty:
        await connection.execute(_SQL["drop_blocks"], *_columns(empty)[:2])


async def put_states(connection: Connection, states: Iterable[State], *, now: datetime) -> None:
    """Write states; ``since`` is set when a segment has its first."""
    rows = [(s.segment_id, s.version, s.basis, s.moment, s.everyone, s.size, s.reachable, now) for s in states]
    await connection.executemany(_SQL["put_state"], rows)


@dataclass(frozen=True, slots=True)
class Run:
    """Changes of one segment that have the same cause: customers, and whether each entered."""

    segment_id: int
    version: int
    cause: str
    customers: npt.NDArray[np.int64]
    entered: npt.NDArray[np.bool_]


async def add_changes(connection: Connection, *, runs: Iterable[Run], at: datetime) -> None:
    """Note who entered and left at a moment: cause by cause, customer by customer, of each his changes in the order of the runs.

    What one customer did for one cause is one row: whoever does something enters and leaves many segments by it.
    """
    by_cause: dict[str, list[Run]] = {}
    for run in runs:
        by_cause.setdefault(run.cause, []).append(run)
    if not by_cause:
        return
    rows = pl.concat(_turns(alike).with_columns(cause=pl.lit(cause)) for cause, alike in by_cause.items())
    lengths = rows["segments"].list.len().cast(pl.Int64)
    last = await connection.fetchval(_SQL["number_changes"], lengths.sum())
    numbered = rows.with_columns(at=pl.lit(at), change_id=last - lengths.sum() + lengths.cum_sum())
    await copy_rows(connection, "customer_turns", numbered, kinds=_TURN)


_TURN = {
    "change_id": Kind.BIGINT, "customer_id": Kind.BIGINT, "at": Kind.MOMENT, "cause": Kind.TEXT,
    "segments": Kind.INTEGERS, "versions": Kind.INTEGERS, "entered": Kind.BOOLEANS,
}  # fmt: skip


def _turns(runs: Sequence[Run]) -> pl.DataFrame:
    """A row a customer, ascending: what he entered and left, in the order of the runs."""
    sizes = [len(run.customers) for run in runs]
    changes = {
        "customer_id": np.concatenate([run.customers for run in runs]),
        "segments": np.repeat(np.array([run.segment_id for run in runs], np.int32), sizes),
        "versions": np.repeat(np.array([run.version for run in runs], np.int32), sizes),
        "entered": np.concatenate([run.entered for run in runs]),
    }
    return pl.DataFrame(changes).group_by("customer_id").all().sort("customer_id")


async def add_days(connection: Connection, *, rows: Iterable[tuple[int, date, int, int, int, int]]) -> None:
    """Note sizes and how many entered and left: segment, business day, size, reachable, entered, departed."""
    await connection.executemany(_SQL["put_day"], list(rows))


async def list_gone(connection: Connection, *, customer_ids: Sequence[int]) -> tuple[dict[int, int], frozenset[int]]:
    """Of these customers those who were merged, each with the survivor, and those who were erased."""
    rows = await connection.fetch(_SQL["list_gone"], customer_ids)
    merged = {row["customer_id"]: row["merged_into"] for row in rows if row["merged_into"] is not None}
    return merged, frozenset(row["customer_id"] for row in rows if row["erased"])


async def read_state(connection: Connection, *, segment_id: int) -> asyncpg.Record | None:
    """A segment with what is known of its members; None where there is no such segment."""
    return await connection.fetchrow(_SQL["read_state"], segment_id)


async def list_entries(
    connection: Connection, *, segment_id: int, customer_ids: Sequence[int]
) -> dict[int, asyncpg.Record]:
    """When these members entered last (at, version, cause), as far as that is kept."""
    rows = await connection.fetch(_SQL["list_entries"], segment_id, customer_ids)
    return {row["customer_id"]: row for row in rows}


async def name_customers(connection: Connection, *, customer_ids: Sequence[int]) -> dict[int, str | None]:
    """The shop's own numbers of customers."""
    rows = await connection.fetch(_SQL["name_customers"], customer_ids)
    return {row["customer_id"]: row["user_id"] for row in rows}


async def list_changes(
    connection: Connection, *, after: int, segment_id: int | None, limit: int
) -> list[asyncpg.Record]:
    """Changes after a number, oldest first, of a segment or of all."""
    rows: list[asyncpg.Record]
    if segment_id is None:
        rows = await connection.fetch(_SQL["list_changes"], after, limit)
    else:
        rows = await connection.fetch(_SQL["list_segment_changes"], after, segment_id, limit)
    return rows


async def list_latest_changes(
    connection: Connection, *, segment_id: int, before: int, limit: int
) -> list[asyncpg.Record]:
    """Changes of a segment before a number, newest first."""
    rows: list[asyncpg.Record] = await connection.fetch(_SQL["list_latest_changes"], segment_id, before, limit)
    return rows


async def last_change(connection: Connection) -> int:
    """The number of the newest change; 0 where there never was any."""
    return int(await connection.fetchval(_SQL["last_change"]))


async def changes_since(connection: Connection) -> datetime | None:
    """Since when changes are kept without a gap; None while none was forgotten."""
    found: datetime | None = await connection.fetchval(_SQL["changes_since"])
    return found


async def first_turns(connection: Connection, *, segment_id: int, after: datetime) -> dict[int, bool]:
    """Of everyone who entered or left after a moment, whether the first thing was that he entered."""
    rows = await connection.fetch(_SQL["first_turns"], segment_id, after)
    return {row["customer_id"]: row["entered"] for row in rows}


async def list_days(connection: Connection, *, segment_id: int, since: date) -> list[asyncpg.Record]:
    """Days on which a segment changed since a day, oldest first, with the last one before it."""
    rows: list[asyncpg.Record] = await connection.fetch(_SQL["list_days"], segment_id, since)
    return rows


async def list_sizes_before(connection: Connection, *, day: date) -> dict[int, int]:
    """Every segment's size at the end of the day before, by its number; those that were counted by then."""
    return {row["segment_id"]: row["size"] for row in await connection.fetch(_SQL["list_sizes_before"], day)}


async def forget_changes(connection: Connection, *, before: datetime) -> tuple[int, bool]:
    """Forget a piece of the changes from before a moment; gives how many went, and whether there may be more."""
    row = await connection.fetchrow(_SQL["forget_changes"], before, FORGOTTEN)
    assert row is not None  # noqa: S101 - a count is always told
    return row["changes"], row["rows"] == FORGOTTEN


def _columns(rows: Sequence[tuple[int, int, bytes]]) -> tuple[list[int], list[int], list[bytes]]:
    return [row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows]
