"""History in parts: each customer in one of them, no part too large, and nothing left behind."""

import mmap
import os
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from backend.lake import parting
from backend.lake.beside import beside, laid_beside
from backend.lake.parting import PLACE, Parting, sweep
from backend.lake.shelf import Shelf, parts_of
from segments.reduce.days import BUCKETS

EVENTS = ("visit", "order")


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parting, "STEP", 10 * BUCKETS)
    monkeypatch.setattr(parting, "ROWS", 120)
    monkeypatch.setattr(parting, "_BATCH", 700)


def rows(count: int, *, customers: int) -> pl.DataFrame:
    numbers = pl.int_range(count, eager=True).alias("seq")
    ids = (numbers * 7919 % customers).alias("customer_id")
    events = pl.when(numbers % 3 == 0).then(pl.lit("order")).otherwise(pl.lit("visit")).alias("event")
    return pl.DataFrame([numbers, ids]).with_columns(events)


@pytest.mark.parametrize("customers", [1_000, 4_000, pytest.param(16_000, marks=pytest.mark.prove)])
def test_a_part_is_no_larger_however_many_customers_there_are(tmp_path: Path, customers: int) -> None:
    events, lines = rows(4 * customers, customers=customers), rows(customers, customers=customers // 2)
    besides = dict.fromkeys(range(BUCKETS), customers // BUCKETS)
    seen: list[pl.DataFrame] = []
    with Parting(tmp_path, events=EVENTS) as history:
        history.add("events", events.lazy())
        history.add("lines", lines.lazy())
        for some, part in history.parts(besides, upto=customers - 1):
            found = {name: table.collect() for name, table in part.items()}
            assert found["events"].schema == events.schema
            assert sum(table.height for table in found.values()) <= parting.ROWS
            own = events.filter(some.number, pl.col("customer_id") % BUCKETS == some.bucket)
            assert_frame_equal(found["events"].sort("seq"), own.sort("seq"))
            seen.append(found["events"])
    everyone = pl.concat(seen)
    assert everyone.height == events.height
    places = [table.select(PLACE).to_series() for table in seen if table.height]
    assert all(int(one.max()) < int(other.min()) for one, other in pairwise(places))  # type: ignore[arg-type]
    assert not any(tmp_path.iterdir())


def test_a_part_is_smaller_where_many_rows_are_made_of_one(tmp_path: Path) -> None:
    with Parting(tmp_path, events=EVENTS) as history:
        history.add("events", rows(8_000, customers=4_000).lazy())
        sizes = {
            each: [part["events"].collect().height for _, part in history.parts({}, upto=0, each=each)]
            for each in (1, 4)
        }
    assert {sum(found) for found in sizes.values()} == {8_000}
    assert all(max(found) * each <= 120 for each, found in sizes.items())
    assert max(sizes[1]) > 30, "so that the second has something to divide"


def test_nothing_gives_parts_without_rows(tmp_path: Path) -> None:
    with Parting(tmp_path, events=EVENTS) as history:
        history.add("events", rows(10, customers=5).head(0).lazy())
        parts = [part["events"].collect() for _, part in history.parts({}, upto=0)]
    assert parts
    assert all(part.is_empty() and part.columns == ["seq", "customer_id", "event"] for part in parts)


def test_what_a_process_left_that_died_is_removed(tmp_path: Path) -> None:
    died, young = tmp_path / "parts-died", tmp_path / "parts-young"
    for left in (died, young):
        left.mkdir()
    os.utime(died, (0, 0))
    with Parting(tmp_path, events=EVENTS) as counting:
        assert not died.exists()
        assert young.exists()
        counting.add("events", rows(1_000, customers=500).lazy())
        [held] = {*tmp_path.iterdir()} - {young}
        os.utime(held, (0, 0))
        sweep(tmp_path)
        assert sum(table["events"].collect().height for _, table in counting.parts({}, upto=499)) == 1_000


def test_rows_on_a_shelf_have_no_name_that_a_dying_process_could_leave(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backend.lake.shelf.SMALL", 0)
    seen: list[list[Path]] = []
    mapped = mmap.mmap
    monkeypatch.setattr(
        mmap, "mmap", lambda *args, **named: seen.append([*tmp_path.iterdir()]) or mapped(*args, **named)
    )
    laid = Shelf(tmp_path).lay([rows(5_000, customers=100)])
    assert seen == [[]]
    assert_frame_equal(laid, rows(5_000, customers=100))


def test_columns_are_laid_beside_stored_rows_part_by_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backend.lake.beside.ROWS", 1_000)
    monkeypatch.setattr("backend.lake.shelf.SMALL", 0)
    shelf = Shelf(tmp_path)
    days = pl.DataFrame({"customer_id": range(0, 6_000, 2)}).with_columns(
        days=pl.concat_list(pl.col("customer_id"), pl.col("customer_id") + 1), on=pl.lit(value=True)
    )
    held = shelf.lay(days.sort(PLACE).iter_slices(700))
    assert len([*parts_of(held)]) == 5
    stored = pl.DataFrame({"customer_id": [*range(5_999, -1, -1), 0, 7_000]})
    found = laid_beside(stored.lazy(), held, shelf)
    assert_frame_equal(found, beside(stored.lazy(), days))
    assert not any(tmp_path.iterdir())
