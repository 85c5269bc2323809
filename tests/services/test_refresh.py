"""From the log to people, lake and frame."""

from datetime import date, timedelta
from pathlib import Path

import asyncpg
import polars as pl
import pytest

from backend.errors import Conflict, NotConfigured
from backend.lake.tables import Lake
from backend.services.refresh.loop import Refresh
from backend.store import refresh as store
from backend.store.pool import Connection
from tests.services.refreshing import NOW, Shop, identify, opened, order, track


@pytest.fixture
def shop(pool: asyncpg.Pool, tmp_path: Path) -> Shop:
    return Shop(pool, tmp_path)


async def test_an_order_becomes_a_row_of_the_frame(shop: Shop) -> None:
    lines = [{"product_id": "p1", "category": "弁当", "quantity": 2, "price": 500}]
    await shop.send("server", order("o1", 1280, user="u1", store_id="渋谷", products=lines))
    result = await shop.refresh.run_once()
    row = await shop.row("u1")
    assert (result.events, result.customers) == (1, 1)
    assert (row["orders"], row["spend"], row["last_order"]) == (1, 1280, date(2026, 4, 1))
    assert (row["favorite_category"], row["last_store"]) == ("弁当", "渋谷")
    assert row["days:Order Completed"] == [date(2026, 4, 1)]


async def test_profile_consent_and_reach_come_from_people(shop: Shop) -> None:
    traits = {
        "family_name": "佐藤",
        "gender": "female",
        "birthday": "1990-02-03",
        "state": "東京都",
        "push_consent": True,
    }
    await shop.send("app", identify(user="u1", anonymous="a1", token="t1", **traits))
    await shop.refresh.run_once()
    row = await shop.row("u1")
    assert (row["gender"], row["birth_year"], row["birth_month"]) == ("female", 1990, 2)
    assert (row["prefecture"], row["language"], row["platform"]) == ("東京都", "ja", "android")
    assert (row["consented"], row["has_address"], row["reachable"]) == (True, True, True)


async def test_whoever_said_nothing_of_consent_is_not_reachable(shop: Shop) -> None:
    await shop.send("app", opened(user="u1", anonymous="a1", token="t1"))
    await shop.refresh.run_once()
    row = await shop.row("u1")
    assert (row["consented"], row["has_address"], row["reachable"]) == (False, True, False)


async def test_nothing_new_does_nothing(shop: Shop) -> None:
    await shop.send("server", order("o1", 1, user="u1"))
    await shop.refresh.run_once()
    generation = shop.frame.manifest().generation
    result = await shop.refresh.run_once()
    assert (result.events, result.customers) == (0, 0)
    assert shop.frame.manifest().generation == generation


async def test_only_touched_customers_get_new_rows(shop: Shop) -> None:
    await shop.send("server", *(order(f"o{n}", 100, user=f"u{n}") for n in range(20)))
    await shop.refresh.run_once()
    await shop.send("server", order("o99", 100, user="u3"))
    assert (await shop.refresh.run_once()).customers == 1
    assert (await shop.row("u3"))["orders"] == 2
    assert (await shop.row("u4"))["orders"] == 1


async def test_small_batches_give_what_one_large_batch_gives(pool: asyncpg.Pool, tmp_path: Path) -> None:
    small = Shop(pool, tmp_path / "small", largest=3)
    await small.send("server", *(order(f"o{n}", 100 + n, user=f"u{n % 4}") for n in range(20)))
    result = await small.refresh.run_until_current()
    assert (result.events, await pool.fetchval("SELECT count(*) FROM refresh_batches")) == (20, 7)
    assert small.lake_seqs() == await small.log_seqs()
    assert [(await small.row(f"u{n}"))["orders"] for n in range(4)] == [5, 5, 5, 5]


async def test_the_business_day_decides_and_the_day_turns_without_events(shop: Shop) -> None:
    await shop.send("server", order("o1", 100, user="u1"), at=NOW + timedelta(hours=12, minutes=30))
    await shop.refresh.run_once()
    assert (await shop.row("u1"))["orders"] == 0  # it is dated tomorrow in Tokyo, as a fast clock has it
    shop.pass_time(timedelta(days=1))
    await shop.refresh.run_once()
    row = await shop.row("u1")
    assert (row["as_of"], row["orders"], row["last_order"]) == (date(2026, 4, 2), 1, date(2026, 4, 2))


async def test_the_lag_is_that_of_the_oldest_event_of_all_batches(pool: asyncpg.Pool, tmp_path: Path) -> None:
    shop = Shop(pool, tmp_path, largest=1)
    for _ in range(3):
        await shop.send("app", opened(user="u1"))
        shop.pass_time(timedelta(seconds=5))
    assert (await shop.refresh.run_until_current()).lag == timedelta(seconds=15)


