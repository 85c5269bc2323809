"""Every admin page in a real browser: no complaint of the content policy, real Japanese glyphs, keyboard, small screens."""

import re
from dataclasses import dataclass, field

import pytest
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, StorageState, expect

from tests.fixtures.demo import RunningDemo

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300), pytest.mark.asyncio(loop_scope="session")]

PATHS = (
    "/",
    "/?days=90&segment=1&compare=everyone",
    "/analysis",
    "/analysis/repeat_purchase_rate?segment=1&segment=2",
    "/analysis/retention",
    "/members",
    "/members?q=nobody-of-this-name",
    "/members/1",
    "/segments",
    "/segments/new",
    "/segments/1",
    "/segments/1/edit",
    "/campaigns",
    "/campaigns/new",
    "/campaigns/playbooks",
    "/campaigns/fatigue",
    "/data",
    "/data/failed",
    "/data/sources",
    "/data/sources/3",
    "/data/exports",
    "/data/exports?what=kpi",
    "/data/webhooks",
    "/settings",
    "/settings/administrators",
    "/settings/api-keys",
    "/settings/account",
    "/no-such-page",
)

TALLEST_BAR = 130
"""Pixels: two rows. A bar whose buttons leave its heading no room grows by a row a letter."""

GLYPHS_DIFFER = """
() => {
  const draw = (text) => {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = 40;
    const pen = canvas.getContext("2d", { willReadFrequently: true });
    pen.font = `28px ${getComputedStyle(document.body).fontFamily}`;
    pen.fillText(text, 4, 32);
    return pen.getImageData(0, 0, 40, 40).data.join();
  };
  const missing = draw(String.fromCodePoint(0x10fffd));
  return ["常", "連", "購", "ポ", "が"].filter((glyph, at, all) => {
    const drawn = draw(glyph);
    return drawn === missing || drawn === draw(" ") || all.some((other) => other !== glyph && draw(other) === drawn);
  });
}
"""
"""Glyphs that are drawn like the missing-glyph box, like nothing, or like one another."""


@dataclass
class Visit:
    """A signed-in browser, its one tab and everything it complained about."""

    context: BrowserContext
    demo: RunningDemo
    complaints: list[str] = field(default_factory=list)
    _tab: Page | None = None

    async def open(self, path: str) -> Page:
        page = self._tab = self._tab or await self._new_tab()
        await page.goto(f"{self.demo.url}{path}")
        if await page.locator("[data-chart]").count():
            await page.locator("[data-chart] canvas").first.wait_for()
        return page

    async def _new_tab(self) -> Page:
        page = await self.context.new_page()
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.complaints.append(f"{page.url}: {error}"))
        return page

    def _note(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and "404 (" not in message.text:
            self.complaints.append(f"{message.location.get('url')}: {message.text}")


_SIGNED_IN: dict[str, StorageState] = {}
"""The session's cookies by the demo's address: one signs in once, as an administrator does."""


async def visiting(browser: Browser, demo: RunningDemo, *, width: int = 1440, scheme: str = "light") -> Visit:
    context = await browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme="dark" if scheme == "dark" else "light",
        locale="ja",
        storage_state=_SIGNED_IN.get(demo.url),
    )
    if demo.url not in _SIGNED_IN:
        await sign_in(context, demo)
        _SIGNED_IN[demo.url] = await context.storage_state()
    return Visit(context, demo)


async def sign_in(context: BrowserContext, demo: RunningDemo) -> None:
    page = await context.new_page()
    email, password = demo.sign_in
    await page.goto(f"{demo.url}/sign-in")
    await page.fill("#email", email)
    await page.fill("#password", password)
    await page.click("button[type=submit]")
    await page.wait_for_url(f"{demo.url}/")
    await page.close()


async def speak(visit: Visit, language: str) -> None:
    page = await visit.open("/settings/account")
    await page.click("[popovertarget=who]")
    async with page.expect_navigation():
        await page.click(f"#who button[name=language][value={language}]")
    await expect(page.locator("html")).to_have_attribute("lang", language)


async def test_no_page_complains_or_overflows(chromium: Browser, demo: RunningDemo) -> None:
    """One comes to a phone and is turned to a wide screen, the next the other way round; half of the way in the dark."""
    visit = await visiting(chromium, demo, width=390, scheme="dark")
    here, there, wide = 390, 1440, []
    for number, path in enumerate(PATHS):
        page = await visit.open(path)
        for width in (here, there):
            await page.set_viewport_size({"width": width, "height": 900})
            if await page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                wide.append((path, width))
            bar = page.locator(".topbar")
            assert not await bar.count() or (await bar.bounding_box() or {})["height"] < TALLEST_BAR, (path, width)
        here, there = there, here
        if number == len(PATHS) // 2:
            await page.emulate_media(color_scheme="light")
        assert (
            await page.evaluate(
                "document.querySelectorAll('[style]:not(canvas):not([data-chart] *, [data-chart], .tip)').length"
            )
            == 0
        ), path
    assert visit.complaints == []
    assert wide == []


async def test_the_policy_is_in_force(chromium: Browser, demo: RunningDemo) -> None:
    visit = await visiting(chromium, demo)
    page = await visit.open("/settings/account")
    blocked = await page.evaluate(
        """() => {
          const script = document.createElement("script");
          script.textContent = "window.ran = true";
          document.body.append(script);
          return window.ran !== true;
        }"""
    )
    assert blocked
    assert any("Content Security Policy" in text for text in visit.complaints)


