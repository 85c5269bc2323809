"""The segment builder: a nested rule made by keyboard alone, and slow answers, which take back nothing that was done."""

import asyncio
import re

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Route, expect

from tests.browser.test_admin_pages import speak, visiting
from tests.fixtures.demo import RunningDemo

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300), pytest.mark.asyncio(loop_scope="session")]


async def pick(page: Page, opener: str, subject: str) -> None:
    """Choose by mouse what a condition is about."""
    await page.click(opener)
    await page.click(f'#picker [data-subject="{subject}"]')


@pytest_asyncio.fixture(loop_scope="session")
async def builder(demo: RunningDemo, chromium: Browser) -> Page:
    """An empty builder whose first answer comes a second and a half late."""
    late = iter([1.5])

    async def delay(route: Route) -> None:
        await asyncio.sleep(next(late, 0))
        await route.continue_()

    page = await (await visiting(chromium, demo)).open("/segments/new")
    await page.route("**/segments/build", delay)
    return page


async def test_a_late_answer_takes_nothing_back(builder: Page) -> None:
    await pick(builder, "#subject-r-0", "attribute:spend")  # answered late
    await pick(builder, "#add-r", "attribute:visits")
    await pick(builder, "#add-r", "attribute:launches")
    await expect(builder.locator(".condition")).to_have_count(3)
    await builder.wait_for_timeout(300)
    await expect(builder.locator(".condition")).to_have_count(3)
    assert await subjects(builder) == ["attribute:spend", "attribute:visits", "attribute:launches"]


async def test_what_is_removed_is_what_was_pointed_at(builder: Page) -> None:
    for subject in ("attribute:spend", "attribute:visits"):
        await pick(builder, "#add-r", subject)
    await expect(builder.locator(".condition")).to_have_count(3)
    await builder.unroute("**/segments/build")
    await builder.route("**/segments/build", _late)
    await builder.click("#remove-r-0")
    await builder.click("#remove-r-1")  # spend, as the page still shows it; by its turn visits stands there
    await expect(builder.locator(".condition")).to_have_count(2)
    await builder.wait_for_timeout(1_000)
    assert await subjects(builder) == ["attribute:spend", "attribute:visits"]


async def _late(route: Route) -> None:
    await asyncio.sleep(0.7)
    await route.continue_()


async def subjects(page: Page) -> list[str]:
    found: list[str] = await page.locator("input[name^=subject]").evaluate_all("all => all.map((each) => each.value)")
    return found


SEARCHES = {"ja": ("会員ランク", "起動回数"), "en": ("rank", "launches")}
WORDS = {
    "ja": ("購入回数がちょうど1回", "または", "起動回数が"),
    "en": ("has exactly 1 order", " or ", "has at least 2 launches"),
}


@pytest.mark.parametrize("language", ["ja", "en"])
async def test_a_nested_rule_is_made_by_keyboard(chromium: Browser, demo: RunningDemo, language: str) -> None:
    visit = await visiting(chromium, demo)
    await speak(visit, language)
    page = await visit.open("/segments/new")
    once = await size(page)
    await page.locator("#group-r").press("Enter")
    await search(page, SEARCHES[language][0])
    await expect(page.locator("#value-r-1-0")).to_be_focused()
    fewer = await size(page, than=once)
    await page.locator("#add-r-1").press("Enter")
    await search(page, SEARCHES[language][1])
    await expect(page.locator("#value-r-1-1")).to_be_focused()
    await page.locator("#op-r-1-1").select_option(">=")
    await page.locator("#value-r-1-1").press("ControlOrMeta+a")
    await page.keyboard.type("2")
    await page.keyboard.press("Enter")
    for words in WORDS[language]:
        await expect(page.locator("#preview .sentence")).to_contain_text(words)
    assert fewer <= await size(page) <= once
    await page.locator("#value-r-1-1").press("Alt+ArrowUp")
    await expect(page.locator('input[name="subject.r-1-0"]')).to_have_value("attribute:launches")
    await expect(page.locator("#value-r-1-0")).to_be_focused()
    await page.keyboard.press("Alt+ArrowLeft")
    await expect(page.locator('input[name="subject.r-2"]')).to_have_value("attribute:launches")
    await page.locator("#remove-r-2").press("Enter")
    await expect(page.locator(".condition")).to_have_count(2)
    await page.locator("#undo-r").press("Enter")
    await expect(page.locator("#value-r-2")).to_have_value("2")
    await page.locator("#name").fill(f"by keyboard {language}")
    await page.locator("button[form=rule-form]").press("Enter")
    await page.wait_for_url(re.compile(r"/segments/\d+"))
    await expect(page.locator(".sentence")).to_contain_text(WORDS[language][2])
    assert visit.complaints == []


async def search(page: Page, words: str) -> None:
    """Find by typing what the condition is about, and take the first."""
    await expect(page.locator("#picker-search")).to_be_focused()
    await page.keyboard.type(words)
    await page.keyboard.press("Enter")


async def size(page: Page, *, than: int | None = None) -> int:
    """The live size, once it is another one than before."""
    figure = page.locator("#preview .size-figure")
    if than is not None:
        await expect(figure).not_to_have_text(re.compile(rf"^{than:,}\D"))
    return int(re.sub(r"\D", "", await figure.inner_text()))
