"""`joren doctor` names damaged files, `--mend` makes them whole, and a cluster that is away is told."""

from pathlib import Path

import asyncpg
import pytest

from backend.lake.schemas import Table
from backend.lake.tables import Lake
from tests.fixtures.commands import joren
from tests.fixtures.ports import free_port
from tests.services.refreshing import Shop, order
from tests.services.test_mending import largest


@pytest.mark.timeout(240)
async def test_a_damaged_lake_is_told_and_mended(pool: asyncpg.Pool, dsn: str, tmp_path: Path) -> None:
    shop = Shop(pool, tmp_path)
    await shop.send("server", *(order(f"o{n}", 100, user=f"u{n % 3}") for n in range(9)))
    await shop.refresh.run_once()
    file, seqs = largest(shop.lake, Table.EVENTS), shop.lake_seqs()
    file.unlink()
    told = joren("doctor", home=tmp_path, DATABASE_URL=dsn)
    assert told.returncode == 1
    assert f"{file} is missing: 9 rows of business_day 2026-04-01." in told.stdout
    assert "joren doctor --mend" in told.stdout
    mended = joren("doctor", "--mend", "--json", home=tmp_path, DATABASE_URL=dsn)
    assert mended.returncode == 0, mended.stdout
    assert "9 rows of events are back." in mended.stdout
    assert sorted(Lake(tmp_path / "lake").events().collect().get_column("seq").to_list()) == seqs


def test_a_cluster_that_is_away_and_an_address_that_is_none(tmp_path: Path, dsn: str) -> None:
    away = f"spark://127.0.0.1:{free_port()}"
    for engine, sentence in ((away, f"No cluster answers at {away}"), ("sparc", "must be polars or spark://host:port")):
        told = joren("doctor", home=tmp_path, DATABASE_URL=dsn, JOREN_ENGINE=engine)
        assert (told.returncode, sentence in told.stdout) == (1, True)


def test_a_past_day_needs_both_options(tmp_path: Path, dsn: str) -> None:
    told = joren("refresh", "--as-of", "2026-03-31", home=tmp_path, DATABASE_URL=dsn)
    assert (told.returncode, "--as-of and --to go together" in told.stderr) == (2, True)
