"""The tables that can be exported: their columns, and their rows some tens of thousands at a time.

No table is ever held whole: events are read along the numbers of the log, customers along theirs, history from the
lake's files as a stream. Nothing here keeps a transaction open between two chunks.
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any, cast

import asyncpg
import msgspec
import polars as pl
import pyarrow.parquet as pq

from backend.errors import Conflict
from backend.lake.schemas import EVENTS_SCHEMA
from backend.store import campaigns
from backend.store import exports as store
from backend.store.export_files import Columns
from campaigns.shop import ShopSettings
from segments.customers import SCHEMA
from segments.exports import TRAIT, Wish, columns_of
from segments.history import History
from segments.windows import Window

STEP = 20_000
"""Numbers of the log, or customers, read at once."""

_EARLY = timedelta(days=2)
"""An event may be received so long before it happened: its time is taken from another clock."""

_MOMENT = pl.Datetime("us", "UTC")


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some rows, and how much of the table has been read with them, up to 1."""

    rows: pl.DataFrame
    share: float


@dataclass(frozen=True, slots=True)
class Table:
    """A table to write."""

    columns: Columns
    chunks: AsyncGenerator[Chunk, None]


EVENT_COLUMNS: Columns = {
    "messageId": pl.String(),
    "type": pl.String(),
    "event": pl.String(),
    "name": pl.String(),
    "userId": pl.String(),
    "anonymousId": pl.String(),
    "previousId": pl.String(),
    "groupId": pl.String(),
    "timestamp": _MOMENT,
    "receivedAt": _MOMENT,
    "source": pl.String(),
    "trusted": pl.Boolean(),
    "properties": pl.String(),
    "traits": pl.String(),
    "context": pl.String(),
}
"""Fields of the Segment protocol by their names there, so that the file can be imported as it is."""


def events(pool: asyncpg.Pool, wish: Wish, settings: ShopSettings) -> Table:
    """Events as they came, in the order they were stored."""
    return Table(EVENT_COLUMNS, _events(pool, _event_filter(wish, settings)))


def _event_filter(wish: Wish, settings: ShopSettings) -> store.EventFilter:
    first, last = wish.first or date(1990, 1, 1), wish.last or date(2199, 12, 31)
    return store.EventFilter(
        received_from=first - _EARLY,
        start=settings.calendar.start_of(first),
        end=settings.calendar.start_of(last + timedelta(days=1)),
        names=list(wish.names) or None,
        source=wish.source,
    )


async def _events(pool: asyncpg.Pool, wanted: store.EventFilter) -> AsyncGenerator[Chunk, None]:
    async with pool.acquire() as connection:
        least, most = await store.bound_events(connection, received_from=wanted.received_from)
    for after in range(least - 1, most, STEP):
        upto = min(after + STEP, most)
        async with pool.acquire() as connection:
            found = await store.list_events(connection, wanted, after=after, upto=upto)
        rows = [tuple(row)[1:] for row in found]
        frame = pl.DataFrame(rows, schema=dict(EVENT_COLUMNS), orient="row")
        yield Chunk(frame, (upto - least + 1) / (most - least + 1))


HISTORY_COLUMNS: Columns = {
    "customer_id": pl.Int64(),
    **{name: dtype for name, dtype in EVENTS_SCHEMA.items() if name not in ("seq", "customer_id", "source_id")},
    "properties": pl.String(),
    "source": pl.String(),
}


async def history(pool: asyncpg.Pool, wish: Wish, lake: History, *, spill: Path) -> Table:
    """Facts of all events that the lake holds; merged customers by the number of the survivor. ``spill`` is a file to be made.

    Raises:
        Conflict: days that are asked for, or with no days all before, were dropped (``history_dropped``).
    """
    async with pool.acquire() as connection:
        merges = [(row["customer_id"], row["survivor"]) for row in await campaigns.list_survivors(connection)]
        names = await store.name_sources(connection)
    window = Window(wish.first, wish.last) if wish.first and wish.last else None
    frame = await asyncio.to_thread(lake.events, window)
    since = await asyncio.to_thread(lake.raw_since)
    if since is not None and (wish.first is None or wish.first < since):
        raise Conflict(
            f"Events of business days before {since} were dropped (JOREN_HISTORY_MONTHS): ask for days from {since} on.",
            code="history_dropped",
            field="first",
        )
    return Table(HISTORY_COLUMNS, _day_by_day(_facts(frame, wish, merges, names), spill))


