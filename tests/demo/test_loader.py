"""The demo shop gets into an installation once, however often loading is interrupted, with what the phone pages need."""

import json
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from backend.clock import FixedClock
from backend.demo import loader
from backend.demo.generator import blocks
from backend.demo.loader import load_demo
from backend.demo.phone import config as phone
from backend.demo.shop import THANKS_COUPON, ShopConfig
from backend.errors import Conflict
from backend.push.emulator.server import running
from backend.settings import Settings
from backend.wiring import Services, open_services
from segments.import_fields import Kind

NOW = datetime(2026, 4, 1, 3, tzinfo=UTC)
MEMBERS = 200


@pytest.fixture
def services(dsn: str, tmp_path: Path) -> AbstractAsyncContextManager[Services]:
    settings = Settings(home=tmp_path, database_url=dsn, lake=str(tmp_path / "lake"))
    return open_services(settings, clock=FixedClock(NOW))


def quiet(*_: Any) -> None:
    """Progress that nobody looks at."""


async def test_loading_goes_on_after_an_interruption_and_ends_with_every_event_once(
    services: AbstractAsyncContextManager[Services], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loader, "PART", 1_000)
    [expected] = blocks(ShopConfig(last=NOW.date().replace(month=3, day=31), members=MEMBERS))

    def stop(_what: str, done: int, _total: int) -> None:
        if done > 500:
            raise KeyboardInterrupt

    async with services as running_services:
        with pytest.raises(KeyboardInterrupt):
            await load_demo(running_services, home=tmp_path, progress=stop, now=NOW, members=MEMBERS)
        stored = await running_services.pool.fetchval("SELECT count(*) FROM event_log")
        assert 1_000 <= stored < len(expected)
        shop = await load_demo(running_services, home=tmp_path, progress=quiet, now=NOW, members=999)
        assert (shop.members, shop.events) == (MEMBERS, expected["message_id"].n_unique())
        assert await running_services.pool.fetchval("SELECT count(*) FROM event_log") == shop.events
        again = await load_demo(running_services, home=tmp_path, progress=quiet, now=NOW)
        assert again == shop
        await assert_the_shop_stands(running_services, expected)
        assert_the_phone_pages_know_it(tmp_path)


async def assert_the_shop_stands(services: Services, expected: pl.DataFrame) -> None:
    settings = await services.shop.get()
    assert settings.history_complete
    assert (settings.simulated, settings.currency, settings.name_en) == (True, "JPY", "Tomoshinoha")
    assert await services.pool.fetchval("SELECT count(*) FROM customers WHERE user_id IS NOT NULL") == MEMBERS
    assert await services.pool.fetchval("SELECT count(*) FROM stores") == 40
    live = await services.pool.fetchval("SELECT count(DISTINCT customer_id) FROM devices WHERE state = 'live'")
    assert live == expected.filter(pl.col("event") == "Application Installed")["member"].n_unique()
    assert await services.pool.fetchval("SELECT count(*) FROM devices WHERE state <> 'live'") == 0
    single = await services.pool.fetchval("SELECT customer_id FROM customers WHERE user_id = 'M0000002'")
    segment = await services.segment_runs.find("2回目がまだの会員（通知が届く）")
    found = await services.segment_runs.explain(segment.segment.id, customer_id=single)
    assert found.member, found.en


def assert_the_phone_pages_know_it(home: Path) -> None:
    book = phone.read(home / "demo" / "phone.json")
    regular, single = (book.member(str(book.phones[slot].member)) for slot in ("a", "b"))
    assert (regular.rank, regular.consent, single.consent) == (phone.Words("ゴールド", "Gold"), True, True)
    assert book.coupon(THANKS_COUPON).discount == 100
    assert (home / "demo" / "phone.json").stat().st_mode & 0o077 == 0


async def test_push_addresses_are_registered_but_for_a_few(
    services: AbstractAsyncContextManager[Services], tmp_path: Path
) -> None:
    async with running(tmp_path / "emulator") as emulator, services as running_services:
        await load_demo(
            running_services, home=tmp_path, progress=quiet, now=NOW, members=MEMBERS, phone_url=emulator.control_url
        )
        addresses = await running_services.pool.fetch(
            "SELECT address, c.user_id FROM devices JOIN customers AS c USING (customer_id)"
        )
        known = {row["address"]: emulator.emulator.device(row["address"]) for row in addresses}
        registered = [device for device in known.values() if device is not None and device.installed]
        assert 0.85 * len(known) < len(registered) < len(known)
        seeded = [known[row["address"]] for row in addresses if row["user_id"] in {"M0000001", "M0000002"}]
        assert len(seeded) == 2
        assert all(device is not None and device.installed for device in seeded)


async def test_an_installation_with_data_of_its_own_is_left_alone(
    services: AbstractAsyncContextManager[Services], tmp_path: Path
) -> None:
    (tmp_path / "events.ndjson").write_text(json.dumps({"type": "identify", "userId": "u", "traits": {}}))
    async with services as running_services:
        await running_services.imports.run(Kind.EVENTS, tmp_path / "events.ndjson")
        with pytest.raises(Conflict, match="JOREN_HOME"):
            await load_demo(running_services, home=tmp_path / "demo", progress=quiet, now=NOW, members=MEMBERS)
        assert await running_services.pool.fetchval("SELECT count(*) FROM event_log") == 1
