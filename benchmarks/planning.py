"""How long from the members of a segment to the rows of the ledger, next to COPY alone of the same rows in the same run?

    python benchmarks/planning.py [--people 1000000] [--crowd 10000000]

A PostgreSQL of its own holds customers, of whom nine in ten consented, with phones, names and a push that a third got last week.
Planning is a launch: standing out of the database, gates, draw, variants, merge fields, COPY, and the campaign's own rows.
Before it comes a dry run, which reads the same and writes nothing.
``--crowd`` people go through the gates and the draw alone, in memory, as a dry run of a frame does.
"""

import argparse
import asyncio
import io
import sys
import tempfile
import time
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from datetime import time as datetime_time
from pathlib import Path
from typing import Any

import asyncpg
import numpy as np
import polars as pl
import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))

from backend.clock import SystemClock
from backend.embedded.postgres import EmbeddedPostgres
from backend.store import audience as audience_store
from backend.store import campaigns as store
from backend.store.pool import open_pool
from backend.store.schema import migrate
from campaigns.campaign import Content, Text
from campaigns.gates import SendingRules, Terms, decide
from campaigns.ledger import rows_of
from tests.fixtures.shop_floor import ShopFloor, audience_frame

AIM = 12.0
"""Seconds for a million people from segment to ledger, on two cores."""
AIM_DRY = 1.0
"""Seconds for a dry run of ten million."""
CONTENT = Content(
    ja=Text("{{ 姓 }}様へ", "{{ rank | default('会員') }}の皆様に新作です"),
    en=Text("Dear {{ family_name }}", "News for {{ rank | default('members') }}"),
)

_PEOPLE = """
INSERT INTO customers (user_id, created_at, born_source_id, traits)
SELECT 'u' || n, now(), 1, jsonb_build_object('family_name', '佐藤', 'given_name', '花子', 'birthday', '1990-04-01', 'rank', 'gold')
FROM generate_series(1, $1::int) AS n
"""
_CONSENTS = """
INSERT INTO consents (customer_id, purpose, channel, granted, source_id, changed_at)
SELECT customer_id, 'marketing', 'push', customer_id % 10 <> 0, 1, now() FROM customers
"""
_PHONES = """
INSERT INTO devices (address, address_kind, customer_id, source_id, platform, state, first_seen, last_seen, locale, time_zone)
SELECT 'phone-' || customer_id || '-' || n, 'token', customer_id, 1, 'android', 'live', now(), now(), 'ja', 'Asia/Tokyo'
FROM customers, generate_series(0, 1) AS n WHERE n = 0 OR customer_id % 5 = 0
"""
_PUSHES = """
INSERT INTO deliveries (campaign_id, customer_id, device_id, state, sent_at, expires_at, changed_at)
SELECT 900, customer_id, customer_id, 'accepted', now() - interval '2 days', now(), now() FROM customers WHERE customer_id % 3 = 0
"""


async def filled(pool: asyncpg.Pool, people: int) -> pl.DataFrame:
    """The database's people as a segment's members."""
    for statement in (_PEOPLE, _CONSENTS, _PHONES, _PUSHES):
        await pool.execute(statement, *([people] if "$1" in statement else []), timeout=1800)
    await pool.execute("VACUUM ANALYZE", timeout=1800)
    ids = [row[0] for row in await pool.fetch("SELECT customer_id FROM customers ORDER BY customer_id")]
    return audience_frame(ids, rank="gold")


async def server_cpu(pool: asyncpg.Pool) -> float:
    """CPU seconds that the server's processes have taken: what other work on the machine changes least."""
    one = psutil.Process(await pool.fetchval("SELECT pg_backend_pid()"))
    parents = one.parents()[:1]
    return sum(sum(each.cpu_times()[:2]) for parent in parents for each in [parent, *parent.children()])


@dataclass(frozen=True)
class Spent:
    """Seconds on the clock, and of CPU: ours and the server's."""

    clock: float
    ours: float
    servers: float

    def __str__(self) -> str:
        return f"{self.clock:.1f} s ({self.ours:.1f} CPU s ours, {self.servers:.1f} the server's)"


async def spending(pool: asyncpg.Pool, work: Awaitable[Any]) -> tuple[Any, Spent]:
    """What came of it, and what it took."""
    clock, ours, servers = time.perf_counter(), time.process_time(), await server_cpu(pool)
    found = await work
    taken = Spent(time.perf_counter() - clock, time.process_time() - ours, await server_cpu(pool) - servers)
    return found, taken


async def planned(pool: asyncpg.Pool, people: int) -> None:
    """A dry run, the launch, its parts one by one, and COPY alone."""
    floor = ShopFloor(pool, clock=SystemClock())
    await floor.settings(cap_24h=1, cap_7d=3, approval_above=0, quiet_from=datetime_time(21), quiet_until=datetime_time(8))  # fmt: skip
    floor.audience.frame = await filled(pool, people)
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
        audience = await part("standing", audience_store.read(connection, members, contents=[CONTENT], rules=rules, terms=terms, now=now))  # fmt: skip
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


def crowd(people: int) -> None:
    """Gates over so many people in memory."""
    drawn = np.random.default_rng(6)
    frame = pl.DataFrame(
        {
            "customer_id": np.arange(people),
            "gone": np.zeros(people, dtype=bool),
            "consented": drawn.random(people) < 0.9,
            "excluded": np.zeros(people, dtype=bool),
            "devices": drawn.integers(0, 3, people),
            "sent_day": np.zeros(people, dtype=np.int64),
            "sent_week": drawn.integers(0, 4, people),
            "missing_field": np.zeros(people, dtype=bool),
            "zone": pl.Series(["Asia/Tokyo"], dtype=pl.String).new_from_index(0, people),
        }
    )
    now = datetime.now(UTC)
    given = {"rules": SendingRules(), "terms": Terms(salt="s", holdout_percent=5), "now": now, "expires_at": now + timedelta(days=1)}  # fmt: skip
    began, cpu = time.perf_counter(), time.process_time()
    plan = decide(frame, **given)  # type: ignore[arg-type]
    counted = plan.people.group_by("left_out", "arm").len()
    taken, cpu = time.perf_counter() - began, time.process_time() - cpu
    print(
        f"gates and draw over {people:,} people: {taken:.2f} s, {cpu:.2f} CPU s (aim of a dry run {AIM_DRY:.0f}), {counted.height} groups"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--crowd", type=int, default=10_000_000)
    given = parser.parse_args()
    if given.crowd:
        crowd(given.crowd)
    if given.people:
        with tempfile.TemporaryDirectory() as place, EmbeddedPostgres(Path(place) / "home").hold() as dsn:
            asyncio.run(migrate(dsn))
            asyncio.run(_run(dsn, given.people))


async def _run(dsn: str, people: int) -> None:
    async with await open_pool(dsn) as pool:
        await planned(pool, people)


if __name__ == "__main__":
    main()
