"""The ledger's fences in SQL alone: claims are disjoint, marks and outcomes belong to their attempt."""

import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest

from backend.store import deliveries as store
from campaigns.campaign import State
from campaigns.retry import DeliveryState, Resolution
from tests.fixtures.shop_floor import NOON, ShopFloor

LEASE = NOON + timedelta(seconds=60)


@pytest.fixture
async def ledger(pool: asyncpg.Pool) -> tuple[asyncpg.Pool, int]:
    floor = ShopFloor(pool)
    await floor.settings()
    await floor.people(40)
    return pool, await floor.launched()


async def claim(pool: asyncpg.Pool, campaign_id: int, limit: int, attempt: UUID) -> set[int]:
    async with pool.acquire() as connection, connection.transaction():
        rows = await store.claim(
            connection, campaign_id=campaign_id, limit=limit, attempt_id=attempt, now=NOON, leased_until=LEASE
        )
        await asyncio.sleep(0.02)
    return {row["delivery_id"] for row in rows}


async def test_claims_at_the_same_moment_are_disjoint(ledger: tuple[asyncpg.Pool, int]) -> None:
    pool, campaign_id = ledger
    claimed = await asyncio.gather(*(claim(pool, campaign_id, 10, uuid4()) for _ in range(4)))
    assert [len(one) for one in claimed] == [10] * 4
    assert len(set.union(*claimed)) == 40


async def test_only_the_attempt_that_holds_a_row_marks_it_and_only_within_its_lease(
    ledger: tuple[asyncpg.Pool, int],
) -> None:
    pool, campaign_id = ledger
    mine = uuid4()
    ids = sorted(await claim(pool, campaign_id, 5, mine))
    late = LEASE + timedelta(seconds=1)
    async with pool.acquire() as connection:
        for attempt, now in ((uuid4(), NOON), (mine, late)):
            assert not await store.mark_sending(
                connection, delivery_ids=ids, attempt_id=attempt, now=now, leased_until=late
            )
        marked = await store.mark_sending(connection, delivery_ids=ids, attempt_id=mine, now=NOON, leased_until=LEASE)
        assert marked == set(ids)
        assert not await store.mark_sending(connection, delivery_ids=ids, attempt_id=mine, now=NOON, leased_until=LEASE)


async def test_an_outcome_counts_only_for_its_own_attempt(ledger: tuple[asyncpg.Pool, int]) -> None:
    pool, campaign_id = ledger
    mine = uuid4()
    (one,) = await claim(pool, campaign_id, 1, mine)
    accepted = {one: Resolution(state=DeliveryState.ACCEPTED, message_name="n", maybe_sent=True)}
    async with pool.acquire() as connection:
        await store.mark_sending(connection, delivery_ids=[one], attempt_id=mine, now=NOON, leased_until=LEASE)
        for attempt, recorded in ((uuid4(), set()), (mine, {one}), (mine, set())):
            found = await store.record_outcomes(
                connection, accepted, attempt_id=attempt, campaign_state=State.SENDING, now=NOON
            )
            assert found == recorded


async def test_a_cancelled_campaign_plans_nothing_anew(ledger: tuple[asyncpg.Pool, int]) -> None:
    pool, campaign_id = ledger
    mine = uuid4()
    (one,) = await claim(pool, campaign_id, 1, mine)
    again = {one: Resolution(state=DeliveryState.PLANNED, not_before=NOON)}
    async with pool.acquire() as connection:
        await store.mark_sending(connection, delivery_ids=[one], attempt_id=mine, now=NOON, leased_until=LEASE)
        await store.record_outcomes(connection, again, attempt_id=mine, campaign_state=State.CANCELLED, now=NOON)
        row = await connection.fetchrow("SELECT state, sent_at FROM deliveries WHERE delivery_id = $1", one)
    assert tuple(row) == ("cancelled", None)


async def test_a_person_has_one_row_a_device_however_often_it_is_planned(ledger: tuple[asyncpg.Pool, int]) -> None:
    pool, campaign_id = ledger
    async with pool.acquire() as connection:
        await store.plan(connection, campaign_id=campaign_id, not_before=NOON, expires_at=LEASE, now=NOON)
        assert await connection.fetchval("SELECT count(*) FROM deliveries") == 40


async def test_the_hold_is_only_ever_extended(pool: asyncpg.Pool) -> None:
    async with pool.acquire() as connection:
        assert await store.read_hold(connection, now=NOON) is None
        await store.extend_hold(connection, until=LEASE)
        await store.extend_hold(connection, until=NOON + timedelta(seconds=1))
        assert await store.read_hold(connection, now=NOON) == LEASE
        assert await store.read_hold(connection, now=LEASE) is None
