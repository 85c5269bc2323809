"""The lake holds each batch once, whoever writes it and however often."""

import threading
from dataclasses import replace
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from deltalake import Transaction
from deltalake.exceptions import CommitFailedError

from backend.errors import Unavailable
from backend.lake.compaction import Compaction, compact
from backend.lake.schemas import LAYOUTS, Table
from backend.lake.tables import Lake
from segments.windows import Window
from tests.lake.rows import day_rows, event_rows

APP = "joren"


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


def seqs(lake: Lake) -> list[int]:
    return sorted(lake.events().select("seq").collect().get_column("seq").to_list())


def test_an_empty_lake_reads_as_no_rows_with_all_columns(lake: Lake) -> None:
    assert lake.customer_days().collect().columns[:2] == ["bucket", "customer_id"]
    assert seqs(lake) == []
    assert lake.version(Table.EVENTS, APP) == 0


def test_a_repeated_version_is_not_written_again(lake: Lake) -> None:
    assert lake.append(Table.EVENTS, event_rows(1, 2), app_id=APP, version=1)
    assert not lake.append(Table.EVENTS, event_rows(1, 2), app_id=APP, version=1)
    assert lake.append(Table.EVENTS, event_rows(3), app_id=APP, version=2)
    assert not lake.append(Table.EVENTS, event_rows(1, 2), app_id=APP, version=1)
    assert seqs(lake) == [1, 2, 3]
    assert lake.version(Table.EVENTS, APP) == 2


def test_a_repeat_after_a_restart_is_not_written_again(lake: Lake) -> None:
    lake.append(Table.EVENTS, event_rows(1), app_id=APP, version=1)
    assert not Lake(lake.location).append(Table.EVENTS, event_rows(1), app_id=APP, version=1)
    assert seqs(lake) == [1]


def test_delta_itself_accepts_a_repeated_version_from_a_fresh_handle(lake: Lake) -> None:
    """Why the comparison is ours: this pins the behaviour of delta-rs that the lake works around."""
    lake.append(Table.EVENTS, event_rows(1), app_id=APP, version=1)
    lake.commit(lake.open(Table.EVENTS), Table.EVENTS, event_rows(1), Transaction(APP, 1))
    assert seqs(lake) == [1, 1]


@pytest.mark.parametrize("between", ["the same batch", "many batches and a checkpoint"])
def test_a_writer_that_slept_between_comparison_and_commit_conflicts(lake: Lake, between: str) -> None:
    sleeper = Lake(lake.location)
    handle = sleeper.open(Table.EVENTS)
    assert handle.transaction_version(APP) is None
    for version in range(1, 2 if between == "the same batch" else 25):
        lake.append(Table.EVENTS, event_rows(version), app_id=APP, version=version)
    with pytest.raises(CommitFailedError):
        sleeper.commit(handle, Table.EVENTS, event_rows(1), Transaction(APP, 1))
    assert seqs(lake).count(1) == 1


