"""Rate limits: exact in the shared bucket, bounded beyond it, and silent for those who send little."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from backend.clock import FixedClock
from backend.errors import TooMany, Unavailable
from backend.services.rates import LONGEST_WAIT, Rates, free_of
from backend.services.workers import Workers
from backend.store import rates as store
from backend.store.pool import open_pool

NOW = datetime(2026, 4, 1, 3, tzinfo=UTC)
LIMIT = 6_000
FREE = int(free_of(LIMIT))


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW)


@pytest.fixture
async def fleet(dsn: str, clock: FixedClock) -> AsyncIterator[list[Rates]]:
    """Three processes, each with a pool of its own."""
    pools = [await open_pool(dsn, largest=3) for _ in range(3)]
    yield [Rates(pool, clock) for pool in pools]
    for pool in pools:
        await pool.close()


@pytest.fixture
def rates(pool: asyncpg.Pool, clock: FixedClock) -> Rates:
    return Rates(pool, clock)


async def admitted(rates: Rates, tries: int, *, cost: int = 1, limit: int = LIMIT, subject: str = "key:1") -> int:
    """How much of what one after another tries to send is let in."""
    count = 0
    for _ in range(tries):
        try:
            await rates.spend(subject, cost, per_minute=limit)
            count += cost
        except TooMany:
            pass
    return count


async def test_several_processes_share_one_limit_within_the_documented_bound(fleet: list[Rates]) -> None:
    let_in = sum(await asyncio.gather(*(admitted(each, LIMIT) for each in fleet)))
    assert LIMIT <= let_in <= LIMIT + len(fleet) * (FREE + 1)


async def test_batches_overrun_by_one_request_a_process_at_most(fleet: list[Rates]) -> None:
    batch = 1_000
    let_in = sum(await asyncio.gather(*(admitted(each, 20, cost=batch) for each in fleet)))
    assert LIMIT <= let_in <= LIMIT + len(fleet) * (FREE + batch)


async def test_what_was_too_much_is_paid_back_before_anything_else_is_let_in(rates: Rates, clock: FixedClock) -> None:
    per_second = LIMIT // 60
    assert await admitted(rates, 1, cost=3 * LIMIT) == 3 * LIMIT
    with pytest.raises(TooMany) as refused:
        await rates.spend("key:1", per_minute=LIMIT)
    assert refused.value.retry_after == -(-(2 * LIMIT + 1) // per_second)
    clock.advance(timedelta(seconds=refused.value.retry_after - 2))
    assert await admitted(rates, 1) == 0
    clock.advance(timedelta(seconds=2))
    assert await admitted(rates, 1) == 1


async def test_what_one_process_owes_the_others_wait_for(fleet: list[Rates]) -> None:
    assert await admitted(fleet[0], 1, cost=3 * LIMIT) == 3 * LIMIT
    await admitted(fleet[0], 1)
    assert await admitted(fleet[1], LIMIT) <= FREE + 1


async def test_over_many_minutes_the_limit_holds(fleet: list[Rates], clock: FixedClock) -> None:
    let_in = 0
    for _ in range(30):
        let_in += sum(await asyncio.gather(*(admitted(each, 250) for each in fleet)))
        clock.advance(timedelta(seconds=6))
    minutes = 29 * 6 / 60
    assert LIMIT * (minutes + 1) * 0.95 <= let_in <= LIMIT * (minutes + 1) + len(fleet) * (FREE + 1)


async def test_whoever_sends_little_never_reaches_the_database(pool: asyncpg.Pool, clock: FixedClock) -> None:
    rates = Rates(pool, clock)
    for number in range(300):
        assert await admitted(rates, 20, subject=f"address:1:{number}") == 20
    assert await pool.fetchval("SELECT count(*) FROM rate_buckets") == 0


async def test_a_sender_at_full_speed_asks_the_database_about_once_a_second_of_tokens(
    pool: asyncpg.Pool, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = 0
    take = store.take

    async def counted(*arguments: Any, **options: Any) -> tuple[float, float]:
        nonlocal asked
        asked += 1
        return await take(*arguments, **options)

    monkeypatch.setattr(store, "take", counted)
    assert await admitted(Rates(pool, clock), LIMIT) == LIMIT
    assert 0 < asked <= 2 * 60


async def test_small_limits_are_kept_too(rates: Rates, clock: FixedClock) -> None:
    let_in = 0
    for _ in range(31):
        let_in += await admitted(rates, 20, limit=6)
        clock.advance(timedelta(seconds=10))
    assert 6 * 5 <= let_in <= 6 * (5 + 1) + 1 + 1


async def test_no_limit_is_no_limit(rates: Rates, pool: asyncpg.Pool) -> None:
    assert await admitted(rates, 10_000, limit=0) == 10_000
    assert await pool.fetchval("SELECT count(*) FROM rate_buckets") == 0


async def test_one_subject_does_not_use_up_anothers(rates: Rates) -> None:
    await admitted(rates, 2 * LIMIT)
    assert await admitted(rates, 50, subject="key:2") == 50


async def test_a_raised_limit_is_followed_at_once(rates: Rates) -> None:
    await admitted(rates, 200, limit=60)
    assert await admitted(rates, 10, limit=60) == 0
    assert await admitted(rates, 10, limit=LIMIT) == 10


async def test_a_client_is_never_asked_to_wait_for_longer_than_five_minutes(rates: Rates) -> None:
    await admitted(rates, 1, cost=100 * LIMIT)
    with pytest.raises(TooMany) as refused:
        await rates.spend("key:1", per_minute=LIMIT)
    assert refused.value.retry_after == LONGEST_WAIT


async def test_memory_does_not_grow_with_the_number_of_addresses(pool: asyncpg.Pool, clock: FixedClock) -> None:
    rates = Rates(pool, clock, most_subjects=100)
    heavy = 0
    for number in range(2_000):
        await rates.spend(f"address:1:{number}", per_minute=LIMIT)
        heavy += await admitted(rates, 10, subject="heavy")
    assert heavy <= LIMIT + FREE + 1
    assert len(rates._shares) + len(rates._older) <= 100


async def test_a_clock_that_is_behind_fills_no_bucket(pool: asyncpg.Pool) -> None:
    async with pool.acquire() as connection:
        for moment, granted in ((NOW, 60), (NOW - timedelta(hours=1), 0), (NOW, 0), (NOW + timedelta(seconds=30), 30)):
            taken, _ = await store.take(connection, subject="s", owed=0, want=60, per_minute=60, now=moment)
            assert taken == granted


async def test_without_a_database_only_whoever_may_be_over_the_limit_waits(dsn: str, clock: FixedClock) -> None:
    pool = await open_pool(dsn, largest=1)
    rates = Rates(pool, clock)
    await pool.close()
    assert await admitted(rates, FREE) == FREE
    with pytest.raises(Unavailable):
        await rates.spend("key:1", per_minute=LIMIT)


async def test_quiet_buckets_are_removed(rates: Rates, pool: asyncpg.Pool, clock: FixedClock) -> None:
    await admitted(rates, LIMIT)
    for minutes, kept in ((9, 1), (2, 0)):
        clock.advance(timedelta(minutes=minutes))
        await Workers(pool, clock).keep_house()
        assert await pool.fetchval("SELECT count(*) FROM rate_buckets") == kept


async def test_sabotage_processes_that_do_not_share_their_bucket_break_the_bound(
    fleet: list[Rates], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def alone(*_: Any, want: float, **__: Any) -> tuple[float, float]:
        return want, 1.0

    monkeypatch.setattr(store, "take", alone)
    let_in = sum(await asyncio.gather(*(admitted(each, LIMIT) for each in fleet)))
    assert let_in > LIMIT + len(fleet) * (FREE + 1)
