"""The refresh ledger: who may write, which range of the log is which batch, whose frame rows wait."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import cast

import asyncpg

from backend.errors import Conflict
from backend.store import queries
from backend.store.pool import Connection

_SQL = queries.load("refresh")


@dataclass(frozen=True, slots=True)
class Batch:
    """A range of the log: ``after_seq`` exclusive, ``upto_seq`` inclusive. Its range never changes once planned."""

    batch: int
    after_seq: int
    upto_seq: int
    projected_at: datetime | None


@dataclass(frozen=True, slots=True)
class State:
    """What there is to do.

    Attributes:
        done_seq: the lake holds every event up to here.
        log_seq: newest seq that can be seen; a lower one may still appear, see `events.committed_upto`.
        unfinished: a batch was planned and not finished.
        touched: frame rows wait to be made anew.
    """

    done_seq: int
    log_seq: int
    unfinished: bool
    touched: bool


async def try_writer_lock(connection: Connection) -> bool:
    """Become the one writer for as long as this session holds; False while another is at it."""
    return bool(await connection.fetchval(_SQL["try_writer_lock"]))


async def leave_writer_lock(connection: Connection) -> None:
    """Let the next writer in."""
    await connection.fetchval(_SQL["leave_writer_lock"])


async def take_epoch(connection: Connection) -> int:
    """A new epoch: every writer with a lower one is fenced from now on."""
    return cast("int", await connection.fetchval(_SQL["take_epoch"]))


async def hold_epoch(connection: Connection, *, epoch: int) -> None:
    """Make sure, until the transaction ends, that no later writer has come.

    Raises:
        Conflict: one has; code ``fenced``.
    """
    if await connection.fetchval(_SQL["hold_epoch"]) != epoch:
        raise Conflict("Another refresh took over; this one stops.", code="fenced")


async def unfinished_batch(connection: Connection) -> Batch | None:
    """The batch that was planned and not finished."""
    row = await connection.fetchrow(_SQL["unfinished_batch"])
    return Batch(**row) if row is not None else None


async def plan_batch(connection: Connection, *, committed_upto: int, largest: int, now: datetime) -> Batch | None:
    """Plan the next batch of at most ``largest`` events up to ``committed_upto``; None when there is none."""
    last = await connection.fetchrow(_SQL["last_batch"])
    assert last is not None  # noqa: S101 - an aggregate always has a row
    end = await connection.fetchval(_SQL["batch_end"], last["upto_seq"], committed_upto, largest)
    if end is None:
        return None
    row = await connection.fetchrow(_SQL["plan_batch"], last["batch"] + 1, last["upto_seq"], end, now)
    assert row is not None  # noqa: S101 - RETURNING of one inserted row
    return Batch(**row)


async def last_batch(connection: Connection) -> int:
    """Number of the last batch that was planned; 0 before the first."""
    row = await connection.fetchrow(_SQL["last_batch"])
    assert row is not None  # noqa: S101 - an aggregate always has a row
    return cast("int", row["batch"])


async def last_done(connection: Connection) -> int:
    """Number of the last batch that the lake holds, batches of which nothing was left passed over; 0 before the first."""
    return cast("int", await connection.fetchval(_SQL["last_done"]))


async def forget_done(connection: Connection) -> None:
    """Have every batch moved into the lake again."""
    await connection.execute(_SQL["forget_done"])


async def read_batch(connection: Connection, batch: Batch) -> list[asyncpg.Record]:
    """The events of a batch in the order of the log."""
    rows: list[asyncpg.Record] = await connection.fetch(_SQL["read_batch"], batch.after_seq, batch.upto_seq)
    return rows


async def done_batches(connection: Connection, *, first: int, last: int) -> list[Batch]:
    """Batches of the lake that hold any number of the log from ``first`` to ``last``."""
    return [Batch(**row) for row in await connection.fetch(_SQL["done_batches"], first, last)]


async def mark_projected(connection: Connection, *, batch: int, now: datetime) -> None:
    """People, devices and consents hold the batch."""
    await connection.execute(_SQL["mark_projected"], batch, now)


async def mark_done(connection: Connection, *, batch: int, now: datetime, events: int) -> None:
    """The lake holds the batch."""
    await connection.execute(_SQL["mark_done"], batch, now, events)


async def read_state(connection: Connection) -> State:
    """What there is to do."""
    row = await connection.fetchrow(_SQL["read_state"])
    assert row is not None  # noqa: S101 - a SELECT without FROM has one row
    return State(**row)


async def projected_upto(connection: Connection) -> int:
    """People, devices and consents hold every event up to here."""
    return cast("int", await connection.fetchval(_SQL["projected_upto"]))


async def count_waiting(connection: Connection) -> int:
    """How many events are not in the lake yet."""
    return cast("int", await connection.fetchval(_SQL["count_waiting"]))


async def oldest_waiting(connection: Connection) -> datetime | None:
    """When the oldest event that is not in the lake yet came in; None when all are."""
    return cast("datetime | None", await connection.fetchval(_SQL["oldest_waiting"]))


async def source_kinds(connection: Connection) -> dict[int, str]:
    """Kind of every source."""
    return {row["source_id"]: row["kind"] for row in await connection.fetch(_SQL["source_kinds"])}


async def touch(connection: Connection, *, customer_ids: Iterable[int]) -> None:
    """Have the frame rows of some customers made anew by the next refresh."""
    await connection.execute(_SQL["touch"], sorted(set(customer_ids)))


async def touch_all(connection: Connection) -> None:
    """Have every frame row made anew by the next refresh."""
    await connection.execute(_SQL["touch_all"])


async def read_touched(connection: Connection, *, limit: int) -> dict[int, int]:
    """Customers who wait, each with the version of the wish."""
    return {row["customer_id"]: row["version"] for row in await connection.fetch(_SQL["read_touched"], limit)}


async def clear_touched(connection: Connection, *, done: Mapping[int, int]) -> None:
    """Take customers out of the queue, except those touched again since `read_touched`, and have their memberships looked at."""
    await connection.execute(_SQL["clear_touched"], list(done), list(done.values()))