def _facts(frame: pl.LazyFrame, wish: Wish, merges: Sequence[tuple[int, int]], names: dict[int, str]) -> pl.LazyFrame:
    """The rows wished for. Replacing, not joining: rows stay in their order and nothing is gathered up."""
    source = pl.col("source_id").replace_strict(names, default=None, return_dtype=pl.String)
    # A list is no cell of a CSV file: as JSON ["recipe_id=R1","tags=tea"].
    listed = pl.struct(kept="properties").struct.json_encode().str.slice(len('{"kept":')).str.strip_suffix("}")
    own = pl.when(pl.col("properties").is_not_null()).then(listed)
    known = frame.with_columns(source=source, customer_id=pl.col("customer_id").replace(dict(merges)), properties=own)
    if wish.names:
        known = known.filter(pl.col("event").is_in(wish.names))
    if wish.source is not None:
        known = known.filter(pl.col("source") == wish.source)
    return known.select(*HISTORY_COLUMNS)


async def _day_by_day(frame: pl.LazyFrame, spill: Path) -> AsyncGenerator[Chunk, None]:
    """Rows in the order of their days. The files of one day are read at a time, however many days there are."""
    days = (await asyncio.to_thread(frame.select(pl.col("business_day").unique().sort()).collect)).to_series()
    for number, day in enumerate(days):
        async with contextlib.aclosing(_spilled(frame.filter(pl.col("business_day") == day), spill)) as parts:
            async for rows in parts:
                yield Chunk(rows, (number + 1) / len(days))


async def _spilled(frame: pl.LazyFrame, spill: Path) -> AsyncGenerator[pl.DataFrame, None]:
    """Rows by way of a file of our own: the streaming engine writes it with little in memory, and it is read in pieces.

    Handing rows out directly (`collect_batches`) keeps what the writer has not taken yet, which is nearly all of it.
    """
    try:
        await asyncio.to_thread(_spill, frame, spill)
        batches = (await asyncio.to_thread(pq.ParquetFile, spill)).iter_batches(batch_size=STEP)
        while (batch := await asyncio.to_thread(next, batches, None)) is not None:
            yield cast("pl.DataFrame", pl.from_arrow(batch))
    finally:
        await asyncio.to_thread(spill.unlink, missing_ok=True)


