"""How long from the members of a segment to the rows of the ledger, next to COPY alone of the same rows in the same run?

    python benchmarks/planning.py [--people 1000000] [--dry 10000000] [--changed 5000]

A PostgreSQL of its own holds customers, of whom nine in ten consented, with phones, names and a push that a third got last week.
Planning is a launch: standing, gates, draw, variants, merge fields, COPY, and the campaign's own rows; first with standing that is kept (ADR 0030),
then its parts, standing read from the tables among them.
``--dry`` people more make dry runs, in a database and a process of their own: members are read from a mapped file as a server reads them from the frame, ``--changed`` of
them have changed since their standing was written. What is counted must be what was counted by gates over rows for a sample of them.
"""

import argparse
import asyncio
import io
import sys
import tempfile
from collections.abc import Awaitable, Callable, Coroutine
from datetime import UTC, datetime, timedelta
from datetime import time as datetime_time
from pathlib import Path
from typing import Any

import asyncpg
import polars as pl

sys.path.insert(0, str(Path(__file__).parents[1]))

from backend.clock import SystemClock
from backend.embedded.postgres import EmbeddedPostgres
from backend.store import audience as audience_store
from backend.store import campaigns as store
from backend.store import standing
from backend.store.pool import open_pool
from backend.store.schema import migrate
from backend.store.standing import Asked
from benchmarks.dry_runs import dry_runs
from benchmarks.people import CONTENT, filled, members_of, written
from benchmarks.spending import Spent, spending
from campaigns.gates import decide
from campaigns.ledger import rows_of
from campaigns.terms import SendingRules, Terms
from tests.fixtures.shop_floor import ShopFloor

AIM = 12.0
"""Seconds for a million people from segment to ledger, on two cores."""


async def planned(pool: asyncpg.Pool, people: int) -> None:
    """A dry run, the launch, its parts one by one, and COPY alone."""
    floor = ShopFloor(pool, clock=SystemClock())
    await floor.settings(cap_24h=1, cap_7d=3, approval_above=0, quiet_from=datetime_time(21), quiet_until=datetime_time(8))  # fmt: skip
    await filled(pool, people)
    floor.audience.frame = await members_of(pool)
    print(f"standing of {people:,} written: {await written(pool)}")
    made = (await floor.campaign(content=CONTENT, holdout_percent=5.0)).summary
    told, dry = await spending(pool, floor.desk.dry_run(made.campaign_id))
    await floor.desk.send_now(made.campaign_id, revision=made.revision, by="benchmark")
    await pool.execute("CHECKPOINT")
    launched, whole = await spending(pool, floor.runs.launch(made.campaign_id))
    rows = await pool.fetchval("SELECT count(*) FROM campaign_people WHERE campaign_id = $1", made.campaign_id)
    if not launched or not rows == people == told.treated + told.control + sum(each.people for each in told.removed):
        raise SystemExit(f"People do not add up: {people} of the segment, {rows} in the ledger, dry run {told}.")
    a_million = 1e6 / people
    print(f"dry run of {people:,}: {dry}; a million in {dry.clock * a_million:.1f}")
    print(f"planned {people:,} people in {whole}; a million in {whole.clock * a_million:.1f} (aim {AIM:.0f})")
    alone = await _parts(pool, floor.audience.frame)
    print(f"the launch took {whole.clock / alone.clock:.1f} times COPY alone on the clock, "
          f"{(whole.ours + whole.servers) / (alone.ours + alone.servers):.1f} times its CPU seconds")  # fmt: skip


async def _parts(pool: asyncpg.Pool, members: pl.DataFrame) -> Spent:
    """Prints what the parts take; gives what COPY alone takes."""
    now, terms, rules = datetime.now(UTC), Terms(salt="s", holdout_percent=5), SendingRules()
    later = now + timedelta(days=1)

    async def part(name: str, work: Awaitable[Any]) -> Any:
        found, spent = await spending(pool, work)
        print(f"  {name}: {spent}")
        return found

    async with pool.acquire() as connection:
        numbers, asked = members["customer_id"], Asked(language=True, zone=True, family_name=True, given_name=False)
        await part("standing, read from the tables", standing.read(connection, numbers, asked=asked, rules=rules, terms=terms, now=now))  # fmt: skip
        audience = await part("standing, as it is kept", audience_store.read(connection, members, contents=[CONTENT], rules=rules, terms=terms, now=now))  # fmt: skip
        plan = await part("gates and draw", asyncio.to_thread(decide, audience, rules=rules, terms=terms, now=now, expires_at=later))  # fmt: skip
        rows = await part("rows", asyncio.to_thread(rows_of, plan, campaign_id=901, occurrence=1, version=1, salt="s", contents=[CONTENT], now=now))  # fmt: skip
        await part("COPY", store.copy_people(connection, rows))
        await connection.execute("CREATE TABLE alone (LIKE campaign_people INCLUDING DEFAULTS, PRIMARY KEY (campaign_id, occurrence, step, customer_id))")  # fmt: skip
        await connection.execute("CHECKPOINT")
        text = io.BytesIO(rows.write_csv(include_header=False).encode())
        copied = connection.copy_to_table("alone", source=text, columns=rows.columns, format="csv", timeout=1800)
        _, alone = await spending(pool, copied)
        print(f"  COPY alone, of text, into a table with its key and nothing else: {alone}")
        return alone


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--dry", type=int, default=10_000_000)
    parser.add_argument("--changed", type=int, default=5_000)
    given = parser.parse_args()
    if given.people:
        with_database(lambda dsn: _run(dsn, given.people))
    if given.dry:
        with_database(lambda dsn: dry_runs(dsn, given.dry, changed=given.changed))


def with_database(run: Callable[[str], Coroutine[Any, Any, None]]) -> None:
    """Run on a PostgreSQL of our own."""
    with tempfile.TemporaryDirectory() as place, EmbeddedPostgres(Path(place) / "home").hold() as dsn:
        asyncio.run(migrate(dsn))
        asyncio.run(run(dsn))


async def _run(dsn: str, people: int) -> None:
    async with await open_pool(dsn) as pool:
        await planned(pool, people)


if __name__ == "__main__":
    main()
