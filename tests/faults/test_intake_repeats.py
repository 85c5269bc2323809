"""The same events again: in parallel, reordered, overlapping, over a restart, over midnight, and after lost answers.

F6 and F7 of the fault catalogue. There is one row for each id that was sent, whatever came in between.
"""

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import httpx
import pytest

from backend.clock import FixedClock, SystemClock
from backend.services.ingest import Ingest
from backend.services.sources import Sources
from tests.faults.figures import Figures, note
from tests.fixtures.fault_proxy import Answer, DropReply, Fault, FaultProxy, Pass, Reset, Truncate
from tests.fixtures.intake_server import IntakeServer
from tests.services.test_ingest import make_event

pytestmark = pytest.mark.fault

MIDNIGHT = datetime(2026, 4, 2, tzinfo=UTC)
IDS = 300
SEND = 60
FAULTS: list[Fault] = [DropReply(), DropReply(), Truncate(12), Reset(), Answer(503, (("Retry-After", "1"),)), Pass()]


async def send_again_and_again(pool: asyncpg.Pool, draw: random.Random) -> tuple[int, int]:
    """Overlapping batches at both sides of midnight to two servers, each server replaced once; (sent, rows too many)."""
    sent = 0
    for _ in range(2):
        servers = [Ingest(pool, FixedClock(MIDNIGHT)) for _ in range(2)]
        for server in servers:
            await server.start()
        batches = [draw.sample(range(IDS), k=draw.randint(1, 60)) for _ in range(SEND)]
        await asyncio.gather(*(_send(draw.choice(servers), batch, draw) for batch in batches))
        await asyncio.gather(*(_send(draw.choice(servers), range(IDS), draw) for _ in range(2)))
        sent += sum(map(len, batches)) + 2 * IDS
        for server in servers:
            await server.stop()
    rows = await pool.fetchval("SELECT count(*) FROM event_log")
    assert await pool.fetchval("SELECT count(DISTINCT message_id) FROM event_log") == IDS
    return sent, rows - IDS


async def _send(server: Ingest, batch: list[int] | range, draw: random.Random) -> None:
    moment = MIDNIGHT + timedelta(milliseconds=draw.randint(-2, 2))
    await server.take([make_event(f"m{number}") for number in batch], received_at=moment)


@pytest.fixture
def draw() -> random.Random:
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")  # noqa: T201 - see above
    return random.Random(seed)


async def test_however_often_an_event_comes_there_is_one_row(pool: asyncpg.Pool, draw: random.Random) -> None:
    sent, doubled = await send_again_and_again(pool, draw)
    note(Figures(fault="F7 the same batches again", operations=sent, faults=sent - IDS, lost=0, doubled=doubled))
    assert doubled == 0


async def test_the_rows_show_a_missing_key(pool: asyncpg.Pool, draw: random.Random) -> None:
    for table in await _tables_of_ids(pool):
        await pool.execute(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {table}_pkey CASCADE")
    _, doubled = await send_again_and_again(pool, draw)
    assert doubled > 0


async def _tables_of_ids(pool: asyncpg.Pool) -> list[str]:
    found = "SELECT relname FROM pg_class WHERE relname LIKE 'event_ids%' AND relkind IN ('r', 'p') ORDER BY relkind"
    return [row["relname"] for row in await pool.fetch(found)]


@pytest.fixture
async def proxy(pool: asyncpg.Pool, dsn: str, tmp_path: Path) -> AsyncIterator[FaultProxy]:
    server = IntakeServer(dsn, tmp_path)
    await asyncio.to_thread(server.start)
    port = int(server.url.rpartition(":")[2])
    try:
        async with FaultProxy(port) as proxy:
            yield proxy
    finally:
        server.kill()


async def test_an_answer_that_is_lost_doubles_nothing(
    pool: asyncpg.Pool, proxy: FaultProxy, draw: random.Random
) -> None:
    source = await Sources(pool, SystemClock()).create("till", kind="server")
    plan = [draw.choice(FAULTS) for _ in range(120)]
    proxy.plan(*plan)
    batches = [[f"b{batch}-{number}" for number in range(20)] for batch in range(60)]
    async with httpx.AsyncClient(base_url=proxy.url, auth=(source.write_key, ""), trust_env=False) as client:
        for start in range(0, len(batches), 6):
            await asyncio.gather(*(_insist(client, names) for names in batches[start : start + 6]))
    rows = [row[0] for row in await pool.fetch("SELECT message_id FROM event_log")]
    wanted = {name for names in batches for name in names}
    struck = sum(not isinstance(fault, Pass) for _, fault in proxy.requests)
    assert struck > len(plan) // 2
    doubled, lost = len(rows) - len(set(rows)), len(wanted - set(rows))
    note(Figures(fault="F6 lost answers", operations=len(wanted), faults=struck, lost=lost, doubled=doubled))
    assert (lost, doubled) == (0, 0)


async def _insist(client: httpx.AsyncClient, names: list[str]) -> None:
    """Send a batch until it is acknowledged, as SDKs do."""
    batch = [{"type": "track", "event": "Own", "userId": "u", "messageId": name} for name in names]
    for _ in range(200):
        try:
            answer = await client.post("/v1/batch", json={"batch": batch})
        except httpx.TransportError:
            continue
        if answer.status_code == httpx.codes.OK:
            return
        assert answer.status_code == httpx.codes.SERVICE_UNAVAILABLE
    raise AssertionError("never acknowledged")
