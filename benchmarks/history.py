"""How long does history take from a file or the demo shop into the log, and from the log into lake and frame?

In one run, on one machine: the simulated shop is generated, stored and refreshed, and the real Online Retail file
(541,909 lines) is imported. Rates are also given as a share of COPY of the same events without anything else, because
shares travel between machines and rates do not; of the refresh also the CPU of this process per event.

    python benchmarks/history.py [members of the shop, default 4000]
"""

import asyncio
import sys
import tempfile
import time
from io import BytesIO
from pathlib import Path

import asyncpg

sys.path.insert(0, str(Path(__file__).parents[1]))

from backend.demo import loader
from backend.demo.generator import blocks
from backend.demo.shop import ShopConfig
from backend.demo.wire import APP, SERVER
from backend.embedded.postgres import EmbeddedPostgres
from backend.services.imports.values import Choices
from backend.settings import Settings
from backend.store.schema import migrate
from backend.store.staged_events import COLUMNS
from backend.wiring import Services, open_services
from segments.import_fields import Kind

RETAIL = Path(__file__).parents[1] / "tests" / "data" / "online_retail.parquet"
CHOICES = Choices(
    mapping=(("invoice_no", "order_id"), ("invoiced_at", "ordered_at"), ("stock_code", "product")), currency="GBP"
)
LIMIT_STORE, LIMIT_REFRESH, LIMIT_IMPORT = 0.10, 0.05, 60.0
"""Shares of COPY that storing and refreshing must reach; seconds that the import of Online Retail may take."""


async def measure_copy(pool: asyncpg.Pool, config: ShopConfig) -> float:
    """Events a second by COPY alone into a table without index, a part to a transaction."""
    rows = loader.staged(next(blocks(config)).head(100_000), {APP: 3, SERVER: 4}).select(COLUMNS)
    parts = [rows[n : n + loader.PART].write_csv(include_header=False) for n in range(0, len(rows), loader.PART)]
    async with pool.acquire() as connection:
        await connection.execute("CREATE TABLE bare (LIKE staged_events)")
        started = time.perf_counter()
        for part in parts:
            await connection.copy_to_table("bare", source=BytesIO(part.encode()), columns=COLUMNS, format="csv")
        return len(rows) / (time.perf_counter() - started)


async def measure_shop(services: Services, home: Path, members: int, copied: float) -> bool:
    began: dict[str, float] = {}
    now = services.clock.now()

    def note(what: str, _done: int, _total: int) -> None:
        began.setdefault(what, time.perf_counter())
        began["last"] = time.perf_counter()
        if what.startswith("Storing"):
            began["stored"], began["stored, CPU"] = began["last"], time.process_time()

    started = time.perf_counter()
    shop = await loader.load_demo(services, home=home, progress=note, now=now, members=members)
    ended = time.perf_counter()
    cost = (time.process_time() - began["stored, CPU"]) / shop.events
    stored, refreshed = shop.events / (began["stored"] - started), shop.events / (ended - began["stored"])
    print(
        f"generated and stored      {stored:10,.0f} events/s, {stored / copied:6.1%} of COPY (limit {LIMIT_STORE:.0%})"
    )
    print(
        f"refreshed                 {refreshed:10,.0f} events/s, {refreshed / copied:6.1%} of COPY (limit {LIMIT_REFRESH:.0%}), "
        f"CPU µs an event, PostgreSQL's apart: {cost * 1e6:.0f}"
    )
    print(f"{members:,} members, {shop.events:,} events: {ended - started:.1f} s until every page shows them")
    return stored / copied >= LIMIT_STORE and refreshed / copied >= LIMIT_REFRESH


async def measure_import(services: Services, folder: Path) -> bool:
    file = folder / RETAIL.name
    file.symlink_to(RETAIL)
    started = time.perf_counter()
    report = await services.imports.run(Kind.ORDERS, file, CHOICES)
    taken = time.perf_counter() - started
    print(
        f"Online Retail: {report.read:,} lines, {report.stored:,} orders in {taken:.1f} s (limit {LIMIT_IMPORT:.0f} s)"
    )
    return taken <= LIMIT_IMPORT


async def run(folder: Path, dsn: str, members: int) -> bool:
    await migrate(dsn)
    async with open_services(Settings(home=folder, database_url=dsn, lake=str(folder / "lake"))) as services:
        config = ShopConfig(last=services.clock.now().date(), members=members)
        started = time.perf_counter()
        made = sum(len(block) for block in blocks(config))
        print(f"generated                 {made / (time.perf_counter() - started):10,.0f} events/s")
        copied = await measure_copy(services.pool, config)
        print(f"COPY alone                {copied:10,.0f} events/s")
        shop = await measure_shop(services, folder, members, copied)
        return await measure_import(services, folder) and shop


def main() -> None:
    members = int(sys.argv[1]) if len(sys.argv) > 1 else 4_000
    with tempfile.TemporaryDirectory() as folder, EmbeddedPostgres(Path(folder) / "home").hold() as dsn:
        if not asyncio.run(run(Path(folder), dsn, members)):
            sys.exit("slower than its limit")


if __name__ == "__main__":
    main()
