"""The schema is brought to this release while the release before it takes events, and both work side by side afterwards.

F20 of the fault catalogue. The old release is there as what its intake says to the database, word for word.
"""

import asyncio
import contextlib
import hashlib
import itertools
import json
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import asyncpg
import httpx
import pytest
from alembic import command
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine

from backend.clock import SystemClock
from backend.services.sources import Sources
from backend.store import schema
from backend.store.pool import open_pool
from backend.store.schema import migrate
from tests.faults.figures import Figures, note
from tests.fixtures.database import database_of
from tests.fixtures.intake_server import IntakeServer

pytestmark = pytest.mark.fault

BEFORE = "0002"
WRITERS = 4
COLUMNS = [
    "received_day",
    "received_at",
    "source_id",
    "trusted",
    "message_id",
    "type",
    "event",
    "user_id",
    "anonymous_id",
    "occurred_at",
    "original_at",
    "sent_at",
    "time_rule",
    "payload",
]


@pytest.fixture
async def old(server_dsn: str) -> AsyncIterator[str]:
    """A database as the release before this one left it."""
    name = f"joren_old_{uuid4().hex[:12]}"
    connection = await asyncpg.connect(server_dsn)
    await connection.execute(f"CREATE DATABASE {name}")
    dsn = database_of(server_dsn, name)
    engine = create_async_engine(schema._sqlalchemy_url(dsn))
    async with engine.connect() as fresh:
        await fresh.run_sync(_upgrade_to_old)
        await fresh.commit()
    await engine.dispose()
    yield dsn
    await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await connection.close()


def _upgrade_to_old(connection: Connection) -> None:
    config = schema._config()
    config.attributes["connection"] = connection
    command.upgrade(config, BEFORE)
    connection.execute(
        text("INSERT INTO sources (name, kind, key_hash) VALUES ('till', 'server', sha256('joren_srv_old'::bytea))")
    )


class OldIntake:
    """Writers of the old release; each waits so long for a lock at most, then says 503."""

    def __init__(self, dsn: str, *, patience: str = "1s") -> None:
        self._patience = patience
        text = Path(__file__).with_name("intake_of_0002.sql").read_text(encoding="utf-8")
        blocks = (block.split("\n", 1) for block in text.split("-- name: ")[1:])
        self._sql = {name.strip(): statement for name, statement in blocks}
        self._dsn = dsn
        self._names = itertools.count()
        self._over = False
        self._tasks: list[asyncio.Task[None]] = []
        self.acked: set[str] = set()
        self.refused = 0
        self.longest = 0.0

    async def connect(self) -> asyncpg.Connection:
        connection = await asyncpg.connect(self._dsn, server_settings={"lock_timeout": self._patience})
        await connection.set_type_codec(
            "json",
            encoder=lambda value: json.dumps(value).encode(),
            decoder=json.loads,
            schema="pg_catalog",
            format="binary",
        )
        return connection

    async def write(self) -> None:
        connection = await self.connect()
        while not self._over:
            names = [f"old-{next(self._names)}" for _ in range(3)]
            since = time.monotonic()
            try:
                await self._take(connection, names)
                self.acked.update(names)
            except asyncpg.LockNotAvailableError:
                self.refused += 1
            self.longest = max(self.longest, time.monotonic() - since)
        await connection.close()

    async def _take(self, connection: asyncpg.Connection, names: list[str]) -> None:
        source = await self.source(connection)
        async with connection.transaction():
            await self.claim(connection, names, source)
            await self.store(connection, names, source)

    async def source(self, connection: asyncpg.Connection) -> int:
        key = hashlib.sha256(b"joren_srv_old").digest()
        return int(await connection.fetchval(self._sql["find_by_key"], key))

    async def claim(self, connection: asyncpg.Connection, names: list[str], source: int) -> None:
        """The first half of a transaction."""
        await connection.fetchrow(self._sql["enter_writer"])
        ids = [uuid4() for _ in names]
        await connection.fetch(self._sql["claim_ids"], ids, [source] * len(ids), datetime.now(UTC).date())

    async def store(self, connection: asyncpg.Connection, names: list[str], source: int) -> None:
        """The second half."""
        now = datetime.now(UTC)
        rows = [
            (now.date(), now, source, True, name, "track", "Own", "u", None, now, None, None, "as_sent", {})
            for name in names
        ]
        await connection.copy_records_to_table("event_log", columns=COLUMNS, records=rows)
        bad = [[uuid4()], [source], ["missing_id"], ["No id."], [b"{}"]]
        await connection.fetch(self._sql["keep_failed"], *bad, now)
        counts = [[source], ["Own"], [len(names)], [0], [1]]
        await connection.execute(self._sql["add_counts"], *counts, now.date(), now)

    @contextlib.asynccontextmanager
    async def writing(self) -> AsyncIterator[None]:
        self._tasks = [asyncio.create_task(self.write()) for _ in range(WRITERS)]
        try:
            yield
        finally:
            self._over = True
            await asyncio.gather(*self._tasks)

    async def more(self, events: int) -> None:
        wanted = len(self.acked) + events
        while len(self.acked) < wanted:
            await asyncio.sleep(0.01)
            for task in self._tasks:
                assert not task.done() or task.result() is None, "a writer stopped"


