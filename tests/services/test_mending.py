"""Real files are removed, cut and scribbled over: each is named, and what can be made again is as it was."""

from datetime import timedelta
from pathlib import Path

import asyncpg
import polars as pl
import pytest
from deltalake import write_deltalake

from backend.lake import schemas
from backend.lake.damage import ASIDE, examine_frame, examine_lake
from backend.lake.frame import CustomerFrame
from backend.lake.schemas import HISTORY, Table
from backend.lake.tables import Lake
from backend.services.refresh.loop import Refresh
from tests.services.refreshing import Shop, order
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
    """What follows from them waits, and is mended when they are back."""
    shop = await lived_in(pool, tmp_path)
    counted, entry = total(shop.lake), tmp_path / "lake" / "events" / "_delta_log" / "00000000000000000001.json"
    whole, file = entry.read_bytes(), largest(shop.lake, Table.CUSTOMER_DAYS)
    removed(file)
    entry.write_bytes(b"{broken")
    done = await again(shop).refresh.mend()
    assert "Table events cannot be opened" in done.lost[0]
    assert "refresh --rebuild" in done.lost[0]
    assert str(file) in done.lost[1]
    entry.write_bytes(whole)
    assert (await again(shop).refresh.mend()).lost == []
    assert total(shop.lake) == counted


class Died(Exception):
    """Where a refresh was stopped."""


@pytest.mark.parametrize("table", HISTORY)
async def test_a_batch_that_was_left_half_way_is_neither_lost_nor_counted_twice(
    pool: asyncpg.Pool, tmp_path: Path, table: Table
) -> None:
    """A power cut: the batch stops, and a file is damaged."""
    shop = await lived_in(pool, tmp_path)

    def dies(step: str) -> None:
        if step == str(Table.ORDER_LINES):
            raise Died

    tea = {"product_id": "p1", "quantity": 1, "price": 38}
    await shop.send("server", *(order(f"new{n}", 38, user=f"u{n}", products=[tea]) for n in range(5)))
    with pytest.raises(Died):
        await Refresh(pool, shop.clock, shop.lake, shop.frame, watch=dies).run_once()
    removed(largest(shop.lake, table))
    shop = again(shop)
    assert (await shop.refresh.mend()).lost == []
    await shop.refresh.run_once()
    seqs = await shop.log_seqs()
    assert (shop.lake_seqs(), shop.counted()) == (seqs, len(seqs))
    assert shop.lake.order_lines().select(pl.len()).collect().item() == 6
    assert (await shop.row("u0"))["orders"] == 4


async def test_files_of_a_day_that_hold_numbers_of_the_same_batch_come_back_together(
    pool: asyncpg.Pool, tmp_path: Path
) -> None:
    shop = await lived_in(pool, tmp_path)
    before = rows(shop.lake, Table.EVENTS)
    day = shop.lake.events().filter(pl.col("business_day") == pl.date(2026, 4, 1)).collect()
    handle = shop.lake.open(Table.EVENTS)
    write_deltalake(
        handle, day.filter(pl.col("seq") % 2 == 0), mode="overwrite", predicate="business_day = '2026-04-01'"
    )
    shop.lake.add(Table.EVENTS, day.filter(pl.col("seq") % 2 == 1))
    for file in shop.lake.open(Table.EVENTS).file_uris():
        if "2026-04-01" in file:
            removed(Path(file))
    done = await again(shop).refresh.mend()
    assert (len(done.found), done.lost, done.restored) == (2, [], {"events": day.height})
    assert rows(shop.lake, Table.EVENTS) == before


async def test_rows_come_back_into_a_table_of_an_older_release(
    pool: asyncpg.Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = {name: dtype for name, dtype in schemas.EVENTS_SCHEMA.items() if name != "valid_until"}
    layout = schemas.Layout(old, "business_day", ("business_day", "customer_id", "seq"))
    with monkeypatch.context() as before:
        before.setitem(schemas.LAYOUTS, Table.EVENTS, layout)
        shop = await lived_in(pool, tmp_path)
    removed(largest(shop.lake, Table.EVENTS))
    assert (await again(shop).refresh.mend()).lost == []
    assert shop.lake_seqs() == await shop.log_seqs()


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
