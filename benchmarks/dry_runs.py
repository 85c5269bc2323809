"""Dry runs of ten million people in a process of their own; started by `planning.py`. Arguments: database, file of the members, times."""

import asyncio
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from datetime import time as datetime_time
from functools import cache
from pathlib import Path
from typing import Any

import asyncpg
import numpy as np
import polars as pl

sys.path.insert(0, str(Path(__file__).parents[1]))

from backend.clock import SystemClock
from backend.lake.frame_files import FrameFiles
from backend.lake.frame_view import CURRENT, SUPERSEDED
from backend.store import audience as audience_store
from backend.store import campaigns as store
from backend.store import shop, standing
from backend.store.campaign_drafts import read_draft
from backend.store.kept_standing import BLOCK
from backend.store.pool import open_pool
from backend.store.standing import Asked
from benchmarks.memory import memory, peak
from benchmarks.people import CONTENT, filled, written
from benchmarks.spending import spending
from campaigns.audience import Members, with_standing
from campaigns.experiment import ArmName
from campaigns.gates import decide
from campaigns.terms import Terms
from segments.customers import latest_column
from tests.fixtures.shop_floor import ShopFloor

AIM = 1.0
"""Seconds for ten million people."""
ROUNDS = 5
FILLED, WHOLE = 500_000, 7
"""So many people are in the tables, and fill so many blocks to the last place; of more the blocks alone are there, copies of these."""

_CHANGE = """
UPDATE customers SET traits = traits || '{"family_name": ""}'
WHERE customer_id IN (SELECT 1 + (n * 89::bigint) % least($1::bigint, $2::bigint) FROM generate_series(1, $3::int) AS n)
"""
_COPY = """
INSERT INTO standing_blocks
SELECT n, b.kinds, b.cap_day, b.cap_week, b.pushes_since, b.day_1, b.week_1, b.day_2, b.week_2
FROM generate_series($1::int, $2::int) AS n JOIN standing_blocks AS b ON b.block = 1 + n % ($1::int - 1)
ON CONFLICT (block) DO UPDATE SET
    kinds = excluded.kinds, day_1 = excluded.day_1, week_1 = excluded.week_1, day_2 = excluded.day_2, week_2 = excluded.week_2
"""
_LAST = "INSERT INTO customers (customer_id, created_at, born_source_id) OVERRIDING SYSTEM VALUE VALUES ($1, now(), 1)"


@dataclass
class MappedAudience:
    """Members out of a mapped file, as the frame has them: rows by sixteenths of the customers."""

    path: Path

    async def members(
        self, _segment_id: int | None, *, columns: tuple[str, ...], among: Collection[int] | None = None
    ) -> Members:
        """Everybody."""
        rows = mapped(self.path).lazy().filter(CURRENT)
        known = rows.collect_schema().names()
        wanted = rows.select("customer_id", *(column for column in columns if column in known))
        if among is not None:
            wanted = wanted.filter(pl.col("customer_id").is_in(list(among)))
        now = datetime.now(UTC)
        return Members(frame=await asyncio.to_thread(wanted.collect), as_of=now, version=1, day=now.date())


@cache
def mapped(path: Path) -> pl.DataFrame:
    """A file as `backend.lake.frame` opens it: mapped once, every row with whether it is out of force."""
    frame = FrameFiles(path.parent).map(path.name)
    return frame.with_columns(pl.lit(value=False).alias(SUPERSEDED))


def write_members(path: Path, people: int) -> None:
    """Everybody's row: number, rank, and the day of the last order."""
    drawn = np.random.default_rng(6)
    numbers = np.concatenate([np.arange(1, people + 1)[part::16] for part in range(16)])
    ranks = (
        pl.Series("rank", drawn.integers(0, 3, people).astype(np.uint8))
        .cat.to(pl.Enum(["bronze", "silver", "gold"]))
        .cast(pl.String)
    )
    day = pl.Series(latest_column("Order Completed", 1), drawn.integers(0, 20_000, people).astype(np.uint16))
    pl.DataFrame([pl.Series("customer_id", numbers), ranks, day]).write_ipc(path)


