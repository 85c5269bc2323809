"""The database's disk fills up while events come: 503 meanwhile, nothing lost, and the tables are sound afterwards.

F16 of the fault catalogue. A small disk has to be mounted, which only root may do: part of ``make prove``.
"""

import asyncio
import contextlib
import os
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from backend.asgi import create_app
from backend.embedded.postgres import _binaries
from backend.settings import Settings
from backend.store import events as store
from backend.store.schema import migrate
from backend.wiring import open_intake
from tests.api.conftest import Intake, client_of, living
from tests.faults.test_intake_database import Driver, Server, missing

pytestmark = [pytest.mark.fault, pytest.mark.prove, pytest.mark.timeout(300)]

SIZE = "256m"
FULL_SECONDS = 5


@pytest.fixture
def disk() -> Iterator[Path]:
    """A disk of 256 MB."""
    assert os.geteuid() == 0, "a small disk can be mounted by root only: run this test as root"
    place = Path(tempfile.mkdtemp(dir=os.environ["JOREN_TEST_FOLDER"]))
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=0755", "joren-test", str(place)], check=True)
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.fixture
def server(disk: Path) -> Iterator[Server]:
    server = Server(disk / "home")
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def intake(server: Server, tmp_path: Path) -> AsyncIterator[Intake]:
    await migrate(server.dsn)
    async with open_intake(Settings(home=tmp_path, database_url=server.dsn, role="intake")) as services:
        source = await services.sources.create("till", kind="server")
        served = create_app(services, "intake")
        async with living(served), client_of(served) as client:
            yield Intake(client=client, services=services, app=source, till=source)


def fill(disk: Path) -> Path:
    """Take every byte that is left."""
    ballast = disk / "ballast"
    with ballast.open("ab", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(1 << 16))
    return ballast


async def meet_a_full_disk(server: Server, intake: Intake, disk: Path) -> tuple[Driver, float]:
    """Clients send before, while and after the disk is full; gives what they heard and the seconds until they were served again."""
    driver = Driver(intake)
    async with driver.driving():
        await driver.more(200)
        ballast = fill(disk)
        await driver.until(lambda: 503 in driver.answers)
        for _ in range(FULL_SECONDS):
            await asyncio.sleep(1)
            fill(disk)  # what PostgreSQL gave back meanwhile
        ballast.unlink()
        since = time.monotonic()
        await asyncio.to_thread(server.start)
        await driver.more(1)
        recovery = time.monotonic() - since
        await driver.more(200)
    return driver, recovery


def check_tables(dsn: str) -> None:
    """Every table and index, as PostgreSQL's own checker sees them."""
    checker = _binaries() / "pg_amcheck"
    subprocess.run([checker, "--install-missing", "--heapallindexed", dsn], check=True, capture_output=True)


async def test_a_full_disk_is_said_and_nothing_is_lost(server: Server, intake: Intake, disk: Path) -> None:
    driver, recovery = await meet_a_full_disk(server, intake, disk)
    lost = await missing(server.dsn, driver)
    driver.note("F16 full disk", lost=lost, recovery=recovery)
    refusal = driver.answers.pop(503)
    assert set(driver.answers) == {200}
    assert 1 <= int(refusal.headers["retry-after"]) <= 300
    assert lost == set()
    await asyncio.to_thread(check_tables, server.dsn)


async def test_the_ledger_sees_a_database_that_commits_lazily(
    server: Server, intake: Intake, disk: Path, monkeypatch: pytest.MonkeyPatch
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
        fill(disk)
        await asyncio.sleep(1)
        server.kill()
    (disk / "ballast").unlink()
    server.start()
    assert await missing(server.dsn, driver)
