"""Sources and counts from the command line."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import msgspec

from backend.store import events
from segments.envelope import Event, FailedEvent
from segments.intake import Reception, read_event
from tests.cli.test_command_line import joren

NOW = datetime(2026, 4, 1, 3, tzinfo=UTC)


def ask(home: Path, dsn: str, *arguments: str) -> Any:
    done = joren(*arguments, "--json", home=home, DATABASE_URL=dsn)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


async def test_a_source_is_made_listed_and_revoked(tmp_path: Path, dsn: str) -> None:
    made = ask(tmp_path, dsn, "source", "create", "店アプリ")
    assert made["kind"] == "app"
    assert made["write_key"].startswith("joren_app_")
    listed = {row["name"]: row for row in ask(tmp_path, dsn, "source", "list")}
    assert listed["店アプリ"]["write_key"] == made["write_key"]
    again = joren("source", "create", "店アプリ", home=tmp_path, DATABASE_URL=dsn)
    assert (again.returncode, again.stderr.count("\n")) == (1, 1)
    assert joren("source", "revoke", "店アプリ", home=tmp_path, DATABASE_URL=dsn).returncode == 0
    assert "revoked" in joren("source", "list", home=tmp_path, DATABASE_URL=dsn).stdout


def test_a_kind_without_keys_is_refused_with_status_2(tmp_path: Path, dsn: str) -> None:
    done = joren("source", "create", "x", "--kind", "import", home=tmp_path, DATABASE_URL=dsn)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)


async def test_events_are_counted_by_name_and_outcome(tmp_path: Path, dsn: str, pool: asyncpg.Pool) -> None:
    await store(pool, {"type": "track", "event": "Own", "userId": "u", "messageId": "m1"})
    await store(pool, {"type": "track", "event": "Own", "userId": "u", "messageId": "m1"})
    await store(pool, {"type": "track", "event": "Own", "messageId": "m2"})
    counted = ask(tmp_path, dsn, "events", "count")
    assert (counted["stored"], counted["repeated"], counted["failed"]) == (1, 1, 1)
    assert [(row["name"], row["stored"], row["repeated"], row["failed"]) for row in counted["events"]] == [
        ("Own", 1, 1, 1)
    ]
    assert counted["failed_by_code"] == {"missing_id": 1}


async def store(pool: asyncpg.Pool, event: dict[str, Any]) -> None:
    result = read_event(msgspec.json.encode(event), Reception(source_id=1, trusted=True, received_at=NOW))
    good = [result] if isinstance(result, Event) else []
    bad = [result] if isinstance(result, FailedEvent) else []
    async with pool.acquire() as connection, connection.transaction():
        await events.append(connection, good, bad, received_at=NOW)
