"""The pages over HTTP, with a real PostgreSQL and a browser's manners: cookies, Origin, the form's own token."""

import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg
import httpx
import pytest
from argon2 import PasswordHasher
from litestar import Litestar

from admin_ui.plugin import AdminPages
from backend.clock import FixedClock
from backend.outbound.client import Caller
from backend.push.memory import MemorySender
from backend.services.access.sessions import Access
from backend.services.api_keys import ApiKeys
from backend.services.campaign_desk.breakdowns import CampaignBreakdowns
from backend.services.campaign_desk.calendar import CampaignCalendar
from backend.services.campaign_desk.desk import CampaignDesk
from backend.services.campaign_desk.programme import ProgrammeReports
from backend.services.coupons.book import CouponBook
from backend.services.coupons.issuing import CouponIssues
from backend.services.coupons.ledger import CouponLedger
from backend.services.customer_tokens.tokens import CustomerTokens
from backend.services.event_volumes import EventVolumes
from backend.services.exports.desk import Exports
from backend.services.exports.writing import Origins
from backend.services.failed_events import FailedEvents
from backend.services.health import Health
from backend.services.imports.desk import ImportDesk
from backend.services.imports.runs import Imports
from backend.services.imports.work import ImportWork
from backend.services.insights import Insights
from backend.services.journeys.looking import JourneyDesk
from backend.services.journeys.rehearsing import Rehearsals
from backend.services.life_cycle import LifeCycle
from backend.services.margins import Margins
from backend.services.memberships.looking import MembershipLedger
from backend.services.people import People
from backend.services.playbooks import Playbooks
from backend.services.privacy.rights import Rights
from backend.services.ranks import RankDesk
from backend.services.replays import Replays
from backend.services.segment_overlaps import SegmentOverlaps
from backend.services.segment_runs import SegmentRuns
from backend.services.segment_values import SegmentValues
from backend.services.segment_versions import SegmentVersions
from backend.services.shop import Shop
from backend.services.snapshots import Snapshots
from backend.services.source_keys import SourceKeys
from backend.services.sources import KEY_PREFIX, Sources
from backend.services.static_lists import StaticLists
from backend.services.tracking_plans import TrackingPlans
from backend.services.webhooks.endpoints import Webhooks
from backend.wiring.meetings import SegmentAudiences
from tests.admin_ui.fakes import FakeFrame, FakeLabels, FakeLake, put_members

PASSWORD = "an honest long password"
ADDRESS = "http://127.0.0.1:8000"
NOON = datetime(2026, 11, 22, 12, tzinfo=ZoneInfo("Asia/Tokyo"))


@pytest.fixture
def clock() -> FixedClock:
    """Noon in Tokyo, out of the quiet hours."""
    return FixedClock(NOON)


async def _nothing(_: Sequence[int]) -> int:
    return 0


async def _no_pair() -> tuple[str, str] | None:
    return None


async def _no_rows(_: Sequence[int]) -> list[dict[str, Any]]:
    return []


@pytest.fixture
async def services(pool: asyncpg.Pool, clock: FixedClock, tmp_path: Path) -> SimpleNamespace:
    """Real services on a frame that stands still."""
    return services_on(pool, clock, tmp_path)


