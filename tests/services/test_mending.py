"""Real files are removed, cut and scribbled over: each is named, and what can be made again is as it was."""

from datetime import timedelta
from pathlib import Path

import asyncpg
import polars as pl

from backend.lake.damage import ASIDE, examine_frame, examine_lake
from backend.lake.frame import CustomerFrame
from backend.lake.schemas import Table
from backend.lake.tables import Lake
from backend.services.refresh.loop import Refresh
from tests.services.refreshing import Shop
from tests.services.test_refresh_on_a_cluster import lived_in


def removed(path: Path) -> None:
    path.unlink()


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def scribbled(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[8:60] = b"#" * 52
    path.write_bytes(content)


def rows(lake: Lake, table: Table) -> list[str]:
    return sorted(map(repr, lake.rows(table).collect().rows()))


def largest(lake: Lake, table: Table) -> Path:
    return max((Path(file) for file in lake.open(table).file_uris()), key=lambda path: (path.stat().st_size, path))


def again(shop: Shop) -> Shop:
    """Another process: nothing is remembered of the files."""
    shop.lake = Lake(shop.lake.location)
    shop.frame = CustomerFrame(shop.frame.path)
    shop.refresh = Refresh(shop.pool, shop.clock, shop.lake, shop.frame)
    return shop


async def test_a_damaged_file_is_named_and_its_rows_come_back(pool: asyncpg.Pool, tmp_path: Path) -> None:
    shop = await lived_in(pool, tmp_path)
    facts = {table: rows(shop.lake, table) for table in (Table.EVENTS, Table.ORDER_LINES)}
    counted = total(shop.lake)
    for table, harm in (
        (Table.EVENTS, removed),
        (Table.EVENTS, scribbled),
        (Table.ORDER_LINES, cut),
        (Table.CUSTOMER_DAYS, scribbled),
        (Table.CUSTOMER_DAYS, removed),
    ):
        file = largest(shop.lake, table)
        harm(file)
        shop = again(shop)
        found = examine_lake(shop.lake, thorough=True)
        assert [(one.table, one.file, one.missing) for one in found] == [(table, str(file), harm is removed)]
        assert str(file) in str(found[0])
        done = await shop.refresh.mend()
        assert (done.found, done.lost) == (found, [])
        assert done.restored[str(table)] >= found[0].rows > 0
        assert {each: rows(shop.lake, each) for each in facts} == facts
        assert total(shop.lake) == counted
        assert examine_lake(shop.lake, thorough=True) == []
        assert (file.name in kept_aside(tmp_path)) == (harm is not removed)
    whole = CustomerFrame(tmp_path / "whole")
    await Refresh(pool, shop.clock, shop.lake, whole).run_once()
    assert (
        whole.read().frame.collect().sort("customer_id").equals(shop.frame.read().frame.collect().sort("customer_id"))
    )


def kept_aside(home: Path) -> list[str]:
    return [path.name for path in (home / "lake" / ASIDE).rglob("*.parquet")]


def total(lake: Lake) -> int:
    return int(lake.customer_days().select(pl.col("count").sum()).collect().item())


async def test_what_the_log_no_longer_holds_is_said_to_be_lost(pool: asyncpg.Pool, tmp_path: Path) -> None:
    shop = await lived_in(pool, tmp_path)
    file = largest(shop.lake, Table.EVENTS)
    held = pl.read_parquet(file, hive_partitioning=False).height
    counted = total(shop.lake)
    removed(file)
    await pool.execute("DELETE FROM event_log")
    done = await again(shop).refresh.mend()
    assert len(done.lost) == 1
    assert f"{held:,} rows of events of 2026-04-01" in done.lost[0]
    assert "backup" in done.lost[0]
    assert (total(shop.lake), done.restored) == (counted, {})
    shop.lake.events().collect()  # the rest can be read


async def test_customer_days_that_cannot_be_opened_are_counted_from_the_events(
    pool: asyncpg.Pool, tmp_path: Path
) -> None:
    shop = await lived_in(pool, tmp_path)
    counted, log = total(shop.lake), tmp_path / "lake" / "customer_days" / "_delta_log"
    entry = log / "00000000000000000001.json"
    entry.write_bytes(b"{broken")
    shop = again(shop)
    found = examine_lake(shop.lake, thorough=False)
    assert [(one.file, one.is_log) for one in found] == [(str(entry), True)]
    assert (await shop.refresh.mend()).lost == []
    assert total(shop.lake) == counted
    assert shop.lake.version(Table.CUSTOMER_DAYS, "joren") == shop.lake.version(Table.EVENTS, "joren") > 0


async def test_events_that_cannot_be_opened_are_not_papered_over(pool: asyncpg.Pool, tmp_path: Path) -> None:
    shop = await lived_in(pool, tmp_path)
    (tmp_path / "lake" / "events" / "_delta_log" / "00000000000000000001.json").write_bytes(b"{broken")
    done = await again(shop).refresh.mend()
    assert "Table events cannot be opened" in done.lost[0]
    assert "refresh --rebuild" in done.lost[0]


async def test_a_damaged_frame_is_made_again(pool: asyncpg.Pool, tmp_path: Path) -> None:
    shop = await lived_in(pool, tmp_path)
    before = shop.frame.read().frame.collect().sort("customer_id")
    for name, harm in (("manifest", scribbled), ("base", removed), ("base", cut)):
        file = min(shop.frame.path.glob(f"{name}*"))
        harm(file)
        shop = again(shop)
        assert [one.file for one in examine_frame(shop.frame)] == [str(file)]
        assert (await shop.refresh.mend()).frame
        assert (await shop.refresh.run_once()).customers == before.height
        assert shop.frame.read().frame.collect().sort("customer_id").equals(before)


async def test_sound_files_are_left_alone(pool: asyncpg.Pool, tmp_path: Path) -> None:
    shop = await lived_in(pool, tmp_path)
    versions = [shop.lake.open(table).version() for table in Table]
    done = await again(shop).refresh.mend()
    assert (done.found, done.lost, done.restored, done.frame) == ([], [], {}, False)
    assert [shop.lake.open(table).version() for table in Table] == versions
    shop.pass_time(timedelta(minutes=1))
    assert (await shop.refresh.run_once()).events == 0
