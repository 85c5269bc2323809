"""History that is written straight into a lake is the history that a refresh would have put there."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from backend.clock import FixedClock
from backend.demo.facts import lake_block, lake_blocks
from backend.demo.loader import APP_SOURCE, SERVER_SOURCE, load_demo
from backend.demo.shop import ShopConfig
from backend.demo.wire import APP, SERVER
from backend.lake.rows import LakeRows
from backend.lake.schemas import HISTORY, Table
from backend.lake.tables import Lake
from backend.settings import Settings
from backend.wiring import Services, open_services

NOW = datetime(2026, 4, 1, 3, tzinfo=UTC)
SHOP = ShopConfig(last=NOW.date().replace(month=3, day=31), members=120)
DATABASE_DECIDES = ("seq", "first_seq", "received_at")
"""Numbers are given and moments of receipt taken where events are stored."""


@pytest.fixture
async def services(dsn: str, tmp_path: Path) -> AsyncIterator[Services]:
    settings = Settings(home=tmp_path, database_url=dsn, lake=str(tmp_path / "lake"))
    async with open_services(settings, clock=FixedClock(NOW)) as opened:
        yield opened


def comparable(rows: pl.DataFrame) -> pl.DataFrame:
    kept = rows.drop(DATABASE_DECIDES, strict=False)
    return kept.select(sorted(kept.columns)).sort(sorted(kept.columns))


async def test_rows_are_those_that_a_refresh_makes_of_the_same_shop(services: Services, tmp_path: Path) -> None:
    await load_demo(services, home=tmp_path, progress=lambda *_: None, now=NOW, members=SHOP.members)
    sources = {source.name: source.source_id for source in await services.sources.list()}
    found = await services.pool.fetch("SELECT customer_id, user_id FROM customers WHERE merged_into IS NULL")
    numbers = {row["customer_id"]: int(row["user_id"].removeprefix("M")) for row in found}
    [made] = lake_blocks(SHOP, sources={APP: sources[APP_SOURCE], SERVER: sources[SERVER_SOURCE]})
    for table in HISTORY:
        stored = Lake(tmp_path / "lake").rows(table).collect()
        number = pl.col("customer_id").replace_strict(numbers)
        stored = stored.with_columns(number)
        if table is Table.CUSTOMER_DAYS:  # follows from the customer's number
            stored = stored.with_columns((pl.col("customer_id") % 16).cast(pl.Int32).alias("bucket"))
        assert stored.height > 0
        assert_frame_equal(comparable(getattr(made, table)), comparable(stored))


def test_numbers_tell_the_order_of_arrival_and_join_orders_with_their_lines() -> None:
    made = lake_block(SHOP, 0, sources={APP: 1, SERVER: 2})
    arrived = made.events.sort("seq").get_column("received_at")
    assert arrived.is_sorted()
    assert made.events.get_column("seq").is_unique().all()
    assert (made.events["received_at"] > made.events["occurred_at"]).sum() > 0
    assert_lines_belong(made)


def assert_lines_belong(made: LakeRows) -> None:
    orders = made.events.filter(pl.col("event") == "Order Completed")
    joined = made.order_lines.join(
        orders, on=["seq", "customer_id", "order_key", "business_day"], how="left", coalesce=False
    )
    assert joined.get_column("seq_right").null_count() == 0
    assert orders.join(made.order_lines, on="seq", how="anti").is_empty()
