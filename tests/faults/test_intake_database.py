"""The database dies, stalls or drops its sessions: 503 with whole seconds meanwhile, nothing lost, no restart of ours."""

import asyncio
import contextlib
import dataclasses
import os
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import psutil
import pytest

from backend.asgi import create_app
from backend.clock import SystemClock
from backend.embedded.postgres import EmbeddedPostgres
from backend.services.ingest import Ingest, Limits
from backend.settings import Settings
from backend.store import events as store
from backend.store.pool import open_pool
from backend.store.schema import migrate
from backend.wiring import open_intake
from tests.api.conftest import Intake, client_of, living, track
from tests.faults.figures import SCALE, Figures, note

pytestmark = pytest.mark.fault


class Server:
    """A PostgreSQL of this test's own, to be mistreated."""

    def __init__(self, home: Path) -> None:
        self.embedded = EmbeddedPostgres(home)
        self._held = contextlib.ExitStack()
        self.dsn = ""

    def start(self) -> None:
        self.dsn = self._held.enter_context(self.embedded.hold())

    def processes(self) -> list[psutil.Process]:
        pid = int((self.embedded.data / "postmaster.pid").read_text().split("\n", 1)[0])
        main = psutil.Process(pid)
        return [main, *main.children(recursive=True)]

    def freeze(self) -> list[psutil.Process]:
        frozen = self.processes()
        for process in frozen:
            with contextlib.suppress(psutil.NoSuchProcess):  # a session that ended meanwhile
                process.suspend()
        return frozen

    def kill(self) -> None:
        """Freeze all, then kill all: killed one by one, the others would still write out what was acknowledged."""
        frozen = self.freeze()
        for process in frozen:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(frozen, timeout=60)

    def stop(self) -> None:
        self._held.close()


@pytest.fixture
def server() -> Iterator[Server]:
    with tempfile.TemporaryDirectory(dir=os.environ["JOREN_TEST_FOLDER"]) as folder:
        server = Server(Path(folder) / "home")
        server.start()
        yield server
        server.stop()


@pytest.fixture
async def intake(server: Server, tmp_path: Path) -> AsyncIterator[Intake]:
    await migrate(server.dsn)
    settings = Settings(home=tmp_path, database_url=server.dsn, role="intake")
    async with open_intake(settings) as services:
        app = await services.sources.create("phone")
        till = await services.sources.create("till", kind="server")
        served = create_app(services, "intake")
        async with living(served), client_of(served) as client:
            yield Intake(client=client, services=services, app=app, till=till)


class Driver:
    """Clients that send one event after the other and write down what they were told."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._over = False
        self.acked: set[str] = set()
        self.answers: dict[int, httpx.Response] = {}

    async def drive(self, name: str) -> None:
        number = 0
        while not self._over:
            message = f"{name}-{number}"
            answer = await self._intake.send({"batch": [track(message)]})
            self.answers[answer.status_code] = answer
            if answer.status_code == 200:
                self.acked.add(message)
                number += 1
            else:
                await asyncio.sleep(0.02)

    @contextlib.asynccontextmanager
    async def driving(self, clients: int = 8) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(self.drive(f"client-{n}")) for n in range(clients)]
        try:
            yield
        finally:
            self._over = True
            await asyncio.gather(*tasks)

    async def until(self, condition: Any) -> None:
        while not condition():  # noqa: ASYNC110 - it happens in other processes
            await asyncio.sleep(0.01)

    async def recovery(self) -> float:
        """Seconds until the next event is acknowledged."""
        since = time.monotonic()
        seen = len(self.acked)
        await self.until(lambda: len(self.acked) > seen)
        return time.monotonic() - since

    def note(self, fault: str, *, lost: set[str], faults: int = 1, recovery: float | None = None) -> None:
        """Write down what came of it; `missing` has already counted that no row is there twice."""
        sent = len(self.acked)
        note(Figures(fault=fault, operations=sent, faults=faults, lost=len(lost), doubled=0, recovery=recovery))

    async def more(self, events: int) -> None:
        """Wait until so many more events were acknowledged."""
        wanted = len(self.acked) + events * SCALE
        await self.until(lambda: len(self.acked) >= wanted)


async def missing(dsn: str, driver: Driver) -> set[str]:
    connection = await asyncpg.connect(dsn)
    try:
        rows = await connection.fetch("SELECT message_id FROM event_log")
    finally:
        await connection.close()
    stored = [row[0] for row in rows]
    assert len(stored) == len(set(stored))
    return driver.acked - set(stored)


async def test_a_database_that_is_killed_loses_nothing_and_is_met_again(server: Server, intake: Intake) -> None:
    driver = Driver(intake)
    async with driver.driving():
        await driver.more(200)
        server.kill()
        await driver.until(lambda: 503 in driver.answers)
        server.start()
        recovery = await driver.recovery()
        await driver.more(200)
    refusal = driver.answers.pop(503)
    assert set(driver.answers) == {200}
    assert 1 <= int(refusal.headers["retry-after"]) <= 300
    assert refusal.json()["code"] == "unavailable"
    lost = await missing(server.dsn, driver)
    driver.note("F3 PostgreSQL frozen and killed", lost=lost, recovery=recovery)
    assert lost == set()


async def test_the_ledger_sees_a_database_that_commits_lazily(
    server: Server, intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    lazily = {
        name: text.replace("'synchronous_commit', 'on'", "'synchronous_commit', 'off'")
        for name, text in store._SQL.items()
    }
    monkeypatch.setattr(store, "_SQL", lazily)
    await intake.services.pool.execute("ALTER SYSTEM SET wal_writer_delay = '10s'")
    await intake.services.pool.execute("SELECT pg_reload_conf()")
    driver = Driver(intake)
    async with driver.driving():
        await driver.more(200)
        server.kill()
    server.start()
    assert await missing(server.dsn, driver)


async def test_sessions_that_are_ended_again_and_again_lose_nothing(server: Server, intake: Intake) -> None:
    driver = Driver(intake)
    connection = await asyncpg.connect(server.dsn)
    ended = []
    async with driver.driving():
        for _ in range(5):
            await driver.more(10)
            ended += await connection.fetch(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'postgres' AND pid <> pg_backend_pid()"
            )
        await driver.more(50)
    await connection.close()
    assert len(ended) >= 5
    assert set(driver.answers) <= {200, 503}
    lost = await missing(server.dsn, driver)
    driver.note("F4 every session ended", lost=lost, faults=5)
    assert lost == set()


async def test_a_database_that_stalls_is_answered_for_and_met_again(server: Server) -> None:
    await migrate(server.dsn)
    pool = await open_pool(server.dsn)
    settings = Settings(database_url=server.dsn, role="intake")
    async with open_intake(settings) as services:
        hurried = Ingest(pool, SystemClock(), limits=Limits(patience=timedelta(milliseconds=300)))
        app = await services.sources.create("phone")
        served = create_app(dataclasses.replace(services, ingest=hurried), "intake")
        async with living(served), client_of(served) as client:
            intake = Intake(client=client, services=services, app=app, till=app)
            driver = Driver(intake)
            async with driver.driving(clients=4):
                await driver.more(20)
                frozen = server.freeze()
                await driver.until(lambda: 503 in driver.answers)
                for process in frozen:
                    process.resume()
                recovery = await driver.recovery()
                await driver.more(20)
    await pool.close()
    assert set(driver.answers) == {200, 503}
    lost = await missing(server.dsn, driver)
    driver.note("F5 PostgreSQL stalled", lost=lost, recovery=recovery)
    assert lost == set()
