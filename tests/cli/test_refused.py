"""`joren events refused`: what senders threw away because they were refused for good."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest
from typer.testing import CliRunner, Result

from backend.cli.main import app
from backend.clock import FixedClock
from backend.services.refusals import KEPT, Refusals

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
