"""Old days leave the log only after the lake has them, ids leave after their window, and both leave no litter behind."""

from datetime import date, timedelta
from pathlib import Path

import asyncpg
import pytest

from backend.errors import Conflict
from backend.services import retention as module
from backend.services.people import People
from backend.services.retention import Retention
from backend.settings import read
from backend.store import events
from backend.store import retention as store
from tests.services.receiving import LOOSE, STRICT, Door, own
from tests.services.refreshing import NOW, Shop

LATER = timedelta(days=31)


@pytest.fixture
async def shop(pool: asyncpg.Pool, tmp_path: Path) -> Shop:
    """A shop with a partition for today."""
    made = Shop(pool, tmp_path)
    async with pool.acquire() as connection:
        await events.ensure_partitions(connection, first=NOW.date(), days=1)
    return made


def visit(user_id: str) -> dict[str, object]:
    return {"type": "track", "event": "Store Visited", "userId": user_id, "properties": {"store_id": "s1"}}


async def days_of(pool: asyncpg.Pool) -> list[date]:
    async with pool.acquire() as connection:
        return await store.old_partitions(connection, before=date.max)


async def test_a_day_is_dropped_once_it_is_old_and_in_the_lake(shop: Shop) -> None:
    keeper = Retention(shop.pool, shop.clock)
    await shop.send("server", visit("u1"))
    await shop.refresh.run_until_current()
    assert await keeper.drop_old_days() == 0
    shop.clock.advance(LATER)
    assert await keeper.drop_old_days() == 1
    assert (await days_of(shop.pool), await shop.pool.fetchval("SELECT count(*) FROM event_log")) == ([], 0)
    assert dict(await shop.pool.fetchrow("SELECT received_day, upto_seq, events FROM dropped_days")) == {
        "received_day": NOW.date(),
        "upto_seq": 1,
        "events": 1,
    }
    assert shop.lake.events().collect().height == 1


async def test_a_day_that_is_not_in_the_lake_stays_however_old(shop: Shop) -> None:
    keeper = Retention(shop.pool, shop.clock)
    await shop.send("server", visit("u1"))
    await shop.refresh.run_until_current()
    await shop.send("server", visit("u2"))
    shop.clock.advance(LATER)
    assert await keeper.drop_old_days() == 0
    await shop.refresh.run_until_current()
    assert await keeper.drop_old_days() == 1


async def test_a_day_dropped_without_asking_the_lake_would_be_missed(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "_SQL", {**store._SQL, "lake_upto": "SELECT 9223372036854775807"})
    await shop.send("server", visit("u1"))
    shop.clock.advance(LATER)
    assert await Retention(shop.pool, shop.clock).drop_old_days() == 1
    await shop.refresh.run_until_current()
    assert shop.lake.events().collect().height == 0


async def test_a_batch_that_was_not_finished_holds_its_day(shop: Shop) -> None:
    keeper = Retention(shop.pool, shop.clock)
    await shop.send("server", visit("u1"))
    await shop.refresh.run_until_current()
    await shop.pool.execute("UPDATE refresh_batches SET done_at = NULL")
    shop.clock.advance(LATER)
    assert await keeper.drop_old_days() == 0


async def test_a_log_in_use_is_left_for_the_next_round(shop: Shop) -> None:
    keeper = Retention(shop.pool, shop.clock)
    await shop.send("server", visit("u1"))
    await shop.refresh.run_until_current()
    shop.clock.advance(LATER)
    async with shop.pool.acquire() as reader, reader.transaction():
        await reader.execute("SELECT FROM event_log")
        assert await keeper.drop_old_days() == 0
    assert await keeper.drop_old_days() == 1


async def test_old_days_without_a_partition_leave_the_rest_piece_by_piece(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "PIECE", 2)
    shop.clock.advance(timedelta(days=1))
    await shop.send("server", *(visit(f"u{n}") for n in range(5)))
    await shop.refresh.run_until_current()
    await shop.send("server", visit("new"))
    shop.clock.advance(LATER)
    await Retention(shop.pool, shop.clock).drop_old_days()
    assert await shop.pool.fetchval("SELECT count(*) FROM event_log") == 1
    assert await shop.pool.fetchval("SELECT sum(events) FROM dropped_days") == 5


async def test_events_go_on_after_everything_was_dropped(shop: Shop) -> None:
    await shop.send("server", visit("u1"))
    await shop.refresh.run_until_current()
    shop.clock.advance(LATER)
    await Retention(shop.pool, shop.clock).drop_old_days()
    await shop.refresh.run_until_current()
    await shop.send("server", visit("u1"))
    assert (await shop.refresh.run_until_current()).events == 1
    assert shop.lake.events().collect().height == 2


