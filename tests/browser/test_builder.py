"""The segment builder under slow answers: nothing that was clicked or typed is taken back."""

import asyncio

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Route, expect

from tests.fixtures.demo import RunningDemo

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300), pytest.mark.asyncio(loop_scope="session")]


@pytest_asyncio.fixture(loop_scope="session")
async def builder(demo: RunningDemo, chromium: Browser) -> Page:
    """An empty builder whose first answer comes a second and a half late."""
    late = iter([1.5])

    async def delay(route: Route) -> None:
        await asyncio.sleep(next(late, 0))
        await route.continue_()

    page = await chromium.new_page(locale="en")
    email, password = demo.sign_in
    await page.goto(f"{demo.url}/sign-in?language=en")
    await page.fill("#email", email)
    await page.fill("#password", password)
    await page.click("button[type=submit]")
    await page.wait_for_url(f"{demo.url}/")
    await page.goto(f"{demo.url}/segments/new")
    await page.route("**/segments/build", delay)
    return page


async def test_a_late_answer_takes_nothing_back(builder: Page) -> None:
    await builder.select_option("#subject-r-0", "attribute:spend")  # answered late
    await builder.click("#add-r")
    await builder.click("#add-r")
    await expect(builder.locator(".condition")).to_have_count(3)
    await builder.wait_for_timeout(300)
    await expect(builder.locator(".condition")).to_have_count(3)
    await expect(builder.locator("#subject-r-0")).to_have_value("attribute:spend")


async def test_what_is_removed_is_what_was_pointed_at(builder: Page) -> None:
    for number, subject in enumerate(["attribute:orders", "attribute:spend", "attribute:visits"]):
        await builder.select_option(f"#subject-r-{number}", subject)
        await builder.wait_for_load_state("networkidle")
        if number < 2:
            await builder.click("#add-r")
        await expect(builder.locator(".condition")).to_have_count(min(number + 2, 3))
    await builder.unroute("**/segments/build")
    await builder.route("**/segments/build", _late)
    await builder.click("#remove-r-0")
    await builder.click("#remove-r-1")  # spend, as the page still shows it; by its turn visits stands there
    await expect(builder.locator("#subject-r-0")).to_have_value("attribute:spend")
    await builder.wait_for_timeout(1_500)
    left = await builder.locator("select[id^=subject-]").evaluate_all("all => all.map((each) => each.value)")
    assert left == ["attribute:spend", "attribute:visits"]


async def _late(route: Route) -> None:
    await asyncio.sleep(0.7)
    await route.continue_()
