"""The last weeks of the demo shop's marketing: campaigns at the moments when the shop would have run them.

Everything goes through the services that a person uses, with a clock that is set to those moments: gates, draw, ledger, sends to
the emulator, stop rules. What is loaded of the shop by then is what they see, so nobody is chosen by what happened later.
Interrupted, it goes on: what is there already is not made again, and answers have ids of their own.
"""

import contextlib
from collections.abc import Awaitable, Callable
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import httpx
import polars as pl

from backend.clock import FixedClock
from backend.demo import campaigns
from backend.demo.answers import answers
from backend.demo.installation import SeasonServices
from backend.demo.people import members as people_of
from backend.demo.shop import ZONE, ShopConfig
from backend.errors import Conflict
from backend.services.refresh.loop import Refresh
from backend.store import campaign_figures
from campaigns.campaign import Draft, State
from campaigns.overview import CampaignSummary
from segments.rules.parse import parse

ACTOR = "joren demo"
OWNER = "owner@demo.example"

FIRST, SECOND, TODAY = 24, 11, 0
"""Days before the first one after the simulated period on which the shop's campaigns are gone on with."""

BREAKS = {"faults": [{"kind": "UNREADABLE", "share": 0.5}]}
"""What becomes of the line to FCM on a rainy evening: every second answer arrives garbled."""

Answered = Callable[[pl.DataFrame], Awaitable[None]]


class Season:
    """The campaigns, day by day."""

    def __init__(self, services: SeasonServices, clock: FixedClock, *, phone_url: str) -> None:
        """Run them with these services.

        Args:
            services: of the installation, by ``clock``.
            clock: set to the moments at which things happen.
            phone_url: control interface of the emulator.
        """
        self._services = services
        self._clock = clock
        self._phone_url = phone_url
        self._people: pl.DataFrame | None = None

    def mornings(self, config: ShopConfig) -> list[date]:
        """The days before whose events `on` is called; the last one comes after all of them."""
        return [config.today - timedelta(days=ago) for ago in (FIRST, SECOND, TODAY)]

    def as_of(self, morning: date, config: ShopConfig) -> Refresh:
        """The refresh on the eve of a morning: what campaigns ask of the last days is asked as of then, not of today."""
        self._set(config, (config.today - morning).days + 1, time(10))
        return self._services.refresh

    async def on(self, morning: date, config: ShopConfig, answered: Answered) -> None:
        """What the shop does between this morning and the next.

        Args:
            morning: one of `mornings`.
            config: the shop.
            answered: takes what people did because of it.
        """
        ago = (config.today - morning).days
        await {FIRST: self._first, SECOND: self._second, TODAY: self._today}[ago](config, answered)

    async def _first(self, config: ShopConfig, answered: Answered) -> None:
        for make, segment, days, at in (
            (campaigns.second, campaigns.ONE_ORDER, FIRST, time(11, 7)),
            (campaigns.news, campaigns.ACTIVE, FIRST - 1, time(17, 37)),
            (campaigns.back, campaigns.QUIET, FIRST - 3, time(12, 7)),
        ):
            moment = self._set(config, days, at)
            number = await self._launch(make(await self._segment(segment)), moment)
            await self._send(number, config, since=moment, answered=answered)

    async def _second(self, config: ShopConfig, answered: Answered) -> None:
        """The journey goes on: who came back gets another push than who did not."""
        moment = self._set(config, SECOND, time(12, 12))
        [number] = [
            each.campaign_id for each in await self._services.campaign_desk.list() if each.name == campaigns.BACK
        ]
        await self._send(number, config, since=moment, answered=answered)

    async def _today(self, config: ShopConfig, answered: Answered) -> None:
        desk = self._services.campaign_desk
        moment = self._set(config, 1, time(15, 20))
        birthday = (await self._services.playbooks.get("birthday")).playbook
        if not any(birthday.tag("ja") in each.tags for each in await desk.list()):
            await self._services.playbooks.make(birthday.slug, {}, by=campaigns.PLANNER)
        await self._schedule(campaigns.fair(await self._segment(campaigns.BUYERS)), moment + timedelta(days=3))
        moment = self._set(config, 1, time(18, 38))
        async with httpx.AsyncClient(base_url=self._phone_url, timeout=30, trust_env=False) as emulator:
            (await emulator.put("/emulator/settings", json=BREAKS)).raise_for_status()
            try:
                number = await self._launch(campaigns.rain(await self._segment(campaigns.DRIFTING)), moment)
                await self._send(number, config, since=moment, answered=answered)
            finally:
                (await emulator.put("/emulator/settings", json={})).raise_for_status()
            # The pushes are weeks old: a phone that is opened now shall not take them for new ones.
            (await emulator.post("/emulator/clear")).raise_for_status()

    def _set(self, config: ShopConfig, days: int, at: time) -> datetime:
        """Set the clock to a time of day some days before the first one after the simulated period."""
        moment = datetime.combine(config.today - timedelta(days=days), at, ZoneInfo(ZONE))
        self._clock.advance(moment - self._clock.now())
        return moment

    async def _segment(self, name: str) -> int:
        runs = self._services.segment_runs
        if name in campaigns.MADE_SEGMENTS:
            with contextlib.suppress(Conflict):
                await runs.create(name, parse(campaigns.MADE_SEGMENTS[name]), actor=ACTOR)
        return int((await runs.find(name)).segment.id)

    async def _schedule(self, draft: Draft, at: datetime) -> CampaignSummary:
        """Write and schedule what is not written, or not scheduled, yet."""
        desk = self._services.campaign_desk
        with contextlib.suppress(Conflict):
            await desk.create(draft, by=campaigns.PLANNER)
        [found] = [each for each in await desk.list() if each.name == draft.name]
        if found.state is not State.DRAFT:
            return found
        return (await desk.schedule(found.campaign_id, at=at, revision=found.revision, by=campaigns.PLANNER)).summary

    async def _launch(self, draft: Draft, moment: datetime) -> int:
        """Launch at the present moment what is not launched yet; an audience that needs a second person gets the owner's word."""
        found = await self._schedule(draft, moment)
        if found.state is State.AWAITING_APPROVAL:
            await self._services.campaign_desk.approve(found.campaign_id, by=OWNER)
        await self._services.campaign_runs.launch(found.campaign_id)
        return found.campaign_id

    async def _send(self, number: int, config: ShopConfig, *, since: datetime, answered: Answered) -> None:
        """Work until nothing is due any more, a second a chunk, and let people answer what they got."""
        services = self._services
        while await services.journey_runs.work() + await services.deliveries.deliver():
            self._clock.advance(timedelta(seconds=1))
        await services.deliveries.recover()
        async with services.pool.acquire() as connection:
            taken = await campaign_figures.list_accepted(connection, campaign_id=number, since=since)
        if not taken:
            return
        accepted = pl.DataFrame([dict(row) for row in taken]).select(
            pl.col("user_id").str.slice(1).cast(pl.Int64) - 1,
            "campaign_id",
            "delivery_id",
            pl.col("sent_at").dt.convert_time_zone("UTC"),
        )
        accepted = accepted.rename({"user_id": "member"})
        if self._people is None:
            self._people = people_of(config, 0, config.members)
        name = (await services.campaign_desk.get(number)).summary.name
        await answered(answers(accepted, self._people, config, campaign=name))
