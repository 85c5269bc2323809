"""A 200 means: survives the SIGKILL of every process of ours. The ledger of a client is held against the table."""

import asyncio
import itertools
import time
from collections.abc import Callable
from pathlib import Path

import asyncpg
import httpx
import pytest

from backend.clock import SystemClock
from backend.services.sources import Sources
from tests.faults.figures import SCALE, Figures, note
from tests.faults.sabotage import ACK_BEFORE_COMMIT
from tests.fixtures.intake_server import REAL, IntakeServer
from tests.fixtures.sessions import quiet

pytestmark = pytest.mark.fault

CLIENTS = 8
BATCH = 5


class Ledger:
    """What clients sent, and what was acknowledged to them; an answer that never came is neither kept nor lost."""

    def __init__(self) -> None:
        self.acked: set[str] = set()
        self.refused: list[int] = []
        self._names = itertools.count()

    async def drive(self, url: str, key: str) -> None:
        """Send until the server is gone."""
        async with httpx.AsyncClient(base_url=url, auth=(key, ""), trust_env=False, timeout=60) as client:
            while True:
                names = [f"m{next(self._names)}" for _ in range(BATCH)]
                batch = [{"type": "track", "event": "Own", "userId": "u", "messageId": name} for name in names]
                try:
                    answer = await client.post("/v1/batch", json={"batch": batch})
                except httpx.TransportError:
                    return
                if answer.status_code == httpx.codes.OK:
                    self.acked.update(names)
                else:
                    self.refused.append(answer.status_code)


async def end_under_load(server: IntakeServer, key: str, end: Callable[[], object]) -> Ledger:
    """Start, let clients send, end the server while they do."""
    ledger = Ledger()
    await asyncio.to_thread(server.start)
    clients = [asyncio.create_task(ledger.drive(server.url, key)) for _ in range(CLIENTS)]
    while len(ledger.acked) < 40 * CLIENTS * SCALE:  # noqa: ASYNC110 - it happens in another process
        await asyncio.sleep(0.01)
    await asyncio.to_thread(end)
    await asyncio.gather(*clients)
    return ledger


async def count_lost(pool: asyncpg.Pool, ledger: Ledger) -> int:
    """Acknowledged events that are neither row nor failed event."""
    await quiet(pool)
    stored = {row[0] for row in await pool.fetch("SELECT message_id FROM event_log")}
    return len(ledger.acked - stored)


async def run(pool: asyncpg.Pool, dsn: str, home: Path, target: str, *, way: str = "kill") -> tuple[int, Ledger]:
    source = await Sources(pool, SystemClock()).create("till", kind="server")
    server = IntakeServer(dsn, home, target=target)
    try:
        ledger = await end_under_load(server, source.write_key, getattr(server, way))
    finally:
        server.kill()
    return await count_lost(pool, ledger), ledger


def start_anew(dsn: str, home: Path) -> float:
    """Seconds until a server answers again."""
    server, since = IntakeServer(dsn, home), time.monotonic()
    try:
        server.start()
        return time.monotonic() - since
    finally:
        server.kill()


async def test_no_acknowledged_event_is_lost_when_the_server_is_killed(
    pool: asyncpg.Pool, dsn: str, tmp_path: Path
) -> None:
    lost, ledger = await run(pool, dsn, tmp_path, REAL)
    doubled = await pool.fetchval("SELECT count(*) - count(DISTINCT message_id) FROM event_log")
    recovery = await asyncio.to_thread(start_anew, dsn, tmp_path)
    sent = len(ledger.acked)
    note(
        Figures(
            fault="F1 SIGKILL of the server", operations=sent, faults=1, lost=lost, doubled=doubled, recovery=recovery
        )
    )
    assert (lost, doubled, ledger.refused) == (0, 0, [])


async def test_the_ledger_sees_a_server_that_answers_too_early(pool: asyncpg.Pool, dsn: str, tmp_path: Path) -> None:
    lost, _ = await run(pool, dsn, tmp_path, ACK_BEFORE_COMMIT)
    assert lost > 0


async def test_a_server_that_is_stopped_answers_for_everything_it_took(
    pool: asyncpg.Pool, dsn: str, tmp_path: Path
) -> None:
    lost, ledger = await run(pool, dsn, tmp_path, REAL, way="stop")
    assert (lost, set(ledger.refused) - {503}) == (0, set())