async def dry_runs(dsn: str, people: int, *, changed: int) -> None:
    """Fill the database, write standing, change some, and have dry runs made.

    What a dry run reads of ten million is the blocks of ten million, and the tables of those who changed: so few people are in the tables.
    """
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "members.arrow"
        write_members(path, people)
        async with await open_pool(dsn) as pool:
            there = min(people, FILLED)
            _, spent = await spending(pool, filled(pool, there))
            print(f"{there:,} people put into the database: {spent}")
            print(f"standing of {there:,} written: {await written(pool)}")
            if people > there:
                await pool.execute(_LAST, people)
                await pool.execute(_COPY, WHOLE, people // BLOCK, timeout=600)
            size = await pool.fetchval("SELECT pg_total_relation_size('standing_blocks')")
            print(f"  it takes {size / 2**20:,.0f} MiB")
            if changed:
                await pool.execute(_CHANGE, people, WHOLE * BLOCK - 1, changed, timeout=600)
        await asyncio.to_thread(subprocess.run, [sys.executable, __file__, dsn, str(path)], check=True)


async def run(dsn: str, path: Path) -> None:
    """Dry runs, one after the other, in a process that runs."""
    async with await open_pool(dsn) as pool:
        floor = ShopFloor(pool, clock=SystemClock())
        await floor.settings(cap_24h=1, cap_7d=3, approval_above=0, quiet_from=datetime_time(21), quiet_until=datetime_time(8))  # fmt: skip
        small = path.with_name("few.arrow")
        pl.scan_ipc(path).head(1000).collect().write_ipc(small)
        floor.audience.members = MappedAudience(small).members  # type: ignore[method-assign]
        made = (await floor.campaign(content=CONTENT, holdout_percent=5.0)).summary
        await floor.desk.dry_run(made.campaign_id)
        before = unshared()
        floor.audience.members = MappedAudience(path).members  # type: ignore[method-assign]
        waiting = await pool.fetchval("SELECT count(*) FROM standing_changes")
        rounds = [await spending(pool, floor.desk.dry_run(made.campaign_id)) for _ in range(ROUNDS)]
        told, costs = rounds[0][0], [spent for _, spent in rounds]
        for spent in costs:
            print(f"dry run of {told.segment_size:,} people, {waiting:,} of whom have changed: {spent}")
        print(f"  median {statistics.median(each.clock for each in costs):.2f} s, fastest {min(each.clock for each in costs):.2f} s "
              f"(aim {AIM:.0f} for ten million), {statistics.median(each.ours + each.servers for each in costs):.2f} CPU s; "
              f"memory at its peak {unshared():,.0f} MiB, {before:,.0f} before")  # fmt: skip
        await _check(pool, made.campaign_id, path)


def unshared() -> float:
    """MiB of this process at its peak, mapped files not counted."""
    return peak() - memory("RssFile")


async def _check(pool: asyncpg.Pool, campaign_id: int, path: Path) -> None:
    """Count a sample as it is kept, and a row a person as it is read from the tables."""
    async with pool.acquire() as connection:
        row: Any = await store.get(connection, campaign_id=campaign_id)
        rules, now = (await shop.read_settings(connection)).sending, datetime.now(UTC)
    few = pl.scan_ipc(path).filter(pl.col("customer_id") < WHOLE * BLOCK).collect().gather_every(9)
    draft = read_draft(row)
    counted = (await audience_store.count_phases(pool, draft, few, salt=row["salt"], now=now)).first
    terms, asked = Terms.of(draft, salt=row["salt"]), Asked(language=True, zone=True, family_name=True, given_name=True)
    async with pool.acquire() as connection:
        known = await standing.read(connection, few["customer_id"], asked=asked, rules=rules, terms=terms, now=now)
    audience = with_standing(few, known.drop("customer_id"), [CONTENT])
    plan = decide(audience, rules=rules, terms=terms, now=now, expires_at=now + draft.expires_after)
    if counted.left_out != plan.removed() or counted.treated != plan.arm(ArmName.TREATED).height:
        raise SystemExit(f"Counts differ: {counted}, {plan.removed()}")


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1], Path(sys.argv[2])))
