"""The table ``customers`` of the lake: one picture of the frame a business day, kept for a while, gone with the person."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import asyncpg
import duckdb
import polars as pl
import pytest
from deltalake import DeltaTable

from backend.lake import pictures
from backend.lake.compaction import Compaction, remove_unused
from backend.lake.damage import examine_lake
from backend.lake.forgetting import forget
from backend.lake.schemas import CUSTOMERS_SCHEMA, Table
from backend.services.refresh.loop import Refresh
from backend.services.shop import Shop as Settings
from backend.settings import BadSettings, read
from tests.services.refreshing import Shop, opened, order
from tests.services.test_mending import removed

DAY = timedelta(days=1)
FIRST = date(2026, 4, 1)
"""The business day of the first refresh."""


@pytest.fixture
def shop(pool: asyncpg.Pool, tmp_path: Path) -> Shop:
    return Shop(pool, tmp_path, keep_pictures=3)


async def live(shop: Shop, days: int) -> None:
    """Every day somebody new buys, and the first one comes back."""
    for day in range(days):
        number = (shop.clock.now().date() - FIRST).days
        await shop.send("server", order(f"a{number}", 100, user="u0"), order(f"b{number}", 50, user=f"u{number + 1}"))
        await shop.refresh.run_once()
        if day + 1 < days:
            shop.pass_time(DAY)


def counts(shop: Shop) -> dict[date, tuple[int, int]]:
    """Customers and orders of each day's picture."""
    rows = shop.lake.rows(Table.CUSTOMERS).group_by("as_of").agg(pl.len(), pl.col("orders").sum()).collect().rows()
    return {day: (people, orders) for day, people, orders in rows}


async def test_a_day_has_one_picture_of_what_it_ended_with(shop: Shop) -> None:
    await live(shop, 3)
    await shop.refresh.run_once()
    assert counts(shop) == {FIRST: (2, 2), FIRST + DAY: (3, 4)}
    assert shop.frame.read().day == FIRST + 2 * DAY
    row = (
        shop.lake.rows(Table.CUSTOMERS)
        .filter(pl.col("as_of") == FIRST + DAY)
        .sort("orders")
        .collect()
        .row(-1, named=True)
    )
    assert (row["orders_business_day"], row["orders_net"]) == ([FIRST, FIRST + DAY], [100, 100])
    assert {"gender", "prefecture", "reachable", "birth_year"}.isdisjoint(CUSTOMERS_SCHEMA)


async def test_what_comes_after_the_day_has_turned_and_happened_before_is_in_it(shop: Shop) -> None:
    await live(shop, 1)
    shop.pass_time(datetime(2026, 4, 1, 15, 1, tzinfo=UTC) - shop.clock.now())  # a minute past midnight in Tokyo
    late, new = (shop.clock.now() - timedelta(minutes=minutes) for minutes in (2, 0))
    await shop.send("server", order("late", 10, user="u0"), at=late)
    await shop.send("server", order("new", 10, user="u0"), at=new)
    await shop.refresh.run_once()
    assert counts(shop) == {FIRST: (2, 3)}
    assert (await shop.row("u0"))["orders"] == 3


async def test_days_without_a_refresh_have_their_picture_and_old_ones_go(shop: Shop) -> None:
    await live(shop, 1)
    shop.pass_time(5 * DAY)
    await shop.refresh.run_once()
    assert counts(shop) == {FIRST + n * DAY: (2, 2) for n in (2, 3, 4)}
    assert remove_unused(shop.lake, Compaction(keep_hours=0)) == 0  # those of the days before were never taken
    await live(shop, 2)
    assert sorted(counts(shop)) == [FIRST + n * DAY for n in (3, 4, 5)]
    assert remove_unused(shop.lake, Compaction(keep_hours=0)) == 1
    assert not list((Path(shop.lake.location) / "customers").rglob("as_of=2026-04-03/*.parquet"))


async def test_none_is_taken_where_none_is_to_be_kept(pool: asyncpg.Pool, tmp_path: Path) -> None:
    shop = Shop(pool, tmp_path)
    await live(shop, 2)
    assert not shop.lake.has(Table.CUSTOMERS)


