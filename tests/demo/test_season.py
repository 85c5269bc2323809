"""The demo shop's campaigns: made by the services, answered by its members, and none of it twice after an interruption."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import polars as pl
import pytest

from backend.clock import FixedClock
from backend.demo import campaigns
from backend.demo.answers import answers
from backend.demo.loader import load_demo
from backend.demo.people import members
from backend.demo.season import Answered, Season
from backend.demo.shop import ShopConfig
from backend.lake.frame import CustomerFrame
from backend.push.emulator.server import Running, running
from backend.settings import Settings
from backend.wiring import Services, open_services
from campaigns.overview import CampaignSummary
from campaigns.retry import JUMP_LEAST

NOW = datetime(2026, 4, 1, 3, tzinfo=UTC)
MEMBERS = 300


class Stopped(Exception):
    """The demo was interrupted here."""


def quiet(*_: Any) -> None:
    """Progress that nobody looks at."""


@pytest.fixture
async def emulator(tmp_path: Path) -> AsyncIterator[Running]:
    async with running(tmp_path / "emulator") as up:
        yield up


async def load(dsn: str, home: Path, emulator: Running, *, stop_after: str | None = None) -> None:
    """The shop with its season; interrupted once it has launched a campaign, where that is asked for."""
    settings = Settings(home=home, database_url=dsn, lake=str(home / "lake"), fcm_emulator=emulator.url)
    clock = FixedClock(NOW)
    asleep = replace(settings, keep_pictures=0)
    async with open_services(settings, clock=FixedClock(NOW)) as services, open_services(asleep, clock=clock) as then:
        season = _Season(_Fragile(then, stop_after) if stop_after else then, clock, phone_url=emulator.control_url)  # type: ignore[arg-type] # a proxy
        season.frame = CustomerFrame(home / "frame")
        await load_demo(
            services,
            home=home,
            progress=quiet,
            now=NOW,
            members=MEMBERS,
            phone_url=emulator.control_url,
            season=season,
        )


class _Season(Season):
    """Looks, before it goes on, as of which day the campaigns will ask."""

    frame: CustomerFrame

    async def on(self, morning: date, config: ShopConfig, answered: Answered) -> None:
        assert self.frame.manifest().day == morning - timedelta(days=1)
        await super().on(morning, config, answered)


class _Fragile:
    """The services, of which the desk dies once it has written one campaign, before anything is scheduled."""

    def __init__(self, services: Services, name: str) -> None:
        self._services = services
        self._name = name

    def __getattr__(self, name: str) -> Any:
        return self if name == "campaign_desk" else getattr(self._services, name)

    async def create(self, draft: Any, *, by: str) -> Any:
        made = await self._services.campaign_desk.create(draft, by=by)
        if draft.name == self._name:
            raise Stopped
        return made

    async def list(self) -> tuple[CampaignSummary, ...]:
        return await self._services.campaign_desk.list()

    async def schedule(self, number: int, **how: Any) -> Any:
        return await self._services.campaign_desk.schedule(number, **how)

    async def get(self, number: int) -> Any:
        return await self._services.campaign_desk.get(number)


async def test_the_shop_has_ended_running_waiting_and_paused_campaigns(
    dsn: str, pool: asyncpg.Pool, tmp_path: Path, emulator: Running
) -> None:
    await load(dsn, tmp_path, emulator)
    await assert_the_campaigns_stand(dsn, pool, tmp_path, emulator)


@pytest.mark.prove
async def test_an_interrupted_season_goes_on_and_does_nothing_twice(
    dsn: str, pool: asyncpg.Pool, tmp_path: Path, emulator: Running
) -> None:
    with pytest.raises(Stopped):
        await load(dsn, tmp_path, emulator, stop_after=campaigns.FAIR)
    assert await pool.fetchval("SELECT count(*) FROM deliveries") > 0
    await load(dsn, tmp_path, emulator)
    await load(dsn, tmp_path, emulator)
    await assert_the_campaigns_stand(dsn, pool, tmp_path, emulator)


async def assert_the_campaigns_stand(dsn: str, pool: asyncpg.Pool, tmp_path: Path, emulator: Running) -> None:
    settings = Settings(home=tmp_path, database_url=dsn, lake=str(tmp_path / "lake"), fcm_emulator=emulator.url)
    async with open_services(settings, clock=FixedClock(NOW)) as services:
        listed = await services.campaign_desk.list()
        assert len({each.name for each in listed}) == len(listed) == 6
        found = {each.name: each for each in listed}
        await assert_the_first_helped(services, found[campaigns.SECOND])
        overview = await services.journey_desk.overview(found[campaigns.BACK].campaign_id)
        rain = await services.campaign_desk.report(found[campaigns.RAIN].campaign_id)
    assert overview.entered > 5
    assert found[campaigns.NEWS].state == "sent"
    assert found[campaigns.BACK].state == "sending"
    lost = rain.devices["unknown"]
    assert lost > 0, "the line to FCM was broken"
    assert found[campaigns.RAIN].paused_reason == ("unknown_outcomes" if lost >= JUMP_LEAST else None)
    assert found[campaigns.FAIR].scheduled_at == datetime(2026, 4, 3, 6, 20, tzinfo=UTC)
    assert sorted(each.state for each in listed).count("draft") == 1
    assert await pool.fetchval("SELECT count(*) FROM campaign_people GROUP BY campaign_id, occurrence, step, customer_id ORDER BY 1 DESC LIMIT 1") == 1  # fmt: skip
    assert all(not device.messages for device in emulator.emulator.devices())
    assert emulator.emulator.settings.faults == ()


async def assert_the_first_helped(services: Services, summary: CampaignSummary) -> None:
    assert summary.state == "sent"
    assert summary.planned_at is not None
    assert summary.planned_at.replace(second=0) == NOW - timedelta(days=24, minutes=53)
    report = await services.campaign_desk.report(summary.campaign_id)
    assert report.people.accepted > 5
    assert report.opens is not None
    assert 0 < report.opens.direct < report.people.accepted
    assert report.effect is not None


def test_a_push_that_nobody_answers_is_no_answer_rather_than_a_fault() -> None:
    config = ShopConfig(last=date(2026, 3, 31), members=60)
    people, told = members(config, 0, config.members), []
    for member in range(config.members):
        taken = {"member": member, "campaign_id": 4, "delivery_id": member + 1, "sent_at": NOW - timedelta(days=20)}
        told.append(answers(pl.DataFrame([taken]), people, config, campaign=campaigns.NEWS))
    assert {len(each) == 0 for each in told} == {True, False}
    assert sum(map(len, told)) == len(pl.concat(told)["message_id"].unique())