def services_on(pool: asyncpg.Pool, clock: FixedClock, tmp_path: Path) -> SimpleNamespace:
    """Real services on a frame that stands still; cheap password hashes."""
    frame, lake = FakeFrame(customers=120), FakeLake()
    segment_runs = SegmentRuns(pool, clock, frame)
    audiences = SegmentAudiences(segment_runs, frame)
    ledger = MembershipLedger(pool, clock, raw_since=lambda: None)
    rehearsals = Rehearsals(pool, clock, history=lake, holds=segment_runs.holding)
    campaign_desk = CampaignDesk(
        pool, clock, audiences=audiences, facts=lake, rehearsals=rehearsals, sender=MemorySender()
    )
    insights = Insights(pool, clock, lake, frame)
    origins = Origins(
        lake=lake,
        frame=frame,
        members=segment_runs.members,
        known_since=segment_runs.known_since,
        report=campaign_desk.report,
        kpi=insights.kpi,
    )
    return SimpleNamespace(
        clock=clock,
        pool=pool,
        access=Access(pool, clock, hasher=PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)),
        shop=Shop(pool, clock),
        health=Health(pool, clock, home=tmp_path),
        insights=insights,
        snapshots=Snapshots(pool, clock, measure=insights.measure, known_until=insights.known_until),
        people=People(pool, clock, frame),
        segment_runs=segment_runs,
        segment_overlaps=SegmentOverlaps(pool, frame),
        segment_versions=SegmentVersions(pool, clock, save=segment_runs.save),
        membership_ledger=ledger,
        static_lists=StaticLists(pool, clock, members_at=ledger.members_at, known_since=segment_runs.known_since),
        segment_values=SegmentValues(pool, clock, frame, lake, patience=60.0),
        coupon_book=CouponBook(pool, clock),
        coupon_issues=CouponIssues(pool, clock, audiences=audiences),
        coupon_ledger=CouponLedger(pool, clock, lake, frame),
        rank_desk=RankDesk(pool, clock, lake, frame),
        life_cycle=LifeCycle(pool, clock, derive=insights.derive_thresholds),
        margins=Margins(pool, clock),
        campaign_desk=campaign_desk,
        journey_desk=JourneyDesk(pool, clock),
        campaign_breakdowns=CampaignBreakdowns(pool, facts=lake, labels=FakeLabels()),
        campaign_calendar=CampaignCalendar(pool, clock),
        programme_reports=ProgrammeReports(pool, clock, facts=lake, audiences=audiences),
        playbooks=Playbooks(frame, lake, segments=segment_runs, campaigns=campaign_desk, pair=_no_pair),
        import_desk=ImportDesk(pool, clock, Imports(pool, clock, tmp_path), tmp_path),
        import_work=ImportWork(pool, clock, Imports(pool, clock, tmp_path), tmp_path),
        sources=Sources(pool, clock),
        customer_tokens=CustomerTokens(pool, clock),
        source_keys=SourceKeys(pool, clock, prefixes={kind.value: prefix for kind, prefix in KEY_PREFIX.items()}),
        api_keys=ApiKeys(pool, clock),
        plans=TrackingPlans(pool, clock),
        event_volumes=EventVolumes(pool),
        failed_events=FailedEvents(pool),
        replays=Replays(pool, clock, rules_of=TrackingPlans(pool, clock, remember=timedelta(0)).rules_of),
        exports=Exports(pool, clock, tmp_path, origins=origins),
        webhooks=Webhooks(pool, clock, rules=Caller()),
        rights=Rights(pool, clock, history=_nothing, history_of=_no_rows),
    )


@pytest.fixture
async def full(services: SimpleNamespace) -> SimpleNamespace:
    """The same services with members in the database."""
    await put_members(services.pool, customers=120)
    return services


class Browser:
    """What a browser does with our pages."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client
        self.csrf = ""

    async def get(self, path: str, **headers: str) -> httpx.Response:
        """Open a page."""
        answer = await self.client.get(path, headers=headers)
        found = re.search(r'<meta name="csrf" content="(\w*)"', answer.text)
        self.csrf = found[1] if found else self.csrf
        return answer

    async def post(self, path: str, fields: Mapping[str, Any] | None = None, **headers: str) -> httpx.Response:
        """Send a form of one of our pages."""
        sent = {"csrf": self.csrf, **(fields or {})}
        return await self.client.post(path, data=sent, headers={"Origin": ADDRESS, **headers})

    async def sign_in(self, email: str, password: str = PASSWORD, path: str = "/sign-in") -> httpx.Response:
        """Sign in and read the first page, which has the token of the forms."""
        answer = await self.post(path, {"email": email, "password": password})
        if answer.status_code == httpx.codes.SEE_OTHER:
            await self.get("/settings/account")
        return answer


class Standing:
    """The services of whichever test runs: to make the application takes longer than most tests, so one stands for all."""

    def __init__(self) -> None:
        self.of_the_test: SimpleNamespace | None = None

    def __getattr__(self, name: str) -> Any:
        """A service of the test; before there is one, while the application is made, a stand-in that asks again later."""
        return _Later(self, name) if self.of_the_test is None else getattr(self.of_the_test, name)


class _Later:
    """A service that is looked up with each use."""

    def __init__(self, standing: Standing, name: str) -> None:
        self._standing = standing
        self._name = name

    def __getattr__(self, name: str) -> Any:
        return getattr(getattr(self._standing.of_the_test, self._name), name)


@pytest.fixture(scope="session")
def standing() -> tuple[Litestar, Standing]:
    """The pages as an application, and where it finds its services."""
    services = Standing()
    pages: Any = AdminPages(services, public_url=ADDRESS)
    return Litestar(plugins=[pages], logging_config=None, openapi_config=None), services


@pytest.fixture
def app(services: SimpleNamespace, standing: tuple[Litestar, Standing]) -> Iterator[Litestar]:
    """The pages as an application on the services of this test."""
    application, behind = standing
    behind.of_the_test = services
    try:
        yield application
    finally:
        behind.of_the_test = SimpleNamespace()


@pytest.fixture
async def browser(app: Litestar) -> AsyncIterator[Browser]:
    """A browser that is not signed in."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=ADDRESS) as client:
        yield Browser(client)


@pytest.fixture
async def administrator(browser: Browser, services: SimpleNamespace) -> Browser:
    """A browser with an administrator signed in."""
    await add(services, "administrator")
    await browser.sign_in("administrator@joren.example")
    return browser


async def add(services: SimpleNamespace, role: str, *, language: str = "ja") -> str:
    """An account of a role; gives its mail address."""
    email = f"{role}@joren.example"
    await services.access.create(
        email=email, name="店長", role=role, password=PASSWORD, actor="test", language=language
    )
    return email
