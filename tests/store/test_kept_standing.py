"""What is kept of everybody's standing says what is read anew, whatever changed since, and whoever writes."""

from datetime import timedelta
from random import Random
from typing import Any

import asyncpg
import polars as pl
import pytest

from backend.clock import FixedClock
from backend.services import standing as standing_service
from backend.services.standing import StandingKeeper
from backend.store import audience, erasures, kept_standing, standing
from backend.store.standing import Asked
from campaigns.campaign import Priority
from campaigns.terms import ConsentRule, SendingRules, Terms
from tests.faults.steps import Died, dies_at, steps_named
from tests.fixtures.shop_floor import NOON
from tests.store.test_standing import EVERYTHING, LOCALES, PEOPLE, ZONES, filled

NOTHING = Asked(language=False, zone=False, family_name=False, given_name=False)
CASES = [
    (Terms(), SendingRules(cap_day=1, cap_week=3), EVERYTHING),
    (Terms(priority=Priority.HIGH), SendingRules(cap_day=1, cap_week=3, consent_rule=ConsentRule.PERMISSION), EVERYTHING),
    (Terms(priority=Priority.SERVICE), SendingRules(cap_day=1, cap_week=3), EVERYTHING),
    (Terms(), SendingRules(cap_day=1, cap_week=3), NOTHING),
]  # fmt: skip


def keeper(pool: asyncpg.Pool, **more: Any) -> StandingKeeper:
    return StandingKeeper(pool, FixedClock(NOON), soon=1, **more)


def reached(found: pl.DataFrame, rules: SendingRules) -> pl.DataFrame:
    """Of pushes what the gates ask: whether as many as a cap allows."""
    return found.with_columns(
        sent_day=(pl.col("sent_day") >= rules.cap_day) & (rules.cap_day > 0),
        sent_week=(pl.col("sent_week") >= rules.cap_week) & (rules.cap_week > 0),
    )


async def both(
    pool: asyncpg.Pool, terms: Terms, rules: SendingRules, asked: Asked, *, now: Any = NOON, seed: int = 0
) -> tuple[pl.DataFrame | None, pl.DataFrame]:
    """Kept and read anew, of everybody in some order."""
    async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read"):
        last = await standing.last_customer(connection)
        numbers = pl.Series("customer_id", Random(seed).sample(range(1, last + 1), last))
        given: dict[str, Any] = {"asked": asked, "rules": rules, "terms": terms, "now": now}
        slow = (await standing.read(connection, numbers, **given)).drop("customer_id")
        ways = await kept_standing.read(connection, numbers, **given)
        return reached(ways.spread(), rules) if ways else None, reached(slow, rules)


