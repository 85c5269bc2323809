"""The unmodified SDK against a real server: every event once, whatever happens to the server."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from segment.analytics.client import Client

from backend.clock import SystemClock
from backend.services.sources import NewSource, Sources
from tests.fixtures.intake_server import IntakeServer


@pytest.fixture
def server(dsn: str, tmp_path: Path) -> Iterator[IntakeServer]:
    server = IntakeServer(dsn, tmp_path)
    server.start()
    yield server
    server.kill()


@pytest.fixture
async def source(pool: asyncpg.Pool) -> NewSource:
    return await Sources(pool, SystemClock()).create("till", kind="server")


class Sender:
    """The SDK as an app uses it, and the errors that it reports."""

    def __init__(self, server: IntakeServer, source: NewSource, **options: Any) -> None:
        self.errors: list[Exception] = []
        self.client = Client(
            source.write_key,
            host=server.url,
            on_error=lambda error, _: self.errors.append(error),
            upload_interval=0.05,
            **options,
        )

    def track(self, numbers: range) -> None:
        for number in numbers:
            self.client.track(
                user_id=f"member-{number % 7}",
                event="注文が完了" if number % 3 else "Store Visited",
                properties={"number": number, "store": "渋谷店"},
            )

    async def flush(self) -> None:
        await asyncio.to_thread(self.client.join)


async def numbers(pool: asyncpg.Pool) -> list[int]:
    rows = await pool.fetch("SELECT (payload -> 'properties' ->> 'number')::int FROM event_log ORDER BY 1")
    return [row[0] for row in rows]


@pytest.mark.parametrize("gzip", [False, True])
async def test_every_event_arrives_once(
    server: IntakeServer, source: NewSource, pool: asyncpg.Pool, gzip: bool
) -> None:
    sender = Sender(server, source, gzip=gzip)
    sender.track(range(250))
    sender.client.identify(user_id="member-1", traits={"rank": "gold", "family_name": "佐藤"})
    await asyncio.to_thread(sender.client.flush)
    await sender.flush()
    assert sender.errors == []
    tracked = await pool.fetch(
        "SELECT (payload -> 'properties' ->> 'number')::int AS n FROM event_log WHERE event <> ''"
    )
    assert sorted(row["n"] for row in tracked) == list(range(250))
    row = await pool.fetchrow("SELECT user_id, trusted, payload FROM event_log WHERE type = 'identify'")
    assert row is not None
    assert (row["user_id"], row["trusted"]) == ("member-1", True)
    assert row["payload"]["traits"] == {"rank": "gold", "family_name": "佐藤"}
    assert await pool.fetchval("SELECT count(*) FROM failed_events") == 0


@pytest.mark.fault
async def test_every_event_arrives_once_although_the_server_is_killed(
    server: IntakeServer, source: NewSource, pool: asyncpg.Pool
) -> None:
    sender = Sender(server, source, upload_size=10)
    sender.track(range(200))
    while not await pool.fetchval("SELECT count(*) FROM event_log"):  # noqa: ASYNC110 - it happens in other processes
        await asyncio.sleep(0.001)
    server.kill()
    assert 0 < len(await numbers(pool)) < 200
    sender.track(range(200, 300))
    await asyncio.to_thread(server.start)
    await asyncio.to_thread(sender.client.flush)
    await sender.flush()
    assert sender.errors == []
    assert await numbers(pool) == list(range(300))


async def test_a_wrong_key_is_reported_once_and_not_repeated(server: IntakeServer, source: NewSource) -> None:
    wrong = NewSource(source_id=0, name="x", kind=source.kind, write_key="wrong")
    sender = Sender(server, wrong)
    sender.track(range(1))
    await asyncio.to_thread(sender.client.flush)
    await sender.flush()
    assert [(error.status, error.code) for error in sender.errors] == [(401, "unauthorized")]  # type: ignore[attr-defined]
