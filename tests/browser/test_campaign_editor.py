"""The campaign editor in a real browser: a journey made by keyboard, versions compared, and a rhythm read back as dates."""

import re

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.test_admin_pages import speak, visiting
from tests.fixtures.demo import RunningDemo

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300), pytest.mark.asyncio(loop_scope="session")]

LANGUAGES = pytest.mark.parametrize("language", ["ja", pytest.param("en", marks=pytest.mark.prove)])
"""What is done is the same in both; the words of both are looked at in ``tests/admin_ui``."""
RHYTHM = {"ja": "2週ごとの月・金曜日", "en": "Every 2 weeks on Mon and Fri"}
DRAWN = {"ja": "3日間待つ", "en": "Wait 3 days"}


@LANGUAGES
async def test_a_campaign_is_written_compared_timed_and_made_a_journey(
    chromium: Browser, demo: RunningDemo, language: str
) -> None:
    visit = await visiting(chromium, demo)
    await speak(visit, language)
    page = await visit.open("/campaigns/new")
    await page.fill("#name", f"editor {language}")
    await page.locator("#shown-ja").press("Space")  # a tab by keyboard
    await page.fill("#ja_title", "焼きたてです")
    await page.fill("#ja_body", "いつものパンが焼けました。")
    await expect(page.locator("#phone .push")).to_contain_text("いつものパン")
    await _compare(page)
    await _time(page, language)
    await page.locator("#step-content").press("Space")
    await page.locator("#shape-journey").press("Space")
    for kind in ("send", "wait", "exit"):
        await page.locator(f"#do-step-add-{kind}").press("Enter")
    await expect(page.locator(".journey-steps > li")).to_have_count(3)
    await page.fill("#step_length\\.s1", "3")
    await page.locator("#do-step-up-1").press("Enter")
    await expect(page.locator("#step_length\\.s0")).to_have_value("3")
    await page.locator("#shown\\.s1-en").press("Space")
    await page.fill("#en_title\\.s1", "Fresh bread")
    await page.fill("#en_body\\.s1", "Come in.")
    await page.locator("#step-timing").press("Space")
    await page.locator("#kind-event").press("Space")
    await page.locator(".topbar .button.primary").press("Enter")
    await page.wait_for_url(re.compile(r"/campaigns/\d+$"))
    await expect(page.locator(".journey-picture")).to_contain_text(DRAWN[language])
    await expect(page.locator(".journey-picture .node.send")).to_contain_text("Fresh bread")
    await page.locator("#launch").wait_for()
    assert visit.complaints == []


@LANGUAGES
async def test_a_field_that_is_left_says_what_is_wrong_and_is_told_again_when_it_is_right(
    chromium: Browser, demo: RunningDemo, language: str
) -> None:
    visit = await visiting(chromium, demo)
    await speak(visit, language)
    page = await visit.open("/campaigns/new")
    await page.locator("#step-audience").press("Space")
    field = page.locator("#holdout_percent")
    await field.fill("95")
    await field.press("Tab")
    error = page.locator("#error-holdout_percent")
    await expect(error).to_be_visible()
    await expect(field).to_have_attribute("aria-invalid", "true")
    await expect(field).to_have_attribute("aria-describedby", "error-holdout_percent")
    await expect(field).to_have_value("95")
    await expect(page.locator("#error-name")).to_have_count(0)  # it was not left yet
    await field.fill("10")
    await field.press("Tab")
    await expect(error).to_have_count(0)
    await expect(field).not_to_have_attribute("aria-invalid", "true")
    await page.locator("#step-content").press("Space")
    await page.locator("#shape-journey").press("Space")
    await page.locator("#do-step-add-wait").press("Enter")
    await page.locator("#do-step-add-send").press("Enter")
    await expect(page.locator(".journey-steps > li")).to_have_count(2)
    await page.fill("#step_length\\.s0", "0")
    await page.locator("#step_length\\.s0").press("Tab")
    await expect(page.locator("#error-step_length\\.s0")).to_be_visible()
    await page.locator("#do-version-add-1").press("Enter")  # the list comes anew: what was typed and the step stay
    await expect(page.locator("#step_length\\.s0")).to_have_value("0")
    await expect(page.locator("#share\\.s1v1")).to_have_value("50")
    await expect(page.locator("#ja_title\\.s1v1, #en_title\\.s1v1").first).to_be_attached()
    assert visit.complaints == []


async def _compare(page: Page) -> None:
    """Two versions; the one that is shown is the one on the phone."""
    await page.locator("#do-variant-add").press("Enter")
    await page.locator("#ja_title\\.1").fill("もう焼けました")
    await expect(page.locator("#phone .push")).to_contain_text("もう焼けました")
    await page.locator("#variant-0").press("Space")
    await expect(page.locator("#phone .push")).to_contain_text("焼きたてです")
    await page.locator("#phone-android").press("Space")
    await expect(page.locator("#phone .phone.android")).to_be_visible()


async def _time(page: Page, language: str) -> None:
    """Every second week, read back as a sentence with the next five dates."""
    await page.locator("#step-timing").press("Space")
    await page.locator("#kind-recurring").press("Space")
    await page.fill("#interval", "2")
    await page.locator("#weekday-MO").press("Space")
    await page.fill("#starts_day", "2027-01-04")
    await expect(page.locator("#moments .sentence")).to_contain_text(RHYTHM[language])
    dates = page.locator("#moments time")
    await expect(dates.first).to_contain_text("2027-01-04")  # the sentence stands before the day counts
    assert [day[:10] for day in await dates.all_inner_texts()] == [
        "2027-01-04",
        "2027-01-08",
        "2027-01-18",
        "2027-01-22",
        "2027-02-01",
    ]