def _spill(frame: pl.LazyFrame, spill: Path) -> None:
    os.close(os.open(spill, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    frame.sink_parquet(spill, compression="zstd", compression_level=1, row_group_size=5 * STEP)


def customer_columns(wish: Wish) -> Columns:
    """Columns of an export of customers with their types."""
    own = {"user_id": pl.String(), "name": pl.String(), "email": pl.String(), "traits": pl.String()}
    known: dict[str, Any] = {**SCHEMA, **own, "created_at": _MOMENT}
    return {name: known.get(name, pl.String()) for name in columns_of(wish)}


def everyone(pool: asyncpg.Pool, wish: Wish, frame: pl.LazyFrame) -> Table:
    """All customers, those of whom there are no facts yet included."""
    return Table(customer_columns(wish), _everyone(pool, wish, frame))


async def _everyone(pool: asyncpg.Pool, wish: Wish, frame: pl.LazyFrame) -> AsyncGenerator[Chunk, None]:
    async with pool.acquire() as connection:
        most = await store.largest_customer(connection)
    after = 0
    while True:
        async with pool.acquire() as connection:
            known = await store.list_customers(connection, after=after, limit=STEP)
        if not known:
            return
        low, high = known[0]["customer_id"], known[-1]["customer_id"]
        facts = frame.filter(pl.col("customer_id").is_between(low, high))
        yield Chunk(await _joined(wish, known, facts), min(high / max(most, 1), 1.0))
        after = high


def members(pool: asyncpg.Pool, wish: Wish, rows: pl.LazyFrame, *, known_since: date | None) -> Table:
    """The members of a segment, from rows of the customer frame.

    Where history was dropped that decides who they are, a last column says so in every row (`segments.raw_members`).
    """
    columns, found = customer_columns(wish), _members(pool, wish, rows)
    if known_since is None:
        return Table(columns, found)
    return Table({**columns, "known_since": pl.Date()}, _noted(found, known_since))


async def _noted(chunks: AsyncGenerator[Chunk, None], known_since: date) -> AsyncGenerator[Chunk, None]:
    async with contextlib.aclosing(chunks):
        async for chunk in chunks:
            yield replace(chunk, rows=chunk.rows.with_columns(pl.lit(known_since).alias("known_since")))


async def _members(pool: asyncpg.Pool, wish: Wish, rows: pl.LazyFrame) -> AsyncGenerator[Chunk, None]:
    total, last, done = await _count(rows), 0, 0
    while True:
        next_ones = rows.filter(pl.col("customer_id") > last).bottom_k(STEP, by="customer_id")
        facts = await asyncio.to_thread(next_ones.sort("customer_id").collect)
        if facts.is_empty():
            return
        numbers = facts["customer_id"].to_list()
        async with pool.acquire() as connection:
            known = await store.list_these_customers(connection, customer_ids=numbers)
        done += facts.height
        yield Chunk(await _joined(wish, known, facts.lazy()), min(done / max(total, 1), 1.0))
        last = numbers[-1]


async def _count(rows: pl.LazyFrame) -> int:
    return int((await asyncio.to_thread(rows.select(pl.len()).collect)).item())


async def _joined(wish: Wish, known: Sequence[asyncpg.Record], facts: pl.LazyFrame) -> pl.DataFrame:
    columns = customer_columns(wish)
    own = _own(known, columns)
    wanted = [name for name in facts.collect_schema().names() if name in columns and name not in own.columns]
    joined = own.lazy().join(facts.select("customer_id", *wanted), on="customer_id", how="left", maintain_order="left")
    missing = [
        pl.lit(None, dtype).alias(name) for name, dtype in columns.items() if name not in (*own.columns, *wanted)
    ]
    return await asyncio.to_thread(joined.with_columns(missing).select(*columns).collect)


def _own(known: Sequence[asyncpg.Record], columns: Columns) -> pl.DataFrame:
    """What PostgreSQL knows of the customers: number, and those of the columns that come from there."""
    readers = {"customer_id": _column("customer_id")}
    readers |= {name: _column(name) for name in ("user_id", "name", "email", "created_at") if name in columns}
    if "traits" in columns:
        readers["traits"] = _all_traits
    readers |= {name: _one_trait(name.removeprefix(TRAIT)) for name in columns if name.startswith(TRAIT)}
    schema = {name: pl.Int64() if name == "customer_id" else columns[name] for name in readers}
    return pl.DataFrame({name: [read(row) for row in known] for name, read in readers.items()}, schema=schema)


def _column(name: str) -> Callable[[asyncpg.Record], Any]:
    return lambda row: row[name]


def _all_traits(row: asyncpg.Record) -> str:
    return msgspec.json.encode(row["traits"], order="sorted").decode()


def _one_trait(key: str) -> Callable[[asyncpg.Record], str | None]:
    def read(row: asyncpg.Record) -> str | None:
        value = row["traits"].get(key)
        return value if value is None or isinstance(value, str) else msgspec.json.encode(value).decode()

    return read


def held(columns: Columns, rows: pl.DataFrame) -> Table:
    """A small table that is there already."""

    async def chunks() -> AsyncGenerator[Chunk, None]:
        yield Chunk(rows, 1.0)

    return Table(columns, chunks())