def test_racing_writers_write_each_batch_once(lake: Lake) -> None:
    versions = range(1, 9)
    written: list[int] = []
    start = threading.Barrier(3)

    def write(own: Lake) -> None:
        start.wait()
        written.extend(v for v in versions if own.append(Table.EVENTS, event_rows(v), app_id=APP, version=v))

    threads = [threading.Thread(target=write, args=(Lake(lake.location),)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(written) == list(versions)
    assert seqs(lake) == list(versions)


def test_processes_may_make_the_tables_at_the_same_moment(tmp_path: Path) -> None:
    start = threading.Barrier(4)
    made: list[int] = []

    def open_it() -> None:
        start.wait()
        made.append(Lake(tmp_path / "lake").open(Table.EVENTS).version())

    threads = [threading.Thread(target=open_it) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [0, 0, 0, 0]


def test_an_empty_batch_writes_nothing(lake: Lake) -> None:
    assert not lake.append(Table.EVENTS, event_rows(), app_id=APP, version=1)
    assert lake.append(Table.EVENTS, event_rows(1), app_id=APP, version=1)


def test_a_window_reads_its_days_only(lake: Lake) -> None:
    for number, day in enumerate((date(2026, 3, 31), date(2026, 4, 1), date(2026, 4, 2)), start=1):
        lake.append(Table.EVENTS, event_rows(number, day=day), app_id=APP, version=number)
    read = lake.events(Window(date(2026, 4, 1), date(2026, 4, 2))).select("seq").collect()
    assert sorted(read.get_column("seq").to_list()) == [2, 3]


def test_only_the_buckets_asked_for_are_read(lake: Lake) -> None:
    lake.append(Table.CUSTOMER_DAYS, day_rows(*range(40)), app_id=APP, version=1)
    read = lake.customer_days([1, 2]).collect()
    assert sorted(read.get_column("customer_id").to_list()) == [1, 2, 17, 18, 33, 34]
    assert lake.customer_days().collect().height == 40


def test_a_table_of_an_older_release_gets_the_columns_that_it_lacks(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its files stay as they are; they read as not knowing, and become one with newer files."""
    layout = LAYOUTS[Table.EVENTS]
    older = {name: dtype for name, dtype in layout.schema.items() if name != "valid_until"}
    with monkeypatch.context() as past:
        past.setitem(LAYOUTS, Table.EVENTS, replace(layout, schema=older))
        lake.append(Table.EVENTS, event_rows(1), app_id=APP, version=1)
    new = Lake(lake.location)
    rows = event_rows(2).with_columns(pl.lit(date(2026, 5, 1)).alias("valid_until"))
    assert new.append(Table.EVENTS, rows, app_id=APP, version=2)
    assert new.append(Table.EVENTS, event_rows(3), app_id=APP, version=3)
    assert not Lake(lake.location).append(Table.EVENTS, rows, app_id=APP, version=2)
    for _ in range(2):
        found = Lake(lake.location).events().sort("seq").collect()
        assert found["valid_until"].to_list() == [None, date(2026, 5, 1), None]
        assert compact(new, Compaction(many=2)) in (0, 3)


@pytest.mark.parametrize(
    ("location", "options", "sentence"),
    [
        ("az://container/lake", {"GOOGLE_SERVICE_ACCOUNT": "/there.json"}, "Account must be specified"),
        ("az://container/lake", {"AZURE_STORAGE_ACCOUNT_NAME": "a", "AZURE_STORAGE_ACCOUNT_KEY": "?"}, "Access Key"),
        ("gs://bucket/lake", {"GOOGLE_SERVICE_ACCOUNT": "/not/there.json"}, "Unable to open service account file"),
        ("gs://bucket/lake", {"GOOGLE_APPLICATION_CREDENTIALS": "/not/there.json"}, "/not/there.json"),
    ],
)
def test_an_object_store_that_refuses_is_told_in_a_line(location: str, options: dict[str, str], sentence: str) -> None:
    with pytest.raises(Unavailable, match=sentence) as refused:
        Lake(location, options).version(Table.EVENTS, "joren")
    assert refused.value.message.startswith(f"{location} does not answer: ")
    assert refused.value.message.isprintable()


def test_a_store_is_given_its_own_variables_only() -> None:
    """An account at another store is no reason to fail: Polars refused some of them together."""
    everything = {"AWS_PROFILE": "shop", "GOOGLE_CLOUD_PROJECT": "p", "AZURE_CONFIG_DIR": "/c", "timeout": "30s"}
    for scheme, own in (("s3", "AWS_PROFILE"), ("gs", "GOOGLE_CLOUD_PROJECT"), ("abfss", "AZURE_CONFIG_DIR")):
        assert Lake(f"{scheme}://x/lake", everything)._options == {own: everything[own], "timeout": "30s"}