async def test_a_coupon_held_is_gone_the_day_after_its_validity(shop: Shop) -> None:
    await shop.pool.execute(
        "INSERT INTO coupons (coupon_id, title, valid_until, audience) VALUES ('c1', '{}', '2026-04-01', 'issued')"
    )
    await shop.send("server", track("Coupon Issued", user="u1", coupon_id="c1"))
    await shop.refresh.run_once()
    assert (await shop.row("u1"))["coupons_held"] == 1
    shop.pass_time(timedelta(days=1))
    await shop.refresh.run_once()
    assert (await shop.row("u1"))["coupons_held"] == 0


async def test_a_coupon_that_changes_while_rows_are_made_changes_them_next_time(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shop.pool.execute("INSERT INTO coupons (coupon_id, title, audience) VALUES ('c1', '{}', 'issued')")
    await shop.send("server", track("Coupon Issued", user="u1", coupon_id="c1"), opened(user="u2"))
    await shop.refresh.run_once()
    read = store.read_touched

    async def changed(connection: Connection, *, limit: int) -> dict[int, int]:
        await shop.pool.execute("UPDATE coupons SET valid_until = '2026-03-01'")
        return await read(connection, limit=limit)

    await shop.send("server", opened(user="u2"))
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(store, "read_touched", changed)
        await shop.refresh.run_once()
    await shop.refresh.run_once()
    assert (await shop.row("u1"))["coupons_held"] == 0


async def test_unverified_orders_step_back_for_everyone_once_verified_ones_come(shop: Shop) -> None:
    await shop.send("app", order("o1", 100, user="u1"))
    await shop.refresh.run_once()
    assert (await shop.row("u1"))["orders"] == 1
    await shop.send("server", order("o2", 100, user="u2"))
    await shop.refresh.run_once()
    assert [(await shop.row(user))["orders"] for user in ("u1", "u2")] == [0, 1]


async def test_a_death_after_the_first_verified_order_leaves_nobody_as_he_was(shop: Shop) -> None:
    def die(step: str) -> None:
        if step == "frame":
            raise ProcessLookupError

    await shop.send("app", order("o1", 100, user="u1"))
    await shop.refresh.run_once()
    await shop.send("server", order("o2", 100, user="u2"))
    with pytest.raises(ProcessLookupError):
        await Refresh(shop.pool, shop.clock, shop.lake, shop.frame, watch=die).run_once()
    await shop.refresh.run_once()
    assert [(await shop.row(user))["orders"] for user in ("u1", "u2")] == [0, 1]


async def test_a_touched_customer_gets_a_new_row_without_an_event(shop: Shop) -> None:
    await shop.send("app", identify(user="u1", anonymous="a1", token="t1", push_consent=True))
    await shop.refresh.run_once()
    await shop.pool.execute("UPDATE devices SET state = 'retired'")
    async with shop.pool.acquire() as connection:
        await store.touch(connection, customer_ids=[(await shop.row("u1"))["customer_id"]])
    assert (await shop.refresh.run_once()).customers == 1
    assert (await shop.row("u1"))["reachable"] is False


async def test_a_wish_made_while_the_row_is_made_is_not_lost(shop: Shop) -> None:
    await shop.send("server", order("o1", 100, user="u1"))
    await shop.refresh.run_once()
    number = (await shop.row("u1"))["customer_id"]
    async with shop.pool.acquire() as connection:
        await store.touch(connection, customer_ids=[number])
        read = await store.read_touched(connection, limit=10)
        await store.touch(connection, customer_ids=[number])
        await store.clear_touched(connection, done=read)
        assert (await store.read_touched(connection, limit=10)).keys() == {number}


async def test_a_lost_frame_is_made_anew(shop: Shop, tmp_path: Path) -> None:
    await shop.send("server", order("o1", 100, user="u1"), order("o2", 100, user="u2"))
    await shop.refresh.run_once()
    for path in (tmp_path / "frame").iterdir():
        path.unlink()
    again = Shop(shop.pool, tmp_path)
    await again.refresh.run_once()
    assert again.frame.read().customers == 2


async def test_money_is_kept_in_minor_units_of_its_currency(shop: Shop) -> None:
    await shop.send(
        "server",
        order("o1", 1280, user="u1"),
        order("o2", 12.5, user="u1", currency="GBP"),
        order("o3", 0.29, user="u1", currency="USD"),
    )
    await shop.refresh.run_once()
    rows = shop.lake.events().sort("seq").select("amount", "currency").collect().rows()
    assert rows == [(1280, "JPY"), (1250, "GBP"), (29, "USD")]


async def test_a_screen_named_like_an_order_is_no_order(shop: Shop) -> None:
    await shop.send("app", {"type": "screen", "name": "Order Completed", "userId": "u1", "properties": {"total": 9}})
    await shop.send("app", track("Order Line", user="u1"))
    await shop.refresh.run_once()
    assert (await shop.row("u1"))["orders"] == 0
    assert shop.lake.events().select("event").collect().get_column("event").sort().to_list() == [
        "custom Order Line",
        "screen",
    ]


async def test_made_up_event_names_do_not_fill_the_frame(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backend.services.refresh.frame_rules.MOST_CUSTOM_EVENTS", 3)
    for turn in range(2):
        await shop.send("app", *(track(f"made up {turn} {n}", user="u1") for n in range(5)))
        await shop.refresh.run_once()
    columns = shop.frame.read().frame.collect_schema().names()
    assert len([name for name in columns if name.startswith("days:made up")]) == 3
    assert shop.counted() == 10


async def test_a_poisoned_payload_stalls_nothing(shop: Shop) -> None:
    await shop.send("server", order("o1", 100, user="u1"), order("o2", 100, user="u1"))
    poison = '{"properties": {"total": 1e999, "order_id": [1], "products": {"a": 1}}, "context": {"device": 5}}'
    await shop.pool.execute(
        "UPDATE event_log SET payload = $1::text::json WHERE seq = (SELECT min(seq) FROM event_log)", poison
    )
    assert (await shop.refresh.run_once()).events == 2
    assert (await shop.row("u1"))["orders"] >= 1


async def test_a_lake_of_another_database_is_refused(shop: Shop, pool: asyncpg.Pool) -> None:
    await shop.send("server", order("o1", 100, user="u1"))
    await shop.refresh.run_once()
    await pool.execute("DELETE FROM refresh_batches")
    with pytest.raises(NotConfigured, match="another one"):
        await shop.refresh.run_once()


async def test_a_lost_lake_is_noticed_and_can_be_rebuilt(shop: Shop, tmp_path: Path) -> None:
    await shop.send("server", order("o1", 100, user="u1"))
    await shop.refresh.run_once()
    await shop.send("server", order("o2", 100, user="u1"))
    await shop.refresh.run_once()
    with pytest.raises(Conflict, match="still holds"):
        await shop.refresh.rebuild()
    shop.lake = Lake(tmp_path / "another")
    shop.refresh = Refresh(shop.pool, shop.clock, shop.lake, shop.frame)
    with pytest.raises(NotConfigured, match="rebuild"):
        await shop.refresh.run_once()
    await shop.refresh.rebuild()
    assert (await shop.refresh.run_until_current()).events == 2
    assert shop.lake_seqs() == await shop.log_seqs()
    assert (await shop.row("u1"))["orders"] == 2


async def test_waiting_and_lag_tell_how_far_behind_it_is(shop: Shop) -> None:
    await shop.send("server", order("o1", 100, user="u1"))
    shop.pass_time(timedelta(minutes=5))
    assert (await shop.refresh.waiting(), await shop.refresh.lag()) == (1, timedelta(minutes=5))
    assert (await shop.refresh.run_once()).lag == timedelta(minutes=5)
    assert (await shop.refresh.waiting(), await shop.refresh.lag()) == (0, timedelta())


async def test_devices_are_counted_by_installation(shop: Shop) -> None:
    await shop.send("app", opened(user="u1", anonymous="a1", token="t1"), opened(user="u1", anonymous="a1", token="t1"))
    await shop.send("server", order("o1", 100, user="u1"))
    await shop.refresh.run_once()
    keys = shop.lake.events().sort("seq").select("device_key").collect().get_column("device_key").to_list()
    assert keys[0] == keys[1] is not None
    assert keys[2] is None
    assert shop.lake.customer_days().filter(pl.col("event") == "Device Seen").collect().height == 1


async def test_the_frame_says_until_when_there_was_nothing_new(shop: Shop) -> None:
    await shop.send("server", order("o1", 1, user="u1"))
    await shop.refresh.run_once()
    shop.pass_time(timedelta(hours=3))
    await _tick(shop)
    assert shop.frame.read().as_of == NOW + timedelta(hours=3)
    assert shop.frame.read().made_at == NOW


async def test_while_anything_waits_nothing_is_said(shop: Shop) -> None:
    await shop.send("server", order("o1", 1, user="u1"))
    await shop.refresh.run_once()
    shop.pass_time(timedelta(hours=3))
    await shop.pool.execute("INSERT INTO touched_customers SELECT customer_id, now() FROM customers")
    assert await shop.refresh._has_work()
    assert shop.frame.read().as_of == NOW


async def _tick(shop: Shop) -> None:
    assert not await shop.refresh._has_work()
