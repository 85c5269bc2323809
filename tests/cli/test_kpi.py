"""`joren kpi` on a real installation: words for people, JSON for programs, one sentence for mistakes."""

import json
from pathlib import Path

import asyncpg
import pytest

from backend.store import shop
from tests.cli.test_command_line import joren
from tests.services.refreshing import NOW, Shop, order

WINDOW = ("--from", "2026-03-01", "--to", "2026-03-31")


@pytest.fixture
async def home(pool: asyncpg.Pool, tmp_path: Path) -> Path:
    """A folder whose lake and frame hold three orders of two customers."""
    installation = Shop(pool, tmp_path)
    for day, number, who in (("2026-03-02", "o1", "u1"), ("2026-03-09", "o2", "u1"), ("2026-03-09", "o3", "u2")):
        call = order(number, 100, user=who) | {"timestamp": f"{day}T03:00:00Z"}
        await installation.send("server", call)
    await installation.refresh.run_once()
    async with pool.acquire() as connection:
        await shop.put_settings(connection, {"name_ja": "見本店"}, now=NOW, actor="test")
    return tmp_path


def test_a_figure_as_json(home: Path, dsn: str) -> None:
    done = joren("kpi", "repeat_purchase_rate", "--n", "2", *WINDOW, "--json", home=home, DATABASE_URL=dsn)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["numerator"], found["denominator"], found["value"]) == (1, 2, 0.5)
    assert found["window"] == {"from": "2026-03-01", "to": "2026-03-31"}
    assert (found["options"], found["incomplete"]) == ({"n": 2, "basis": "days"}, False)
    assert found["as_of"].startswith("2026-04-01T03:00:00")


def test_retention_as_a_table_for_people(home: Path, dsn: str) -> None:
    orders = ("--start", "Order Completed", "--return", "Order Completed", "--from", "2026-03-02", "--to", "2026-03-15")
    done = joren("kpi", "retention", *orders, "--horizon", "1", home=home, DATABASE_URL=dsn)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "Retention: 50.00%"
    assert next(line for line in lines if line.startswith("  2026-03-02    ")).split()[:4] == [
        "2026-03-02",
        "1",
        "100%",
        "100%",
    ]
    assert lines[-1].split() == ["pooled", "2", "100%", "50%"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["happiness"], "no KPI is called happiness"),
        (["launch_rate", "--n", "2"], "launch_rate has no option n"),
        (["repeat_purchase_rate", "--n", "two"], "n is a whole number from 2 to 100, not two"),
        (["launch_rate", "--from", "2026-03-01"], "both --from and --to"),
        (["launch_rate", "--from", "2026-03-02", "--to", "2026-03-01"], "ends (2026-03-01) before it begins"),
    ],
)
def test_mistakes_get_one_sentence(tmp_path: Path, arguments: list[str], sentence: str) -> None:
    done = joren("kpi", *arguments, home=tmp_path)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_catalogue_is_listed(tmp_path: Path) -> None:
    done = joren("kpi", "--language", "ja", home=tmp_path)
    assert done.returncode == 0
    assert "f2_conversion              F2転換率" in done.stdout.splitlines()
