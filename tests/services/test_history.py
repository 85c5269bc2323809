"""The refresh reads of the lake's history what belongs to the customers whose rows it makes, and no more than it must."""

import random
from pathlib import Path

import asyncpg
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from backend.lake.by_customer import CustomerHistories
from backend.lake.schemas import Table
from backend.lake.tables import Lake
from backend.services.refresh.history import history_of
from backend.store import refresh
from segments.reduce.days import BUCKETS
from tests.lake.rows import day_rows


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """Customers 1 to 400, in three files of each bucket that overlap."""
    made = Lake(tmp_path / "lake")
    for version, numbers in enumerate((range(1, 250), range(100, 401), range(1, 401, 3)), start=1):
        made.append(Table.CUSTOMER_DAYS, day_rows(*numbers), app_id="test", version=version)
    return made


@pytest.mark.parametrize("count", [0, 1, 2, 30, 300])
def test_it_is_all_of_what_these_customers_did_and_nothing_of_others(lake: Lake, count: int) -> None:
    chance = random.Random(count)
    asked = chance.sample(range(1, 401), count)
    absorbed = {
        500: 7,
        **{number: asked[0] for number in chance.sample(range(1, 401), 3) if asked and number not in asked},
    }
    found = history_of(CustomerHistories(lake), asked, absorbed).collect()
    everything = lake.customer_days().collect().filter(pl.col("customer_id").is_in([*asked, *absorbed]))
    expected = everything.with_columns(pl.col("customer_id").replace(absorbed))
    assert_frame_equal(found, expected, check_row_order=False)


async def test_those_who_wait_come_neighbours_of_a_bucket_first(pool: asyncpg.Pool) -> None:
    async with pool.acquire() as connection:
        await refresh.touch(connection, customer_ids=list(range(1, 101)))
        waiting = list(await refresh.read_touched(connection, limit=20))
    assert waiting == sorted(range(1, 101), key=lambda number: (number % BUCKETS, number))[:20]