async def send_as_new(dsn: str, home: Path, key: str, *, events: int) -> set[str]:
    """Start this release on the database and send to it; what it acknowledged."""
    server = IntakeServer(dsn, home)
    await asyncio.to_thread(server.start)
    acked = set()
    try:
        async with httpx.AsyncClient(base_url=server.url, auth=(key, ""), trust_env=False, timeout=60) as client:
            for number in range(events):
                event = {"type": "track", "event": "Own", "userId": "u", "messageId": f"new-{number}"}
                answer = await client.post("/v1/batch", json={"batch": [event]})
                assert answer.status_code == httpx.codes.OK, answer.text
                acked.add(event["messageId"])
    finally:
        server.kill()
    return acked


async def test_an_upgrade_under_load_loses_nothing_and_both_releases_work(old: str, tmp_path: Path) -> None:
    intake = OldIntake(old)
    async with intake.writing():
        await intake.more(150)
        await migrate(old)
        await intake.more(150)
        acked = await send_as_new(old, tmp_path, "joren_srv_old", events=20)  # the old release's key opens the new one
        await intake.more(150)
    pool = await open_pool(old)
    stored = [row[0] for row in await pool.fetch("SELECT message_id FROM event_log")]
    assert (await Sources(pool, SystemClock()).list())[0].name == "joren"
    await pool.close()
    lost, doubled = len((intake.acked | acked) - set(stored)), len(stored) - len(set(stored))
    note(
        Figures(
            fault="F20 upgrade on live load (recovery: longest wait of a writer)",
            operations=len(intake.acked) + len(acked) + intake.refused,
            faults=1,
            lost=lost,
            doubled=doubled,
            recovery=intake.longest,
        )
    )
    assert (lost, doubled) == (0, 0)


async def test_a_table_in_use_is_waited_for_in_turns(old: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long reader holds the log: writers who came after the upgrade asked for it get through before the reader's end."""
    monkeypatch.setattr(schema, "_PAUSES", (0.1,) * 600)
    intake = OldIntake(old, patience="0")
    reader = await asyncpg.connect(old)
    async with intake.writing():
        await intake.more(30)
        async with reader.transaction():
            await reader.fetchval("SELECT count(*) FROM event_log")
            upgrade = asyncio.create_task(migrate(old))
            await intake.more(300)
            assert not upgrade.done()
        await upgrade
        await intake.more(30)
    await reader.close()
    assert await schema.revision(old) == schema.head()


async def test_the_writers_see_an_upgrade_that_holds_the_tables(old: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "_PATIENCE", "0")
    intake = OldIntake(old)
    reader = await asyncpg.connect(old)
    async with intake.writing():
        await intake.more(30)
        async with reader.transaction():
            await reader.fetchval("SELECT count(*) FROM event_log")
            upgrade = asyncio.create_task(migrate(old))
            while not intake.refused:  # noqa: ASYNC110 - other tasks do it
                await asyncio.sleep(0.01)
        await upgrade
    await reader.close()
    assert intake.refused > 0


async def waits_for_a_table(watcher: asyncpg.Connection) -> None:
    """Until a session of this database does."""
    waiting = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    async with asyncio.timeout(60):
        while not await watcher.fetchval(waiting):  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.01)


async def test_an_upgrade_and_a_writer_in_the_midst_never_wait_for_each_other(
    old: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long the upgrade takes: it asks for its tables before it changes one, and in the writers' order."""
    monkeypatch.setattr(schema, "_PATIENCE", "0")
    intake = OldIntake(old, patience="0")
    writer, watcher = await intake.connect(), await asyncpg.connect(old)
    source = await intake.source(writer)
    async with writer.transaction():
        await intake.claim(writer, ["mine"], source)
        upgrade = asyncio.create_task(migrate(old))
        await waits_for_a_table(watcher)
        await intake.store(writer, ["mine"], source)
    await upgrade
    assert await watcher.fetchval("SELECT array_agg(message_id) FROM event_log") == ["mine"]
    await writer.close()
    await watcher.close()


async def test_an_upgrade_that_is_ended_for_a_deadlock_tries_again(old: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody with tables in an order of his own."""
    monkeypatch.setattr(schema, "_PATIENCE", "0")
    reader = await asyncpg.connect(old, server_settings={"deadlock_timeout": "60s"})
    watcher = await asyncpg.connect(old)
    async with reader.transaction():
        await reader.execute("SELECT FROM imports")
        upgrade = asyncio.create_task(migrate(old))
        await waits_for_a_table(watcher)
        await reader.execute("SELECT FROM event_log")
    await upgrade
    await reader.close()
    await watcher.close()
    assert await schema.revision(old) == schema.head()
