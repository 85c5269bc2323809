"""Writes one wish to one file: finds the table, streams it into a writer, tells how far it is."""

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TypeAlias

import asyncpg
import polars as pl

from backend.services.exports import tables
from backend.services.exports.tables import Table
from backend.store import shop
from backend.store.export_files import Written, open_writer
from campaigns import report_table
from campaigns.figures import CampaignReport
from campaigns.shop import ShopSettings
from segments.customers import StoredFrame
from segments.exports import What, Wish
from segments.history import History
from segments.metrics import catalog
from segments.metrics import tables as kpi_tables
from segments.metrics.result import KpiResult
from segments.snapshots import read_choice
from segments.windows import Window

Progress: TypeAlias = Callable[[int, float], None]
"""Told after each chunk how many rows are written and how much of the table is read, up to 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origins:
    """Where the rows come from: services do not know each other, so what exports ask of them is handed in.

    Attributes:
        members: frame rows of a segment's members.
        known_since: see `segments.raw_members`; of a segment.
        report: a campaign's report.
        kpi: one figure: slug, and by name all else that may be asked.
    """

    lake: History
    frame: StoredFrame
    members: Callable[[int], Awaitable[pl.LazyFrame]]
    known_since: Callable[[int], Awaitable[date | None]]
    report: Callable[[int], Awaitable[CampaignReport]]
    kpi: Callable[..., Awaitable[KpiResult]]


async def write(
    pool: asyncpg.Pool, wish: Wish, path: Path, *, origins: Origins, progress: Progress = lambda *_: None
) -> Written:
    """Write the whole table to a new file that only its owner can read.

    Raises:
        FileExistsError: there is a file already.
        JorenError, FactsError: what was wished for is not there.
    """
    async with pool.acquire() as connection:
        settings = await shop.read_settings(connection)
    table = await _table(pool, wish, settings, origins, path)
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    writer = await asyncio.to_thread(
        open_writer, path, table.columns, file_format=wish.format, encoding=wish.encoding, zone=settings.zone
    )
    rows = 0
    try:
        async with contextlib.aclosing(table.chunks) as chunks:
            async for chunk in chunks:
                await asyncio.to_thread(writer.write, chunk.rows)
                rows += chunk.rows.height
                progress(rows, chunk.share)
    finally:
        written = await asyncio.to_thread(writer.close)
    return written


async def _table(pool: asyncpg.Pool, wish: Wish, settings: ShopSettings, origins: Origins, path: Path) -> Table:
    if wish.what is What.EVENTS:
        return tables.events(pool, wish, settings)
    if wish.what is What.HISTORY:
        return await tables.history(pool, wish, origins.lake, spill=path.with_name(f"{path.name}.rows"))
    if wish.what is What.CUSTOMERS:
        return await _customers(pool, wish, origins)
    if wish.what is What.CAMPAIGN:
        return tables.held(report_table.COLUMNS, report_table.table(await origins.report(wish.campaign_id or 0)))
    figures = kpi_tables.table(await _kpis(wish, origins))
    return tables.held(dict(figures.schema), figures)


async def _customers(pool: asyncpg.Pool, wish: Wish, origins: Origins) -> Table:
    if wish.segment_id is not None:
        rows = await origins.members(wish.segment_id)
        return tables.members(pool, wish, rows, known_since=await origins.known_since(wish.segment_id))
    view = await asyncio.to_thread(origins.frame.read)
    return tables.everyone(pool, wish, view.frame)


async def _kpis(wish: Wish, origins: Origins) -> list[KpiResult]:
    window = Window(wish.first, wish.last) if wish.first and wish.last else None
    asked = {"window": window, "by": wish.by, "compare": wish.compare, "as_of": wish.as_of, "as_of_rule": wish.members}
    choices, whose = [read_choice(text) for text in wish.kpis or catalog.CATALOG], (None, *wish.segment_ids)
    return [
        await origins.kpi(choice.slug, options=choice.options, segment_id=number, **asked)
        for choice in choices
        for number in whose
    ]
