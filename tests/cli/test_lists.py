"""`joren list` and the parts of `joren segment` that tell of members and versions, on a frame on disk."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import typer
from typer.testing import CliRunner, Result

from backend.cli import lists, segment_ledger
from backend.clock import FixedClock
from backend.lake.frame import CustomerFrame
from backend.services.memberships.keeping import Memberships
from backend.store.pool import open_pool
from tests.segments.rules.people import TODAY, frame_of, person
from tests.services.frames import AS_OF
from tests.services.keeping import Seen

ONCE = json.dumps({"attribute": "orders", "op": "=", "value": 1})
TWICE = json.dumps(
    {"all": [{"attribute": "orders", "op": "=", "value": 2}, {"attribute": "reachable", "op": "is_true"}]}
)


@pytest.fixture
def joren(dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("JOREN_HOME", str(tmp_path))
    monkeypatch.setenv("DATABASE_URL", dsn)
    monkeypatch.setattr("backend.log.configure", lambda **_: None)  # its stream would be closed for later tests
    rows = [person(orders=number, reachable=True) | {"customer_id": number} for number in (1, 2)]
    CustomerFrame(tmp_path / "frame").write(frame_of(rows), day=TODAY, at=AS_OF, seq=1, epoch=1)
    asyncio.run(_know(dsn))

    def call(app: typer.Typer, *arguments: str) -> Result:
        return CliRunner().invoke(app, list(arguments))

    return call


async def _know(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    for number in (1, 2):
        await connection.execute(
            "INSERT INTO customers (customer_id, user_id, created_at, born_source_id) OVERRIDING SYSTEM VALUE VALUES ($1, $2, now(), 1)",
            number,
            f"M-{number}",
        )
        await connection.execute(
            "INSERT INTO identities (kind, value, customer_id, linked_at, proven) VALUES ('user', $1, $2, now(), true)",
            f"M-{number}",
            number,
        )
    await connection.close()


class _Still:
    """The frame in a folder, as if a refresh had made it whole."""

    def __init__(self, folder: Path) -> None:
        self._frame = CustomerFrame(folder)

    def read(self) -> Seen:
        view = self._frame.read()
        return Seen(view.frame, view.as_of, view.day, view.seq, view.customers)

    async def read_for(self, _: Any) -> Seen:
        return self.read()


async def _keep(dsn: str, home: Path) -> None:
    pool = await open_pool(dsn)
    await Memberships(pool, FixedClock(AS_OF + timedelta(minutes=1)), _Still(home / "frame")).work_until_current()
    await pool.close()


def test_a_list_from_a_file_to_the_archive(joren: Any, tmp_path: Path) -> None:
    file, unknown = tmp_path / "staff.csv", tmp_path / "unknown.txt"
    file.write_text("name,user_id\na,M-1\nb,M-9\nc,M-1\n")
    made = joren(lists.app, "create", "Staff", "--file", str(file), "--exclusion", "--unknown-to", str(unknown))
    assert made.exit_code == 0, made.output
    assert "3 read: 1 changed, 0 as before, 1 repeated, 1 unknown, 0 bad." in made.stdout
    assert unknown.read_text() == "M-9\n"
    file.write_text("M-2\n")
    assert json.loads(joren(lists.app, "add", "Staff", str(file), "--json").stdout)["list"]["size"] == 2
    assert "1 people" in joren(lists.app, "remove", "Staff", str(file)).stdout
    assert "Crew (exclusion)" in joren(lists.app, "save", "Staff", "--name", "Crew").stdout
    assert joren(lists.app, "archive", "Crew").exit_code == 0
    assert json.loads(joren(lists.app, "list", "--json").stdout) == []
    assert "Crew (exclusion): 1 people" in joren(lists.app, "restore", "Crew").stdout
    assert joren(lists.app, "create", "x").exit_code == 2
    missing = joren(lists.app, "add", "Crew", str(tmp_path / "none.csv"))
    assert (missing.exit_code, "cannot be read" in missing.output) == (2, True)


def test_members_changes_and_versions_are_told(joren: Any, dsn: str, tmp_path: Path) -> None:
    app = segment_ledger.app
    joren(app, "create", "s", "--rule", ONCE)
    asyncio.run(_keep(dsn, tmp_path))
    assert "M-1  since before it was kept" in joren(app, "members", "s").stdout
    drafted = joren(app, "draft", "s", "--rule", TWICE)
    assert "  − has exactly 1 order\n  + has exactly 2 orders\n" in drafted.stdout, drafted.output
    assert "version 2" in joren(app, "publish", "s").stdout
    assert joren(app, "draft", "s").exit_code != 0
    asyncio.run(_keep(dsn, tmp_path))
    told = json.loads(joren(app, "changes", "s", "--json").stdout)
    assert [(one["user_id"], one["entered"], one["cause"]) for one in told] == [
        ("M-2", True, "rule"),
        ("M-1", False, "rule"),
    ]
    assert "M-2 entered (rule)" in joren(app, "changes", "s").stdout
    assert "As of 2026-06-30 03:00:00 UTC." in joren(app, "history", "s", "--days", "400").stdout
    assert "Version 2" in joren(app, "edits", "s").stdout
    assert "Nothing goes by it." in joren(app, "uses", "s").stdout
    made = json.loads(joren(lists.app, "create", "of s", "--segment", "s", "--json").stdout)
    assert made["size"] == 1
    joren(
        app,
        "create",
        "other",
        "--rule",
        json.dumps({"segment": 1}),
    )
    refused = joren(app, "save", "s", "--rule", ONCE)
    assert refused.exit_code != 0
    assert 'the segment "other"' in refused.output
    assert joren(app, "save", "s", "--rule", ONCE, "--confirm").exit_code == 0
    assert joren(app, "discard", "s").exit_code != 0
