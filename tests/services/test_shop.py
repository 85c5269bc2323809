"""Shop settings: defaults, what is refused, what is kept and written down."""

import dataclasses
from datetime import UTC, datetime, time
from typing import Any

import asyncpg
import pytest

from backend.clock import FixedClock
from backend.errors import BadInput, Conflict
from backend.services.shop import Shop, ShopSettings
from campaigns.terms import ConsentRule

NOW = datetime(2026, 6, 30, 3, tzinfo=UTC)


@pytest.fixture
def shop(pool: asyncpg.Pool) -> Shop:
    return Shop(pool, FixedClock(NOW))


def changed(**values: Any) -> ShopSettings:
    return dataclasses.replace(ShopSettings(), **values)


async def test_a_new_shop_has_the_defaults(shop: Shop) -> None:
    settings = await shop.get()
    assert settings == ShopSettings()
    assert (settings.quiet_from, settings.quiet_until) == (time(21), time(8))
    assert (settings.cap_24h, settings.cap_7d, settings.zone) == (1, 3, "Asia/Tokyo")


async def test_what_was_saved_is_read_back(shop: Shop) -> None:
    wanted = ShopSettings(
        name_ja="常連珈琲",
        name_en="Joren Coffee",
        zone="Europe/London",
        day_starts=4,
        week_starts=7,
        currency="GBP",
        quiet_from=time(22, 30),
        quiet_until=time(7, 15),
        cap_24h=2,
        cap_7d=0,
        consent_rule=ConsentRule.PERMISSION,
        exclude_test_accounts=False,
        history_complete=True,
        simulated=True,
    )
    await shop.save(wanted, actor="aya@example.com")
    assert await shop.get() == wanted


async def test_saving_writes_down_only_what_changed(shop: Shop, pool: asyncpg.Pool) -> None:
    await shop.save(changed(cap_7d=5), actor="aya@example.com")
    await shop.save(changed(cap_7d=5), actor="ken@example.com")
    entries = await pool.fetch("SELECT at, actor, action, detail FROM audit_log")
    assert [tuple(entry) for entry in entries] == [
        (NOW, "aya@example.com", "shop.save", {"cap_7d": {"from": 3, "to": 5}})
    ]
    assert await pool.fetchval("SELECT changed_by FROM shop_settings WHERE key = 'cap_7d'") == "aya@example.com"


async def test_a_bad_value_names_its_field_and_changes_nothing(shop: Shop) -> None:
    with pytest.raises(BadInput) as refusal:
        await shop.save(changed(cap_24h=1, cap_7d=-1), actor="aya@example.com")
    assert refusal.value.field == "cap_7d"
    assert await shop.get() == ShopSettings()


async def test_the_calendar_is_fixed_once_there_is_history(shop: Shop, pool: asyncpg.Pool) -> None:
    await shop.save(changed(zone="Europe/London"), actor="aya@example.com")
    await pool.execute("INSERT INTO refresh_batches (batch, after_seq, upto_seq, planned_at) VALUES (1, 0, 5, now())")
    with pytest.raises(Conflict) as refusal:
        await shop.save(ShopSettings(), actor="aya@example.com")
    assert refusal.value.field == "zone"
    await shop.save(changed(zone="Europe/London", week_starts=7), actor="aya@example.com")


async def test_another_consent_rule_has_everyone_looked_at_again(shop: Shop, pool: asyncpg.Pool) -> None:
    await pool.execute("INSERT INTO customers (created_at, born_source_id) SELECT now(), 1 FROM generate_series(1, 3)")
    await shop.save(changed(cap_7d=4), actor="aya@example.com")
    assert await pool.fetchval("SELECT count(*) FROM touched_customers") == 0
    await shop.save(changed(cap_7d=4, consent_rule=ConsentRule.PERMISSION), actor="aya@example.com")
    assert await pool.fetchval("SELECT count(*) FROM touched_customers") == 3


async def test_keys_of_another_release_are_passed_over(shop: Shop, pool: asyncpg.Pool) -> None:
    await pool.execute("INSERT INTO shop_settings (key, value, changed_by) VALUES ('colour', '\"red\"', 'later')")
    assert await shop.get() == ShopSettings()
