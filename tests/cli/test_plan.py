"""Tracking plans, failed events and their replay from the command line."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from typer.testing import CliRunner, Result

from backend.cli.main import app
from backend.store.pool import open_pool
from tests.services.receiving import LOOSE, STRICT, Door, own

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


def write(path: Path, document: Any) -> str:
    path.write_text(json.dumps(document), encoding="utf-8")
    return str(path)


def send(dsn: str, *calls: Any) -> None:
    """Take in calls of the source app."""

    async def work() -> None:
        pool = await open_pool(dsn)
        try:
            source_id = await pool.fetchval("SELECT source_id FROM sources WHERE name = 'app'")
            await Door(pool, source_id).send(*calls)
        finally:
            await pool.close()

    asyncio.run(work())


async def fetch(dsn: str, statement: str) -> Any:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


def test_a_plan_is_set_shown_and_dropped(joren: Joren, tmp_path: Path) -> None:
    joren("source", "create", "app")
    shown = joren("plan", "show", "app")
    assert (shown.exit_code, shown.stdout, "has no plan" in shown.stderr) == (0, "", True)
    done = joren(
        "plan", "set", "app", write(tmp_path / "p.json", STRICT), "--on-violation", "quarantine", "--ga4-names"
    )
    assert done.stdout == (
        "app: version 1, 1 events; violations are kept apart as failed events; GA4 names are taken.\n"
    )
    assert json.loads(joren("plan", "show", "app").stdout) == STRICT
    listed = {row["name"]: row for row in ask(joren, "plan", "list")}
    assert (listed["app"]["events"], listed["app"]["ga4_names"], listed["import"]["version"]) == (1, True, None)
    assert "quarantine" in joren("plan", "list").stdout
    assert "no plan; violations are kept apart" in joren("plan", "set", "app", "--drop").stdout


def test_the_built_in_plan_can_be_set(joren: Joren, tmp_path: Path) -> None:
    joren("source", "create", "app")
    file = tmp_path / "p.json"
    file.write_text(joren("plan", "show", "app", "--built-in").stdout, encoding="utf-8")
    assert joren("plan", "set", "app", str(file)).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (("set", "nobody", "--drop"), 1, "no source named nobody"),
        (("set", "app", "missing.json"), 2, "cannot be read"),
        (("set", "app", "bad.json"), 2, "not a tracking plan"),
        (("set", "app", "--on-violation", "drop"), 2, "quarantine"),
        (("set", "app"), 2, "say what to set"),
        (("check", "bad.json"), 2, "not a tracking plan"),
    ],
)
def test_what_cannot_be_set(
    joren: Joren,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    arguments: tuple[str, ...],
    status: int,
    says: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "bad.json", {"events": 5})
    joren("source", "create", "app")
    done = joren("plan", *arguments)
    assert (done.exit_code, says in done.stderr) == (status, True), done.stderr


def test_events_are_held_against_a_plan_without_setting_it(joren: Joren, tmp_path: Path) -> None:
    plan, events = write(tmp_path / "p.json", STRICT), tmp_path / "e.ndjson"
    events.write_text("\n".join(json.dumps(own(f"m{n}", size=n)) for n in range(3)) + "\n\n")
    assert ask(joren, "plan", "check", plan, "--events", str(events)) == {"events": 1, "violations": {}}
    events.write_text("\n".join([json.dumps(own("a")), json.dumps(own("b")), "{", json.dumps(own("c", size="5"))]))
    done = joren("plan", "check", plan, "--events", str(events))
    assert done.exit_code == 1
    assert [line.split() for line in done.stdout.splitlines()[1:]] == [
        ["2", "missing_required:properties.size"],
        ["1", "unreadable"],
        ["1", "wrong_type:properties.size"],
    ]


def test_failed_events_are_listed_shown_and_replayed(joren: Joren, dsn: str, tmp_path: Path) -> None:
    joren("source", "create", "app")
    joren("plan", "set", "app", write(tmp_path / "p.json", STRICT), "--on-violation", "quarantine")
    send(dsn, own("m1"), own("m2"), b"\xff{")
    listed = ask(joren, "events", "failed", "list", "--code", "plan_violation", "--source", "app", "--event", "Own")
    assert [row["violations"] for row in listed] == [["missing_required:properties.size"]] * 2
    number = str(listed[0]["failed_id"])
    assert "Today it would fail again." in joren("events", "failed", "show", number).stdout
    joren("plan", "set", "app", write(tmp_path / "p.json", LOOSE))
    assert "Today it could be read" in joren("events", "failed", "show", number).stdout
    assert joren("events", "failed", "show", number, "--raw").stdout == json.dumps(own("m2"), separators=(",", ":"))

    tried = ask(joren, "events", "replay", "--dry-run")
    assert (tried["recovered"], tried["failed"]) == (2, {"unreadable": 1})
    assert "would be recovered" in joren("events", "replay", "--dry-run").stdout
    assert joren("events", "replay", "--id", number).stdout.startswith("1 of 1 recovered")
    done = ask(joren, "events", "replay", "--source", "app")
    assert (done["total"], done["recovered"], done["failed"], done["asked_by"]) == (2, 1, 1, "command line")
    assert "Recovered" in joren("events", "failed", "show", number).stdout
    assert len(ask(joren, "events", "failed", "list", "--recovered")) == 2
    assert "unreadable" in ask(joren, "events", "failed", "list")[0]["code"]
    assert asyncio.run(fetch(dsn, "SELECT count(*) FROM event_log")) == 2
    again = joren("events", "replay", "--code", "plan_violation")
    assert (again.exit_code, "No failed event" in again.stderr) == (2, True)
