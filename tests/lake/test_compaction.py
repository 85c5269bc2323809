"""Compaction rewrites files, never rows, and readers that began before it end well."""

from pathlib import Path

import pytest

from backend.lake.compaction import Compaction, compact, remove_unused
from backend.lake.schemas import Table
from backend.lake.tables import Lake
from tests.lake.rows import day_rows, event_rows

RULES = Compaction(many=3, keep_hours=0)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(tmp_path / "lake")
    for version in range(1, 5):
        lake.append(Table.EVENTS, event_rows(version), app_id="joren", version=version)
        lake.append(Table.CUSTOMER_DAYS, day_rows(version, 16 + version), app_id="joren", version=version)
    return lake


def test_crowded_partitions_become_one_file_with_the_same_rows(lake: Lake) -> None:
    before = lake.events().collect().sort("seq")
    assert compact(lake, RULES) == 4
    assert len(lake.open(Table.EVENTS).file_uris()) == 1
    assert lake.events().collect().sort("seq").equals(before)


def test_partitions_with_few_files_are_left_alone(lake: Lake) -> None:
    compact(lake, RULES)
    assert compact(lake, RULES) == 0
    assert len(lake.open(Table.CUSTOMER_DAYS).file_uris()) == 4


def test_files_out_of_use_stay_for_readers_until_their_time_is_up(lake: Lake) -> None:
    reader = lake.events()
    compact(lake, RULES)
    assert remove_unused(lake, Compaction(keep_hours=1)) == 0
    assert reader.collect().height == 4
    assert remove_unused(lake, RULES) == 4
    assert lake.events().collect().height == 4


def test_a_batch_is_still_known_after_compaction(lake: Lake) -> None:
    compact(lake, RULES)
    assert not lake.append(Table.EVENTS, event_rows(4), app_id="joren", version=4)
    assert lake.append(Table.EVENTS, event_rows(5), app_id="joren", version=5)
