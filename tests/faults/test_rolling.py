"""A new release takes the old one's place under load: no request fails, and the old one ends in time.

F21 of the fault catalogue. The clients do what a load balancer does: keep connections open, ask each server whether it is
ready, and go elsewhere when it is not. A request that was sent is never sent elsewhere: it has to be answered.
"""

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import httpx
import pytest

from backend.clock import SystemClock
from backend.services.sources import Sources
from tests.faults.figures import Figures, note
from tests.fixtures.intake_server import DrainingIntakeServer, IntakeServer
from tests.fixtures.sessions import quiet

pytestmark = pytest.mark.fault

CLIENTS = 8


class Balancer:
    """Clients that use whichever server takes connections."""

    def __init__(self, servers: list[IntakeServer], key: str) -> None:
        self._servers = servers
        self._key = key
        self._names = itertools.count()
        self._over = False
        self._ready = {server.url: True for server in servers}
        self.acked: list[str] = []
        self.failed: list[str] = []

    async def watch(self) -> None:
        """Ask each server ten times a second whether it is ready."""
        async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
            while not self._over:
                for url in self._ready:
                    self._ready[url] = await _is_ready(client, url)
                await asyncio.sleep(0.1)

    async def drive(self, first: int) -> None:
        clients = [
            httpx.AsyncClient(base_url=server.url, auth=(self._key, ""), trust_env=False, timeout=60)
            for server in self._servers
        ]
        async with contextlib.AsyncExitStack() as opened:
            for client in clients:
                await opened.enter_async_context(client)
            turns = itertools.cycle(range(first, first + len(clients)))
            while not self._over:
                client = clients[next(turns) % len(clients)]
                if self._ready[str(client.base_url).rstrip("/")]:
                    await self._send(client)
                else:
                    await asyncio.sleep(0.001)

    async def _send(self, client: httpx.AsyncClient) -> None:
        name = f"m{next(self._names)}"
        batch = [{"type": "track", "event": "Own", "userId": "u", "messageId": name}]
        try:
            answer = await client.post("/v1/batch", json={"batch": batch})
        except httpx.ConnectError:
            await asyncio.sleep(0.01)  # it takes no connections: elsewhere
        except httpx.TransportError as error:
            self.failed.append(repr(error))
        else:
            if answer.status_code == httpx.codes.OK:
                self.acked.append(name)
            else:
                self.failed.append(str(answer.status_code))

    @contextlib.asynccontextmanager
    async def driving(self) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(self.drive(number)) for number in range(CLIENTS)]
        tasks.append(asyncio.create_task(self.watch()))
        try:
            yield
        finally:
            self._over = True
            await asyncio.gather(*tasks)

    async def more(self, events: int) -> None:
        wanted = len(self.acked) + events
        while len(self.acked) < wanted:  # noqa: ASYNC110 - it happens in other processes
            await asyncio.sleep(0.01)


async def _is_ready(client: httpx.AsyncClient, url: str) -> bool:
    """Whether it takes requests: what stands in the way of the rest of the installation is not its concern."""
    try:
        answer = await client.get(f"{url}/health/ready")
    except httpx.TransportError:
        return False
    return "stopping" not in answer.json()["concerns"]


async def roll(
    pool: asyncpg.Pool, dsn: str, home: Path, *, kind: type[IntakeServer] = DrainingIntakeServer, most: int = 2
) -> tuple[Balancer, list[float]]:
    """Replace two servers in turn, ``most`` times in all or until a request fails.

    Gives what the clients saw and how long each old one took to end.
    """
    source = await Sources(pool, SystemClock()).create("till", kind="server")
    homes = [home / "one", home / "two"]
    for each in homes:
        each.mkdir()
    servers = [kind(dsn, each) for each in homes]
    balancer, drained = Balancer(servers, source.write_key), []
    try:
        await asyncio.gather(*(asyncio.to_thread(server.start) for server in servers))
        async with balancer.driving():
            for server in itertools.islice(itertools.cycle(servers), most):
                await balancer.more(100)
                since = time.monotonic()
                await asyncio.to_thread(server.stop)
                drained.append(time.monotonic() - since)
                await asyncio.to_thread(server.start)
                if balancer.failed:
                    break
            await balancer.more(100)
    finally:
        for server in servers:
            server.kill()
    return balancer, drained


async def test_a_rolling_deploy_fails_no_request(pool: asyncpg.Pool, dsn: str, tmp_path: Path) -> None:
    balancer, drained = await roll(pool, dsn, tmp_path)
    await quiet(pool)
    stored = [row[0] for row in await pool.fetch("SELECT message_id FROM event_log")]
    lost, doubled = len(set(balancer.acked) - set(stored)), len(stored) - len(set(stored))
    sent = len(balancer.acked)
    note(
        Figures(
            fault="F21 rolling deploy", operations=sent, faults=2, lost=lost, doubled=doubled, recovery=max(drained)
        )
    )
    assert (balancer.failed, lost, doubled) == ([], 0, 0)


@pytest.mark.prove
async def test_the_clients_see_servers_that_do_not_drain(pool: asyncpg.Pool, dsn: str, tmp_path: Path) -> None:
    # Whether a request is under way at the moment of a stop is chance: one stop may hit none, ten stops do.
    balancer, _ = await roll(pool, dsn, tmp_path, kind=IntakeServer, most=10)
    assert balancer.failed
