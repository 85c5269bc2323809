"""An estimate in the builder, as people see it: marked, then that the count failed, then the exact figure by itself."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import pytest_asyncio
from litestar import Litestar
from playwright.async_api import Browser as Chromium
from playwright.async_api import Page, Route, expect

from admin_ui.plugin import AdminPages
from backend.clock import FixedClock
from backend.store.pool import open_pool
from tests.admin_ui.conftest import ADDRESS, NOON, Browser, add, services_on
from tests.admin_ui.fakes import put_members
from tests.admin_ui.test_segment_pages import OF_A_STORE
from tests.fixtures.database import own_database

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="session")]

ABOUT, EXACT = re.compile(r"^約\s*60\s*人$"), re.compile(r"^0\s*人$")


@pytest_asyncio.fixture(loop_scope="session")
async def shop(server_dsn: str, tmp_path: Path) -> AsyncIterator[SimpleNamespace]:
    """Pages over a frame that says whether everyone is counted; no server, no demo: too small a shop has no sample."""
    async with own_database(server_dsn) as dsn, await open_pool(dsn) as pool:
        services = services_on(pool, FixedClock(NOON), tmp_path)
        await put_members(pool, customers=120)
        await add(services, "administrator")
        yield services


@pytest_asyncio.fixture(loop_scope="session")
async def builder(shop: SimpleNamespace, chromium: Chromium) -> AsyncIterator[Page]:
    """The builder with a condition on a store, on a phone; answered by the application itself."""
    pages: Any = AdminPages(shop, public_url=ADDRESS)
    application = Litestar(plugins=[pages], logging_config=None, openapi_config=None)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=application), base_url=ADDRESS) as client:
        signed_in = Browser(client)
        await signed_in.sign_in("administrator@joren.example")
        kept = await signed_in.post("/segments", {"name": "渋谷で購入", **OF_A_STORE})
        number = kept.headers["location"].partition("?")[0].rpartition("/")[2]
        shop.segment_runs._frame.counting = True

        async def answer(route: Route) -> None:
            asked = route.request
            headers = {name: value for name, value in asked.headers.items() if name != "cookie"}
            told = await client.request(asked.method, asked.url, headers=headers, content=asked.post_data_buffer)
            await route.fulfill(status=told.status_code, headers=dict(told.headers), body=told.content)

        page = await chromium.new_page(viewport={"width": 390, "height": 900}, locale="ja")
        await page.route("**/*", answer)
        await page.goto(f"{ADDRESS}/segments/{number}/edit")
        yield page
        await page.close()


async def test_an_estimate_gives_way_to_the_count(builder: Page, shop: SimpleNamespace) -> None:
    frame, preview = shop.segment_runs._frame, builder.locator("#preview")
    await expect(preview.locator(".size-figure")).to_have_text(ABOUT)
    frame.failing = True
    await expect(preview.get_by_role("alert")).to_contain_text("正確な人数を数えられませんでした")
    await expect(preview.locator(".size-figure")).to_have_text(ABOUT)
    frame.failing = False
    await preview.get_by_role("button", name="数え直す").click()
    await expect(preview.get_by_role("status").last).to_contain_text("いま全員を数えています")
    frame.counting = False
    await expect(preview.locator(".size-figure")).to_have_text(EXACT)
    await expect(preview.locator("#counting")).to_have_count(0)
