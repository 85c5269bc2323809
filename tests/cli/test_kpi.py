"""`joren kpi` on a real installation: words for people, JSON for programs, one sentence for mistakes."""

import json
from datetime import date
from pathlib import Path

import asyncpg
import polars as pl
import pytest

from backend.store import shop
from segments.metrics.catalog import CATALOG
from tests.fixtures.commands import joren
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
        (["repeat_purchas_rate"], "the nearest are repeat_purchase_rate"),
        (["launch_rate", "--by", "rnak"], "cannot be broken down by rnak; the nearest is rank"),
        (["repeat_purchase_rate", "--set", "m=2"], "repeat_purchase_rate has no option m; there are n, basis"),
        (["repeat_purchase_rate", "--set", "basis=recepts"], "basis cannot be recepts; the nearest is receipts"),
        (["repeat_purchase_rate", "--set", "n"], "not of the form NAME=VALUE"),
        (["launch_rate", "--window", "today", "--from", "2026-03-01", "--to", "2026-03-02"], "either --window or"),
        (["launch_rate", "--n", "2"], "launch_rate has no option n"),
        (["launch_rate", "--trend", "--by", "rank"], "Only --segment and the KPI's options go with --trend"),
        (["launch_rate", "--trend", "--csv", "line.csv"], "Only --segment and the KPI's options go with --trend"),
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


def test_a_breakdown_a_comparison_and_a_past_day(home: Path, dsn: str) -> None:
    asked = ("kpi", "orders_per_customer", "--set", "basis=receipts", "--by", "store", "--compare", "previous")
    done = joren(*asked, *WINDOW, "--as-of", "2026-03-05", "--json", home=home, DATABASE_URL=dsn)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["numerator"], found["as_of_day"]) == (1, "2026-03-05")
    assert found["as_of"].startswith("2026-03-05T15:00:00")
    assert [(group["kind"], group["figure"]["numerator"]) for group in found["breakdown"]["groups"]] == [("unknown", 1)]
    assert found["compared"]["how"] == "previous"
    assert found["compared"]["figure"]["window"] == {"from": "2026-02-01", "to": "2026-02-28"}
    assert "as_of_day" in [note["code"] for note in found["notes"]]
    known = joren(*asked, *WINDOW, "--known-at", "2026-02-01T09:00", "--json", home=home, DATABASE_URL=dsn)
    assert known.returncode == 0, known.stderr
    assert (json.loads(known.stdout)["numerator"], json.loads(known.stdout)["as_of"]) == (0, "2026-02-01T00:00:00Z")
    text = joren(*asked, *WINDOW, home=home, DATABASE_URL=dsn).stdout
    assert "by Last store (cohort)" in text
    assert "against previous (2026-02-01 – 2026-02-28): —, —" in text


def test_figures_as_files_that_no_spreadsheet_runs(home: Path, dsn: str) -> None:
    csv, parquet = home / "figures.csv", home / "figures.parquet"
    asked = ("kpi", "orders_per_customer", *WINDOW, "--by", "store", "--csv", str(csv), "--parquet", str(parquet))
    done = joren(*asked, home=home, DATABASE_URL=dsn)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    rows = pl.read_parquet(parquet)
    assert rows.get_column("group").to_list() == [None, "(unknown)"]
    assert rows.get_column("numerator").to_list() == [3, 3]
    assert csv.read_text().splitlines()[0].startswith('"kpi","segment","from"')
    again = joren(*asked, home=home, DATABASE_URL=dsn)
    assert again.returncode == 2
    assert "is there already" in again.stderr


def test_an_export_asks_as_the_command_does(home: Path, dsn: str) -> None:
    question = ("--by", "store", "--compare", "previous", "--as-of", "2026-03-20", *WINDOW)
    files = [home / "kpi.parquet", home / "export.parquet"]
    commands = [
        ("kpi", "orders_per_customer", "--set", "basis=receipts", *question, "--parquet", str(files[0])),
        ("export", "kpi", "orders_per_customer?basis=receipts", *question, "--output", str(files[1])),
    ]
    for command in commands:
        done = joren(*command, home=home, DATABASE_URL=dsn)
        assert done.returncode == 0, done.stderr
    one, other = (pl.read_parquet(file) for file in files)
    assert (one.height, one.get_column("as_of_day").to_list()) == (2, [date(2026, 3, 20)] * 2)
    assert one.equals(other)


def test_an_unknown_segment_to_compare_with_is_named(home: Path, dsn: str) -> None:
    done = joren("kpi", "dau", "--compare", "segment:regulars", home=home, DATABASE_URL=dsn)
    assert done.returncode == 1
    assert "There is no segment regulars; there are none." in done.stderr
    other = joren("kpi", "dau", "--compare", "previos", home=home, DATABASE_URL=dsn)
    assert other.returncode == 2
    assert "nothing is compared with previos; the nearest are previous" in other.stderr


def test_every_option_of_the_catalogue_is_a_flag(tmp_path: Path) -> None:
    flags = joren("kpi", "--help", home=tmp_path).stdout
    missing = [
        option.name
        for metric in CATALOG.values()
        for option in metric.options
        if f"--{option.name.replace('_', '-')}" not in flags
    ]
    assert missing == []
