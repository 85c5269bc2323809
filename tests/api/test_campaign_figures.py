"""A server program reads a campaign by the parts of its people, the calendar, and how often people are written to."""

from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import asyncpg
import httpx
import pytest
from litestar import Litestar
from litestar.datastructures import State
from litestar.di import Provide

from backend.api.campaign_figures import CampaignFiguresController
from backend.api.problems import HANDLERS
from backend.services.api_keys import ApiKeys
from backend.services.campaign_desk.calendar import CampaignCalendar
from backend.services.campaign_desk.programme import ProgrammeReports
from tests.api.conftest import client_of
from tests.fixtures.shop_floor import ShopFloor
from tests.services.test_campaign_reports import breakdowns, filled


@pytest.fixture
async def client(pool: asyncpg.Pool) -> AsyncIterator[httpx.AsyncClient]:
    floor, keys = ShopFloor(pool), ApiKeys(pool, ShopFloor(pool).clock)
    await floor.settings()
    ledger = await filled(floor, people=30)
    parted, calendar = breakdowns(floor, ledger), CampaignCalendar(pool, floor.clock)
    programme = ProgrammeReports(pool, floor.clock, facts=floor.facts, audiences=floor.audience)
    app = Litestar(
        [CampaignFiguresController],
        dependencies={
            "campaign_breakdowns": Provide(lambda: parted, sync_to_thread=False),
            "campaign_calendar": Provide(lambda: calendar, sync_to_thread=False),
            "programme_reports": Provide(lambda: programme, sync_to_thread=False),
        },
        exception_handlers=HANDLERS,
        state=State({"services": SimpleNamespace(api_keys=keys)}),
    )
    async with client_of(app) as client:
        client.headers["Authorization"] = f"Bearer {await keys.create('reading', scopes=['campaigns:read'])}"
        yield client


async def read(client: httpx.AsyncClient, path: str, **query: str) -> Any:
    answer = await client.get(f"/campaigns/{path}", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_figures_are_read_and_refusals_said(client: httpx.AsyncClient) -> None:
    parted = await read(client, "1/breakdown", by="store")
    assert sum(each["people"]["targeted"] for each in parted["slices"]) == 30
    assert {"label", "people", "devices", "results"} <= parted["slices"][0].keys()
    inside = await read(client, "1/breakdown", by="segment", segment_id="3")
    assert [each["label"] for each in inside["slices"]] == ["inside", "outside"]
    agenda = await read(client, "calendar", **{"from": "2026-06-30", "to": "2026-07-06"})
    assert (agenda["items"][0]["mark"], agenda["items"][0]["targeted"]) == ("sent", 30)
    assert len((await read(client, "fatigue", weeks="3"))["weeks"]) == 3
    programme = await read(client, "global-holdout", period="2026-Q1")
    assert (programme["standing"], programme["first"], programme["last"]) == ("off", "2026-01-01", "2026-03-31")
    assert [each["percent"] for each in programme["offers"]] == [1, 2, 5, 10]
    for path, query in (
        ("1/breakdown", {"by": "rank"}),
        ("1/breakdown", {"by": "segment"}),
        ("calendar", {"from": "2026-06-30", "to": "2027-06-30"}),
        ("fatigue", {"weeks": "99"}),
        ("global-holdout", {"period": "last month"}),
    ):
        assert (await client.get(f"/campaigns/{path}", params=query)).status_code == 400
    assert (await client.get("/campaigns/9/breakdown", params={"by": "store"})).status_code == 404