async def test_in_anothers_transaction_everybody_is_read_anew(
    pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such a transaction may see what the keeper commits meanwhile: what is kept holds of one moment only."""
    await filled(pool, 2)
    await keeper(pool).work_until_current()
    members, read, asked = pl.DataFrame({"customer_id": [1, 2, 3]}), kept_standing.read, []

    async def watched(*given: Any, **more: Any) -> Any:
        asked.append(given)
        return await read(*given, **more)

    monkeypatch.setattr(kept_standing, "read", watched)
    given: dict[str, Any] = {"contents": [], "rules": SendingRules(), "terms": Terms(), "now": NOON}
    async with pool.acquire() as connection:
        _, alone = await audience.ways_of(connection, members, **given)
        assert len(asked) == 1
        async with connection.transaction():
            _, within = await audience.ways_of(connection, members, **given)
        assert len(asked) == 1
    same = [reached(ways.spread(), SendingRules()) for ways in (alone, within)]
    assert same[0].equals(same[1].select(same[0].columns))


async def assert_same(pool: asyncpg.Pool, seed: int = 0, *, later: timedelta = timedelta()) -> None:
    for terms, rules, asked in CASES:
        kept, anew = await both(pool, terms, rules, asked, now=NOON + later, seed=seed)
        assert kept is not None
        assert kept.equals(anew), [name for name in anew.columns if not kept[name].equals(anew[name])]


STEPS = ("held", "taken", "written", "committed")

CHANGES = (
    "UPDATE customers SET traits = traits || jsonb_build_object('language', 'fr', 'timezone', 'Asia/Seoul') WHERE customer_id = $1",
    'UPDATE customers SET traits = \'{"family_name": "x", "given_name": "y"}\' WHERE customer_id = $1',
    "UPDATE customers SET erased_at = now(), traits = '{}' WHERE customer_id = $1",
    "UPDATE customers SET merged_into = CASE WHEN $1 > 1 THEN 1 END WHERE customer_id = $1 AND $1 > 1",
    (
        "INSERT INTO consents (customer_id, purpose, channel, granted, source_id, changed_at) VALUES ($1, 'marketing', 'push', true, 1, now()) "
        "ON CONFLICT (customer_id, purpose, channel) DO UPDATE SET granted = NOT consents.granted"
    ),
    "UPDATE consents SET granted = NOT granted WHERE customer_id = $1",
    "DELETE FROM consents WHERE customer_id = $1",
    (
        "INSERT INTO devices (address, address_kind, customer_id, source_id, state, first_seen, last_seen, locale) "
        "VALUES (gen_random_uuid()::text, 'token', $1, 1, 'live', now(), now(), 'ko')"
    ),
    "UPDATE devices SET state = 'retired' WHERE customer_id = $1",
    "UPDATE devices SET permission = 'denied' WHERE customer_id = $1 AND state = 'live'",
    "UPDATE devices SET customer_id = 1 + (customer_id % 200) WHERE customer_id = $1",
    "UPDATE devices SET last_seen = now() + random() * interval '9 days' WHERE customer_id = $1",
    "UPDATE devices SET locale = 'de', time_zone = 'Europe/Rome' WHERE device_id IN (SELECT device_id FROM devices WHERE customer_id = $1 LIMIT 1)",
    "DELETE FROM devices WHERE customer_id = $1",
    (
        "INSERT INTO deliveries (customer_id, campaign_id, device_id, priority, state, sent_at, expires_at, changed_at) "
        "VALUES ($1, 70 + random() * 9, 99, 1 + random(), 'sending', '2026-06-30 02:00+00', now(), now()) ON CONFLICT DO NOTHING"
    ),
    "UPDATE deliveries SET sent_at = NULL WHERE customer_id = $1",
    "UPDATE deliveries SET sent_at = '2026-06-29 12:00+00' WHERE customer_id = $1",
    "DELETE FROM deliveries WHERE customer_id = $1",
    "INSERT INTO customers (user_id, created_at, born_source_id) VALUES (gen_random_uuid()::text || $1::int, now(), 1)",
    "INSERT INTO static_list_members (list_id, customer_id) SELECT list_id, $1 FROM static_lists ON CONFLICT DO NOTHING",
    "UPDATE static_lists SET archived_at = CASE WHEN archived_at IS NULL THEN now() END WHERE $1 % 2 = 0",
)
"""What may happen to one customer, by whatever hand."""


@pytest.mark.embedded
@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.prove)])
async def test_whatever_happens_what_is_kept_is_what_is_read(pool: asyncpg.Pool, seed: int) -> None:
    drawn = Random(seed)
    await filled(pool, seed)
    await keeper(pool).work_until_current()
    await assert_same(pool, seed)
    for _ in range(12):
        for _ in range(drawn.randrange(1, 25)):
            await pool.execute(drawn.choice(CHANGES), drawn.randrange(1, PEOPLE + 1))
        await assert_same(pool, seed, later=timedelta(seconds=drawn.choice((0, 1, 3600, 86400))))
        if drawn.random() < 0.5:
            await keeper(pool).work_until_current()
            assert await pool.fetchval("SELECT count(*) FROM standing_changes") == 0
            await assert_same(pool, seed)


async def test_each_change_alone_is_seen(pool: asyncpg.Pool) -> None:
    await filled(pool, 9)
    for change in CHANGES:
        await keeper(pool).work_until_current()
        for who in (2, 4, 40, 44):
            await pool.execute(change, who)
        await assert_same(pool)


async def test_pushes_on_the_edge_of_a_window_are_counted_to_the_microsecond(pool: asyncpg.Pool) -> None:
    await filled(pool, 5)
    edge = NOON - timedelta(days=7)
    moments = [edge + timedelta(microseconds=each) for each in (-1_000_001, -1, 0, 1, 999_999, 1_000_000)]
    await pool.executemany(
        """INSERT INTO deliveries (customer_id, campaign_id, device_id, state, sent_at, expires_at, changed_at)
           VALUES ($1, $2, 99, 'accepted', $3, $3, $3)""",
        [(who, 50 + push, moments[who % len(moments)]) for who in range(1, PEOPLE) for push in range(3)],
    )
    await keeper(pool).work_until_current()
    for later in (timedelta(), timedelta(microseconds=1), timedelta(microseconds=999_999), timedelta(seconds=1)):
        await assert_same(pool, later=later)


async def test_what_is_kept_is_read_and_not_the_tables(pool: asyncpg.Pool) -> None:
    """Else all of the above would hold of a keeper that keeps nothing."""
    await filled(pool, 6)
    await keeper(pool).work_until_current()
    await pool.execute("ALTER TABLE customers DISABLE TRIGGER USER")
    await pool.execute("UPDATE customers SET erased_at = now()")
    kept, anew = await both(pool, *CASES[0])
    assert kept is not None
    assert not kept["gone"].all()
    assert anew["gone"].all()


async def test_other_caps_than_were_kept_are_not_answered_from_what_is_kept(pool: asyncpg.Pool) -> None:
    await filled(pool, 7)
    await keeper(pool).work_until_current()
    rules = SendingRules(cap_day=2, cap_week=5)
    kept, anew = await both(pool, Terms(), rules, EVERYTHING)
    assert kept is None or kept.equals(anew)


async def test_a_crowd_of_changes_begins_anew(pool: asyncpg.Pool) -> None:
    await filled(pool, 8)
    await keeper(pool).work_until_current()
    await pool.execute('UPDATE customers SET traits = \'{"language": "it"}\'')
    await keeper(pool, most=100).work_until_current()
    assert await pool.fetchval("SELECT count(*) FROM standing_changes") == 0
    await assert_same(pool)


async def test_of_many_ways_to_stand_those_in_which_people_stand_are_told(pool: asyncpg.Pool) -> None:
    """So many that way and caps together take more than two bytes."""
    await filled(pool, 4)
    await pool.execute(
        """INSERT INTO standing_kinds (kind, gone, devices, zone, has_family_name, has_given_name)
           SELECT n, false, 1, 'Nowhere/' || n, true, true FROM generate_series(1, 9000) AS n"""
    )
    await keeper(pool).work_until_current()
    assert await pool.fetchval("SELECT max(kind) FROM standing_kinds") > 9000
    await assert_same(pool)
    await pool.execute("UPDATE consents SET granted = NOT granted WHERE customer_id < 9")
    await assert_same(pool)


async def test_long_texts_are_nobodys_kind(pool: asyncpg.Pool) -> None:
    await filled(pool, 3)
    await pool.execute(
        "UPDATE customers SET traits = jsonb_build_object('language', repeat('x', 9000)) WHERE customer_id = 5"
    )
    await keeper(pool).work_until_current()
    assert await pool.fetchval("SELECT max(length(language)) FROM standing_kinds") <= 64
    await assert_same(pool)


async def test_of_an_erased_person_nothing_is_kept_from_that_moment_on(pool: asyncpg.Pool) -> None:
    await filled(pool, 2)
    await keeper(pool).work_until_current()
    before = await pool.fetchval("SELECT kinds FROM standing_blocks")
    async with pool.acquire() as connection:
        await erasures.insert(connection, customer_ids=[7, 11], digests=[], by="x", reason="", now=NOON)
    after = await pool.fetchval("SELECT kinds FROM standing_blocks")
    assert len(before) == len(after) == 2 * kept_standing.BLOCK
    assert {place // 2 for place in range(len(before)) if before[place] != after[place]} == {7, 11}
    assert after[14:16] == after[22:24] == bytes(2)
    await assert_same(pool)


@pytest.mark.embedded
@pytest.mark.parametrize("step", STEPS)
async def test_a_keeper_that_dies_has_done_nothing_or_all(pool: asyncpg.Pool, step: str) -> None:
    await filled(pool, 1)
    await keeper(pool).work_until_current()
    for change in CHANGES:
        await pool.execute(change, 40)
    with pytest.raises(Died):
        await keeper(pool, watch=dies_at(step)).work_until_current()
    await assert_same(pool)
    await keeper(pool).work_until_current()
    await assert_same(pool)


def test_every_step_is_died_at() -> None:
    assert steps_named(standing_service) == set(STEPS)


def test_there_is_variety_in_the_above() -> None:
    assert len(set(LOCALES)) > 2
    assert len(set(ZONES)) > 2