async def test_test_accounts_are_left_out_where_figures_leave_them_out(shop: Shop) -> None:
    await live(shop, 1)
    await shop.pool.execute("UPDATE customers SET test_account = true WHERE user_id = 'u1'")
    await shop.pool.execute(
        "INSERT INTO touched_customers (customer_id, touched_at) SELECT customer_id, now() FROM customers"
    )
    settings = Settings(shop.pool, shop.clock)
    await settings.save(replace(await settings.get(), exclude_test_accounts=True), actor="test")
    shop.pass_time(DAY)
    await shop.refresh.run_once()
    assert counts(shop) == {FIRST: (1, 1)}


async def test_who_is_erased_is_in_no_picture(shop: Shop) -> None:
    await live(shop, 3)
    gone = (await shop.row("u0"))["customer_id"]
    assert forget(shop.lake, [gone]) > 2
    assert counts(shop) == {FIRST: (1, 1), FIRST + DAY: (2, 2)}
    for file in (Path(shop.lake.location) / "customers").glob("as_of=*/*.parquet"):
        assert gone not in pl.read_parquet(file, hive_partitioning=False)["customer_id"].to_list()


async def test_a_damaged_picture_is_named_and_made_again(shop: Shop) -> None:
    await live(shop, 3)
    before = counts(shop)
    removed(Path(shop.lake.open(Table.CUSTOMERS).file_uris()[0]))
    (found,) = examine_lake(shop.lake, thorough=True)
    assert (found.table, found.missing, found.rows > 0) == (Table.CUSTOMERS, True, True)
    done = await shop.refresh.mend()
    assert (done.lost, done.restored) == ([], {"customers": found.rows})
    assert counts(shop) == before
    assert examine_lake(shop.lake, thorough=True) == []
    for entry in (Path(shop.lake.location) / "customers" / "_delta_log").iterdir():
        entry.write_text("{")
    again = Refresh(shop.pool, shop.clock, type(shop.lake)(shop.lake.location), shop.frame, keep_pictures=3)
    shop.pass_time(DAY)
    await again.run_once()
    assert shop.frame.read().day == FIRST + 3 * DAY  # the shop goes on without a picture
    done = await again.mend()
    assert done.lost == ["The pictures of past days in table customers: it begins anew with the next day that ends."]
    shop.pass_time(DAY)
    await again.run_once()
    shop.lake.forget_handle(Table.CUSTOMERS)
    assert sorted(counts(shop)) == [FIRST + 3 * DAY]


@pytest.mark.parametrize("text", ["-1", "many", "4000000"])
def test_a_number_of_days_that_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(BadSettings, match="JOREN_KEEP_PICTURES_DAYS"):
        read({"JOREN_KEEP_PICTURES_DAYS": text})
    assert read({"JOREN_KEEP_PICTURES_DAYS": "0"}).keep_pictures == 0


def examples() -> list[str]:
    """The Python of the page's section on the table."""
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "scale-out.md").read_text(encoding="utf-8")
    section = page.partition("## A picture of every customer, day by day")[2]
    return [part.partition("```")[0] for part in section.split("```python\n")[1:]]


async def test_the_examples_of_the_page_say_what_stands_there(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    await live(shop, 3)
    await shop.send("app", opened(user="u9", token="t"))
    monkeypatch.chdir(Path(shop.lake.location).parent)
    expected = [(FIRST, 2, 2), (FIRST + DAY, 3, 4)]
    by_polars, by_duckdb = examples()
    told: dict[str, object] = {}
    exec(by_polars, told)  # noqa: S102 - our own page
    assert isinstance(told["repeat"], pl.DataFrame)
    assert [row[:3] for row in told["repeat"].rows()] == expected
    exec(by_duckdb, told)  # noqa: S102
    assert isinstance(told["rows"], list)
    assert [row[:3] for row in told["rows"]] == expected
    assert told["duckdb"] is duckdb
    assert told["DeltaTable"] is DeltaTable


async def test_a_second_writer_finds_the_day_taken(shop: Shop) -> None:
    await live(shop, 2)
    view = shop.frame.read()
    pieces = pictures.pieces_of(view, exclude_test_accounts=False)
    assert not pictures.take(shop.lake, pieces, FIRST, watch=lambda _: None)
    assert counts(shop) == {FIRST: (2, 2)}
