"""Sources and counts from the command line."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import pytest
from typer.testing import CliRunner, Result

from backend.cli.main import app
from backend.store import events
from backend.store.pool import prepare_connection
from segments.envelope import Event, FailedEvent
from segments.intake import Reception, read_event

NOW = datetime(2026, 4, 1, 3, tzinfo=UTC)

Joren = Callable[..., Result]


@pytest.fixture
def joren(dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Joren:
    """The command in this process; it leaves the log alone, whose stream would be closed for the tests that follow."""
    monkeypatch.setattr("backend.log.configure", lambda **_: None)
    monkeypatch.setenv("DATABASE_URL", dsn)
    monkeypatch.setenv("JOREN_HOME", str(tmp_path))
    return lambda *arguments: CliRunner().invoke(app, arguments)


def ask(joren: Joren, *arguments: str) -> Any:
    done = joren(*arguments, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_a_source_is_made_listed_and_revoked(joren: Joren) -> None:
    made = ask(joren, "source", "create", "店アプリ")
    assert made["kind"] == "app"
    assert made["write_key"].startswith("joren_app_")
    listed = {row["name"]: row for row in ask(joren, "source", "list")}
    assert listed["店アプリ"]["write_key"] == made["write_key"]
    again = joren("source", "create", "店アプリ")
    assert (again.exit_code, again.stderr.count("\n")) == (1, 1)
    assert joren("source", "revoke", "店アプリ").exit_code == 0
    assert "revoked" in joren("source", "list").stdout


def test_a_key_is_rotated_listed_limited_and_refused(joren: Joren) -> None:
    first = ask(joren, "source", "create", "till", "--kind", "server")["write_key"]
    second = ask(joren, "source", "rotate", "till", "--overlap", "30d")["write_key"]
    assert joren("source", "limit", "till", "--key", "default", "--address", "600").exit_code == 0
    sheet = ask(joren, "source", "keys", "till")
    assert (sheet["key_limit"], sheet["address_limit"]) == (None, 600)
    assert [key["hint"] for key in sheet["keys"]] == [second[-4:], first[-4:]]
    assert joren("source", "revoke", "till", "--key", str(sheet["keys"][1]["key_id"])).exit_code == 0
    shown = joren("source", "keys", "till").stdout
    assert ("in force, never used" in shown, "revoked" in shown, first in shown) == (True, True, False)
    assert joren("source", "rotate", "till", "--overlap", "soon").exit_code == 2


def test_a_kind_without_keys_is_refused_with_status_2(joren: Joren) -> None:
    done = joren("source", "create", "x", "--kind", "import")
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)


def test_events_are_counted_by_name_and_outcome(joren: Joren, dsn: str) -> None:
    good = {"type": "track", "event": "Own", "userId": "u", "messageId": "m1"}
    asyncio.run(store(dsn, [good, good, {"type": "track", "event": "Own", "messageId": "m2"}]))
    counted = ask(joren, "events", "count")
    assert (counted["stored"], counted["repeated"], counted["failed"]) == (1, 1, 1)
    assert [(row["name"], row["stored"], row["repeated"], row["failed"]) for row in counted["events"]] == [
        ("Own", 1, 1, 1)
    ]
    assert counted["failed_by_code"] == {"missing_id": 1}
    assert "in all" in joren("events", "count").stdout


async def store(dsn: str, given: list[dict[str, Any]]) -> None:
    reception = Reception(source_id=1, trusted=True, received_at=NOW)
    results = [read_event(msgspec.json.encode(event), reception) for event in given]
    connection = await asyncpg.connect(dsn)
    await prepare_connection(connection)
    async with connection.transaction():
        good = [result for result in results if isinstance(result, Event)]
        bad = [result for result in results if isinstance(result, FailedEvent)]
        await events.append(connection, good, bad, received_at=NOW)
    await connection.close()
