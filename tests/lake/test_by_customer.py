"""History by customer beside the frame says what the lake says, with less reading, and never more than the lake still holds."""

import os
import random
import shutil
import time
from collections.abc import Collection
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from backend.lake import by_customer, sorted_rows
from backend.lake.by_customer import CustomerHistories
from backend.lake.compaction import Compaction, compact
from backend.lake.forgetting import forget
from backend.lake.schemas import Table
from backend.lake.tables import Lake
from tests.faults.steps import Died, dies_at, steps_named
from tests.lake.rows import MOMENT, day_rows

RULES = Compaction(settled=1)
"""Every file counts as a large one."""

BUSY = 16
"""A customer with more rows than are unpacked together."""

FEW = [1, 5, BUSY, 33, 160, 2_993, 9_985]


def in_buckets(first: int, last: int) -> list[int]:
    """The numbers of three buckets: what holds of them holds of sixteen."""
    return [number for number in range(first, last + 1) if number % 16 in (0, 1, 5)]


def unwatched(step: str) -> None:
    """Nobody stops the world at ``step``."""


def history(count: int) -> pl.DataFrame:
    """Rows of customers up to ``count``, things that lasted and texts among them, and very many of one."""
    one = day_rows(*in_buckets(1, count)).with_columns(
        pl.format("k{}", "customer_id").alias("key"),
        pl.lit("弁当").alias("detail"),
        last_at=MOMENT + timedelta(hours=7),
    )
    many = [day_rows(BUSY).with_columns(pl.lit(number, pl.Int64).alias("first_seq")) for number in range(1_300)]
    return pl.concat([one, *many])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake with one file in each of three buckets."""
    place = tmp_path_factory.mktemp("made")
    Lake(place).append(Table.CUSTOMER_DAYS, history(3_000), app_id="joren", version=1)
    return place


@pytest.fixture
def lake(made: Path, tmp_path: Path) -> Lake:
    return Lake(shutil.copytree(made, tmp_path / "lake"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "frame" / "histories"


def sort_all(lake: Lake, folder: Path, rules: Compaction = RULES) -> CustomerHistories:
    histories = CustomerHistories(lake, folder)
    histories.keep_up(rules, watch=unwatched)
    return histories


def numbers(customers: Collection[int]) -> pl.Series:
    return pl.Series("customer_id", sorted(customers), dtype=pl.Int64)


def expected(lake: Lake, customers: Collection[int]) -> pl.DataFrame:
    return lake.customer_days().filter(pl.col("customer_id").is_in(list(customers))).collect()


def assert_same(found: pl.DataFrame, wanted: pl.DataFrame) -> None:
    assert_frame_equal(found, wanted, check_row_order=False)


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Files of the lake that are read from here on."""
    seen, real = set[str](), Lake.rows_in

    def rows_in(lake: Lake, table: Table, files: Collection[str]) -> pl.LazyFrame:
        seen.update(files)
        return real(lake, table, files)

    monkeypatch.setattr(Lake, "rows_in", rows_in)
    return seen


@pytest.mark.parametrize("dense", [0.0, 1.0], ids=["in the lake", "sorted"])
@pytest.mark.parametrize("count", [0, 40, 700])
def test_it_says_of_anybody_what_the_lake_says(
    lake: Lake, folder: Path, monkeypatch: pytest.MonkeyPatch, count: int, dense: float
) -> None:
    histories = sort_all(lake, folder)
    lake.append(Table.CUSTOMER_DAYS, day_rows(*in_buckets(2_000, 4_000)), app_id="joren", version=2)
    monkeypatch.setattr(by_customer, "DENSE", dense)
    asked = {*random.Random(count).sample(in_buckets(1, 4_100), count), BUSY}
    assert_same(histories.read(numbers(asked)), expected(lake, asked))


