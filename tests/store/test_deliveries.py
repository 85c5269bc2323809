"""The ledger's fences in SQL alone: claims are disjoint, marks and outcomes belong to their attempt."""

import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest

from backend.store import deliveries as store
from campaigns.campaign import State
from campaigns.retry import DeliveryState, Resolution
from campaigns.terms import SendingRules, Terms
from tests.fixtures.shop_floor import NOON, ShopFloor

LEASE = NOON + timedelta(seconds=60)


@pytest.fixture
async def ledger(pool: asyncpg.Pool) -> tuple[asyncpg.Pool, int]:
    floor = ShopFloor(pool)
    await floor.settings()
    await floor.people(40)
    return pool, await floor.launched()


async def claim(pool: asyncpg.Pool, campaign_id: int, limit: int) -> set[int]:
    async with pool.acquire() as connection, connection.transaction():
        rows = await store.claim_people(connection, campaign_id=campaign_id, limit=limit, now=NOON)
        await asyncio.sleep(0.02)
    return {row["customer_id"] for row in rows}


async def send(pool: asyncpg.Pool, campaign_id: int, attempt: UUID, *, limit: int = 1) -> list[int]:
    """Claim and mark; gives the marked devices."""
    async with pool.acquire() as connection, connection.transaction():
        rows = await store.claim_people(connection, campaign_id=campaign_id, limit=limit, now=NOON)
        standing = await store.read_standing(
            connection,
            rows,
            campaign_id=campaign_id,
            now=NOON,
            rules=SendingRules(),
            terms=Terms(),
            all_devices=False,
        )
        marked = await store.hand_over(
            connection,
            standing,
            going=limit,
            campaign_id=campaign_id,
            attempt_id=attempt,
            now=NOON,
            leased_until=LEASE,
        )
    return sorted(marked)


async def test_claims_at_the_same_moment_are_disjoint(ledger: tuple[asyncpg.Pool, int]) -> None:
    pool, campaign_id = ledger
    claimed = await asyncio.gather(*(claim(pool, campaign_id, 10) for _ in range(4)))
    assert [len(one) for one in claimed] == [10] * 4
    assert len(set.union(*claimed)) == 40


async def test_a_device_that_has_its_row_is_not_marked_again(ledger: tuple[asyncpg.Pool, int]) -> None:
    pool, campaign_id = ledger
    assert len(await send(pool, campaign_id, uuid4(), limit=40)) == 40
    await pool.execute("UPDATE campaign_people SET state = 'planned'")
    assert await send(pool, campaign_id, uuid4(), limit=40) == []
    assert await pool.fetchval("SELECT count(*) FROM deliveries") == 40


async def test_an_outcome_counts_only_for_its_own_attempt(ledger: tuple[asyncpg.Pool, int]) -> None:
    pool, campaign_id = ledger
    mine = uuid4()
    (one,) = await send(pool, campaign_id, mine)
    accepted = {one: Resolution(state=DeliveryState.ACCEPTED, message_name="n", maybe_sent=True)}
    async with pool.acquire() as connection:
        for attempt, recorded in ((uuid4(), set()), (mine, {one}), (mine, set())):
            found = await store.record_outcomes(
                connection, accepted, attempt_id=attempt, campaign_state=State.SENDING, now=NOON
            )
            assert found == recorded


async def test_outcomes_stay_on_the_page_of_their_row_and_touch_no_index(pool: asyncpg.Pool) -> None:
    floor, mine = ShopFloor(pool), uuid4()
    await floor.settings()
    await floor.people(150)
    sending = await send(pool, await floor.launched(), mine, limit=150)
    pages = "SELECT delivery_id, (ctid::text::point)[0] AS page FROM deliveries ORDER BY delivery_id"
    before = await pool.fetch(pages)
    name = "projects/a-shop-of-ours-1234/messages/0:1763859600123456%e609af1cf9fd7ecd"
    accepted = {one: Resolution(state=DeliveryState.ACCEPTED, message_name=name, maybe_sent=True) for one in sending}
    async with pool.acquire() as connection:
        recorded = await store.record_outcomes(
            connection, accepted, attempt_id=mine, campaign_state=State.SENDING, now=NOON
        )
    assert len(recorded) == 150
    assert await pool.fetch(pages) == before


async def test_a_cancelled_campaign_plans_nothing_anew(ledger: tuple[asyncpg.Pool, int]) -> None:
    pool, campaign_id = ledger
    mine = uuid4()
    (one,) = await send(pool, campaign_id, mine)
    again = {one: Resolution(state=DeliveryState.PLANNED, not_before=NOON)}
    async with pool.acquire() as connection:
        await store.record_outcomes(connection, again, attempt_id=mine, campaign_state=State.CANCELLED, now=NOON)
        row = await connection.fetchrow("SELECT state, sent_at FROM deliveries WHERE delivery_id = $1", one)
    assert tuple(row) == ("cancelled", None)


async def test_a_person_has_one_row_an_occurrence_and_step(ledger: tuple[asyncpg.Pool, int]) -> None:
    pool, _ = ledger
    again = (
        "INSERT INTO campaign_people (campaign_id, customer_id, occurrence, step, planned_at, not_before, expires_at, changed_at)"
        " SELECT campaign_id, customer_id, $2, $3, $1, $1, $1, $1 FROM campaign_people"
    )
    with pytest.raises(asyncpg.UniqueViolationError):
        await pool.execute(again, NOON, 1, 0)
    await pool.execute(again, NOON, 2, 0)


async def test_the_hold_is_only_ever_extended(pool: asyncpg.Pool) -> None:
    async with pool.acquire() as connection:
        assert await store.read_hold(connection, now=NOON) is None
        await store.extend_hold(connection, until=LEASE)
        await store.extend_hold(connection, until=NOON + timedelta(seconds=1))
        assert await store.read_hold(connection, now=NOON) == LEASE
        assert await store.read_hold(connection, now=LEASE) is None