async def test_japanese_is_really_drawn(chromium: Browser, demo: RunningDemo) -> None:
    visit = await visiting(chromium, demo)
    await speak(visit, "ja")
    page = await visit.open("/")
    await expect(page.locator("h1")).to_have_text("ホーム")
    assert await page.evaluate(GLYPHS_DIFFER) == []


async def test_both_languages_and_both_themes(chromium: Browser, demo: RunningDemo) -> None:
    visit = await visiting(chromium, demo)
    for language, heading in (("en", "Home"), ("ja", "ホーム")):
        await speak(visit, language)
        page = await visit.open("/")
        await expect(page.locator("h1")).to_have_text(heading)
    page = await visit.open("/settings/account")
    grounds = []
    for theme in ("dark", "light"):
        await page.click("[popovertarget=who]")
        async with page.expect_navigation():
            await page.click(f"#who button[name=theme][value={theme}]")
        grounds.append(await page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert grounds[0] != grounds[1]
    assert visit.complaints == []


async def test_figures_explain_themselves(chromium: Browser, demo: RunningDemo) -> None:
    visit = await visiting(chromium, demo)
    await speak(visit, "ja")
    page = await visit.open("/")
    await page.locator(".tile .figure-button").first.press("Enter")
    explanation = page.locator(".explain:popover-open")
    for word in ("分子", "母数", "集計期間", "時点"):
        await expect(explanation).to_contain_text(word)
    await page.keyboard.press("Escape")
    await page.locator(".heat .cell").first.focus()
    await expect(page.locator(".tip")).to_contain_text("÷")
    await expect(page.locator("[data-chart] canvas").first).to_be_visible()


async def test_the_keyboard_is_enough(chromium: Browser, demo: RunningDemo) -> None:
    visit = await visiting(chromium, demo)
    page = await visit.open("/segments")
    await page.keyboard.press("Tab")
    await expect(page.locator(".skip")).to_be_focused()
    await page.keyboard.press("Escape")
    await page.locator("body").press("?")
    await expect(page.locator("#keys")).to_be_visible()
    await page.keyboard.press("Escape")
    await page.locator("body").press("/")
    await expect(page.locator("[data-search]")).to_be_focused()
    await page.locator("tbody tr a").first.focus()
    await page.keyboard.press("ArrowDown")
    await expect(page.locator("tbody tr").nth(1).locator("a").first).to_be_focused()
    await page.keyboard.press("Enter")
    await page.wait_for_url(re.compile(r"/segments/\d+$"))
    await page.keyboard.press("g")
    await page.keyboard.press("h")
    await page.wait_for_url(f"{demo.url}/")


async def test_the_navigation_becomes_a_sheet(chromium: Browser, demo: RunningDemo) -> None:
    visit = await visiting(chromium, demo, width=390)
    page = await visit.open("/")
    await expect(page.locator("#navigation")).to_be_hidden()
    await page.click(".sheet-button")
    await (
        page.locator("#navigation")
        .get_by_role("link", name="会員")
        .or_(page.locator("#navigation a[href='/members']"))
        .first.click()
    )
    await page.wait_for_url(f"{demo.url}/members")


async def test_pages_can_be_read_without_scripts(chromium: Browser, demo: RunningDemo) -> None:
    visit = await visiting(chromium, demo)
    state = await visit.context.storage_state()
    context = await chromium.new_context(java_script_enabled=False, storage_state=state, locale="ja")
    page = await context.new_page()
    for path in ("/", "/members", "/segments/1/edit", "/campaigns/new", "/data"):
        answer = await page.goto(f"{demo.url}{path}")
        assert answer is not None
        assert answer.ok
        await expect(page.locator("h1").first).not_to_be_empty()
    await page.goto(f"{demo.url}/segments/1/edit")
    before = await page.locator(".condition").count()
    await page.click("#add-r")
    await expect(page.locator(".condition")).to_have_count(before + 1)


async def test_a_chart_can_be_taken_along(chromium: Browser, demo: RunningDemo) -> None:
    visit = await visiting(chromium, demo)
    page = await visit.open("/analysis/retention")
    for name, begins in (("PNG", b"\x89PNG"), ("SVG", b"<svg")):
        async with page.expect_download() as waiting:
            await page.get_by_role("button", name=name).first.click()
        download = await waiting.value
        assert download.suggested_filename.endswith(f".{name.lower()}")
        content = (await download.path()).read_bytes()
        assert content.startswith(begins)
        assert len(content) > 2_000
    assert visit.complaints == []


async def test_a_list_can_be_ordered(chromium: Browser, demo: RunningDemo) -> None:
    visit = await visiting(chromium, demo)
    page = await visit.open("/members?rank=&sort=orders")
    await page.locator("th[aria-sort=ascending] a.sort").click()
    await page.wait_for_url(re.compile("sort=-orders"))
    shown = await page.locator("tbody tr td:nth-child(3)").all_inner_texts()
    numbers = [int(re.sub(r"\D", "", text) or -1) for text in shown]
    assert numbers == sorted(numbers, reverse=True)
    assert numbers[0] > numbers[-1]