def test_of_sorted_files_nothing_is_read_in_the_lake(
    lake: Lake, folder: Path, looked_at: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(by_customer, "DENSE", 1.0)
    histories = sort_all(lake, folder)
    old = lake.files(Table.CUSTOMER_DAYS)
    lake.append(Table.CUSTOMER_DAYS, day_rows(*FEW), app_id="joren", version=2)
    looked_at.clear()
    assert_same(histories.read(numbers(FEW)), expected(lake, FEW))
    assert looked_at
    assert looked_at.isdisjoint(old)


def test_it_counts_where_lake_and_frame_were_moved_together(
    lake: Lake, folder: Path, tmp_path: Path, looked_at: set[str]
) -> None:
    sort_all(lake, folder)
    looked_at.clear()
    elsewhere = Lake(shutil.copytree(tmp_path / "lake", tmp_path / "moved" / "lake"))
    moved = CustomerHistories(elsewhere, shutil.copytree(folder, tmp_path / "moved" / "histories"))
    assert_same(moved.read(numbers([5, 21])), expected(lake, [5, 21]))
    assert looked_at == set()


def test_few_blocks_are_unpacked_for_few_customers(lake: Lake, folder: Path) -> None:
    sort_all(lake, folder)
    held = sorted_rows.open_sorted(folder / "bucket-00.index")
    assert (held.count, held.blocks) == (1_487, 6)
    spans = {number: held.spans_of(numbers([number]).to_numpy()) for number in (BUSY, 2_992, 4_800)}
    assert [one.blocks for one in spans.values()] == [6, 1, 0]
    assert [held.read(one).height for one in spans.values()] == [1_301, 1, 0]


def test_an_index_that_is_not_of_these_rows_is_found_out(lake: Lake, folder: Path) -> None:
    histories = sort_all(lake, folder)
    (rows,) = folder.glob("bucket-05-*.arrow")
    (others,) = folder.glob("bucket-01-*.arrow")
    shutil.copy(others, rows)
    held = sorted_rows.open_sorted(folder / "bucket-05.index")
    with pytest.raises(sorted_rows.Unreadable):
        held.read(held.spans_of(numbers([5]).to_numpy()))
    assert_same(histories.read(numbers([5, 21])), expected(lake, [5, 21]))


def test_what_is_missing_from_it_may_be_a_fifth(lake: Lake, folder: Path) -> None:
    histories = sort_all(lake, folder)
    lake.append(Table.CUSTOMER_DAYS, day_rows(*in_buckets(1, 640)), app_id="joren", version=2)
    assert histories.keep_up(RULES, watch=unwatched) == 0
    lake.append(Table.CUSTOMER_DAYS, day_rows(*in_buckets(1, 320)), app_id="joren", version=3)
    others = lake.parts(Table.CUSTOMER_DAYS).filter(pl.col("value") != 0).get_column("rows").sum()
    assert histories.keep_up(RULES, watch=unwatched) == others, "bucket 0 has many rows of one customer beside these"


def test_a_small_history_is_not_sorted(lake: Lake, folder: Path) -> None:
    sort_all(lake, folder, Compaction(settled=1_000_000))
    assert not folder.exists()


def test_compaction_of_small_files_leaves_what_is_sorted_alone(
    lake: Lake, folder: Path, looked_at: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(by_customer, "DENSE", 1.0)
    rules = Compaction(settled=8_000, many=2)
    histories = sort_all(lake, folder, rules)
    (large,) = lake.parts(Table.CUSTOMER_DAYS).filter(pl.col("bytes") >= 8_000).get_column("file")
    for version in (2, 3):
        lake.append(Table.CUSTOMER_DAYS, day_rows(BUSY), app_id="joren", version=version)
    assert compact(lake, rules) == 2
    looked_at.clear()
    assert_same(histories.read(numbers([BUSY, 160])), expected(lake, [BUSY, 160]))
    assert large not in looked_at


def test_small_files_are_merged_before_a_bucket_is_sorted(lake: Lake, folder: Path) -> None:
    for version in (2, 3):
        lake.append(Table.CUSTOMER_DAYS, day_rows(*in_buckets(1, 400)), app_id="joren", version=version)
    rules = Compaction(settled=6_570)
    histories = sort_all(lake, folder, rules)
    assert sorted(lake.parts(Table.CUSTOMER_DAYS).get_column("value")) == [0, 0, 0, 1, 5], (
        "in bucket 0 they hold little"
    )
    assert histories.keep_up(rules, watch=dies_at("sorted")) == 0


def test_many_settled_files_become_one(lake: Lake, folder: Path) -> None:
    for version in (2, 3):
        lake.append(Table.CUSTOMER_DAYS, day_rows(*in_buckets(1, 400)), app_id="joren", version=version)
    histories = sort_all(lake, folder, Compaction(settled=1, many=3))
    assert lake.parts(Table.CUSTOMER_DAYS).height == 3
    assert_same(histories.read(numbers(FEW)), expected(lake, FEW))


def test_where_the_lake_wrote_a_file_anew_the_sorted_one_counts_no_more(lake: Lake, folder: Path) -> None:
    histories = sort_all(lake, folder)
    lake.append(Table.CUSTOMER_DAYS, day_rows(*FEW), app_id="joren", version=2)
    compact(lake, Compaction(settled=10**9, many=2))
    assert_same(histories.read(numbers(FEW)), expected(lake, FEW))


def test_of_one_who_was_erased_no_byte_is_left(lake: Lake, folder: Path) -> None:
    lake.append(Table.CUSTOMER_DAYS, day_rows(5).with_columns(key=pl.lit("secret-coupon")), app_id="joren", version=2)
    histories = sort_all(lake, folder)
    with pytest.raises(Died):
        _sort_again_and_die(lake, folder, "sorted")
    assert len(list(folder.glob("bucket-05-*"))) == 2
    forget(lake, [5])
    histories.let_go()
    assert list(folder.glob("bucket-05*")) == []
    assert len(list(folder.iterdir())) == 4
    assert histories.read(numbers([5])).is_empty()


@pytest.mark.parametrize("why", ["small", "disk"])
def test_what_counts_no_more_goes_though_nothing_new_is_sorted(
    lake: Lake, folder: Path, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    histories = sort_all(lake, folder)
    forget(lake, [5])  # by a worker elsewhere, who has no such folder
    if why == "disk":
        monkeypatch.setattr(by_customer, "_BYTES_A_ROW", 10**18)
    histories.keep_up(Compaction(settled=10**9) if why == "small" else RULES, watch=unwatched)
    assert list(folder.glob("bucket-05*")) == []
    assert len(list(folder.iterdir())) == 4


def _sort_again_and_die(lake: Lake, folder: Path, step: str) -> None:
    """Bucket 5 alone."""
    lake.append(Table.CUSTOMER_DAYS, day_rows(*range(5, 3_000, 16)), app_id="joren", version=3)
    CustomerHistories(lake, folder).keep_up(RULES, watch=dies_at(step))


@pytest.mark.parametrize("step", sorted(steps_named(sorted_rows)))
def test_dying_at_a_step_leaves_the_same_answers_and_the_next_one_cleans_up(
    lake: Lake, folder: Path, step: str
) -> None:
    histories = sort_all(lake, folder)
    with pytest.raises(Died):
        _sort_again_and_die(lake, folder, step)
    assert_same(histories.read(numbers([5, 21])), expected(lake, [5, 21]))
    long_ago(folder)
    histories.keep_up(RULES, watch=unwatched)
    assert len(list(folder.iterdir())) == 6
    assert_same(histories.read(numbers([5, 21])), expected(lake, [5, 21]))


@pytest.mark.parametrize("which", ["bucket-05.index", "bucket-05-*.arrow"])
@pytest.mark.parametrize("fault", ["cut", "gone", "empty"])
def test_a_damaged_or_missing_file_is_read_in_the_lake(lake: Lake, folder: Path, which: str, fault: str) -> None:
    histories = sort_all(lake, folder)
    (file,) = folder.glob(which)
    if fault == "gone":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[:100] if fault == "cut" else b"")
    assert_same(histories.read(numbers([5, 21])), expected(lake, [5, 21]))


def test_no_disk_is_filled_for_it(lake: Lake, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(by_customer, "_BYTES_A_ROW", 10**18)
    histories = sort_all(lake, folder)
    assert not folder.exists()
    assert_same(histories.read(numbers(FEW)), expected(lake, FEW))


def test_parts_that_fit_in_memory_make_the_same_file(lake: Lake, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(by_customer, "ROWS_IN_MEMORY", 50)
    monkeypatch.setattr(by_customer, "_STEP", 64)
    everyone = in_buckets(1, 3_000)
    assert_same(sort_all(lake, folder).read(numbers(everyone)), expected(lake, everyone))


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few customers are sorted in one turn."""
    monkeypatch.setattr(by_customer, "ROWS_IN_MEMORY", 50)
    monkeypatch.setattr(by_customer, "_STEP", 64)
    monkeypatch.setattr(by_customer, "ROWS_AT_ONCE", 1)


@pytest.mark.usefixtures("small_parts")
def test_a_large_bucket_is_sorted_over_many_turns(lake: Lake, folder: Path) -> None:
    histories, total = CustomerHistories(lake, folder), history(3_000).height
    busy = history(3_000).filter(pl.col("customer_id") < 64).height
    turns = list(iter(lambda: histories.keep_up(RULES, watch=unwatched), 0))
    assert (sum(turns), max(turns) <= busy, len(turns) > 6) == (total, True, True)
    assert len(list(folder.iterdir())) == 6
    assert_same(histories.read(numbers(FEW)), expected(lake, FEW))


@pytest.mark.usefixtures("small_parts")
def test_what_rests_between_turns_is_given_up_where_somebody_is_erased(lake: Lake, folder: Path) -> None:
    histories = CustomerHistories(lake, folder)
    assert histories.keep_up(RULES, watch=unwatched) > 0
    (rows,) = folder.iterdir()
    histories.let_go()
    assert rows.exists(), "it is still on its way"
    assert_same(histories.read(numbers(FEW)), expected(lake, FEW))
    forget(lake, [5, 16, 17])
    histories.let_go()
    assert list(folder.iterdir()) == []
    while histories.keep_up(RULES, watch=unwatched):
        pass
    assert len(list(folder.iterdir())) == 6
    assert_same(histories.read(numbers([*FEW, 17, 21])), expected(lake, [*FEW, 17, 21]))


@pytest.mark.usefixtures("small_parts")
def test_processes_that_take_turns_come_to_an_end_together(lake: Lake, folder: Path) -> None:
    both, total = (CustomerHistories(lake, folder), CustomerHistories(lake, folder)), history(3_000).height
    turns = list(iter(lambda: sum(one.keep_up(RULES, watch=unwatched) for one in both), 0))
    assert (sum(turns), len(turns) > 3) == (total, True)
    assert len(list(folder.iterdir())) == 6
    assert_same(both[0].read(numbers(FEW)), expected(lake, FEW))


@pytest.mark.usefixtures("small_parts")
def test_what_a_dead_process_has_begun_is_begun_anew_by_another(lake: Lake, folder: Path) -> None:
    assert CustomerHistories(lake, folder).keep_up(RULES, watch=unwatched) > 0
    (left,) = folder.iterdir()
    heir = CustomerHistories(lake, folder)
    while heir.keep_up(RULES, watch=unwatched):
        pass
    assert (left.exists(), len(list(folder.iterdir()))) == (True, 5), "it may be alive"
    long_ago(folder)
    while heir.keep_up(RULES, watch=unwatched):
        pass
    assert (left.exists(), len(list(folder.iterdir()))) == (False, 6)
    assert_same(heir.read(numbers(FEW)), expected(lake, FEW))


@pytest.mark.usefixtures("small_parts")
def test_what_another_took_away_is_begun_anew(lake: Lake, folder: Path) -> None:
    histories = CustomerHistories(lake, folder)
    assert histories.keep_up(RULES, watch=unwatched) > 0
    CustomerHistories(lake, folder).let_go()
    assert list(folder.iterdir()) == []
    while histories.keep_up(RULES, watch=unwatched):
        pass
    assert len(list(folder.iterdir())) == 6


def long_ago(folder: Path) -> None:
    """Nobody has written in the folder for longer than anything rests."""
    then = time.time() - 2 * by_customer.LONGEST_REST
    for path in folder.iterdir():
        os.utime(path, (then, then))


def test_saboteur_who_trusts_a_file_that_the_lake_wrote_anew_counts_twice(
    lake: Lake, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    histories = sort_all(lake, folder)
    lake.append(Table.CUSTOMER_DAYS, day_rows(*FEW), app_id="joren", version=2)
    compact(lake, Compaction(settled=10**9, many=2))
    monkeypatch.setattr(
        CustomerHistories, "_sorted", lambda self, bucket, _: sorted_rows.open_sorted(self._index(folder, bucket))
    )
    monkeypatch.setattr(by_customer, "DENSE", 1.0)
    assert histories.read(numbers(FEW)).height > expected(lake, FEW).height
