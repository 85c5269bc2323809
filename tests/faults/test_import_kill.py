"""An import that is killed at any part and run again stores every row once, and lists every rejected row."""

import asyncio
import csv
import json
import signal
from pathlib import Path

import asyncpg
import pytest

from tests.faults.import_process import NOW, PART
from tests.fixtures import commands

pytestmark = pytest.mark.fault

ROWS = 90


def orders(folder: Path) -> Path:
    path = folder / "orders.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["order_id", "customer_id", "ordered_at", "total"])
        for number in range(ROWS):
            writer.writerow([f"A{number}", f"m{number % 7}" if number % 10 else "", "2026-04-01 10:00", number])
    return path


def events(folder: Path) -> Path:
    path = folder / "events.ndjson"
    event = {"type": "track", "event": "Store Visited", "userId": "m", "timestamp": "2026-04-01T01:00:00Z"}
    lines = (json.dumps(event | {"messageId": f"e{n}"}) if n % 10 else "{" for n in range(ROWS))
    path.write_text("\n".join(lines))
    return path


def customers(folder: Path) -> Path:
    path = folder / "customers.csv"
    rows = ([f"m{number}" if number % 10 else "", f"佐藤{number}"] for number in range(ROWS))
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([["会員番号", "姓"], *rows])
    return path


FILES = {"orders": orders, "events": events, "customers": customers}


async def run(dsn: str, kind: str, file: Path, *, fate: str, sabotage: str = "") -> int:
    home = str(file.parent / "home")
    given = (dsn, home, kind, str(file), fate, sabotage)
    return await asyncio.to_thread(commands.module, "tests.faults.import_process", *given)


async def assert_each_row_once(pool: asyncpg.Pool, file: Path) -> None:
    good = ROWS - ROWS // 10
    assert await pool.fetchval("SELECT count(*) FROM event_log") == good
    assert await pool.fetchval("SELECT count(DISTINCT message_id) FROM event_log") == good
    record = await pool.fetchrow("SELECT * FROM imports")
    assert (record["rows_read"], record["rows_stored"], record["rows_repeated"], record["rows_rejected"]) == (ROWS, good, 0, ROWS - good)  # fmt: skip
    assert record["started_at"] == record["finished_at"] == NOW
    rejects = await asyncio.to_thread(next(file.parent.glob("*.rejects.*")).read_text, "utf-8-sig")
    assert len(rejects.splitlines()) == ROWS - good + (file.suffix == ".csv")


@pytest.mark.parametrize(("kind", "moment"), [("orders", "before"), ("customers", "after"), ("events", "before")])
async def test_killed_around_a_part_and_run_again(
    pool: asyncpg.Pool, dsn: str, tmp_path: Path, kind: str, moment: str
) -> None:
    file = FILES[kind](tmp_path)
    assert await run(dsn, kind, file, fate=f"2 {moment}") == -signal.SIGKILL
    done = await pool.fetchval("SELECT count(*) FROM event_log")
    assert 0 < done <= 2 * PART
    assert await pool.fetchval("SELECT parts_done FROM imports") == (1 if moment == "before" else 2)
    assert await run(dsn, kind, file, fate="never") == 0
    await assert_each_row_once(pool, file)


@pytest.mark.prove
@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", FILES)
async def test_killed_at_every_part_in_turn(pool: asyncpg.Pool, dsn: str, tmp_path: Path, kind: str) -> None:
    file = FILES[kind](tmp_path)
    fates = [f"{part} {moment}" for part in range(1, 2 * ROWS // PART) for moment in ("before", "after")]
    ends = [await run(dsn, kind, file, fate=fate) for fate in fates]
    assert ends.count(-signal.SIGKILL) >= 2 * (ROWS // PART)
    assert await run(dsn, kind, file, fate="never") == 0
    await assert_each_row_once(pool, file)


async def test_saboteur_progress_written_before_the_part_is_stored_loses_rows(
    pool: asyncpg.Pool, dsn: str, tmp_path: Path
) -> None:
    file = orders(tmp_path)
    assert await run(dsn, "orders", file, fate="2 before", sabotage="forget") == -signal.SIGKILL
    assert await run(dsn, "orders", file, fate="never") == 0
    assert await pool.fetchval("SELECT count(*) FROM event_log") == ROWS - ROWS // 10 - PART
