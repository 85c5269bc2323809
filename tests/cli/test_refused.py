"""`joren events refused`: what senders threw away because they were refused for good."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest
from typer.testing import CliRunner, Result

from backend.cli.main import app
from backend.clock import FixedClock
from backend.services.refusals import KEPT, LARGEST_KEPT, LARGEST_UNAUTHORIZED, MOST_BYTES, Refusals

NOW = datetime(2026, 4, 1, 3, tzinfo=UTC)
BODY = b'{"batch": [\xff'

Joren = Callable[..., Result]


@pytest.fixture
def joren(dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Joren:
    monkeypatch.setattr("backend.log.configure", lambda **_: None)
    monkeypatch.setenv("DATABASE_URL", dsn)
    monkeypatch.setenv("JOREN_HOME", str(tmp_path))
    return lambda *arguments: CliRunner().invoke(app, ["events", "refused", *arguments])


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW)


@pytest.fixture
def refusals(pool: asyncpg.Pool, clock: FixedClock) -> Refusals:
    return Refusals(pool, clock, per_hour=2)


def refuse(refusals: Refusals, code: str = "bad_json") -> None:
    refusals.note(path="/v1/batch", status=400, code=code, message="It cannot be read.", body=BODY)


async def test_refused_requests_are_listed_and_printed_as_they_came(refusals: Refusals, joren: Joren) -> None:
    refuse(refusals)
    await refusals.write()
    (listed,) = json.loads((await asyncio.to_thread(joren, "--json")).stdout)["refused"]
    assert (listed["path"], listed["status"], listed["code"]) == ("/v1/batch", 400, "bad_json")
    assert listed["size"] == len(BODY)
    assert "It cannot be read." in (await asyncio.to_thread(joren)).stdout
    assert (await asyncio.to_thread(joren, str(listed["refused_id"]))).stdout_bytes == BODY
    assert (await asyncio.to_thread(joren, "999")).exit_code == 1


async def test_the_first_of_each_kind_in_an_hour_are_kept_for_a_week(
    refusals: Refusals, clock: FixedClock, pool: asyncpg.Pool
) -> None:
    for _ in range(2):
        for code in ("bad_json", "bad_gzip"):
            for _ in range(3):
                refuse(refusals, code)
        await refusals.write()
        clock.advance(KEPT / 2)
    rows = await pool.fetch("SELECT code, count(*) AS kept FROM refused_requests GROUP BY code")
    assert {row["code"]: row["kept"] for row in rows} == {"bad_json": 4, "bad_gzip": 4}
    await refusals._forget(clock.now() - KEPT / 2)
    assert await pool.fetchval("SELECT count(*) FROM refused_requests") == 4


async def test_they_wait_while_the_database_is_away(refusals: Refusals, pool: asyncpg.Pool) -> None:
    await refusals.start()
    refuse(refusals)
    await pool.execute("ALTER TABLE refused_requests RENAME TO elsewhere")
    await refusals.write()
    await pool.execute("ALTER TABLE elsewhere RENAME TO refused_requests")
    await refusals.stop()
    assert await pool.fetchval("SELECT count(*) FROM refused_requests") == 1


def flood(refusals: Refusals, code: str, *, requests: int = 2) -> None:
    for _ in range(requests):
        refusals.note(path="/v1/batch", status=400, code=code, message="No.", body=b"x" * 2 * LARGEST_KEPT)


async def sizes(refusals: Refusals, pool: asyncpg.Pool) -> dict[str, list[int]]:
    """Bytes kept of each request, by code."""
    await refusals.write()
    rows = await pool.fetch("SELECT code, length(body) AS kept FROM refused_requests ORDER BY refused_id")
    return {code: [row["kept"] for row in rows if row["code"] == code] for code in {row["code"] for row in rows}}


async def test_nobody_fills_the_disk_with_what_is_refused(
    refusals: Refusals, clock: FixedClock, pool: asyncpg.Pool
) -> None:
    for number in range(5):
        flood(refusals, f"code_{number}")
    first = await sizes(refusals, pool)
    assert first["code_0"] == [LARGEST_KEPT, LARGEST_KEPT]
    assert sum(map(sum, first.values())) == MOST_BYTES
    assert first["code_4"] == [0, 0], "that it came is kept all the same"
    clock.advance(timedelta(hours=1))
    flood(refusals, "code_4")
    assert (await sizes(refusals, pool))["code_4"] == [0, 0, LARGEST_KEPT, LARGEST_KEPT]


async def test_of_those_without_a_key_only_the_beginning_is_kept(refusals: Refusals, pool: asyncpg.Pool) -> None:
    flood(refusals, "unauthorized")
    assert await sizes(refusals, pool) == {"unauthorized": [LARGEST_UNAUTHORIZED] * 2}


async def test_a_stop_in_the_middle_of_writing_loses_nothing(refusals: Refusals, pool: asyncpg.Pool) -> None:
    refuse(refusals)
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("LOCK refused_requests IN ACCESS EXCLUSIVE MODE")
        writing = asyncio.create_task(refusals.write())
        async with asyncio.timeout(20):
            while not await waits_for_a_lock(pool):  # noqa: ASYNC110 - a server process waits
                await asyncio.sleep(0.01)
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
    await refusals.stop()
    assert await pool.fetchval("SELECT count(*) FROM refused_requests") == 1


async def waits_for_a_lock(pool: asyncpg.Pool) -> bool:
    return bool(await pool.fetchval("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"))