async def test_a_person_is_still_told_by_the_lake(shop: Shop) -> None:
    people = People(shop.pool, shop.clock, shop.asked, shop.lake)
    coupon = {
        "type": "track",
        "event": "Coupon Redeemed",
        "userId": "u1",
        "properties": {"coupon_id": "c1", "note": "x"},
    }
    await shop.send("server", coupon, {"type": "identify", "userId": "u1", "traits": {"rank": "gold"}})
    await shop.refresh.run_until_current()
    number = await people.find("u1")
    before, coupons = (await people.timeline(number)).entries, (await people.detail(number)).coupons
    shop.clock.advance(LATER)
    await Retention(shop.pool, shop.clock).drop_old_days()
    after = (await people.timeline(number)).entries
    told = [(one.at, one.number, one.name, one.ja, one.trusted, one.source) for one in after]
    assert told == [(one.at, one.number, one.name, one.ja, one.trusted, one.source) for one in before]
    assert {(fact.name, fact.value) for one in after for fact in one.properties} == {("coupon_id", "c1")}
    assert [(one.coupon_id, one.redeemed_at) for one in (await people.detail(number)).coupons] == [
        (one.coupon_id, one.redeemed_at) for one in coupons
    ]
    blind = People(shop.pool, shop.clock, shop.asked)
    assert {one.ja for one in (await blind.timeline(number)).entries} == {"以前の出来事"}


async def test_a_lake_that_lost_dropped_days_cannot_be_made_from_the_log(shop: Shop) -> None:
    await shop.send("server", visit("u1"))
    await shop.refresh.run_until_current()
    shop.clock.advance(LATER)
    await Retention(shop.pool, shop.clock).drop_old_days()
    with pytest.raises(Conflict) as caught:
        await shop.refresh.rebuild()
    assert caught.value.code == "log_dropped"


async def test_a_repeated_event_is_recognised_for_as_long_as_promised_and_then_forgotten(shop: Shop) -> None:
    keeper = Retention(shop.pool, shop.clock)
    await shop.send("server", visit("u1"))
    shop.clock.advance(timedelta(days=30))
    await sweep(keeper)
    assert await ids(shop) == 1
    await shop.send("server", visit("u2"))
    shop.clock.advance(timedelta(days=1))
    await sweep(keeper)
    assert await ids(shop) == 1


async def test_the_sweep_goes_over_all_pages_once_a_day(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAGES", 3)
    await shop.pool.execute(
        """INSERT INTO event_ids SELECT gen_random_uuid(), 1, $1::date + n % 2 FROM generate_series(1, 2000) AS n""",
        NOW.date(),
    )
    keeper = Retention(shop.pool, shop.clock)
    shop.clock.advance(timedelta(days=31))
    gone = [await keeper.forget_ids() for _ in range(12)]
    assert (sum(gone), await ids(shop)) == (1000, 1000)
    assert (min(gone[:4]) > 0, gone[-1]) == (True, 0)
    await shop.pool.execute("UPDATE event_ids SET received_day = $1", NOW.date())
    assert await keeper.forget_ids() == 0


async def test_failed_events_leave_when_they_are_done_with(pool: asyncpg.Pool) -> None:
    """A recovered one after the days of the log, one that waits after three months."""
    door = await Door.open(pool)
    await door.plan(STRICT, on_violation="quarantine")
    keeper = Retention(pool, door.clock)
    await door.send(own("m1"), own("m2"))
    await door.plan(LOOSE)
    door.clock.advance(timedelta(days=50))
    first, second = sorted(row.failed_id for row in await door.failed.list())
    assert (await door.replay(failed_id=first)).recovered == 1
    counted = await door.counters()
    door.clock.advance(timedelta(days=30))
    assert await keeper.forget_failed() == 0
    door.clock.advance(timedelta(seconds=1))
    assert await keeper.forget_failed() == 1
    assert [row.failed_id for row in await door.failed.list()] == [second]
    door.clock.advance(timedelta(days=10))
    assert await keeper.forget_failed() == 1
    assert await pool.fetchval("SELECT count(*) FROM failed_events") == 0
    assert await door.counters() == counted


async def test_days_of_failed_events_are_a_setting(pool: asyncpg.Pool) -> None:
    assert (read({}).keep_failed, read({"JOREN_KEEP_FAILED_DAYS": "7"}).keep_failed) == (
        timedelta(days=90),
        timedelta(days=7),
    )
    door = await Door.open(pool)
    await door.send(b"{")
    door.clock.advance(timedelta(days=8))
    assert await Retention(pool, door.clock, keep_failed=timedelta(days=9)).forget_failed() == 0
    assert await Retention(pool, door.clock, keep_failed=timedelta(days=7)).forget_failed() == 1


async def test_failed_events_go_piece_by_piece_around_a_replay(
    pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "FAILED_PIECE", 2)
    door = await Door.open(pool)
    await door.send(*(b"{%d" % n for n in range(7)))
    door.clock.advance(timedelta(days=91))
    keeper = Retention(pool, door.clock)
    async with pool.acquire() as replay, replay.transaction():
        held = await replay.fetchval("SELECT max(failed_id) - 3 FROM failed_events")
        await replay.execute("SELECT FROM failed_events WHERE failed_id = $1 FOR UPDATE", held)
        assert await keeper.forget_failed() == 6
    assert [row.failed_id for row in await door.failed.list()] == [held]
    assert await keeper.forget_failed() == 1


async def sweep(keeper: Retention) -> None:
    """One whole sweep of a small table."""
    for _ in range(3):
        await keeper.forget_ids()


async def ids(shop: Shop) -> int:
    return int(await shop.pool.fetchval("SELECT count(*) FROM event_ids"))
